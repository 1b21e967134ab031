//! Rollups: the least, mean and most of each type's sums by the minute and by
//! the hour, as plain rows that any tool can read.
//!
//! The time of a rollup is that of the recording's monotonic clock, so that a
//! wall clock that is set changes nothing: the wall clock as it began, and what
//! passed since.

pub(crate) mod hours;
pub(crate) mod minutes;
pub(crate) mod read;
#[cfg(test)]
mod tests;
pub(crate) mod types;

use std::collections::BTreeMap;

use vmrec_sampler::{Quantity, RegionType, Timestamp};

use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::chunk::measure::{MEASURES, Measure};
use crate::codec::chunk::ticks::Tick;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::tables::rollup::minutes::Trail;
use crate::tables::rollup::types::Types;

/// Seconds of a minute.
pub(crate) const MINUTE_S: u64 = 60;
/// Seconds of an hour.
pub(crate) const HOUR_S: u64 = 3600;

/// All measures, as bits of their places.
const BY_THE_HOUR: u16 = (1 << MEASURES) - 1;
/// Those of minutes: not what changes all the time and tells little.
const BY_THE_MINUTE: u16 = BY_THE_HOUR
    & !(1 << Measure::Quantity(Quantity::Pss).place()
        | 1 << Measure::Quantity(Quantity::Referenced).place()
        | 1 << Measure::Regions.place());

/// Tells whether spans of `span_s` seconds have a measure.
pub(crate) const fn has(span_s: u64, measure: Measure) -> bool {
    let measures = if span_s == MINUTE_S { BY_THE_MINUTE } else { BY_THE_HOUR };
    measures & 1 << measure.place() != 0
}

const NS_PER_S: i128 = 1_000_000_000;

/// The sums of one type and measure over one span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) least: u64,
    pub(crate) mean: u64,
    pub(crate) most: u64,
}

/// What is known of one span: `None` where a measure is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// From how many samples.
    pub(crate) samples: u64,
    /// The types that had regions.
    pub(crate) types: BTreeMap<RegionType, [Option<Cell>; MEASURES]>,
}

/// Returns the place of a moment among spans of `span_s` seconds, from that in which the recording began.
pub(crate) fn place(begun: Timestamp, taken: Timestamp, span_s: u64) -> i64 {
    let span_ns = i128::from(span_s) * NS_PER_S;
    let since = i128::from(taken.monotonic_ns) - i128::from(begun.monotonic_ns);
    let into = i128::from(begun.utc_ns).rem_euclid(span_ns);
    i64::try_from((into + since).div_euclid(span_ns)).unwrap_or(i64::MAX)
}

/// Returns when the span at `place` began: nanoseconds since 1970-01-01 UTC.
pub(crate) fn start_utc_ns(begun: Timestamp, place: i64, span_s: u64) -> i64 {
    let span_ns = i128::from(span_s) * NS_PER_S;
    let start = (i128::from(begun.utc_ns).div_euclid(span_ns) + i128::from(place)) * span_ns;
    i64::try_from(start).unwrap_or(i64::MAX)
}

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
    let [minutes, hours] = spans(begun, [MINUTE_S, HOUR_S], ticks, sums);
    let mut types = Types::default();
    crate::tables::rollup::minutes::write(
        transaction,
        &mut types,
        recording,
        minutes,
        ended,
        trail,
    )?;
    crate::tables::rollup::hours::write(transaction, &mut types, recording, hours)
}

/// Adds to the spans of a chunk what is stored of them, which `take` takes out: the first and the
/// last may have had samples before, those between had none. Tells whether nothing was stored.
fn add_stored(
    spans: &mut BTreeMap<i64, Span>,
    mut take: impl FnMut(i64) -> rusqlite::Result<Span>,
) -> rusqlite::Result<bool> {
    let last = spans.len().saturating_sub(1);
    let mut nothing = true;
    for (at, (place, span)) in spans.iter_mut().enumerate() {
        if at == 0 || at == last {
            let stored = take(*place)?;
            nothing &= stored.samples == 0;
            *span = std::mem::take(span).merge(stored);
        }
    }
    Ok(nothing)
}

/// Sums up the snapshots of a chunk by spans of so many seconds each.
fn spans<const N: usize>(
    begun: Timestamp,
    spans_s: [u64; N],
    ticks: &[Tick],
    sums: &SumColumns,
) -> [BTreeMap<i64, Span>; N] {
    let mut all = spans_s.map(|span_s| Parts::new(begun, span_s, ticks));
    sums.for_each(|region_type, measure, values| {
        all.iter_mut().for_each(|parts| parts.add(region_type, measure, values));
    });
    all.map(|parts| parts.spans)
}

/// The spans that the snapshots of a chunk fall in.
struct Parts {
    spans: BTreeMap<i64, Span>,
    /// The snapshots of each of them.
    snapshots: Vec<Vec<usize>>,
    /// What is known so far of the type at hand.
    cells: Vec<[Option<Cell>; MEASURES]>,
}

