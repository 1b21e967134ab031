//! One run: its sums over time, the part of them that counts, and its figures.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use vmrec_sampler::Snapshot;

use crate::check::run::Unmeasured;
use crate::series::Series;
use crate::series::objects::owner::ObjectOwner;
use crate::series::tick::SeriesKey;
use crate::slope::{ENOUGH_SAMPLES, Slope};

/// The number of snapshots that the growth of objects is derived from.
const OBJECT_SNAPSHOTS: usize = 60;
/// Nanoseconds of the time that growth is per.
pub(crate) const MINUTE_NS: f64 = 60e9;

/// One recording, or a part of it, on one side.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    /// Its name for display: the process and the recording.
    pub name: String,
    /// Planned time between samples, in nanoseconds.
    pub interval_ns: u64,
    /// The machine's architecture and the size of its pages.
    pub machine: (String, u64),
    /// Sums by family or type, also before the part that counts.
    series: Series,
    /// The indices of the ticks that count.
    window: Range<usize>,
    /// Where objects are compared: the sums of some samples, by their tick.
    objects: Option<BTreeMap<usize, Sums>>,
}

/// Sums by part at one sample; unknown is `None`.
type Sums = BTreeMap<SeriesKey, Option<u64>>;

/// A value, and the index of the tick it is of.
pub(crate) type At = (usize, u64);

impl ComparedRun {
    /// Creates a run of which the samples with these numbers count.
    pub fn new(
        name: String,
        interval_ns: u64,
        machine: (String, u64),
        series: Series,
        (from, to): (u64, u64),
    ) -> Self {
        let begin = series.ticks.partition_point(|tick| tick.number < from);
        let end = series.ticks.partition_point(|tick| tick.number <= to).max(begin);
        Self { name, interval_ns, machine, series, window: begin..end, objects: None }
    }

    /// Returns the numbers of the samples whose snapshots the objects are derived from: the highest,
    /// the last, and some evenly between.
    pub fn object_samples(&self) -> BTreeSet<u64> {
        let known = self.known().unwrap_or_default();
        let last = known.len().saturating_sub(1);
        let steps = OBJECT_SNAPSHOTS - 1;
        let evenly = (0..=steps).map(|step| step * last / steps);
        let chosen = evenly.filter_map(|at| known.get(at)).copied();
        let chosen = chosen.chain(self.highest().ok()).chain(known.last().copied());
        chosen.filter_map(|(index, _)| Some(self.series.ticks.get(index)?.number)).collect()
    }

    /// Compares by object from now on, and adds the sums of a sample.
    pub fn add_objects(&mut self, number: u64, snapshot: &Snapshot, owner: &ObjectOwner) {
        let objects = self.objects.get_or_insert_default();
        let index = self.series.ticks.partition_point(|tick| tick.number < number);
        let mut sums = Sums::new();
        for region in &snapshot.regions {
            let sum = sums.entry(owner.key(region)).or_insert(Some(0));
            *sum = sum.and_then(|sum| sum.checked_add(self.series.metric.of(region)?));
        }
        objects.insert(index, sums);
    }

    /// Returns how much time counts.
    pub(crate) fn span_ns(&self) -> u64 {
        self.elapsed_ns(self.window.end.saturating_sub(1)).unsigned_abs()
    }

    /// Counts only so much time, from the end backwards or from the begin.
    pub(crate) fn cut(&mut self, span_ns: u64, from_end: bool) {
        let all = self.window.clone();
        let end = self.elapsed_ns(all.end.saturating_sub(1));
        let span = i64::try_from(span_ns).unwrap_or(i64::MAX);
        let inside = |index: &usize| match from_end {
            true => end - self.elapsed_ns(*index) <= span,
            false => self.elapsed_ns(*index) <= span,
        };
        let count = all.clone().filter(inside).count();
        self.window =
            if from_end { all.end - count..all.end } else { all.start..all.start + count };
    }

