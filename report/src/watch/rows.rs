//! The rows of a live view: one for each type.

use std::collections::BTreeMap;

use vmrec_sampler::{Family, sort_by};

use crate::metric::Metric;
use crate::series::Series;
use crate::series::column::SeriesColumn;
use crate::series::tick::{SeriesKey, TickState};

/// The number of samples that a row's trail has.
pub const WATCH_TRAIL: usize = 10;

/// A sample that changes are counted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchBase {
    /// Its number in the recording.
    pub number: u64,
    /// Its total.
    pub total: Option<u64>,
    /// The value of each type, and its number of regions.
    values: BTreeMap<SeriesKey, [Option<u64>; 2]>,
}

impl WatchBase {
    /// Returns the base at the tick `at` of a metric and of [`Metric::Regions`]; `None` if that has no regions.
    pub fn of(metric: &Series, regions: &Series, at: usize) -> Option<Self> {
        let tick = metric.ticks.get(at).filter(|tick| tick.state.has_regions())?;
        let mut values: BTreeMap<SeriesKey, [Option<u64>; 2]> = BTreeMap::new();
        // A type of which nothing is known is not one that is not there.
        for key in &metric.unknown {
            values.insert(key.clone(), [None, None]);
        }
        for (index, series) in [metric, regions].into_iter().enumerate() {
            for of in &series.keys {
                values.entry(of.key.clone()).or_insert([Some(0); 2])[index] = of.values.get(at);
            }
        }
        Some(Self { number: tick.number, total: metric.totals.get(at), values })
    }

    fn get(&self, key: &SeriesKey) -> [Option<u64>; 2] {
        self.values.get(key).copied().unwrap_or([Some(0); 2])
    }
}

/// One type at one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRow {
    /// The type.
    pub key: SeriesKey,
    /// Its value.
    pub now: Option<u64>,
    /// Its value less that of the base.
    pub since_base: Option<i128>,
    /// How much it changes in a minute, from the first to the last value known of its trail.
    pub per_minute: Option<i128>,
    /// Its last values, the newest last; fewer than [`WATCH_TRAIL`] at the begin of a recording.
    pub trail: Vec<Option<u64>>,
    /// The number of its regions.
    pub regions: Option<u64>,
    /// That less the number at the base.
    pub regions_since: Option<i128>,
}

/// Returns the rows of a metric and of [`Metric::Regions`] at the tick `at`: what moved furthest since
/// the base first. Types that are neither there nor were at the base have none.
pub fn watch_rows(metric: &Series, regions: &Series, at: usize, base: &WatchBase) -> Vec<WatchRow> {
    let regions_of: BTreeMap<&SeriesKey, &SeriesColumn> =
        regions.keys.iter().map(|of| (&of.key, &of.values)).collect();
    let from = (at + 1).saturating_sub(WATCH_TRAIL);
    let known = metric.keys.iter().map(|of| (&of.key, Some(&of.values)));
    let mut rows: Vec<WatchRow> = known
        .chain(metric.unknown.iter().map(|key| (key, None)))
        .map(|(key, values)| {
            let trail: Vec<Option<u64>> =
                (from..=at).map(|index| values.and_then(|values| values.get(index))).collect();
            let now = trail.last().copied().flatten();
            let regions = regions_of.get(key).and_then(|values| values.get(at));
            let [base_value, base_regions] = base.get(key);
            WatchRow {
                key: key.clone(),
                now,
                since_base: less(now, base_value),
                per_minute: per_minute(metric, from, &trail),
                trail,
                regions,
                regions_since: less(regions, base_regions),
            }
        })
        .filter(|row| {
            row.regions != Some(0) || row.since_base != Some(0) || row.regions_since != Some(0)
        })
        .collect();
    let moved = |row: &WatchRow| row.since_base.map_or(0, i128::unsigned_abs);
    sort_by(&mut rows, |a, b| {
        moved(b).cmp(&moved(a)).then(b.now.cmp(&a.now)).then_with(|| a.key.cmp(&b.key))
    });
    rows
}

/// Returns how long the trail up to the tick `at` is, in nanoseconds.
pub fn watch_trail_ns(series: &Series, at: usize) -> u64 {
    let from = (at + 1).saturating_sub(WATCH_TRAIL);
    series.elapsed_ns(at).saturating_sub(series.elapsed_ns(from))
}

/// Returns the series without what is address space alone, if it is one of virtual sizes: that may
/// be a thousand times the rest.
pub fn watch_counted(mut series: Series) -> Series {
    if series.metric != Metric::Virtual {
        return series;
    }
    series.keys.retain(|of| of.key.family != Family::Reserved);
    let mut totals: SeriesColumn = (0..series.ticks.len())
        .map(|index| (series.ticks[index].state != TickState::Missed).then_some(0))
        .collect();
    series.keys.iter().for_each(|of| totals.add(&of.values));
    series.totals = totals;
    series
}

fn less(now: Option<u64>, base: Option<u64>) -> Option<i128> {
    Some(i128::from(now?) - i128::from(base?))
}

fn per_minute(series: &Series, from: usize, trail: &[Option<u64>]) -> Option<i128> {
    const MINUTE_NS: i128 = 60_000_000_000;
    let mut known = (from..).zip(trail).filter_map(|(tick, value)| Some((tick, (*value)?)));
    let (first, last) = (known.next()?, known.last()?);
    let elapsed = series.elapsed_ns(last.0).checked_sub(series.elapsed_ns(first.0))?;
    ((i128::from(last.1) - i128::from(first.1)) * MINUTE_NS).checked_div(i128::from(elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::fixture::{regions, series};

    #[test]
    fn a_row_has_its_change_since_the_base_and_its_rate_of_late() {
        let values: Vec<_> = (0..30).map(|second| Some(second * 1024)).collect();
        let (sizes, numbers) = (series(&values, 1), regions(30, 1));
        let base = WatchBase::of(&sizes, &numbers, 5).unwrap();
        let rows = watch_rows(&sizes, &numbers, 29, &base);
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.now, row.since_base), (Some(29 * 1024), Some(24 * 1024)));
        assert_eq!(row.per_minute, Some(60 * 1024));
        assert_eq!(row.trail.len(), WATCH_TRAIL);
        assert_eq!((row.regions, row.regions_since), (Some(1), Some(0)));
        assert_eq!(watch_trail_ns(&sizes, 29), 9_000_000_000);
    }

    #[test]
    fn unknown_is_not_zero() {
        let (sizes, numbers) = (series(&[Some(4096), None, Some(8192)], 1), regions(3, 1));
        assert_eq!(WatchBase::of(&sizes, &numbers, 1), None, "it was missed");
        let base = WatchBase::of(&sizes, &numbers, 0).unwrap();
        let missed = &watch_rows(&sizes, &numbers, 1, &base)[0];
        assert_eq!((missed.now, missed.since_base, missed.per_minute), (None, None, None));
        assert_eq!(missed.trail, [Some(4096), None]);
    }

    #[test]
    fn a_type_that_came_counts_from_zero() {
        let (sizes, numbers) = (series(&[Some(0), Some(4096)], 1), regions(2, 1));
        let none = WatchBase { number: 1, total: Some(0), values: BTreeMap::new() };
        let row = &watch_rows(&sizes, &numbers, 1, &none)[0];
        assert_eq!((row.since_base, row.regions_since), (Some(4096), Some(1)));
    }
}
