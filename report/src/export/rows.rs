//! Rows of any columns, such as SQL gives, as a table, CSV or JSON.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};
use unicode_width::UnicodeWidthStr;
use vmrec_store::Value;

use crate::error::Error;
use crate::export::json;
use crate::text::escape;
use crate::text::table::{Align, Cell, Column, Table};

/// The minimum of a text that a table shows when it cuts it.
const MIN_TEXT_CELLS: usize = 16;

/// Returns the names with a suffix where a name came before: `size`, `size_2`.
pub fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen: HashSet<String> = HashSet::new();
    let all: HashSet<String> = names.iter().cloned().collect();
    names
        .into_iter()
        .map(|name| {
            let mut chosen = name.clone();
            let mut count = 1;
            while seen.contains(&chosen) || (count > 1 && all.contains(&chosen)) {
                count += 1;
                chosen = format!("{name}_{count}");
            }
            seen.insert(chosen.clone());
            chosen
        })
        .collect()
}

/// Writes the rows as CSV: unknown is empty, bytes are `x'…'`.
pub fn csv<'a>(
    out: impl io::Write,
    names: &[String],
    rows: impl Iterator<Item = Vec<Value<'a>>>,
) -> Result<(), Error> {
    let mut out = ::csv::Writer::from_writer(out);
    out.write_record(names.iter().map(|name| escape::csv_text(name).into_owned()))?;
    for row in rows {
        out.write_record(row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::Text(text) => escape::csv_text(text).into_owned(),
            other => shown(other),
        }))?;
    }
    Ok(out.flush()?)
}

/// Writes the rows as a JSON array of objects, each as soon as it comes.
pub fn json<'a>(
    out: impl io::Write,
    names: &[String],
    rows: impl Iterator<Item = Vec<Value<'a>>>,
) -> Result<(), Error> {
    Ok(json::write_each(out, rows.map(|values| Object { names, values }))?)
}

/// Returns the rows as a table; where it is wider than `width`, each row as lines of name and value.
pub fn table<'a>(
    names: &[String],
    rows: impl Iterator<Item = Vec<Value<'a>>>,
    width: Option<usize>,
) -> String {
    let rows: Vec<Vec<Value<'a>>> = rows.collect();
    let column = |index: usize| rows.iter().filter_map(move |row| row.get(index));
    let align = |index| {
        let number = |value: &Value<'_>| matches!(value, Value::Integer(_) | Value::Real(_));
        let numbers = column(index).all(|value| number(value) || *value == Value::Null);
        if numbers && column(index).any(number) { Align::Right } else { Align::Left }
    };
    let aligned: Vec<Align> = (0..names.len()).map(align).collect();
    let texts: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let widest = (0..names.len())
        .filter(|index| aligned[*index] == Align::Left)
        .max_by_key(|index| texts.iter().map(|row| row[*index].width()).max());
    let columns = names.iter().zip(&aligned).map(|(name, align)| Column::named(name, *align));
    let mut table = Table::new(columns.collect(), widest.unwrap_or(0), MIN_TEXT_CELLS);
    for row in &texts {
        table.row(row.iter().map(|text| Cell::new(text)).collect());
    }
    match width {
        None => table.render(usize::MAX, false),
        Some(width) if table.fits(width) => table.render(width, false),
        Some(_) => (1..).zip(&texts).map(|(number, row)| block(number, names, row)).collect(),
    }
}

/// Writes each row as a block of lines of name and value, as psql does after `\\x`, as soon as it comes.
pub fn expanded<'a>(
    mut out: impl io::Write,
    names: &[String],
    rows: impl Iterator<Item = Vec<Value<'a>>>,
) -> Result<(), Error> {
    for (number, row) in (1_u64..).zip(rows) {
        let texts: Vec<String> = row.iter().map(shown).collect();
        out.write_all(block(number, names, &texts).as_bytes())?;
    }
    Ok(())
}

/// The maximum width of the line above a block.
const RULE_CELLS: usize = 60;

/// Returns a row as a block of lines: its number, then its names and whole values.
fn block(number: u64, names: &[String], row: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| escape::terminal(name)).collect();
    let values: Vec<_> = row.iter().map(|value| escape::terminal(value)).collect();
    let widest = |texts: &[Cow<'_, str>]| texts.iter().map(|text| text.width()).max().unwrap_or(0);
    let (left, right) = (widest(&names), widest(&values).min(RULE_CELLS));
    let mut text = format!("-[ RECORD {number} ]");
    let pad = "-".repeat((left + 1).saturating_sub(text.len()));
    text.push_str(&pad);
    text.push_str(if text.len() == left + 1 { "+-" } else { "-" });
    text.push_str(&"-".repeat((left + 3 + right).saturating_sub(text.len())));
    text.push('\n');
    for (name, value) in names.iter().zip(&values) {
        let padding = " ".repeat(left.saturating_sub(name.width()));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}{padding} | {value}");
    }
    text
}