    /// Returns the time of a tick since the first one that counts; negative before it.
    pub(crate) fn elapsed_ns(&self, index: usize) -> i64 {
        let [at, begin] = [index, self.window.start]
            .map(|index| i64::try_from(self.series.elapsed_ns(index)).unwrap_or(i64::MAX));
        at - begin
    }

    pub(crate) fn series(&self) -> &Series {
        &self.series
    }

    /// Returns the index after the last tick that counts.
    pub(crate) fn end(&self) -> usize {
        self.window.end
    }

    /// Returns how many samples with regions count.
    pub(crate) fn samples(&self) -> usize {
        self.window.clone().filter(|index| self.series.counts(*index)).count()
    }

    /// Returns the total of each sample that counts, all of them known.
    fn known(&self) -> Result<Vec<At>, Unmeasured> {
        let samples = self.samples();
        if !self.series.unknown.is_empty() {
            return Err(Unmeasured::Unknown(samples));
        }
        let total = |index| Some((index, self.series.totals.get(index)?));
        let known: Vec<At> = self.window.clone().filter_map(total).collect();
        match samples - known.len() {
            0 => Ok(known),
            unknown => Err(Unmeasured::Unknown(unknown)),
        }
    }

    /// Returns the last of the highest totals.
    pub(crate) fn highest(&self) -> Result<At, Unmeasured> {
        self.known()?.into_iter().max_by_key(|(_, value)| *value).ok_or(Unmeasured::TooFew(0))
    }

    /// Returns the last total.
    pub(crate) fn last(&self) -> Result<At, Unmeasured> {
        self.known()?.last().copied().ok_or(Unmeasured::TooFew(0))
    }

    /// Returns the slope of the total.
    pub(crate) fn slope(&self) -> Result<Slope, Unmeasured> {
        self.slope_of(&self.known()?)
    }

    fn slope_of(&self, values: &[At]) -> Result<Slope, Unmeasured> {
        if values.len() < ENOUGH_SAMPLES {
            return Err(Unmeasured::TooFew(values.len()));
        }
        let point = |(index, value): &At| (self.series.elapsed_ns(*index), *value);
        let points: Vec<(u64, u64)> = values.iter().map(point).collect();
        Slope::of(&points).ok_or(Unmeasured::TooFew(values.len()))
    }

    /// Returns the names of the parts that are there at any time, known or not.
    pub(crate) fn keys(&self) -> BTreeSet<SeriesKey> {
        match &self.objects {
            Some(objects) => objects.values().flat_map(BTreeMap::keys).cloned().collect(),
            None => {
                let known = self.series.keys.iter().map(|key| &key.key);
                known.chain(&self.series.unknown).cloned().collect()
            }
        }
    }

    /// Returns a part's sum at a tick; 0 if it is not there.
    pub(crate) fn part(&self, key: &SeriesKey, index: usize) -> Option<u64> {
        if let Some(objects) = &self.objects {
            return objects.get(&index)?.get(key).copied().unwrap_or(Some(0));
        }
        if self.series.unknown.contains(key) {
            return None;
        }
        match self.series.keys.iter().find(|of| of.key == *key) {
            Some(of) => of.values.get(index),
            None => Some(0),
        }
    }

    /// Returns the slope of a part.
    pub(crate) fn part_slope(&self, key: &SeriesKey) -> Option<Slope> {
        let values: Option<Vec<At>> = match &self.objects {
            Some(objects) => {
                objects.keys().map(|index| Some((*index, self.part(key, *index)?))).collect()
            }
            None if self.series.unknown.contains(key) => None,
            None => match self.series.keys.iter().find(|of| of.key == *key) {
                None => return self.slope().ok().map(|_| Slope::FLAT),
                Some(of) => {
                    let taken = |index: &usize| self.series.counts(*index);
                    let at = |index| Some((index, of.values.get(index)?));
                    self.window.clone().filter(taken).map(at).collect()
                }
            },
        };
        self.slope_of(&values?).ok()
    }
}
