//! Reads pasted output of footprint(1): sums by category, in which no region has an address or a
//! size of its own.

use crate::pasted::darwin::{Sum, shares};
use crate::pasted::model::{BadPaste, PasteFormat, Pasted, PastedProcess, PastedSnapshot, Remark};
use crate::pasted::size::{Size, size};
use crate::pasted::text::{Line, is_omission};
use crate::pasted::vmmap::header::name_and_pid;
use crate::quantity::{Quantities, Quantity};
use crate::snapshot::{Consistency, ProcessTotals};

/// Returns whether the line is the heading of the table.
pub(crate) fn is_heading(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.contains(&"Dirty") && words.contains(&"Regions") && words.last() == Some(&"Category")
}

/// Returns whether the line names a process and its footprint.
fn is_process(text: &str) -> bool {
    text.contains("]:") && text.contains("Footprint:")
}

/// A row: its cells by the heading, its number of regions and its category.
struct FootprintRow {
    cells: Vec<Size>,
    regions: u64,
    category: String,
}

#[derive(Default)]
struct Block {
    process: PastedProcess,
    page_size_bytes: Option<u64>,
    footprint_bytes: Option<u64>,
    /// The words of the heading before `Regions`.
    columns: Vec<String>,
    rows: Vec<FootprintRow>,
    total: Option<(usize, FootprintRow)>,
    remarks: Vec<Remark>,
}

/// Reads the lines.
pub(crate) fn parse(lines: &[Line]) -> Result<Vec<Pasted>, BadPaste> {
    let mut blocks = vec![Block::default()];
    for line in lines {
        let text = line.text.trim();
        let Some(block) = blocks.last_mut() else { break };
        if is_process(text) {
            let mut next = Block::default();
            next.process(text);
            match block.rows.is_empty() {
                true => *block = next,
                false => blocks.push(next),
            }
        } else {
            block.line(line);
        }
    }
    blocks.retain(|block| !block.rows.is_empty());
    if blocks.is_empty() {
        let what = "row of a category under `Dirty … Regions Category`";
        return Err(BadPaste::Missing { format: PasteFormat::Footprint, what });
    }
    Ok(blocks.into_iter().map(Block::finish).collect())
}

impl Block {
    /// `ferryx [70940]: 64-bit    Footprint: 922 MB (16384 bytes per page)`.
    fn process(&mut self, text: &str) {
        let (name, rest) = text.split_once("]:").unwrap_or((text, ""));
        let (name, pid) = name_and_pid(&format!("{name}]"));
        let (facts, rest) = rest.split_once("Footprint:").unwrap_or((rest, ""));
        let facts = facts.trim();
        self.process = PastedProcess {
            name,
            pid,
            architecture: (!facts.is_empty()).then(|| facts.to_owned()),
            ..PastedProcess::default()
        };
        let (footprint, pages) = rest.split_once('(').unwrap_or((rest, ""));
        self.footprint_bytes = size(footprint).map(|size| size.bytes);
        self.page_size_bytes = pages.split_ascii_whitespace().next().and_then(|n| n.parse().ok());
    }

    fn line(&mut self, line: &Line) {
        let text = line.text.trim();
        if is_heading(text) {
            self.columns = text
                .split_ascii_whitespace()
                .take_while(|word| *word != "Regions")
                .map(|word| word.trim_matches(['(', ')']).to_owned())
                .collect();
        } else if is_omission(text) {
            self.remarks.push(Remark::at(line.number, "the paste leaves something out here"));
        } else if let Some(value) = text.strip_prefix("phys_footprint:") {
            self.footprint_bytes = size(value).map(|size| size.bytes).or(self.footprint_bytes);
        } else if let Some(row) = self.row(text) {
            match row.category == "TOTAL" {
                true => self.total = Some((line.number, row)),
                false if self.total.is_none() => self.rows.push(row),
                false => {}
            }
        }
    }

