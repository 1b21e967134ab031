//! Rollups of some measures, as reports take them.

use std::ops::RangeInclusive;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use crate::codec::chunk::measure::Measure;
use crate::db::bulk_read;
use crate::db::integer::to_column;
use crate::db::row_checksum::damaged;
use crate::read::series::TypeMeans;
use crate::recording::RecordingId;
use crate::tables::rollup::hours::Hour;
use crate::tables::rollup::minutes::{MOST_RUN, Stored};
use crate::tables::rollup::types::Types;
use crate::tables::rollup::{Cell, HOUR_S, hours};

/// What is stored of some spans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Means {
    /// The place of each span in order, and from how many samples it is.
    pub(crate) spans: Vec<(i64, u64)>,
    /// The types that had regions, in their order.
    pub(crate) types: Vec<TypeMeans>,
}

/// The means of one type: for each span, that of each measure.
#[derive(Debug, Default)]
struct OfType {
    values: Vec<Option<u64>>,
    /// For each span, whether the type has regions there.
    there: Vec<bool>,
}

/// More would take fresh memory for rows that are read once.
const HOURS_AT_ONCE: usize = 24;

/// What was read so far.
struct Read<'a> {
    measures: &'a [Measure],
    places: RangeInclusive<i64>,
    spans: Vec<(i64, u64)>,
    /// The numbers of the types, and what they have.
    numbers: Vec<i64>,
    types: Vec<OfType>,
}

/// Returns what is stored of `measures` by spans of `span_s` seconds, by their `places`, in a file
/// that has `hours` in their own table or not.
pub(crate) fn read(
    connection: &Connection,
    recording: RecordingId,
    (span_s, hours): (u64, bool),
    places: RangeInclusive<i64>,
    measures: &[Measure],
) -> rusqlite::Result<Means> {
    let (spans, numbers, types) = Default::default();
    let mut read = Read { measures, places, spans, numbers, types };
    if span_s == HOUR_S && hours {
        read.hours(connection, recording)?;
    } else {
        read.rows(connection, recording, span_s)?;
    }
    read.named(connection)
}

impl Read<'_> {
    /// Reads `rollup_hour_row`.
    fn hours(&mut self, connection: &Connection, recording: RecordingId) -> rusqlite::Result<()> {
        // In the order of places, as their table is. What is asked by is left out: it is known, and
        // not read once more of each row.
        let sql = "SELECT packed(place, type, samples, figures, checksum) FROM rollup_hour_row \
             WHERE recording = ? AND place BETWEEN ? AND ?";
        let by = [ValueRef::Integer(recording.0)];
        let (measures, asked) = (self.measures, self.asked());
        // Each looked up at an end of the table.
        let ends = "SELECT (SELECT min(place) FROM rollup_hour_row WHERE recording = ?1), \
             (SELECT max(place) FROM rollup_hour_row WHERE recording = ?1)";
        let ends = connection.prepare_cached(ends)?.query_row([recording.0], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
        })?;
        let Some((least, most)) = ends else { return Ok(()) };
        let (start, end) = (least.max(*self.places.start()), most.min(*self.places.end()));
        for first in (start..=end).step_by(HOURS_AT_ONCE) {
            let last = first.saturating_add_unsigned(HOURS_AT_ONCE as u64 - 1).min(end);
            let range = params![recording.0, first, last];
            bulk_read::each(connection, (hours::TABLE, &by), sql, [range], |values| {
                let row = Hour::told(values)?;
                let (span, of) = self.at(row.place, row.region_type, row.samples)?;
                let values = of.at(span, measures.len());
                row.figures(asked, |quantities, cell| set(values, measures, quantities, cell))
            })?;
        }
        Ok(())
    }

    /// Reads `rollup_row`.
    fn rows(
        &mut self,
        connection: &Connection,
        recording: RecordingId,
        span_s: u64,
    ) -> rusqlite::Result<()> {
        let measures = self.measures;
        // Tells of types of which all that is asked for is unknown that they have regions.
        let wanted = self.asked() | 1 << Measure::Regions.place();
        let sql = "SELECT packed(place, type, quantities, run, samples, least, mean_more, \
             most_more, checksum) FROM rollup_row WHERE recording = ? AND span_s = ? \
             AND place BETWEEN ? AND ? AND quantities & ?";
        let by = [ValueRef::Integer(recording.0), ValueRef::Integer(to_column(span_s))];
        let (start, end) = (*self.places.start(), *self.places.end());
        let first = start.saturating_sub_unsigned(MOST_RUN);
        let range = params![recording.0, to_column(span_s), first, end, wanted];
        bulk_read::each(connection, ("rollup_row", &by), sql, [range], |values| {
            let row = Stored::told(values)?;
            let after = row.place.saturating_add_unsigned(row.run.min(MOST_RUN));
            for place in row.place.max(start)..=after.saturating_sub(1).min(end) {
                let samples = row.samples / row.run.max(1);
                let (span, of) = self.at(place, row.region_type, samples)?;
                let values = of.at(span, measures.len());
                set(values, measures, row.quantities, row.cell);
            }
            Ok(())
        })
    }

    /// Returns what is asked for, as bits of their places.
    fn asked(&self) -> u16 {
        self.measures.iter().fold(0, |mask, measure| mask | 1 << measure.place())
    }

    /// Returns where the span of `place` is, and the type of that number, both added if they are new.
    fn at(
        &mut self,
        place: i64,
        region_type: i64,
        samples: u64,
    ) -> rusqlite::Result<(usize, &mut OfType)> {
        let span = span_at(&mut self.spans, place);
        let span = span.ok_or_else(|| damaged("rollups are out of order".to_owned()))?;
        self.spans[span].1 = self.spans[span].1.max(samples);
        let own = self.numbers.iter().position(|number| *number == region_type);
        let own = own.unwrap_or_else(|| {
            self.numbers.push(region_type);
            self.types.push(OfType::default());
            self.numbers.len() - 1
        });
        Ok((span, &mut self.types[own]))
    }

    /// Ends reading: gives types their names.
    fn named(self, connection: &Connection) -> rusqlite::Result<Means> {
        let (spans, measures) = (self.spans, self.measures.len());
        let mut known = Types::default();
        let mut named = Vec::with_capacity(self.types.len());
        for (number, mut of) in self.numbers.into_iter().zip(self.types) {
            of.grow(spans.len(), measures);
            let column = |measure| of.values.iter().skip(measure).step_by(measures).copied();
            let columns = (0..measures).map(|measure| column(measure).collect()).collect();
            let region_type = known.named(connection, number)?;
            named.push(TypeMeans { region_type, there: of.there, columns });
        }
        named.sort_unstable_by(|a, b| a.region_type.cmp(&b.region_type));
        Ok(Means { spans, types: named })
    }
}

