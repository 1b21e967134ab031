//! Plans a page: which samples its chart and table have, and of which it lists every region.
//!
//! A page is one file whatever the length of the recording, so most samples are left out. Those
//! kept are whole: all values of the page at one of them are those of that sample.

use std::collections::BTreeSet;

use vmrec_sampler::Quantity;

use crate::chart::downsample;
use crate::chart::options::{ChartContext, ChartOptions};
use crate::chart::stated::Stated;
use crate::error::Error;
use crate::finding::Finding;
use crate::finding::outcome::Verdict;
use crate::metric::Metric;
use crate::series::Series;
use crate::series::tick::TickState;

/// The metrics of a page, in the order of its tabs.
pub const PAGE_METRICS: [Metric; 7] = [
    Metric::RESIDENT,
    Metric::PRIVATE,
    Metric::Measured(Quantity::Dirty),
    Metric::SWAPPED,
    Metric::Footprint,
    Metric::Virtual,
    Metric::Regions,
];
/// Into how many columns time is cut: the sample of the lowest and that of the highest total of
/// each are kept.
const COLUMNS: usize = 900;
/// The maximum number of marks whose samples are kept.
const MAX_MARKS: usize = 100;
/// The maximum number of samples whose regions are listed.
const MAX_SNAPSHOTS: usize = 40;
/// Of those, how many marks may claim.
const MAX_MARKED: usize = 16;
/// Into how many parts time is cut, with a list of regions at each cut.
const PARTS: u64 = 32;

/// The samples of a page, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePlan {
    /// The sample that changes are counted from at first, and the one they are counted to.
    pub ends: (u64, u64),
    /// Samples to list the regions of, the most important first; the first two are `ends`.
    pub snapshots: Vec<u64>,
    /// All samples of the page, ascending.
    pub samples: BTreeSet<u64>,
}

impl PagePlan {
    /// Plans the page of a recording. The finding is on the first of `series`; `totals` are of the
    /// same samples, and their extremes are kept too.
    pub fn of(
        series: &[Series],
        totals: &[Series],
        options: &ChartOptions,
        context: &ChartContext,
    ) -> Result<Self, Error> {
        let stated = Stated::of(series.first().ok_or(Error::NoSamples)?, series, options, context)?;
        let series = stated.series;
        let known: Vec<usize> =
            (0..series.ticks.len()).filter(|at| series.totals.get(*at).is_some()).collect();
        let at_or_before = |elapsed_ns: u64| {
            let later = known.partition_point(|at| series.elapsed_ns(*at) <= elapsed_ns);
            known.get(later.saturating_sub(1)).copied()
        };
        let marked: Vec<usize> =
            stated.marks.iter().filter_map(|(at, _)| at_or_before(*at)).take(MAX_MARKS).collect();
        let (from, to) = ends(&stated.finding);
        let Finding { first, last, highest, lowest, .. } = &stated.finding;

        let mut snapshots = vec![from, to];
        snapshots.extend([last, first, highest].map(|point| point.index));
        snapshots.extend(known.first().into_iter().chain(known.last()));
        snapshots.extend(spread(&marked, MAX_MARKED));
        let parts = (1..PARTS).map(|part| series.span_ns() / PARTS * part);
        snapshots.extend(parts.filter_map(at_or_before));
        // No figure is of a torn sample, but a cursor may stand on it.
        let is_torn = |at: &usize| series.ticks[*at].state == TickState::Torn;
        let torn: Vec<usize> = (0..series.ticks.len()).filter(is_torn).collect();
        if known.len() + torn.len() <= MAX_SNAPSHOTS {
            snapshots.extend(known.iter().chain(&torn));
        }
        let mut seen = BTreeSet::new();
        snapshots.retain(|at| seen.insert(*at) && seen.len() <= MAX_SNAPSHOTS);

        let counted = stated.counted.totals.iter();
        let thinned =
            downsample::thin(|at| series.elapsed_ns(at), counted, series.span_ns(), COLUMNS);
        let mut kept: BTreeSet<usize> = thinned.kept.into_iter().collect();
        kept.extend([first, last, highest, lowest].map(|point| point.index));
        kept.extend(marked);
        kept.extend(&snapshots);
        kept.extend(totals.iter().flat_map(extremes));
        kept.extend(spread(&torn, MAX_MARKS));
        let number = |at: &usize| series.ticks.get(*at).map(|tick| tick.number);
        Ok(Self {
            ends: (number(&from).unwrap_or(0), number(&to).unwrap_or(0)),
            snapshots: snapshots.iter().filter_map(number).collect(),
            samples: kept.iter().filter_map(number).collect(),
        })
    }
}

/// Returns the ticks that a finding compares: what peaked is best understood at its peak.
fn ends(finding: &Finding) -> (usize, usize) {
    let to = match finding.verdict {
        Verdict::Peaked => finding.highest,
        Verdict::Dipped => finding.lowest,
        _ => finding.last,
    };
    (finding.first.index, to.index)
}

/// Returns up to `count` of `all`, evenly.
fn spread(all: &[usize], count: usize) -> impl Iterator<Item = usize> + '_ {
    let step = all.len().div_ceil(count).max(1);
    all.iter().step_by(step).copied()
}

/// Returns the ticks of the highest and of the lowest total.
fn extremes(series: &Series) -> impl Iterator<Item = usize> {
    let known = || series.totals.iter().enumerate().filter_map(|(at, total)| Some((total?, at)));
    let highest = known().max_by_key(|(total, at)| (*total, std::cmp::Reverse(*at)));
    highest.into_iter().chain(known().min()).map(|(_, at)| at)
}
