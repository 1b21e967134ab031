//! The figures that recorded limits bound, over time: totals of the process and of its control group,
//! and private writable memory, which is summed over regions.

use std::sync::Arc;

use vmrec_sampler::{Family, Protection};
use vmrec_store::{KindKey, KindsBlock, Measure, Sample};

use crate::limits::LimitKind;
use crate::metric::Metric;
use crate::series::Series;
use crate::series::builder::{KeyedSums, SeriesBuilder};
use crate::series::by::By;
use crate::series::tick::{SeriesTick, TickState, missed};
use crate::trend::{Trend, TrendOptions};

/// The word of Linux for a mapping that grows down, as the main stack does.
const GROWS_DOWN: &str = "gd";
/// Its word for a private mapping.
const PRIVATE: &str = "p";

impl Trend {
    /// Returns the trend of a figure that a limit bounds; `None` if it has no sample.
    pub fn bounded(kind: LimitKind, figure: &Series, options: &TrendOptions) -> Option<Self> {
        let subject = kind.words().to_owned();
        Some(Self { subject, ..Self::of(figure, options)? })
    }
}

/// Returns the figure that a limit bounds of samples in order, as far as they have it.
pub fn bounded_series(kind: LimitKind, samples: &[Sample]) -> Series {
    let tick = |sample: &Sample| SeriesTick {
        number: sample.number,
        taken: sample.taken,
        state: TickState::of(&sample.state),
    };
    Series {
        metric: kind.metric(),
        by: By::Family,
        ticks: Arc::new(samples.iter().map(tick).collect()),
        keys: Vec::new(),
        unknown: Vec::new(),
        totals: samples.iter().map(|sample| kind.used(sample)).collect(),
        gaps: Vec::new(),
        missed: 0,
        torn_left_out: false,
        rest: None,
    }
}

/// Sums private writable memory from sums by kind of region, as Linux counts it for `RLIMIT_DATA`.
#[derive(Debug)]
pub struct DataSums {
    builder: SeriesBuilder,
    measures: Vec<Measure>,
}

impl DataSums {
    /// Creates the sums for a recording with a planned time between samples.
    pub fn new(interval_ns: u64) -> Self {
        let builder = SeriesBuilder::new(&[Metric::Virtual], By::Family, interval_ns);
        Self { measures: builder.measures().to_vec(), builder }
    }

    /// Returns which columns the blocks must have, in this order.
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// Adds the samples of a block.
    pub fn push(&mut self, block: &KindsBlock) {
        let sums = block.kinds.iter().filter(|of| is_data(&of.kind)).map(|of| KeyedSums {
            family: Family::Malloc,
            name: LimitKind::Data.key(),
            merged: 1,
            columns: &of.columns,
        });
        self.builder.add_missed(missed(&block.ticks));
        self.builder.add_keyed(block.ticks.iter().map(SeriesTick::of), sums);
    }

    /// Returns the sums; `None` if there were no samples.
    pub fn finish(self) -> Option<Series> {
        self.builder.finish().pop()
    }
}

/// Returns whether memory of a kind counts as data: private, writable, and no stack that grows.
fn is_data(kind: &KindKey) -> bool {
    let mut words = kind.flags.split(' ');
    kind.protection.contains(Protection::WRITE)
        && words.next() == Some(PRIVATE)
        && words.all(|word| word != GROWS_DOWN)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vmrec_sampler::{Region, types};

    use super::*;
    use crate::fixture;

    fn region(at: u64, protection: Protection, flags: &str) -> Region {
        let start = at << 20;
        let region = fixture::region(start..start + (at << 12), types::MALLOC_BRK, None, &[]);
        let mut identity = (*region.identity).clone();
        (identity.protection, identity.flags) = (protection, flags.into());
        Region { identity: Arc::new(identity), ..region }
    }

    #[test]
    fn data_is_private_and_writable_and_no_stack() {
        let both = Protection::READ.union(Protection::WRITE);
        let regions = vec![
            region(1, both, "p rd wr mr mw me ac"),
            region(2, Protection::READ, "p rd mr mw me"),
            region(4, both, "s rd wr sh mr mw me ms"),
            region(8, both, "p rd wr mr mw me gd ac"),
            region(16, both, "p rd wr mr mw me ac sd"),
        ];
        let mut sums = DataSums::new(1);
        let samples = [(1, Some(regions)), (2, None), (3, Some(Vec::new()))];
        sums.push(&fixture::kinds_block(&samples, sums.measures()));
        let series = sums.finish().unwrap();
        let values: Vec<_> = series.totals.iter().collect();
        assert_eq!(values, [Some(17 << 12), None, Some(0)]);
    }

    #[test]
    fn a_figure_that_rises_has_a_time_left_to_its_limit() {
        let mut samples = Vec::new();
        for number in 1..=40_u64 {
            let mut sample = fixture::samples().remove(0);
            sample.number = number;
            sample.taken.monotonic_ns = number * 1_000_000_000;
            sample.totals.cgroup_bytes = Some((100 + number * 2) << 20);
            sample.totals.cgroup_file_bytes = Some(number << 20);
            samples.push(sample);
        }
        let options = TrendOptions {
            naming: vmrec_sampler::Naming::Linux,
            min_samples: 20,
            warm_up: true,
            marks: Vec::new(),
        };
        let kind = LimitKind::ControlGroup;
        let trend = Trend::bounded(kind, &bounded_series(kind, &samples), &options).unwrap();
        let crate::trend::limit::TimeLeft::In { ns, .. } = trend.time_left(200 << 20) else {
            panic!("{trend:?}")
        };
        assert_eq!(ns / 1_000_000_000, 60);
        let kind = LimitKind::AddressSpace;
        let trend = Trend::bounded(kind, &bounded_series(kind, &samples), &options).unwrap();
        assert_eq!(trend.total.course, crate::trend::course::TrendCourse::Unknown);
    }
}