impl Parts {
    fn new(begun: Timestamp, span_s: u64, ticks: &[Tick]) -> Self {
        let mut places: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (snapshot, tick) in ticks.iter().filter(|tick| tick.has_regions()).enumerate() {
            places.entry(place(begun, tick.taken, span_s)).or_default().push(snapshot);
        }
        let span = |at: &Vec<usize>| Span { samples: at.len() as u64, ..Span::default() };
        Self {
            spans: places.iter().map(|(place, at)| (*place, span(at))).collect(),
            cells: vec![[None; MEASURES]; places.len()],
            snapshots: places.into_values().collect(),
        }
    }

    /// Adds what the snapshots have of a measure of a type; all of a type's follow on each other.
    fn add(&mut self, region_type: &RegionType, measure: Measure, values: &[Option<u64>]) {
        for (cells, snapshots) in self.cells.iter_mut().zip(&self.snapshots) {
            cells[measure.place()] = cell(values, snapshots);
        }
        if measure != Measure::Regions {
            return; // which comes last of a type's
        }
        for (cells, span) in self.cells.iter().zip(self.spans.values_mut()) {
            if cells[measure.place()].is_some_and(|cell| cell.most > 0) {
                span.types.insert(region_type.clone(), *cells);
            }
        }
    }
}

/// Sums up the values of some snapshots; unknown if one of them is.
fn cell(values: &[Option<u64>], snapshots: &[usize]) -> Option<Cell> {
    let (mut least, mut most, mut sum) = (u64::MAX, 0, 0_u128);
    for snapshot in snapshots {
        let value = (*values.get(*snapshot)?)?;
        (least, most) = (least.min(value), most.max(value));
        sum += u128::from(value);
    }
    let mean = sum / (snapshots.len() as u128).max(1);
    Some(Cell { least, mean: u64::try_from(mean).unwrap_or(u64::MAX), most })
}

/// Returns the bits that figures are shifted by where they are stored: those of bytes are told in
/// units of 1024, as the kernel does, and so is none of the number of regions.
const fn unit_bits(quantities: u16) -> u32 {
    if quantities & 1 << Measure::Regions.place() == 0 { 10 } else { 0 }
}

impl Cell {
    /// Returns the numbers that stand for it in a row of `quantities`: the least, and how much mean
    /// and most are above it.
    fn stored(self, quantities: u16) -> [u64; 3] {
        let units = |sum: u64| sum >> unit_bits(quantities);
        let least = units(self.least);
        [least, units(self.mean).saturating_sub(least), units(self.most).saturating_sub(least)]
    }

    /// Returns the cell that those numbers stand for.
    fn of_stored(quantities: u16, [least, mean_more, most_more]: [u64; 3]) -> Self {
        let bytes = |more: u64| least.saturating_add(more) << unit_bits(quantities);
        Self { least: bytes(0), mean: bytes(mean_more), most: bytes(most_more) }
    }
}

impl Span {
    /// Takes note of the `cell` that some quantities of a type share.
    fn fill(&mut self, region_type: RegionType, quantities: u16, cell: Cell) {
        let cells = self.types.entry(region_type).or_insert([None; MEASURES]);
        for (measure, own) in cells.iter_mut().enumerate() {
            if quantities & 1 << measure != 0 {
                *own = Some(cell);
            }
        }
    }

    /// Returns what is known of two parts of one span.
    pub(crate) fn merge(self, other: Self) -> Self {
        if self.samples == 0 {
            return other;
        }
        if other.samples == 0 {
            return self;
        }
        let samples = self.samples + other.samples;
        let mut types = BTreeMap::new();
        for name in self.types.keys().chain(other.types.keys()) {
            // A type without regions has sums of 0.
            let part = |span: &Self, measure: usize| match span.types.get(name) {
                Some(cells) => cells[measure],
                None => Some(Cell { least: 0, mean: 0, most: 0 }),
            };
            types.entry(name.clone()).or_insert_with(|| {
                std::array::from_fn(|measure| {
                    let (a, b) = (part(&self, measure)?, part(&other, measure)?);
                    let sum = u128::from(a.mean) * u128::from(self.samples)
                        + u128::from(b.mean) * u128::from(other.samples);
                    let mean = u64::try_from(sum / u128::from(samples)).unwrap_or(u64::MAX);
                    Some(Cell { least: a.least.min(b.least), mean, most: a.most.max(b.most) })
                })
            });
        }
        Self { samples, types }
    }
}

/// Groups the measures `wanted` of a type by their figures.
fn groups(cells: &[Option<Cell>; MEASURES], wanted: u16) -> Vec<(u16, Cell)> {
    let mut groups: Vec<(u16, Cell)> = Vec::new();
    for (measure, cell) in cells.iter().enumerate() {
        let Some(cell) = cell.filter(|_| wanted & 1 << measure != 0) else { continue };
        // Those are no bytes and told in another unit.
        let alone = measure == Measure::Regions.place();
        match groups.iter_mut().find(|(_, known)| *known == cell && !alone) {
            Some((quantities, _)) => *quantities |= 1 << measure,
            None => groups.push((1 << measure, cell)),
        }
    }
    groups
}
