//! Sums samples by key as they come, keeping nothing else of them.

use std::sync::Arc;

use vmrec_sampler::{Family, Region, Snapshot};
use vmrec_store::{Sample, SampleState};

use super::{By, Column, KeySeries, Series, SeriesKey, Tick, TickState, gap};
use crate::metric::Metric;

/// Builds the series of one or more metrics from samples in the order of time.
#[derive(Debug)]
pub struct SeriesBuilder {
    metrics: Vec<Metric>,
    by: By,
    interval_ns: u64,
    ticks: Vec<Tick>,
    keys: Vec<Key>,
    /// Places in `keys` of each family: a type is looked for among few names.
    by_family: [Vec<usize>; Family::ALL.len()],
    /// One for each key and metric, key by key.
    sums: Vec<Sum>,
}

#[derive(Debug)]
struct Key {
    key: SeriesKey,
    /// One for each metric.
    columns: Vec<Column>,
    /// For each metric, whether it was ever known of a region that was there.
    known: Vec<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    value: u64,
    present: bool,
    unknown: bool,
}

impl SeriesBuilder {
    /// Creates a builder for these metrics of a recording with a planned time between samples.
    pub fn new(metrics: &[Metric], by: By, interval_ns: u64) -> Self {
        Self {
            metrics: metrics.to_vec(),
            by,
            interval_ns,
            ticks: Vec::new(),
            keys: Vec::new(),
            by_family: Default::default(),
            sums: Vec::new(),
        }
    }

    /// Adds a sample with its snapshot; `None` if it was missed or its regions cannot be read.
    pub fn push(&mut self, sample: &Sample, snapshot: Option<&Snapshot>) {
        let snapshot = snapshot.filter(|_| sample.has_regions());
        self.sums.fill(Sum::default());
        for region in snapshot.into_iter().flat_map(|snapshot| &snapshot.regions) {
            self.add(region);
        }
        let metrics = self.metrics.len();
        for (key, sums) in self.keys.iter_mut().zip(self.sums.chunks(metrics.max(1))) {
            for ((sum, column), known) in sums.iter().zip(&mut key.columns).zip(&mut key.known) {
                let measured = snapshot.is_some() && !sum.unknown;
                *known |= sum.present && measured;
                column.push(measured.then_some(sum.value));
            }
        }
        let state = match (&sample.state, snapshot) {
            (SampleState::Missed { .. }, _) | (_, None) => TickState::Missed,
            (SampleState::Torn(_), _) => TickState::Torn,
            (SampleState::Complete, _) => TickState::Complete,
        };
        self.ticks.push(Tick { number: sample.number, taken: sample.taken, state });
    }

    /// Returns the series, one for each metric in the order they were asked for.
    pub fn finish(mut self) -> Vec<Series> {
        let ticks: Arc<[Tick]> = self.ticks.into();
        self.keys.sort_by_key(|key| key.key.family);
        let mut all = Vec::with_capacity(self.metrics.len());
        // From the last metric to the first, so that columns move out instead of being copied.
        for place in (0..self.metrics.len()).rev() {
            let (mut keys, mut unknown) = (Vec::new(), Vec::new());
            for key in &mut self.keys {
                let values = key.columns.pop().unwrap_or_default();
                match key.known[place] {
                    true => keys.push(KeySeries { key: key.key.clone(), values }),
                    false => unknown.push(key.key.clone()),
                }
            }
            let something_known = !keys.is_empty() || unknown.is_empty();
            let empty: Column = ticks
                .iter()
                .map(|tick| (tick.state != TickState::Missed && something_known).then_some(0))
                .collect();
            let totals = keys.iter().fold(empty, |totals, key| totals.plus(&key.values));
            let gaps = gap::find(&ticks, &totals, self.interval_ns);
            let (metric, by) = (self.metrics[place], self.by);
            all.push(Series { metric, by, ticks: Arc::clone(&ticks), keys, unknown, totals, gaps });
        }
        all.reverse();
        all
    }

    fn add(&mut self, region: &Region) {
        let place = self.place(region);
        let first = place * self.metrics.len();
        for (metric, sum) in self.metrics.iter().zip(&mut self.sums[first..]) {
            sum.present = true;
            match metric.of(region) {
                Some(value) => sum.value = sum.value.saturating_add(value),
                None => sum.unknown = true,
            }
        }
    }

