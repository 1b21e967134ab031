//! Rollups of some measures, as reports take them.

use std::ops::RangeInclusive;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::MOST_RUN;
use super::rows::{Stored, Types};
use crate::address::to_column;
use crate::chunk::Measure;
use crate::read_rows::damaged;
use crate::recording::RecordingId;
use crate::sums::TypeMeans;

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

/// Returns what is stored of `measures` by spans of `span_s` seconds, by their `places`.
pub(crate) fn read(
    connection: &Connection,
    recording: RecordingId,
    span_s: u64,
    places: RangeInclusive<i64>,
    measures: &[Measure],
) -> rusqlite::Result<Means> {
    let asked = measures.iter().fold(0_u16, |mask, measure| mask | 1 << measure.place());
    // Tells of types of which all that is asked for is unknown that they have regions.
    let wanted = asked | 1 << Measure::Regions.place();
    // What is asked by is left out: it is known, and not read once more of each row.
    let mut statement = connection.prepare_cached(
        "SELECT place, type, quantities, run, samples, least, mean_more, most_more, checksum \
         FROM rollup_row WHERE recording = ? AND span_s = ? AND place BETWEEN ? AND ? \
         AND quantities & ? ORDER BY place",
    )?;
    let by = [ValueRef::Integer(recording.0), ValueRef::Integer(to_column(span_s))];
    let first = places.start().saturating_sub_unsigned(MOST_RUN);
    let range = params![recording.0, to_column(span_s), first, places.end(), wanted];
    let mut spans: Vec<(i64, u64)> = Vec::new();
    let mut numbers: Vec<i64> = Vec::new();
    let mut types: Vec<OfType> = Vec::new();
    let mut rows = statement.query(range)?;
    let mut last_used = None;
    while let Some(row) = rows.next()? {
        // It comes last of a type's in a span.
        if last_used == Some((row.get(0)?, row.get(1)?)) && row.get::<_, u16>(2)? & asked == 0 {
            continue;
        }
        let row = Stored::after(&by, row)?;
        last_used = Some((row.place, row.region_type));
        let end = row.place.saturating_add_unsigned(row.run.min(MOST_RUN));
        let last = end.saturating_sub(1).min(*places.end());
        let samples = row.samples / row.run.max(1);
        let own = numbers.iter().position(|number| *number == row.region_type);
        let own = own.unwrap_or_else(|| {
            numbers.push(row.region_type);
            types.push(OfType::default());
            numbers.len() - 1
        });
        for place in row.place.max(*places.start())..=last {
            let span = span_at(&mut spans, place)
                .ok_or_else(|| damaged("rollups are out of order".to_owned()))?;
            spans[span].1 = spans[span].1.max(samples);
            types[own].add(span, &row, measures);
        }
    }
    let mut known = Types::default();
    let mut named = Vec::with_capacity(types.len());
    for (number, mut of) in numbers.into_iter().zip(types) {
        of.grow(spans.len(), measures.len());
        let column = |measure| of.values.iter().skip(measure).step_by(measures.len()).copied();
        let columns = (0..measures.len()).map(|measure| column(measure).collect()).collect();
        let region_type = known.named(connection, number)?;
        named.push(TypeMeans { region_type, there: of.there, columns });
    }
    named.sort_unstable_by(|a, b| a.region_type.cmp(&b.region_type));
    Ok(Means { spans, types: named })
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
    fn add(&mut self, span: usize, row: &Stored, measures: &[Measure]) {
        self.grow(span + 1, measures.len());
        let values = &mut self.values[span * measures.len()..][..measures.len()];
        if !std::mem::replace(&mut self.there[span], true) {
            values.fill(None);
        }
        for (measure, value) in measures.iter().zip(values) {
            if row.quantities & 1 << measure.place() != 0 {
                *value = Some(row.cell.mean);
            }
        }
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
