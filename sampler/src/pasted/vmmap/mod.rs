//! Reads pasted pages of vmmap(1), whole or in part, and the lists of memory in crash reports.

pub(crate) mod header;
pub(crate) mod rows;
pub(crate) mod summary;

use std::sync::Arc;

use crate::pasted::darwin::{Place, Row, regions, shares, total, types_of};
use crate::pasted::model::{BadPaste, PasteFormat, Pasted, PastedSnapshot, Remark, shortened};
use crate::pasted::text::{Line, is_omission};
use crate::pasted::vmmap::header::Header;
use crate::pasted::vmmap::rows::{Read, SizeColumn};
use crate::pasted::vmmap::summary::Summary;
use crate::region::Region;
use crate::snapshot::{Consistency, ProcessTotals};

/// The maximum number of lines that one row may be wrapped to.
const MAX_WRAPPED: usize = 4;

/// Returns whether only vmmap or a crash report prints such a line.
pub(crate) fn is_telling(text: &str) -> bool {
    rows::begins(text)
        || rows::heading(text).is_some()
        || summary::is_heading(text)
        || text.trim_start().starts_with("Virtual Memory Map of process ")
}

/// Returns whether the line begins a list of a crash report.
pub(crate) fn is_of_crash(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("VM Regions Near") || text.starts_with("VM Region Summary")
}

/// The page of one process under construction.
#[derive(Default)]
struct Page {
    header: Header,
    columns: Option<Vec<SizeColumn>>,
    rows: Vec<(usize, Row)>,
    /// Rows of a crash report: those near an address only.
    near: bool,
    summary: Summary,
    remarks: Vec<Remark>,
}

impl Page {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.summary.is_empty()
    }
}

/// Reads the lines as `format`, which is vmmap's or a crash report's.
pub(crate) fn parse(lines: &[Line], format: PasteFormat) -> Result<Vec<Pasted>, BadPaste> {
    let mut pages = vec![Page::default()];
    let mut index = 0;
    while index < lines.len() {
        let line = &lines[index];
        let text = line.text.as_str();
        let begins_page = text.trim_start().starts_with("Process:")
            || text.trim_start().starts_with("Virtual Memory Map of process ");
        if begins_page && pages.last().is_some_and(|page| !page.is_empty()) {
            pages.push(Page::default());
        }
        let Some(page) = pages.last_mut() else { break };
        index = page.line(lines, index);
    }
    pages.retain(|page| !page.is_empty());
    if pages.is_empty() {
        return Err(BadPaste::Missing { format, what: "region and no sum by type" });
    }
    Ok(pages.into_iter().map(|page| page.finish(format)).collect())
}

impl Page {
    /// Reads the line at `index`; returns the index after what belongs to it.
    fn line(&mut self, lines: &[Line], index: usize) -> usize {
        let line = &lines[index];
        let text = line.text.as_str();
        if is_of_crash(text) {
            self.near = text.trim_start().starts_with("VM Regions Near");
            return index + 1;
        }
        if let Some(columns) = rows::heading(text) {
            self.columns = Some(columns);
            return index + 1;
        }
        if rows::begins(text) {
            return self.row(lines, index);
        }
        if is_omission(text) {
            self.remarks.push(Remark::at(line.number, "the paste leaves something out here"));
        } else if !self.summary.line(line.number, text) {
            self.header.line(text);
        }
        index + 1
    }

    /// Reads the row that begins at `index`, also where it was wrapped.
    fn row(&mut self, lines: &[Line], index: usize) -> usize {
        let number = lines[index].number;
        let mut text = lines[index].text.clone();
        let mut next = index + 1;
        while next < lines.len().min(index + MAX_WRAPPED) && goes_on(&text, &lines[next].text) {
            let rest = lines[next].text.trim();
            let (apart, together) = (format!("{text} {rest}"), format!("{text}{rest}"));
            // A terminal breaks between any two letters, a mail program at blanks: the way that
            // reads better counts, and a path has no blanks.
            let exactness = |text: &str| rows::exactness(text, self.columns.as_deref());
            let in_path = rows::is_whole(&text) && ends_in_path(&text);
            text =
                if in_path || exactness(&together) > exactness(&apart) { together } else { apart };
            next += 1;
        }
        match rows::row(&text, self.columns.as_deref()) {
            Some(Read::Row(row)) => {
                if let (Place::At(range), Some(bytes)) = (row.place, row.virtual_bytes) {
                    self.check_size(number, range.virtual_bytes(), bytes);
                }
                self.rows.push((number, *row));
                next
            }
            Some(Read::Container) => next,
            Some(Read::Cut) | None => {
                let what = format!("the row is cut, and left out: `{}`", shortened(&text));
                self.remarks.push(Remark::at(number, what));
                index + 1
            }
        }
    }

