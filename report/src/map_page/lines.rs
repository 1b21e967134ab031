//! Rows as lines of text, in columns.

use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{Naming, Object, Quantity};

use crate::amounts::Amounts;
use crate::map_page::legend::printed;
use crate::map_page::options::PageOptions;
use crate::map_page::row::{Kind, PageRow};
use crate::map_page::size::SizeFormat;
use crate::metric::Metric;
use crate::text::escape;
use crate::text::table::cut_middle;

/// The minimum number of cells of a narrow line that are left for what lies behind a region.
const MIN_OBJECT: usize = 9;
/// The minimum number of cells a type is cut to.
const MIN_TYPE: usize = 11;
/// The minimum number of cells of a path's beginning that are worth showing.
const MIN_HEAD: usize = 4;
/// Addresses of a process of 47 bits, as `start-end`.
const USUAL_RANGE: usize = 25;
const TYPE: &str = "REGION TYPE";
const DETAIL: &str = "REGION DETAIL";

/// How wide each column is: one layout holds for all lists of a page.
pub(crate) struct Columns<'a> {
    options: &'a PageOptions,
    sizes: SizeFormat,
    metrics: Vec<(&'static str, Metric)>,
    /// Whether any row says how purgeable it is.
    purge: bool,
    type_width: usize,
    range_width: usize,
    size_widths: Vec<usize>,
    why_width: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(options: &'a PageOptions, sizes: SizeFormat, rows: &[PageRow]) -> Self {
        let mut metrics = vec![("VSIZE", Metric::Virtual)];
        if options.resident {
            metrics.push(("RSDNT", Metric::RESIDENT));
        }
        if options.dirty {
            metrics.push(("DIRTY", Metric::Measured(Quantity::Dirty)));
            metrics.push(("SWAP", Metric::SWAPPED));
        }
        let widest = |cell: &dyn Fn(&PageRow) -> usize| rows.iter().map(cell).max().unwrap_or(0);
        let size_widths: Vec<usize> = metrics
            .iter()
            .map(|(title, metric)| {
                widest(&|row| sizes.text(row.sums.get(*metric)).len()).max(title.len())
            })
            .collect();
        let range_width = rows
            .iter()
            .map(|row| row.range.to_string().len())
            .filter(|width| *width <= USUAL_RANGE)
            .max()
            .unwrap_or(USUAL_RANGE)
            .max("START - END".len());
        let why_width = widest(&|row| why(&row.kind).width());
        let mut columns = Self {
            options,
            sizes,
            metrics,
            purge: options.purge && rows.iter().any(|row| row.kind.purge.is_some()),
            type_width: 0,
            range_width,
            size_widths,
            why_width,
        };
        let natural = widest(&|row| type_of(&row.kind, options.naming).width()).max(TYPE.len());
        let middle = columns.middle("", "", "", "", None).width();
        columns.type_width = columns.options.width.map_or(natural, |width| {
            let left = width.saturating_sub(middle + 2);
            natural.min((left * 3 / 5).max(MIN_TYPE))
        });
        columns
    }

    /// Writes what the columns are.
    pub(crate) fn heading(&self, text: &mut String) {
        let titles: Vec<String> = (self.metrics.iter().zip(&self.size_widths))
            .map(|((title, _), width)| format!("{title:>width$}"))
            .collect();
        let purge = self.purge.then_some("PURGE");
        let sizes = titles.join("/");
        let middle = self.middle("START - END", &sizes, "PRT/MAX", "SHRMOD", purge);
        let line = format!("{TYPE:<width$} {middle}", width = self.type_width);
        let line = format!("{} {DETAIL}", line.trim_end_matches(' '));
        let width = self.options.width.unwrap_or(usize::MAX);
        text.push_str(if line.width() <= width {
            &line
        } else {
            line.trim_end_matches(DETAIL).trim_end_matches(' ')
        });
        text.push('\n');
    }

    /// Writes one row, after `mark`.
    pub(crate) fn row(&self, text: &mut String, mark: &str, row: &PageRow) {
        let kind = &row.kind;
        let name = type_of(kind, self.options.naming);
        let name = cut_middle(&name, self.type_width.saturating_sub(mark.width()));
        let padding = " ".repeat(self.type_width.saturating_sub(name.width() + mark.width()));
        let max_protection = kind
            .max_protection
            .map_or_else(|| "-".to_owned(), |max_protection| max_protection.to_string());
        let mode = format!("SM={}", kind.share_mode.map_or("-", printed));
        let purge = self.purge.then(|| {
            kind.purge.map_or_else(String::new, |state| format!("PURGE={}", state.letter()))
        });
        let middle = self.middle(
            &row.range.to_string(),
            &self.sizes_of(&row.sums),
            &format!("{}/{max_protection}", kind.protection),
            &mode,
            purge.as_deref(),
        );
        let mut line = format!("{mark}{name}{padding} {middle}");
        if self.why_width > 0 {
            let why = why(kind);
            line.push_str(&format!(" {why}{}", " ".repeat(self.why_width - why.width())));
        }
        // The few rows with longer addresses keep within the width; their type says enough.
        let is_long = row.range.to_string().len() > self.range_width;
        let min_cells = if is_long { 0 } else { MIN_OBJECT };
        let left =
            self.options.width.map(|width| width.saturating_sub(line.width() + 1).max(min_cells));
        if left.is_none_or(|left| left >= MIN_OBJECT) {
            line.push(' ');
            line.push_str(&behind(kind, left));
        }
        text.push_str(line.trim_end_matches(' '));
        text.push('\n');
    }

    /// Returns whether two rows differ in nothing that their lines show.
    pub(crate) fn look_alike(&self, one: &PageRow, other: &PageRow) -> bool {
        one.range == other.range
            && one.kind == other.kind
            && self.sizes_of(&one.sums) == self.sizes_of(&other.sums)
    }

    fn sizes_of(&self, sums: &Amounts) -> String {
        let cells: Vec<String> = (self.metrics.iter().zip(&self.size_widths))
            .map(|((_, metric), width)| format!("{:>width$}", self.sizes.text(sums.get(*metric))))
            .collect();
        cells.join("/")
    }

    fn middle(
        &self,
        range: &str,
        sizes: &str,
        rights: &str,
        mode: &str,
        purge: Option<&str>,
    ) -> String {
        let (range_width, purge_width) = (self.range_width, "PURGE=V".len());
        let sizes_width = self.size_widths.iter().map(|width| width + 1).sum::<usize>() - 1;
        let mut middle =
            format!("{range:<range_width$} [{sizes:>sizes_width$}] {rights:<7} {mode:<6}");
        if let Some(purge) = purge {
            middle.push_str(&format!(" {purge:<purge_width$}"));
        }
        middle
    }
}

