//! Rollups: the least, mean and most of each type's sums by the minute and by
//! the hour, as plain rows that any tool can read.
//!
//! The time of a rollup is that of the recording's monotonic clock, so that a
//! wall clock that is set changes nothing: the wall clock as it began, and what
//! passed since.
//!
//! Rows are few: quantities with the same figures share a row (anonymous
//! memory is resident, private and dirty at once), and so do minutes in a row
//! with the same figures.

mod read;
mod rows;

use std::collections::BTreeMap;

use vmrec_sampler::{Quantity, RegionType, Timestamp};

use crate::chunk::{MEASURES, Measure, SumColumns, Tick};

pub(crate) use read::{Means, read};
pub(crate) use rows::write;

/// Seconds that one value stands for: minutes and hours.
pub(crate) const SPANS: [u64; 2] = [MINUTE_S, 3600];
/// Seconds of a minute.
pub(crate) const MINUTE_S: u64 = 60;

/// What minutes have no rows of, for it changes all the time and tells little: hours have it.
const NOT_BY_THE_MINUTE: [Measure; 3] =
    [Measure::Quantity(Quantity::Pss), Measure::Quantity(Quantity::Referenced), Measure::Regions];

/// Returns the measures that spans of `span_s` seconds have rows of, as in [`Row::quantities`].
const fn measures(span_s: u64) -> u16 {
    let mut all = (1 << MEASURES) - 1;
    let mut place = 0;
    while span_s == SPANS[0] && place < NOT_BY_THE_MINUTE.len() {
        all &= !(1 << NOT_BY_THE_MINUTE[place].place());
        place += 1;
    }
    all
}