    /// The place of the region's key in `keys`, made if it is new.
    fn place(&mut self, region: &Region) -> usize {
        let region_type = &region.identity.label.region_type;
        let family = region_type.family();
        let name = match self.by {
            By::Family => family.name(),
            By::Type => region_type.name(),
        };
        let places = &mut self.by_family[family as usize];
        if let Some(place) = places.iter().find(|place| &*self.keys[**place].key.name == name) {
            return *place;
        }
        // Samples measured before had nothing of this key; of missed ones nothing is known.
        let before: Column =
            self.ticks.iter().map(|tick| (tick.state != TickState::Missed).then_some(0)).collect();
        places.push(self.keys.len());
        self.keys.push(Key {
            key: SeriesKey { family, name: name.into() },
            columns: vec![before; self.metrics.len()],
            known: vec![false; self.metrics.len()],
        });
        self.sums.resize(self.keys.len() * self.metrics.len(), Sum::default());
        self.keys.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmrec_sampler::{
        AddressRange, Confidence, Consistency, Cost, Identity, Label, ProcessTotals, Protection,
        Provenance, Quantities, Quantity, RegionType, Timestamp, types,
    };

    fn region(region_type: RegionType, pages: u64, quantities: Quantities) -> Region {
        let label =
            Label { region_type, detail: None, confidence: Confidence::Sure, rule: "R1".into() };
        let identity = Identity {
            range: AddressRange::new(0, pages << 12),
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

    fn resident(region_type: RegionType, bytes: u64) -> Region {
        region(region_type, 1, Quantities::UNKNOWN.with(Quantity::Resident, bytes))
    }

    fn push(builder: &mut SeriesBuilder, number: u64, regions: Option<Vec<Region>>) {
        let taken = Timestamp { utc_ns: 0, monotonic_ns: number * 1_000_000_000 };
        let missed = SampleState::Missed { ticks: 1, reason: "late".into() };
        let sample = Sample {
            number,
            taken,
            state: regions.as_ref().map_or(missed, |_| SampleState::Complete),
            cost: Cost::default(),
            totals: ProcessTotals::default(),
            regions: regions.as_ref().map(|regions| regions.len() as u64),
        };
        let snapshot = regions.map(|regions| Snapshot {
            taken,
            cost: Cost::default(),
            consistency: Consistency::Complete,
            totals: ProcessTotals::default(),
            regions,
        });
        builder.push(&sample, snapshot.as_ref());
    }

    fn values(series: &Series, name: &str) -> Vec<Option<u64>> {
        let key = series.keys.iter().find(|key| &*key.key.name == name);
        key.map(|key| key.values.iter().collect()).unwrap_or_default()
    }

    #[test]
    fn sums_by_family_and_by_type() {
        for (by, name, expected) in [(By::Family, "image", 30), (By::Type, "__TEXT", 10)] {
            let mut builder = SeriesBuilder::new(&[Metric::Regions, Metric::RESIDENT], by, 1);
            let regions = vec![
                resident(types::TEXT, 10),
                resident(types::DATA, 20),
                resident(types::STACK, 5),
            ];
            push(&mut builder, 1, Some(regions));
            let series = builder.finish();
            assert_eq!(values(&series[1], name), [Some(expected)]);
            assert_eq!(series[1].totals.get(0), Some(35));
            assert_eq!(series[0].totals.get(0), Some(3));
        }
    }

    #[test]
    fn absent_is_zero_but_missed_is_unknown() {
        let mut builder = SeriesBuilder::new(&[Metric::RESIDENT], By::Family, 1_000_000_000);
        push(&mut builder, 1, Some(vec![resident(types::TEXT, 10)]));
        push(&mut builder, 2, None);
        push(&mut builder, 3, Some(vec![resident(types::TEXT, 7), resident(types::STACK, 5)]));
        push(&mut builder, 4, Some(vec![resident(types::STACK, 6)]));
        let series = builder.finish().remove(0);
        assert_eq!(values(&series, "stack"), [Some(0), None, Some(5), Some(6)]);
        assert_eq!(values(&series, "image"), [Some(10), None, Some(7), Some(0)]);
        let growth: Vec<_> = series.keys[0].growth().collect();
        assert_eq!(growth, [Some(0), None, Some(-3), Some(-10)]);
        assert_eq!(series.gaps.len(), 1);
    }

    #[test]
    fn a_metric_no_region_knows_gives_no_key_and_no_total() {
        let mut builder =
            SeriesBuilder::new(&[Metric::PSS, Metric::RESIDENT], By::Family, 1_000_000_000);
        push(&mut builder, 1, Some(vec![]));
        push(&mut builder, 2, Some(vec![resident(types::TEXT, 10)]));
        let series = builder.finish();
        assert_eq!((series[0].keys.len(), series[0].unknown.len()), (0, 1));
        assert_eq!(series[0].totals.last_known(), None);
        assert_eq!(series[1].totals.iter().collect::<Vec<_>>(), [Some(0), Some(10)]);
    }

    #[test]
    fn one_unknown_region_makes_its_key_unknown_there() {
        let mut builder = SeriesBuilder::new(&[Metric::RESIDENT], By::Family, 1_000_000_000);
        push(&mut builder, 1, Some(vec![resident(types::TEXT, 10)]));
        let unknown = region(types::DATA, 1, Quantities::UNKNOWN);
        push(&mut builder, 2, Some(vec![resident(types::TEXT, 10), unknown]));
        let series = builder.finish().remove(0);
        assert_eq!(values(&series, "image"), [Some(10), None]);
        assert_eq!(series.totals.get(1), None);
    }
}
