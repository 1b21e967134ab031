//! Rollups by the hour: a row for each type, with the figures of all quantities as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rusqlite::params;
use rusqlite::types::ValueRef;

use crate::db::insert::Insert;
use crate::db::integer::{from_column, to_column};
use crate::db::row_checksum;
use crate::db::row_checksum::damaged;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::tables::rollup::minutes::Stored;
use crate::tables::rollup::types::Types;
use crate::tables::rollup::{BY_THE_HOUR, Cell, HOUR_S, Span, add_stored, groups, minutes};

pub(crate) const TABLE: &str = "rollup_hour_row";
/// How many columns a row has before its checksum.
pub(crate) const VALUES: usize = 5;

/// A row as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hour<'a> {
    pub(crate) place: i64,
    /// The number of its type.
    pub(crate) region_type: i64,
    pub(crate) samples: u64,
    figures: &'a [u8],
}

/// Writes what the hours of a chunk add to those of its recording.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    types: &mut Types,
    recording: RecordingId,
    mut hours: BTreeMap<i64, Span>,
) -> rusqlite::Result<()> {
    add_stored(&mut hours, |place| take(transaction, types, recording, place))?;
    let mut insert = Insert::new(transaction, TABLE, VALUES)?;
    for (place, hour) in &hours {
        for (region_type, cells) in &hour.types {
            let region_type = types.number(transaction, region_type)?;
            let figures = groups(cells, BY_THE_HOUR);
            put(&mut insert, [recording.0, *place, region_type], hour.samples, &figures)?;
        }
    }
    Ok(())
}

/// An hour of a type from rows of `rollup_row`.
#[derive(Default)]
struct Moved {
    samples: u64,
    figures: Vec<(u16, Cell)>,
}

/// Moves the hours that versions before 4 wrote to `rollup_row` to their own table, but for rows
/// that do not match their checksum. What that has already is newer, and stays.
pub(crate) fn take_over(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    // By recording, place and type.
    let mut hours: BTreeMap<[i64; 3], Moved> = BTreeMap::new();
    {
        let mut statement = transaction.prepare("SELECT * FROM rollup_row WHERE span_s = ?")?;
        let mut rows = statement.query([to_column(HOUR_S)])?;
        while let Some(row) = rows.next()? {
            let Ok(stored) = Stored::of(row) else { continue };
            let key = [row.get(0)?, stored.place, stored.region_type];
            let Moved { samples, figures } = hours.entry(key).or_default();
            *samples = stored.samples.max(*samples);
            figures.push((stored.quantities, stored.cell));
        }
    }
    let known = "SELECT 1 FROM rollup_hour_row WHERE recording = ? AND place = ? AND type = ?";
    let mut known = transaction.prepare(known)?;
    let mut insert = Insert::new(transaction, TABLE, VALUES)?;
    for (key, Moved { samples, figures }) in hours {
        if !known.exists(key)? {
            put(&mut insert, key, samples, &figures)?;
        }
        for (quantities, _) in figures {
            minutes::delete(transaction, key, HOUR_S, quantities)?;
        }
    }
    Ok(())
}

/// Writes the row of a recording, place and type.
fn put(
    insert: &mut Insert<'_>,
    [recording, place, region_type]: [i64; 3],
    samples: u64,
    figures: &[(u16, Cell)],
) -> rusqlite::Result<()> {
    insert.row(params![recording, place, region_type, to_column(samples), text(figures)])
}

/// Returns the JSON of some figures.
fn text(figures: &[(u16, Cell)]) -> String {
    let mut text = String::from("[");
    for (place, (quantities, cell)) in figures.iter().enumerate() {
        let [least, mean_more, most_more] = cell.stored(*quantities);
        let comma = if place == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}[{quantities},{least},{mean_more},{most_more}]");
    }
    text + "]"
}

/// Returns what is stored of one hour, and deletes it.
fn take(
    transaction: &Transaction<'_>,
    types: &mut Types,
    recording: RecordingId,
    place: i64,
) -> rusqlite::Result<Span> {
    let mut hour = Span::default();
    {
        let mut statement = transaction
            .prepare_cached("SELECT * FROM rollup_hour_row WHERE recording = ? AND place = ?")?;
        let mut rows = statement.query(params![recording.0, place])?;
        while let Some(row) = rows.next()? {
            let row = Hour::told(&row_checksum::values(TABLE, row, Some(VALUES))?)?;
            hour.samples = hour.samples.max(row.samples);
            let region_type = types.named(transaction, row.region_type)?;
            row.figures(BY_THE_HOUR, |quantities, cell| {
                hour.fill(region_type.clone(), quantities, cell)
            })?;
        }
    }
    if hour.samples > 0 {
        transaction
            .prepare_cached("DELETE FROM rollup_hour_row WHERE recording = ? AND place = ?")?
            .execute(params![recording.0, place])?;
    }
    Ok(hour)
}