/// Returns a value as a table shows it, yet to be escaped.
fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => text.clone().into_owned(),
        Value::Blob(bytes) => {
            let mut text = String::with_capacity(bytes.len() * 2 + 3);
            text.push_str("x'");
            // Writing to a String cannot fail.
            for byte in &**bytes {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\'');
            text
        }
    }
}

/// A row as JSON.
struct Object<'n, 'a> {
    names: &'n [String],
    values: Vec<Value<'a>>,
}

impl Serialize for Object<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (name, value) in self.names.iter().zip(&self.values) {
            match value {
                Value::Null => map.serialize_entry(name, &())?,
                Value::Integer(number) => map.serialize_entry(name, number)?,
                Value::Real(number) => map.serialize_entry(name, number)?,
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Blob(_) => map.serialize_entry(name, &shown(value))?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        distinct(["name", "size", "size", "=1"].map(str::to_owned).to_vec())
    }

    fn rows() -> std::vec::IntoIter<Vec<Value<'static>>> {
        let texts = ["libc.so.6", "evil\n\x1b[2J", "=HYPERLINK"];
        let numbers = [Value::Integer(4096), Value::Null, Value::Integer(-1)];
        let reals = [Value::Real(0.5), Value::Real(12.0), Value::Null];
        let blob = || Value::Blob(vec![0, 255].into());
        let rows = texts.into_iter().zip(numbers).zip(reals);
        let rows: Vec<_> =
            rows.map(|((text, number), real)| vec![text.into(), number, real, blob()]).collect();
        rows.into_iter()
    }

    #[test]
    fn a_table_aligns_numbers_and_gives_way_to_blocks() {
        insta::assert_snapshot!(table(&names(), rows(), None), @r"
        name           size  size_2  =1
        =============  ====  ======  =======
        libc.so.6      4096     0.5  x'00ff'
        evil\n\x1b[2J     -    12.0  x'00ff'
        =HYPERLINK       -1       -  x'00ff'
        ");
        insta::assert_snapshot!(table(&names(), rows().take(2), Some(20)), @r"
        -[ RECORD 1 ]-----
        name   | libc.so.6
        size   | 4096
        size_2 | 0.5
        =1     | x'00ff'
        -[ RECORD 2 ]---------
        name   | evil\n\x1b[2J
        size   | -
        size_2 | 12.0
        =1     | x'00ff'
        ");
    }

    #[test]
    fn only_a_narrow_terminal_cuts_text() {
        let long = || [vec!["/a".repeat(60).into(), Value::Integer(1)]].into_iter();
        let names = ["path", "size"].map(str::to_owned);
        assert!(table(&names, long(), None).contains(&"/a".repeat(60)));
        let cut = table(&names, long(), Some(80));
        assert!(cut.contains('…') && cut.lines().all(|line| line.width() <= 80), "{cut}");
    }

    #[test]
    fn formats_for_programs() {
        let mut bytes = Vec::new();
        csv(&mut bytes, &names(), rows()).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r"
        name,size,size_2,'=1
        libc.so.6,4096,0.5,x'00ff'
        evil\n\x1b[2J,,12.0,x'00ff'
        '=HYPERLINK,-1,,x'00ff'
        ");
        let mut bytes = Vec::new();
        json(&mut bytes, &names(), rows().take(2)).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"
        [
          {
            "name": "libc.so.6",
            "size": 4096,
            "size_2": 0.5,
            "=1": "x'00ff'"
          },
          {
            "name": "evil\n\u001b[2J",
            "size": null,
            "size_2": 12.0,
            "=1": "x'00ff'"
          }
        ]
        "#);
        let mut bytes = Vec::new();
        json(&mut bytes, &names(), rows().take(0)).unwrap();
        assert_eq!(bytes, b"[]\n");
    }

    #[test]
    fn names_become_distinct() {
        let given = ["a", "a", "a_2", "a", "b"].map(str::to_owned).to_vec();
        assert_eq!(distinct(given), ["a", "a_3", "a_2", "a_4", "b"]);
    }
}
