//! vmmap's sums by type, of every version, and those of crash reports.

use crate::pasted::darwin::Sum;
use crate::pasted::model::Remark;
use crate::pasted::size::{Size, size};
use crate::quantity::{Quantities, Quantity};

/// A column of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Virtual,
    Known(Quantity),
    /// Sizes by purge state, which no region has.
    Other,
    Count,
}

/// A row of the sums as printed.
#[derive(Clone, Debug)]
struct SummaryRow {
    name: String,
    cells: Vec<Size>,
    /// Whether the row says that it is not part of the sum below.
    left_out: bool,
}

/// The sums of a paste.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    columns: Vec<Column>,
    rows: Vec<SummaryRow>,
    total: Option<(usize, Vec<Size>)>,
    /// Whether rows are expected.
    open: bool,
    pub(crate) remarks: Vec<Remark>,
}

/// Returns whether the line has the words of the first heading of the sums.
pub(crate) fn is_heading(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let is_zone = text.contains("ALLOCATION") || text.contains("MALLOC ZONE");
    !is_zone
        && !text.contains('[')
        && match words[..] {
            ["REGION", "TYPE", ref rest @ ..] => rest.first() == Some(&"VIRTUAL"),
            [first, ..] => {
                first == "VIRTUAL"
                    && words.iter().all(|word| {
                        word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                    })
            }
            [] => false,
        }
}

impl Summary {
    /// Returns whether it has any row.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns how many different types it has.
    pub(crate) fn types(&self) -> usize {
        self.rows.len()
    }

    /// Takes a line; returns whether it is part of the sums.
    pub(crate) fn line(&mut self, number: usize, text: &str) -> bool {
        if is_heading(text) && self.rows.is_empty() {
            self.columns = columns(text);
            self.open = true;
            return true;
        }
        if text.contains("ALLOCATION") || text.contains("MALLOC ZONE  ") {
            // The zones follow, whose rows look alike.
            self.open = false;
            return false;
        }
        let text = text.trim();
        if !self.open || text.starts_with("REGION TYPE") || text.starts_with("====") {
            return self.open;
        }
        if text.is_empty() {
            self.open = self.rows.is_empty() || self.total.is_none();
            return true;
        }
        match self.cells(text) {
            Some(("TOTAL", cells, _)) => self.total = Some((number, cells)),
            Some((name, ..)) if name.starts_with("TOTAL,") => {}
            Some((name, cells, note)) if self.total.is_none() && !name.is_empty() => {
                let left_out = note.contains("not counted in TOTAL");
                self.rows.push(SummaryRow { name: name.to_owned(), cells, left_out });
            }
            _ => return false,
        }
        true
    }

    /// Splits a row into its name, its cells and its note: the last place with as many sizes as
    /// there are columns.
    fn cells<'a>(&self, text: &'a str) -> Option<(&'a str, Vec<Size>, &'a str)> {
        let mut words: Vec<(usize, &str)> = Vec::new();
        let mut from = 0;
        for word in text.split([' ', '\t']) {
            if !word.is_empty() {
                words.push((from, word));
            }
            from += word.len() + 1;
        }
        let count = self.columns.len();
        let starts = (0..=words.len().checked_sub(count)?).rev();
        starts.filter(|start| *start > 0).find_map(|start| {
            let cells: Option<Vec<Size>> = words[start..start + count]
                .iter()
                .zip(&self.columns)
                .map(|((_, word), column)| match column {
                    Column::Count => {
                        let count = word.replace(',', "").parse().ok()?;
                        Some(Size { bytes: count, slack_bytes: 0 })
                    }
                    _ => size(word),
                })
                .collect();
            let cells = cells?;
            let name = text[..words[start].0].trim();
            let note = words.get(start + count).map_or("", |(at, _)| &text[*at..]);
            Some((name, cells, note))
        })
    }

    /// Returns the sums by type.
    pub(crate) fn sums(&self) -> Vec<Sum> {
        self.rows
            .iter()
            .map(|row| {
                let mut sum = Sum { type_name: row.name.clone(), ..Sum::default() };
                let mut quantities = Quantities::UNKNOWN;
                for (column, cell) in self.columns.iter().zip(&row.cells) {
                    match column {
                        Column::Virtual => sum.virtual_bytes = Some(cell.bytes),
                        Column::Known(quantity) => quantities.set(*quantity, cell.bytes),
                        Column::Count => sum.regions = Some(cell.bytes),
                        Column::Other => {}
                    }
                }
                sum.quantities = quantities;
                sum
            })
            .collect()
    }

    /// Returns whether the number of regions of each type is stated.
    pub(crate) fn has_counts(&self) -> bool {
        self.columns.contains(&Column::Count)
    }

    /// Compares the printed total with the sum of the rows, each as exact as it was printed.
    pub(crate) fn difference(&self) -> Option<Remark> {
        let (line, total) = self.total.as_ref()?;
        let differing: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .filter_map(|(index, column)| {
                let printed = total.get(index)?;
                let rows = self.rows.iter().filter(|row| !row.left_out);
                let (mut sum, mut slack) = (0_u64, printed.slack_bytes);
                for cell in rows.filter_map(|row| row.cells.get(index)) {
                    sum = sum.saturating_add(cell.bytes);
                    slack = slack.saturating_add(cell.slack_bytes);
                }
                let differs = sum.abs_diff(printed.bytes) > slack;
                differs.then(|| match column {
                    Column::Count => format!("COUNT: {} printed, {sum} summed", printed.bytes),
                    _ => format!(
                        "{}: {}K printed, {}K summed",
                        name(*column),
                        printed.bytes / 1024,
                        sum / 1024
                    ),
                })
            })
            .collect();
        (!differing.is_empty())
            .then(|| Remark::at(*line, format!("the sums differ: {}", differing.join("; "))))
    }

    /// Returns the printed total of the virtual size, with its line.
    pub(crate) fn total_virtual(&self) -> Option<(usize, Size)> {
        let (line, total) = self.total.as_ref()?;
        let index = self.columns.iter().position(|column| *column == Column::Virtual)?;
        Some((*line, *total.get(index)?))
    }
}

const fn name(column: Column) -> &'static str {
    match column {
        Column::Virtual => "VIRTUAL",
        Column::Known(Quantity::Resident) => "RESIDENT",
        Column::Known(Quantity::Dirty) => "DIRTY",
        Column::Known(_) => "SWAPPED",
        Column::Other => "a size by purge state",
        Column::Count => "COUNT",
    }
}

/// Returns the columns of a heading: `VIRTUAL RESIDENT … REGION` or `REGION TYPE  VIRTUAL`.
fn columns(text: &str) -> Vec<Column> {
    text.split_ascii_whitespace()
        .skip_while(|word| *word != "VIRTUAL")
        .filter_map(|word| {
            Some(match word {
                "VIRTUAL" => Column::Virtual,
                "RESIDENT" => Column::Known(Quantity::Resident),
                "DIRTY" => Column::Known(Quantity::Dirty),
                "SWAPPED" => Column::Known(Quantity::Swapped),
                "REGION" | "COUNT" => Column::Count,
                "SIZE" | "(non-coalesced)" => return None,
                _ => Column::Other,
            })
        })
        .collect()
}