impl<'a> Hour<'a> {
    /// Returns the row of the values of all its columns but the checksum.
    pub(crate) fn told(values: &[ValueRef<'a>; VALUES]) -> rusqlite::Result<Self> {
        let [_, place, region_type, samples, figures] = values;
        Ok(Self {
            place: place.as_i64()?,
            region_type: region_type.as_i64()?,
            samples: from_column(samples.as_i64()?),
            figures: figures.as_bytes()?,
        })
    }

    /// Calls `each` with some quantities, as bits of their places, and the cell that they share;
    /// only with those that have any of `asked`.
    pub(crate) fn figures(
        self,
        asked: u16,
        mut each: impl FnMut(u16, Cell),
    ) -> rusqlite::Result<()> {
        let mut rest = self.figures;
        let mut before: &[u8] = b"[[";
        while rest != b"]" || before == b"[[" {
            take_group(&mut rest, before, asked, &mut each)
                .ok_or_else(|| damaged("figures of an hour are not as they are written".into()))?;
            before = b",[";
        }
        Ok(())
    }
}

/// Takes what follows `before`: four numbers, which `each` is told if it is asked for them.
fn take_group(
    rest: &mut &[u8],
    before: &[u8],
    asked: u16,
    each: &mut impl FnMut(u16, Cell),
) -> Option<()> {
    *rest = rest.strip_prefix(before)?;
    let quantities = u16::try_from(take_number(rest, b',')?).ok()?;
    if quantities & asked == 0 {
        let end = rest.iter().position(|byte| *byte == b']')?;
        *rest = &rest[end + 1..];
    } else {
        let stored = [take_number(rest, b',')?, take_number(rest, b',')?, take_number(rest, b']')?];
        each(quantities, Cell::of_stored(quantities, stored));
    }
    Some(())
}

/// Takes a number and the byte that ends it.
fn take_number(rest: &mut &[u8], end: u8) -> Option<u64> {
    let mut number = 0_u64;
    for (place, byte) in rest.iter().enumerate() {
        if *byte == end && place > 0 {
            *rest = &rest[place + 1..];
            return Some(number);
        }
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(figures: &str) -> Option<Vec<(u16, Cell)>> {
        let mut groups = Vec::new();
        let figures = figures.as_bytes();
        let hour = Hour { place: 0, region_type: 1, samples: 1, figures };
        hour.figures(u16::MAX, |quantities, cell| groups.push((quantities, cell)))
            .ok()
            .map(|()| groups)
    }

    #[test]
    fn figures_that_were_not_written_so_are_refused() {
        let cell = Cell { least: 2 << 10, mean: 5 << 10, most: 6 << 10 };
        assert_eq!(told("[[1,2,3,4]]"), Some(vec![(1, cell)]));
        for wrong in [
            "",
            "[",
            "[]",
            "]",
            "[[1,2,3]]",
            "[[1,2,3,4,5]]",
            "[[1,2,3,4]",
            "[[1,2,3,4]]]",
            "[[1,2,,4]]",
            "[[1,2,3,4],]",
            "[[1,-2,3,4]]",
            "[[65536,2,3,4]]",
            "[[1,2,3,99999999999999999999]]",
            "[[1, 2,3,4]]",
        ] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_figures_come_back_in_whole_units(
            groups in proptest::collection::vec((1_u16..1 << 13, [0_u64..1 << 40, 0..1 << 40, 0..1 << 40]), 1..9)
        ) {
            let cell = |[a, b, c]: [u64; 3]| Cell { least: a, mean: a + b, most: a + b + c };
            let groups: Vec<_> = groups.into_iter().map(|(bits, above)| (bits, cell(above))).collect();
            let whole = |(bits, cell): &(u16, Cell)| (*bits, Cell::of_stored(*bits, cell.stored(*bits)));
            let expected: Vec<_> = groups.iter().map(whole).collect();
            prop_assert_eq!(told(&text(&groups)), Some(expected));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\],0-9]{0,40}") {
            let _ = told(&text);
        }
    }
}
