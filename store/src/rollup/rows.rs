//! The tables of rollups.

use std::collections::HashMap;

use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};
use vmrec_sampler::{Family, RegionType, Timestamp};

use super::{Cell, MEASURES, Row, SPANS, Span, Trail};
use crate::address::{from_column, to_column};
use crate::checked;
use crate::chunk::{Measure, SumColumns, Tick};
use crate::recording::RecordingId;
use crate::transaction::Transaction;

/// How many columns a row has before its checksum.
const VALUES: usize = 10;

/// Writes what the snapshots of a chunk add to the rollups of its recording, which began at `begun`.
///
/// `ended` tells that no later chunk has samples in its last minute. Rows of `trail`, those that
/// ran to the end of the chunk before, run on where nothing changed.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    begun: Timestamp,
    (ticks, sums): (&[Tick], &SumColumns),
    ended: bool,
    trail: &mut Trail,
) -> rusqlite::Result<()> {
    let before = std::mem::take(&mut trail.0);
    let mut types = Types::default();
    for span_s in SPANS {
        let mut spans = super::spans(begun, span_s, ticks, sums);
        // Its first and last span may have had samples before, or get more later.
        let ends = [spans.keys().next().copied(), spans.keys().next_back().copied()];
        let mut begins = true;
        for place in ends.into_iter().flatten() {
            let stored = take(transaction, &mut types, recording, span_s, place)?;
            begins &= stored.samples == 0;
            if let Some(span) = spans.get_mut(&place) {
                *span = std::mem::take(span).merge(stored);
            }
        }
        let [first, last] = ends.map(Option::unwrap_or_default);
        let whole =
            |place| span_s == SPANS[0] && (first < place || begins) && (place < last || ended);
        for mut row in super::rows(&spans, span_s, whole) {
            let runs = span_s == SPANS[0];
            if let Some(old) = before.iter().find(|old| runs && begins && old.runs_on_in(&row)) {
                delete(transaction, &mut types, recording, span_s, old)?;
                row = old.with(&row);
            }
            put(transaction, &mut types, recording, span_s, &row)?;
            if runs && ended && row.end() == last.saturating_add(1) {
                trail.0.push(row);
            }
        }
    }
    Ok(())
}

fn put(
    transaction: &Transaction<'_>,
    types: &mut Types,
    recording: RecordingId,
    span_s: u64,
    row: &Row,
) -> rusqlite::Result<()> {
    let units = |sum: u64| sum >> unit_bits(row.quantities);
    let [least, mean, most] = [row.cell.least, row.cell.mean, row.cell.most].map(units);
    checked::insert(
        transaction,
        "rollup_row",
        params![
            recording.0,
            to_column(span_s),
            row.place,
            types.number(transaction, &row.region_type)?,
            row.quantities,
            to_column(row.run),
            to_column(row.samples),
            to_column(least),
            to_column(mean.saturating_sub(least)),
            to_column(most.saturating_sub(least)),
        ],
    )
}

fn delete(
    transaction: &Transaction<'_>,
    types: &mut Types,
    recording: RecordingId,
    span_s: u64,
    row: &Row,
) -> rusqlite::Result<()> {
    let number = types.number(transaction, &row.region_type)?;
    transaction
        .prepare_cached(
            "DELETE FROM rollup_row WHERE recording = ? AND span_s = ? AND place = ? AND type = ? \
             AND quantities = ?",
        )?
        .execute(params![recording.0, to_column(span_s), row.place, number, row.quantities])?;
    Ok(())
}

/// Returns what is stored of one span, and deletes it.
fn take(
    transaction: &Transaction<'_>,
    types: &mut Types,
    recording: RecordingId,
    span_s: u64,
    place: i64,
) -> rusqlite::Result<Span> {
    let key = params![recording.0, to_column(span_s), place];
    let mut span = Span::default();
    {
        let mut statement = transaction.prepare_cached(
            "SELECT * FROM rollup_row WHERE recording = ? AND span_s = ? AND place = ?",
        )?;
        let mut rows = statement.query(key)?;
        while let Some(row) = rows.next()? {
            let row = types.row(transaction, row)?;
            span.samples = span.samples.max(row.samples / row.run.max(1));
            fill(&mut span, &row);
        }
    }
    if span.samples > 0 {
        transaction
            .prepare_cached(
                "DELETE FROM rollup_row WHERE recording = ? AND span_s = ? AND place = ?",
            )?
            .execute(key)?;
    }
    Ok(span)
}

