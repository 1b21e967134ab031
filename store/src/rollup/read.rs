//! Rollups of some measures, as reports take them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rusqlite::{Connection, params};
use vmrec_sampler::RegionType;

use super::rows::{Stored, Types};
use super::{Cell, MOST_RUN};
use crate::address::to_column;
use crate::chunk::Measure;
use crate::recording::RecordingId;
use crate::sums::RolledUp;

/// What is stored of one span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Means {
    /// From how many samples.
    pub(crate) samples: u64,
    /// The types that had regions, in their order, with the measures asked for.
    pub(crate) types: Vec<(RegionType, Vec<Option<RolledUp>>)>,
}

/// A span in the making: its types by their numbers, in the order of its rows.
#[derive(Debug, Default)]
struct Open {
    samples: u64,
    types: Vec<(i64, Vec<Option<RolledUp>>)>,
}

/// Returns what is stored of `measures` by spans of `span_s` seconds, by their `places`.
pub(crate) fn read(
    connection: &Connection,
    recording: RecordingId,
    span_s: u64,
    places: RangeInclusive<i64>,
    measures: &[Measure],
) -> rusqlite::Result<BTreeMap<i64, Means>> {
    let mut spans: BTreeMap<i64, Open> = BTreeMap::new();
    let wanted = measures.iter().fold(0_u16, |mask, measure| mask | 1 << measure.place());
    let mut statement = connection.prepare_cached(
        "SELECT * FROM rollup_row WHERE recording = ? AND span_s = ? AND place BETWEEN ? AND ? \
         AND quantities & ? ORDER BY place",
    )?;
    let first = places.start().saturating_sub_unsigned(MOST_RUN);
    let range = params![recording.0, to_column(span_s), first, places.end(), wanted];
    let mut rows = statement.query(range)?;
    while let Some(row) = rows.next()? {
        let row = Stored::of(row)?;
        let end = row.place.saturating_add_unsigned(row.run.min(MOST_RUN));
        let last = end.saturating_sub(1).min(*places.end());
        for place in row.place.max(*places.start())..=last {
            spans.entry(place).or_default().add(&row, measures);
        }
    }
    let mut types = Types::default();
    spans
        .into_iter()
        .map(|(place, span)| Ok((place, span.close(connection, &mut types)?)))
        .collect()
}

impl Open {
    fn add(&mut self, row: &Stored, measures: &[Measure]) {
        self.samples = self.samples.max(row.samples / row.run.max(1));
        let own = self.types.iter().rposition(|(of, _)| *of == row.region_type);
        let own = own.unwrap_or_else(|| {
            self.types.push((row.region_type, vec![None; measures.len()]));
            self.types.len() - 1
        });
        let Cell { least, mean, most } = row.cell;
        for (measure, figure) in measures.iter().zip(&mut self.types[own].1) {
            if row.quantities & 1 << measure.place() != 0 {
                *figure = Some(RolledUp { least, mean, most });
            }
        }
    }

    fn close(self, connection: &Connection, types: &mut Types) -> rusqlite::Result<Means> {
        let mut named = Vec::with_capacity(self.types.len());
        for (number, figures) in self.types {
            named.push((types.named(connection, number)?, figures));
        }
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Means { samples: self.samples, types: named })
    }
}