/// Tells whether spans of `span_s` seconds have rows of a measure.
pub(crate) const fn has(span_s: u64, measure: Measure) -> bool {
    measures(span_s) & 1 << measure.place() != 0
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
const MOST_RUN: u64 = 4095;

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

/// Sums up the snapshots of a chunk, span by span.
pub(crate) fn spans(
    begun: Timestamp,
    span_s: u64,
    ticks: &[Tick],
    sums: &SumColumns,
) -> BTreeMap<i64, Span> {
    let mut places: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (snapshot, tick) in ticks.iter().filter(|tick| tick.has_regions()).enumerate() {
        places.entry(place(begun, tick.taken, span_s)).or_default().push(snapshot);
    }
    let span = |snapshots: &Vec<usize>| Span { samples: snapshots.len() as u64, ..Span::default() };
    let mut spans: BTreeMap<i64, Span> =
        places.iter().map(|(place, snapshots)| (*place, span(snapshots))).collect();
    let mut of: Vec<[Option<Cell>; MEASURES]> = vec![[None; MEASURES]; places.len()];
    sums.for_each(|region_type, measure, values| {
        for (cells, snapshots) in of.iter_mut().zip(places.values()) {
            cells[measure.place()] = cell(values, snapshots);
        }
        if measure != Measure::Regions {
            return; // which comes last of a type's
        }
        for (cells, span) in of.iter().zip(spans.values_mut()) {
            if cells[measure.place()].is_some_and(|cell| cell.most > 0) {
                span.types.insert(region_type.clone(), *cells);
            }
        }
    });
    spans
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

impl Span {
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

/// Returns the rows of spans of `span_s` seconds in order. Only places `whole` tells to be whole
/// share a row with others.
pub(crate) fn rows(
    spans: &BTreeMap<i64, Span>,
    span_s: u64,
    whole: impl Fn(i64) -> bool,
) -> Vec<Row> {
    let wanted = measures(span_s);
    let mut rows: Vec<Row> = Vec::new();
    // Where in `rows` the groups of the place before are.
    let mut before = 0..0;
    let mut last_place = None;
    for (place, span) in spans {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vmrec_sampler::{
        AddressRange, Confidence, Identity, Label, Protection, Provenance, Quantities, Quantity,
        Region, types,
    };

    use super::*;
    use crate::recording::SampleState;

    /// All measures but the number of regions.
    const SIZES: u16 = (1 << (MEASURES - 1)) - 1;

    const BEGUN: Timestamp = Timestamp { utc_ns: 3_600_000_000_000, monotonic_ns: 5_000_000_000 };

    fn tick(second: u64) -> Tick {
        let monotonic_ns = BEGUN.monotonic_ns + second * 1_000_000_000;
        let taken = Timestamp { utc_ns: -7, monotonic_ns };
        Tick { number: second, taken, state: SampleState::Complete, regions: Some(1) }
    }

    /// Samples 20 s apart of a region whose sizes are all `value`, if known.
    fn chunk(
        from_s: u64,
        region_type: RegionType,
        values: &[Option<u64>],
    ) -> (Vec<Tick>, SumColumns) {
        let ticks = (0..values.len() as u64).map(|step| tick(from_s + step * 20)).collect();
        let mut sums = SumColumns::default();
        for value in values {
            sums.push(&[made_up(&region_type, *value)]);
        }
        (ticks, sums)
    }

    fn made_up(region_type: &RegionType, value: Option<u64>) -> Region {
        let mut quantities = Quantities::UNKNOWN;
        for quantity in Quantity::ALL {
            if let Some(value) = value {
                quantities.set(quantity, value);
            }
        }
        let label = Label {
            region_type: region_type.clone(),
            detail: None,
            confidence: Confidence::Sure,
            rule: "test".into(),
        };
        let identity = Identity {
            range: AddressRange::new(0, value.unwrap_or(0)),
            protection: Protection::READ,
            max_protection: None,
            object: None,
            offset: 0,
            flags: "".into(),
            label,
        };
        let identity = Arc::new(identity);
        Region { identity, share_mode: None, provenance: Provenance::Measured, quantities }
    }

    fn cell(least: u64, mean: u64, most: u64) -> Cell {
        Cell { least, mean, most }
    }

    #[test]
    fn the_wall_clock_as_it_began_and_what_passed_since_tell_the_minute() {
        let begun = Timestamp { utc_ns: BEGUN.utc_ns + 20_000_000_000, ..BEGUN };
        let places = [0, 39, 40, 99, 100].map(|second| place(begun, tick(second).taken, 60));
        assert_eq!(places, [0, 0, 1, 1, 2]);
        assert_eq!(place(begun, tick(3579).taken, 3600), 0);
        assert_eq!(start_utc_ns(begun, 1, 60), BEGUN.utc_ns + 60_000_000_000);
    }

    #[test]
    fn minutes_with_the_same_figures_and_quantities_with_the_same_share_a_row() {
        let values = [3, 4, 5, 8, 8, 8, 8, 8, 8, 1].map(Some);
        let (ticks, sums) = chunk(0, types::STACK, &values);
        let rows = rows(&spans(BEGUN, 60, &ticks, &sums), 3600, |place| place != 3);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.place, row.run, row.samples, row.quantities, row.cell))
            .collect();
        let regions = 1 << Measure::Regions.place();
        let expected = [
            (0, 1, 3, SIZES, cell(3, 4, 5)),
            (0, 3, 9, regions, cell(1, 1, 1)),
            (1, 2, 6, SIZES, cell(8, 8, 8)),
            (3, 1, 1, SIZES, cell(1, 1, 1)),
            (3, 1, 1, regions, cell(1, 1, 1)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn an_unknown_value_makes_its_minute_unknown() {
        let (ticks, sums) = chunk(0, types::STACK, &[Some(1), None, Some(1), Some(1)]);
        let spans = spans(BEGUN, 60, &ticks, &sums);
        let stack = &spans[&0].types[&types::STACK];
        assert_eq!(stack[0], None);
        assert_eq!(stack[Measure::Regions.place()], Some(cell(1, 1, 1)));
        assert_eq!(spans[&1].types[&types::STACK][0], Some(cell(1, 1, 1)));
    }

    #[test]
    fn two_parts_of_a_minute_are_one() {
        let (ticks, sums) = chunk(0, types::STACK, &[Some(2), Some(4)]);
        let first = spans(BEGUN, 60, &ticks, &sums).remove(&0).unwrap();
        let (ticks, sums) = chunk(40, types::TEXT, &[Some(9)]);
        let second = spans(BEGUN, 60, &ticks, &sums).remove(&0).unwrap();
        let both = first.merge(second);
        assert_eq!(both.samples, 3);
        assert_eq!(both.types[&types::STACK][0], Some(cell(0, 2, 4)));
        assert_eq!(both.types[&types::TEXT][0], Some(cell(0, 3, 9)));
    }
}