fn fill(span: &mut Span, row: &Row) {
    let cells = span.types.entry(row.region_type.clone()).or_insert([None; MEASURES]);
    for (measure, cell) in cells.iter_mut().enumerate() {
        if row.quantities & 1 << measure != 0 {
            *cell = Some(row.cell);
        }
    }
}

/// Returns the bits that figures are shifted by: those of bytes are told in units of 1024, as the
/// kernel does, and so is none of the number of regions.
const fn unit_bits(quantities: u16) -> u32 {
    if quantities & 1 << Measure::Regions.place() == 0 { 10 } else { 0 }
}

/// A row as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) place: i64,
    /// The number of its type.
    pub(super) region_type: i64,
    pub(super) quantities: u16,
    pub(super) run: u64,
    pub(super) samples: u64,
    pub(super) cell: Cell,
}

impl Stored {
    /// Returns the row of all columns of `rollup_row`, which has a checksum in every file that has the table.
    fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Self::told(checked::values("rollup_row", row, Some(VALUES))?)
    }

    /// Returns the row of all columns but the first ones, which are `known`.
    pub(super) fn after(known: &[ValueRef<'_>], row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let place = VALUES - known.len();
        Self::told(checked::values_after("rollup_row", known, row, Some(place))?)
    }

    fn told(values: [ValueRef<'_>; VALUES]) -> rusqlite::Result<Self> {
        let number = |place: usize| values[place].as_i64().map(from_column);
        let quantities = u16::column_result(values[4])?;
        let bits = unit_bits(quantities);
        let least = number(7)?;
        let above = |place| number(place).map(|more| least.saturating_add(more) << bits);
        Ok(Self {
            place: values[2].as_i64()?,
            region_type: values[3].as_i64()?,
            quantities,
            run: number(5)?,
            samples: number(6)?,
            cell: Cell { least: least << bits, mean: above(8)?, most: above(9)? },
        })
    }
}

/// The types by their numbers, read and written once.
#[derive(Debug, Default)]
pub(super) struct Types {
    numbers: HashMap<RegionType, i64>,
    types: HashMap<i64, RegionType>,
}

impl Types {
    /// Returns the number of a type, writing it if it is new.
    fn number(
        &mut self,
        transaction: &Transaction<'_>,
        region_type: &RegionType,
    ) -> rusqlite::Result<i64> {
        if let Some(number) = self.numbers.get(region_type) {
            return Ok(*number);
        }
        let (name, family) = (region_type.name(), region_type.family().name());
        let found = transaction
            .prepare_cached("SELECT id FROM region_type WHERE name = ? AND family = ?")?
            .query_row([name, family], |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let number = checked::next_id(transaction, "region_type")?;
                checked::insert(transaction, "region_type", params![number, name, family])?;
                number
            }
        };
        self.numbers.insert(region_type.clone(), number);
        Ok(number)
    }

    /// Returns the row of all columns of `rollup_row`.
    fn row(&mut self, connection: &Connection, row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
        let stored = Stored::of(row)?;
        Ok(Row {
            place: stored.place,
            region_type: self.named(connection, stored.region_type)?,
            quantities: stored.quantities,
            run: stored.run,
            samples: stored.samples,
            cell: stored.cell,
        })
    }

    /// Returns the type of that number.
    pub(super) fn named(
        &mut self,
        connection: &Connection,
        number: i64,
    ) -> rusqlite::Result<RegionType> {
        if let Some(region_type) = self.types.get(&number) {
            return Ok(region_type.clone());
        }
        let region_type = connection
            .prepare_cached("SELECT * FROM region_type WHERE id = ?")?
            .query_row([number], |row| {
                checked::check("region_type", row)?;
                let family: String = row.get(2)?;
                let family = Family::from_name(&family)
                    .ok_or_else(|| crate::read_rows::wrong(2, "an unknown family"))?;
                Ok(RegionType::named(&row.get::<_, String>(1)?, family))
            })?;
        self.types.insert(number, region_type.clone());
        Ok(region_type)
    }
}
