//! The facts about a chunk that need none of its groups.

use vmrec_sampler::Timestamp;

use crate::recording::{ResidentSizes, Sample, SampleState};

/// The plain columns of a chunk. It covers the samples `first` to `last`, some of which may be
/// pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChunkHeader {
    /// Number of its first sample, or of the first of the pruned samples before it.
    pub(crate) first: u64,
    /// Number of its last sample, which may be pruned.
    pub(crate) last: u64,
    /// How many samples it holds, missed ones included.
    pub(crate) samples: u64,
    /// How many of them have regions.
    pub(crate) snapshots: u64,
    /// How many of those are torn.
    pub(crate) torn: u64,
    /// How many have the regions of an earlier sample.
    pub(crate) unchanged: u64,
    /// How many have carried sizes besides their mappings and resident pages.
    pub(crate) cheap: u64,
    /// How many of its samples hold the totals of the process alone.
    pub(crate) totals_alone: u64,
    /// Ticks of the schedule that passed without a sample.
    pub(crate) missed_ticks: u64,
    /// When its first and last sample were taken; `None` if it holds none.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    /// The earliest and latest wall-clock time of its samples.
    pub(crate) utc_ns: Option<(i64, i64)>,
    /// CPU time spent on taking its samples.
    pub(crate) cost_cpu_ns: u64,
    /// Wall-clock time spent on taking its samples.
    pub(crate) cost_wall_ns: u64,
    /// The largest footprint of its samples: of torn ones only if it is known in no other.
    pub(crate) max_footprint_bytes: Option<u64>,
    /// The resident sizes of its samples.
    pub(crate) resident: ResidentSizes,
}

impl ChunkHeader {
    /// Returns the header of a chunk that covers all samples from `first` on, of which `samples`
    /// are left.
    pub(crate) fn of(first: u64, last: u64, samples: &[Sample]) -> Self {
        let mut header = Self { first, last, samples: samples.len() as u64, ..Self::default() };
        for sample in samples {
            let utc = sample.taken.utc_ns;
            let (min, max) = header.utc_ns.unwrap_or((utc, utc));
            header.utc_ns = Some((min.min(utc), max.max(utc)));
            header.span =
                Some((header.span.map_or(sample.taken, |(begin, _)| begin), sample.taken));
            header.snapshots += u64::from(sample.has_regions());
            match &sample.state {
                SampleState::Complete => {}
                SampleState::Cheap => header.cheap += 1,
                SampleState::Unchanged => header.unchanged += 1,
                SampleState::Torn(_) => header.torn += 1,
                SampleState::TotalsAlone(_) => header.totals_alone += 1,
                SampleState::Missed { ticks, .. } => {
                    header.missed_ticks = header.missed_ticks.saturating_add(*ticks);
                }
            }
            header.cost_cpu_ns = header.cost_cpu_ns.saturating_add(sample.cost.cpu_ns);
            header.cost_wall_ns = header.cost_wall_ns.saturating_add(sample.cost.wall_ns);
        }
        let taken = samples.iter().filter(|sample| sample.is_taken());
        let footprint = |sample: &Sample| sample.totals.footprint_bytes;
        let peak = taken.fold(None, |peak, next| next.higher(peak, footprint));
        header.max_footprint_bytes = peak.and_then(footprint);
        header.resident = ResidentSizes::of(samples);
        header
    }

    /// Returns how many of its snapshots means and extremes are of: torn ones only if all are.
    pub(crate) const fn counted(&self) -> u64 {
        if self.torn < self.snapshots { self.snapshots - self.torn } else { self.snapshots }
    }

    /// Returns how many of its samples were taken, with or without regions.
    pub(crate) const fn taken(&self) -> u64 {
        self.snapshots.saturating_add(self.totals_alone)
    }
}