    /// Compares a row's size with its addresses.
    fn check_size(&mut self, line: usize, exact: u64, printed: u64) {
        // The last digit of a printed size is at most a tenth of its unit.
        let slack = (exact / 100).max(1024);
        if exact.abs_diff(printed) > slack {
            let text = format!("the addresses say {exact} bytes, the size {printed}");
            self.remarks.push(Remark::at(line, text));
        }
    }

    fn finish(mut self, format: PasteFormat) -> Pasted {
        let rows: Vec<Row> = self.rows.iter().map(|(_, row)| row.clone()).collect();
        // A crash report lists the neighbours of an address: its sums say more.
        let by_sums = rows.is_empty() || (self.near && !self.summary.is_empty());
        let (mut regions, consistency) = if by_sums {
            let (shares, too_many) = shares(&self.summary.sums());
            if !self.summary.has_counts() {
                self.remarks.push(Remark::of_all(
                    "the text has no numbers of regions: each type counts as one",
                ));
            }
            if let Some(name) = too_many.first() {
                let text = format!("too many regions of {name} to count: they count as one");
                self.remarks.push(Remark::of_all(text));
            }
            (shares, Consistency::Complete)
        } else {
            regions(&rows)
        };
        self.remarks.append(&mut self.summary.remarks);
        self.remarks.extend(self.summary.difference());
        if !by_sums {
            self.remarks.extend(self.missing_rows(&rows));
        }
        if self.header.footprint_mode {
            regions.iter_mut().for_each(mark_footprint);
            self.remarks.push(Remark::of_all(
                "resident, dirty and swapped count what the process is charged for (PhysFootprint mode)",
            ));
        }
        let totals = ProcessTotals {
            footprint_bytes: self.header.footprint_bytes,
            peak_footprint_bytes: self.header.peak_footprint_bytes,
            ..ProcessTotals::default()
        };
        Pasted {
            format,
            process: self.header.process,
            os: "macos",
            os_version: self.header.os_version,
            page_size_bytes: self.header.page_size_bytes,
            snapshots: vec![PastedSnapshot {
                taken_utc_ns: self.header.taken_utc_ns,
                consistency,
                totals,
                regions,
            }],
            remarks: self.remarks,
        }
    }

    /// Compares the lists with the sums of the same page.
    fn missing_rows(&self, rows: &[Row]) -> Option<Remark> {
        let (line, printed) = self.summary.total_virtual()?;
        let sum = total(rows.iter().map(|row| row.virtual_bytes))?;
        let slack = printed.slack_bytes.saturating_add(printed.bytes / 100);
        (sum.abs_diff(printed.bytes) > slack).then(|| {
            let types = types_of(rows.iter().map(|row| row.type_name.as_str()));
            Remark::at(
                line,
                format!(
                    "the lists have {} rows of {types} types and sum to {}K, the summary says {}K in {} types: \
                     the regions are those of the lists",
                    rows.len(),
                    sum / 1024,
                    printed.bytes / 1024,
                    self.summary.types()
                ),
            )
        })
    }
}

/// Notes with a region that its pages are counted as the footprint does.
fn mark_footprint(region: &mut Region) {
    let identity = Arc::make_mut(&mut region.identity);
    identity.flags = format!("{} footprint", identity.flags).trim_start().into();
}

/// Returns whether `next` is the rest of a wrapped row.
fn goes_on(row: &str, next: &str) -> bool {
    let next = next.trim();
    let is_other = next.is_empty()
        || rows::begins(next)
        || rows::heading(next).is_some()
        || summary::is_heading(next)
        || is_omission(next)
        || next.starts_with("====")
        || next.starts_with("<")
        || is_of_crash(next)
        || Header::default().line(next);
    if is_other {
        return false;
    }
    if !rows::is_whole(row) {
        return true;
    }
    // The end of a path: one word that is no command at a prompt.
    let one_word = !next.contains(' ');
    one_word && !next.starts_with(['$', '%', '#', '(']) && (row.trim_end().len() >= 60)
}

/// Returns whether the row's detail is a path, which a wrap may have broken.
fn ends_in_path(row: &str) -> bool {
    let after = row.rsplit_once("SM=").map_or("", |(_, after)| after);
    after.split([' ', '\t']).skip(1).any(|word| word.starts_with('/') || word.starts_with("..."))
}