/// Sets the mean of each of `measures` that is among `quantities`.
fn set(values: &mut [Option<u64>], measures: &[Measure], quantities: u16, cell: Cell) {
    for (measure, value) in measures.iter().zip(values) {
        if quantities & 1 << measure.place() != 0 {
            *value = Some(cell.mean);
        }
    }
}

/// Returns where the span of `place` is, adding it if it is new; `None` if rows are out of order.
///
/// As they come in the order of the places they begin at, the spans known from `place` on follow
/// on each other.
fn span_at(spans: &mut Vec<(i64, u64)>, place: i64) -> Option<usize> {
    match spans.last() {
        Some((last, _)) if *last >= place => {
            let after = usize::try_from(last.checked_sub(place)?).ok()?;
            let at = (spans.len() - 1).checked_sub(after)?;
            (spans[at].0 == place).then_some(at)
        }
        _ => {
            spans.push((place, 0));
            Some(spans.len() - 1)
        }
    }
}

impl OfType {
    /// Returns what is known of each measure in a span that has regions of the type.
    fn at(&mut self, span: usize, measures: usize) -> &mut [Option<u64>] {
        self.grow(span + 1, measures);
        let values = &mut self.values[span * measures..][..measures];
        if !std::mem::replace(&mut self.there[span], true) {
            values.fill(None);
        }
        values
    }

    /// Tells of at least `spans` spans, new ones without regions.
    fn grow(&mut self, spans: usize, measures: usize) {
        if self.there.len() < spans {
            self.there.resize(spans, false);
            self.values.resize(spans * measures, Some(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_run_on_share_spans_with_later_ones() {
        let mut spans = Vec::new();
        let mut at = |place| span_at(&mut spans, place);
        assert_eq!([5, 6, 7].map(&mut at), [0, 1, 2].map(Some));
        assert_eq!([6, 7, 8].map(&mut at), [1, 2, 3].map(Some));
        assert_eq!([12, 12, 5].map(&mut at), [Some(4), Some(4), None]);
        assert_eq!(spans, [5, 6, 7, 8, 12].map(|place| (place, 0)));
    }
}