    /// Reads `411 MB  0 B  0 B  155  Owned physical footprint`.
    fn row(&self, text: &str) -> Option<FootprintRow> {
        if self.columns.is_empty() {
            return None;
        }
        let mut words = text.split_ascii_whitespace().peekable();
        let mut cells = Vec::new();
        for _ in &self.columns {
            let word = words.next()?;
            let unit = words
                .next_if(|next| next.len() <= 2 && crate::pasted::size::unit_bytes(next).is_some());
            cells.push(size(&format!("{word} {}", unit.unwrap_or_default()))?);
        }
        let regions = words.next()?.replace(',', "").parse().ok()?;
        let category = words.collect::<Vec<_>>().join(" ");
        (!category.is_empty()).then_some(FootprintRow { cells, regions, category })
    }

    fn cell(&self, row: &FootprintRow, column: &str) -> Option<u64> {
        let index = self.columns.iter().position(|name| name == column)?;
        row.cells.get(index).map(|cell| cell.bytes)
    }

    fn finish(mut self) -> Pasted {
        let sums: Vec<Sum> = self
            .rows
            .iter()
            .map(|row| {
                let get = |column| self.cell(row, column);
                let mut quantities = Quantities::UNKNOWN;
                let mut set = |quantity, bytes: Option<u64>| {
                    if let Some(bytes) = bytes {
                        quantities.set(quantity, bytes);
                    }
                };
                // Dirty counts compressed and swapped pages too: resident ones are not known,
                // unless swapped ones stand beside.
                let swapped = get("Swapped");
                let dirty = get("Dirty");
                set(Quantity::Dirty, dirty);
                set(Quantity::Swapped, swapped);
                set(Quantity::Reclaimable, get("Reclaimable"));
                set(Quantity::Locked, get("Wired"));
                Sum {
                    type_name: row.category.clone(),
                    virtual_bytes: None,
                    quantities,
                    regions: Some(row.regions),
                }
            })
            .collect();
        let (regions, too_many) = shares(&sums);
        self.remarks.extend(self.difference());
        if let Some(name) = too_many.first() {
            let text = format!("too many regions of {name} to count: they count as one");
            self.remarks.push(Remark::of_all(text));
        }
        self.remarks.push(Remark::of_all(
            "footprint says neither virtual nor resident sizes; its Dirty counts compressed pages too",
        ));
        Pasted {
            format: PasteFormat::Footprint,
            process: self.process,
            os: "macos",
            os_version: None,
            page_size_bytes: self.page_size_bytes,
            snapshots: vec![PastedSnapshot {
                taken_utc_ns: None,
                consistency: Consistency::Complete,
                totals: ProcessTotals {
                    footprint_bytes: self.footprint_bytes,
                    ..ProcessTotals::default()
                },
                regions,
            }],
            remarks: self.remarks,
        }
    }

    /// Compares the printed total with the sum of the rows, each as exact as it was printed.
    fn difference(&self) -> Option<Remark> {
        let (line, total) = self.total.as_ref()?;
        let mut differing: Vec<String> = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Some(printed) = total.cells.get(index) else { continue };
            let (mut sum, mut slack) = (0_u64, printed.slack_bytes);
            for cell in self.rows.iter().filter_map(|row| row.cells.get(index)) {
                sum = sum.saturating_add(cell.bytes);
                slack = slack.saturating_add(cell.slack_bytes);
            }
            if sum.abs_diff(printed.bytes) > slack {
                differing.push(format!(
                    "{column}: {} KB printed, {} KB summed",
                    printed.bytes / 1024,
                    sum / 1024
                ));
            }
        }
        let regions = self.rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.regions));
        if regions != total.regions {
            differing.push(format!("Regions: {} printed, {regions} summed", total.regions));
        }
        (!differing.is_empty())
            .then(|| Remark::at(*line, format!("the sums differ: {}", differing.join("; "))))
    }
}
