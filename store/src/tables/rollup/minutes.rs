//! Rollups by the minute. Rows are few: quantities with the same figures share a row (anonymous
//! memory is resident, private and dirty at once), and so do minutes in a row with the same figures.

use std::collections::BTreeMap;

use rusqlite::params;
use rusqlite::types::{FromSql, ValueRef};
use vmrec_sampler::RegionType;

use crate::db::insert::Insert;
use crate::db::integer::{from_column, to_column};
use crate::db::row_checksum;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::tables::rollup::types::Types;
use crate::tables::rollup::{BY_THE_MINUTE, Cell, MINUTE_S, Span, add_stored, groups};

/// How many columns a row has before its checksum.
const VALUES: usize = 10;

/// One row: what several measures of a type have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) place: i64,
    pub(crate) region_type: RegionType,
    /// `1 << Measure::place` of each measure.
    pub(crate) quantities: u16,
    pub(crate) run: u64,
    pub(crate) samples: u64,
    pub(crate) cell: Cell,
}

/// The rows that ran to the end of a chunk's last minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail(Vec<Row>);

/// The most spans that a row stands for; the view that unpacks them counts no further.
pub(crate) const MOST_RUN: u64 = 4095;

impl Row {
    /// Returns the first place after it.
    const fn end(&self) -> i64 {
        self.place.saturating_add_unsigned(self.run)
    }

    /// Tells whether `next` goes on with the same figures where it ends.
    fn runs_on_in(&self, next: &Self) -> bool {
        self.end() == next.place
            && self.cell == next.cell
            && self.quantities == next.quantities
            && self.region_type == next.region_type
            && self.run + next.run <= MOST_RUN
    }

    /// Returns this row and the one that goes on with it as one.
    fn with(&self, next: &Self) -> Self {
        let (run, samples) = (self.run + next.run, self.samples + next.samples);
        Self { run, samples, ..self.clone() }
    }
}

/// Writes what the minutes of a chunk add to those of its recording.
///
/// `ended` tells that no later chunk has samples in the last one. Rows of `trail`, those that ran
/// to the end of the chunk before, run on where nothing changed.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    types: &mut Types,
    recording: RecordingId,
    mut minutes: BTreeMap<i64, Span>,
    ended: bool,
    trail: &mut Trail,
) -> rusqlite::Result<()> {
    let before = std::mem::take(&mut trail.0);
    let begins = add_stored(&mut minutes, |place| take(transaction, types, recording, place))?;
    // Those at the ends may have had samples before, or get more later.
    let ends = [minutes.keys().next(), minutes.keys().next_back()];
    let [first, last] = ends.map(|place| place.copied().unwrap_or_default());
    let whole = |place| (first < place || begins) && (place < last || ended);
    let mut insert = Insert::new(transaction, "rollup_row", VALUES)?;
    for mut row in rows(&minutes, BY_THE_MINUTE, whole) {
        if let Some(old) = before.iter().find(|old| begins && old.runs_on_in(&row)) {
            let region_type = types.number(transaction, &old.region_type)?;
            delete(transaction, [recording.0, old.place, region_type], MINUTE_S, old.quantities)?;
            row = old.with(&row);
        }
        let region_type = types.number(transaction, &row.region_type)?;
        put(&mut insert, recording, region_type, &row)?;
        if ended && row.end() == last.saturating_add(1) {
            trail.0.push(row);
        }
    }
    Ok(())
}

/// Returns the rows of minutes in order, of the measures `wanted`. Only places `whole` tells to be
/// whole share a row with others.
pub(crate) fn rows(
    minutes: &BTreeMap<i64, Span>,
    wanted: u16,
    whole: impl Fn(i64) -> bool,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // Where in `rows` the groups of the place before are.
    let mut before = 0..0;
    let mut last_place = None;
    for (place, span) in minutes {
        let begin = rows.len();
        let follows = last_place == Some(place - 1) && whole(place - 1) && whole(*place);
        let mut runs_on = Vec::new();
        for (region_type, cells) in &span.types {
            for (quantities, cell) in groups(cells, wanted) {
                let same = before.clone().find(|row| {
                    let row = &rows[*row];
                    follows
                        && row.place.saturating_add_unsigned(row.run) == *place
                        && row.cell == cell
                        && row.quantities == quantities
                        && row.region_type == *region_type
                });
                match same {
                    Some(row) => runs_on.push(row),
                    None => rows.push(Row {
                        place: *place,
                        region_type: region_type.clone(),
                        quantities,
                        run: 1,
                        samples: span.samples,
                        cell,
                    }),
                }
            }
        }
        for row in &runs_on {
            rows[*row].run += 1;
            rows[*row].samples += span.samples;
        }
        // Rows that run on are looked for again beside the new ones.
        let first = runs_on.iter().copied().min().unwrap_or(begin);
        before = first..rows.len();
        last_place = Some(*place);
    }
    rows
}

fn put(
    insert: &mut Insert<'_>,
    recording: RecordingId,
    region_type: i64,
    row: &Row,
) -> rusqlite::Result<()> {
    let [least, mean_more, most_more] = row.cell.stored(row.quantities).map(to_column);
    insert.row(params![
        recording.0,
        to_column(MINUTE_S),
        row.place,
        region_type,
        row.quantities,
        to_column(row.run),
        to_column(row.samples),
        least,
        mean_more,
        most_more,
    ])
}

/// Deletes the row of a recording, place and type by spans of `span_s` seconds.
pub(crate) fn delete(
    transaction: &Transaction<'_>,
    [recording, place, region_type]: [i64; 3],
    span_s: u64,
    quantities: u16,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM rollup_row WHERE recording = ? AND span_s = ? AND place = ? AND type = ? \
             AND quantities = ?",
        )?
        .execute(params![recording, to_column(span_s), place, region_type, quantities])?;
    Ok(())
}

/// Returns what is stored of one minute, and deletes it.
fn take(
    transaction: &Transaction<'_>,
    types: &mut Types,
    recording: RecordingId,
    place: i64,
) -> rusqlite::Result<Span> {
    let key = params![recording.0, to_column(MINUTE_S), place];
    let mut span = Span::default();
    {
        let mut statement = transaction.prepare_cached(
            "SELECT * FROM rollup_row WHERE recording = ? AND span_s = ? AND place = ?",
        )?;
        let mut rows = statement.query(key)?;
        while let Some(row) = rows.next()? {
            let row = Stored::of(row)?;
            span.samples = span.samples.max(row.samples / row.run.max(1));
            let region_type = types.named(transaction, row.region_type)?;
            span.fill(region_type, row.quantities, row.cell);
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

/// A row as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) place: i64,
    /// The number of its type.
    pub(crate) region_type: i64,
    pub(crate) quantities: u16,
    pub(crate) run: u64,
    pub(crate) samples: u64,
    pub(crate) cell: Cell,
}

impl Stored {
    /// Returns the row of all columns of `rollup_row`, which has a checksum in every file that has the table.
    pub(crate) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Self::told(&row_checksum::values("rollup_row", row, Some(VALUES))?)
    }

    /// Returns the row of the values of all its columns but the checksum.
    pub(crate) fn told(values: &[ValueRef<'_>; VALUES]) -> rusqlite::Result<Self> {
        let number = |place: usize| values[place].as_i64().map(from_column);
        let quantities = u16::column_result(values[4])?;
        let stored = [number(7)?, number(8)?, number(9)?];
        Ok(Self {
            place: values[2].as_i64()?,
            region_type: values[3].as_i64()?,
            quantities,
            run: number(5)?,
            samples: number(6)?,
            cell: Cell::of_stored(quantities, stored),
        })
    }
}