pub(crate) fn type_of(kind: &Kind, naming: Naming) -> String {
    escape::terminal(kind.region_type.label(naming)).into_owned()
}

fn why(kind: &Kind) -> String {
    kind.why.as_ref().map_or_else(String::new, |(confidence, rule)| {
        format!("{:<7} {}", confidence.name(), escape::terminal(rule.name()))
    })
}

/// Returns what lies behind a row in at max_protection `room` cells; a long path loses its middle, but not the file's name.
/// Other details are dropped before that name is cut.
pub(crate) fn behind(kind: &Kind, room: Option<usize>) -> String {
    let detail = kind.detail.as_deref();
    let (detail, name) = match kind.object.as_deref() {
        // A name given to the kernel for memory is the detail already.
        Some(object) => (detail.filter(|detail| !object.name.ends_with(detail)), &*object.name),
        None => (None, detail.unwrap_or_default()),
    };
    let before = detail.map_or_else(String::new, |detail| format!("{} ", escape::terminal(detail)));
    let deleted = kind.object.as_deref().is_some_and(|object: &Object| object.deleted);
    let after = if deleted { " (deleted)" } else { "" };
    let name = escape::terminal(name);
    let whole = format!("{before}{name}{after}");
    let Some(room) = room.filter(|room| whole.width() > *room) else { return whole };
    let file = name.rsplit_once('/').map(|(_, file)| file).filter(|file| !file.is_empty());
    let Some(file) = file else { return cut_middle(&whole, room).into_owned() };
    let left = room.saturating_sub(before.width() + after.width() + file.width() + 2);
    if left >= MIN_HEAD {
        let mut head = String::new();
        for character in name.chars() {
            head.push(character);
            if head.width() > left {
                head.pop();
                break;
            }
        }
        return format!("{before}{head}…/{file}{after}");
    }
    let shorter = [format!("{before}{file}{after}"), format!("{file}{after}")];
    let fitting = shorter.into_iter().find(|text| text.width() <= room);
    fitting.unwrap_or_else(|| cut_middle(file, room).into_owned())
}
