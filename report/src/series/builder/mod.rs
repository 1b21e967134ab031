//! Sums over time from sums by type, keeping nothing else of them.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use vmrec_sampler::Family;
use vmrec_store::{Measure, Run, Runs, SumsBlock, TypeSums};

use crate::metric::Metric;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::filter::{REST, TypeFilter};
use crate::series::tick::{KeySeries, SeriesKey, SeriesTick, missed};
use crate::series::torn::{self, TornValues};
use crate::series::{Series, gap};

/// The number of samples to reserve room for before any is read: a file may claim more than it has.
const MAX_RESERVED: usize = 1 << 20;

/// Builds the series of one or more metrics from sums in the order of time.
#[derive(Clone, Debug)]
pub struct SeriesBuilder {
    metrics: Vec<Metric>,
    /// The columns that blocks must have: the number of regions, then the parts of the metrics.
    measures: Vec<Measure>,
    /// For each metric, the indexes in `measures` of its parts.
    parts: Vec<Vec<usize>>,
    by: By,
    interval_ns: u64,
    torn: TornValues,
    only: Option<TypeFilter>,
    ticks: Vec<SeriesTick>,
    missed: u64,
    keys: Vec<KeyColumns>,
    /// Indexes in `keys` of each family: a type is looked for among few names.
    by_family: [Vec<usize>; Family::ALL.len()],
}

#[derive(Clone, Debug)]
struct KeyColumns {
    key: SeriesKey,
    merged: u64,
    /// Index of the first tick at which it has regions.
    first: usize,
    /// One for each metric.
    columns: Vec<SeriesColumn>,
    /// For each metric, whether it was ever known of a region that was there.
    known: Vec<bool>,
}

impl SeriesBuilder {
    /// Creates a builder for these metrics of a recording with a planned time between samples.
    pub fn new(metrics: &[Metric], by: By, interval_ns: u64) -> Self {
        let mut measures = vec![Measure::Regions];
        let parts = metrics
            .iter()
            .map(|metric| {
                metric
                    .measures()
                    .into_iter()
                    .map(|part| measure_index(&mut measures, part))
                    .collect()
            })
            .collect();
        Self {
            metrics: metrics.to_vec(),
            measures,
            parts,
            by,
            interval_ns,
            torn: TornValues::LeftOut,
            only: None,
            ticks: Vec::new(),
            missed: 0,
            keys: Vec::new(),
            by_family: Default::default(),
        }
    }

    /// Decides about the values of torn samples, which are left out without it.
    #[must_use]
    pub const fn torn(mut self, torn: TornValues) -> Self {
        self.torn = torn;
        self
    }

    /// Counts the regions of some types only, and sums all others up as the rest.
    #[must_use]
    pub fn only(mut self, only: Option<TypeFilter>) -> Self {
        self.only = only;
        self
    }

    /// Makes room for this many samples at once: growing copies what there is.
    pub fn reserve(&mut self, samples: u64) {
        let samples = usize::try_from(samples).unwrap_or(usize::MAX).min(MAX_RESERVED);
        self.ticks.reserve_exact(samples);
    }

    /// Returns which columns the blocks must have, in this order.
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// Adds the samples of a block with columns of [`SeriesBuilder::measures`].
    pub fn push(&mut self, block: &SumsBlock) {
        self.add_missed(missed(&block.ticks));
        self.add(block.ticks.iter().map(SeriesTick::of), &block.types);
    }

    /// Adds ticks, and sums by type with a value for each one that has regions.
    pub(crate) fn add(&mut self, ticks: impl IntoIterator<Item = SeriesTick>, types: &[TypeSums]) {
        let (by, only) = (self.by, self.only.clone());
        let keyed = types.iter().map(|of| {
            let family = of.region_type.family();
            let (family, name) = match by {
                _ if only.as_ref().is_some_and(|only| !only.has(&of.region_type)) => REST,
                By::Family => (family, family.name()),
                // Stored sums know no objects, and are of one process.
                _ => (family, of.region_type.name()),
            };
            KeyedSums { family, name, merged: 1, columns: &of.columns }
        });
        self.add_keyed(ticks, keyed);
    }

    /// Counts planned samples that were not taken.
    pub(crate) fn add_missed(&mut self, missed: u64) {
        self.missed = self.missed.saturating_add(missed);
    }

    /// Adds ticks, and sums by key with a value for each one that has regions.
    pub(crate) fn add_keyed<'a>(
        &mut self,
        ticks: impl IntoIterator<Item = SeriesTick>,
        sums: impl Iterator<Item = KeyedSums<'a>>,
    ) {
        let begin = self.ticks.len();
        self.ticks.extend(ticks);
        let ticks = &self.ticks[begin..];
        let at = stretches(begin, ticks);
        for column in self.keys.iter_mut().flat_map(|key| &mut key.columns) {
            add_nothing(column, ticks);
        }
        // For each key that some of the types belong to, whether it has regions, value by value.
        let mut present: Vec<(usize, Vec<bool>)> = Vec::new();
        for of in sums {
            let Some(first) = of.columns.iter().filter_map(first_there).min() else { continue };
            let Some(first) = tick_of(&at, first) else { continue };
            let index = self.key_index(&of, first);
            let key = &mut self.keys[index];
            for (parts, column) in self.parts.iter().zip(&mut key.columns) {
                for part in parts {
                    add_runs(column, &at, &of.columns[*part]);
                }
            }
            if key.known.iter().all(|known| *known) {
                continue;
            }
            let of_key = match present.iter().position(|(other, _)| *other == index) {
                Some(known) => known,
                None => {
                    present.push((index, vec![false; self.ticks.len() - begin]));
                    present.len() - 1
                }
            };
            for column in of.columns {
                for_each_stretch(&at, column, |stretch, value| {
                    if value != Some(0) {
                        present[of_key].1[stretch.start - begin..stretch.end - begin].fill(true);
                    }
                });
            }
        }
        for (index, present) in present {
            let key = &mut self.keys[index];
            for (known, column) in key.known.iter_mut().zip(&key.columns) {
                *known |=
                    (begin..).zip(&present).any(|(at, there)| *there && column.get(at).is_some());
            }
        }
    }

    /// Returns the series, one for each metric in the order they were asked for.
    pub fn finish(mut self) -> Vec<Series> {
        let ticks = Arc::new(self.ticks);
        self.keys.sort_by(|a, b| {
            let order = |key: &KeyColumns| (key.key.family, key.first);
            order(a).cmp(&order(b)).then_with(|| a.key.name.cmp(&b.key.name))
        });
        let mut all = Vec::with_capacity(self.metrics.len());
        // From the last metric to the first, so that columns move out instead of being copied.
        for index in (0..self.metrics.len()).rev() {
            let (mut keys, mut unknown, mut rest) = (Vec::new(), Vec::new(), None);
            for key in &mut self.keys {
                let values = key.columns.pop().unwrap_or_default();
                match key.known[index] {
                    _ if (key.key.family, &*key.key.name) == REST => rest = Some(values),
                    true => {
                        keys.push(KeySeries { key: key.key.clone(), merged: key.merged, values })
                    }
                    false => unknown.push(key.key.clone()),
                }
            }
            let something_known = !keys.is_empty() || unknown.is_empty();
            let mut totals = SeriesColumn::with_capacity(ticks.len());
            match something_known {
                true => add_nothing(&mut totals, &ticks),
                false => totals.push_times(None, ticks.len()),
            }
            keys.iter().for_each(|key| totals.add(&key.values));
            let rest = self.only.is_some().then(|| {
                rest.unwrap_or_else(|| {
                    let mut nothing = SeriesColumn::with_capacity(ticks.len());
                    add_nothing(&mut nothing, &ticks);
                    nothing
                })
            });
            let torn_left_out =
                self.torn == TornValues::LeftOut && torn::leave_out(&ticks, &mut keys, &mut totals);
            let gaps = gap::find(&ticks, &totals, self.interval_ns);
            let (metric, by) = (self.metrics[index], self.by);
            let (ticks, missed) = (Arc::clone(&ticks), self.missed);
            all.push(Series {
                metric,
                by,
                ticks,
                keys,
                unknown,
                totals,
                rest,
                gaps,
                missed,
                torn_left_out,
            });
        }
        all.reverse();
        all
    }

    /// The index of a key in `keys`, made if it is new; it has regions at tick `first`.
    fn key_index(&mut self, of: &KeyedSums<'_>, first: usize) -> usize {
        let KeyedSums { family, name, merged, .. } = *of;
        let indexes = &mut self.by_family[family as usize];
        if let Some(index) = indexes.iter().find(|index| &*self.keys[**index].key.name == name) {
            let key = &mut self.keys[*index];
            key.first = key.first.min(first);
            return *index;
        }
        // Samples measured before had nothing of this key.
        let before = || {
            let mut column = SeriesColumn::with_capacity(self.ticks.capacity());
            add_nothing(&mut column, &self.ticks);
            column
        };
        indexes.push(self.keys.len());
        self.keys.push(KeyColumns {
            key: SeriesKey { family, name: name.into() },
            merged,
            first,
            columns: self.metrics.iter().map(|_| before()).collect(),
            known: vec![false; self.metrics.len()],
        });
        self.keys.len() - 1
    }
}

/// The sums of one key: one column for each of [`SeriesBuilder::measures`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyedSums<'a> {
    pub(crate) family: Family,
    pub(crate) name: &'a str,
    /// See [`KeySeries::merged`].
    pub(crate) merged: u64,
    pub(crate) columns: &'a [Runs],
}

/// The index of a measure among `measures`, added if it is new.
fn measure_index(measures: &mut Vec<Measure>, measure: Measure) -> usize {
    measures.iter().position(|known| *known == measure).unwrap_or_else(|| {
        measures.push(measure);
        measures.len() - 1
    })
}

/// Returns the value of a key without regions at a tick; unknown at one whose regions are.
fn nothing(tick: &SeriesTick) -> Option<u64> {
    tick.state.has_regions().then_some(0)
}

/// Adds to a column what a key without regions measures at these ticks.
fn add_nothing(column: &mut SeriesColumn, ticks: &[SeriesTick]) {
    for ticks in ticks.chunk_by(|a, b| nothing(a) == nothing(b)) {
        column.push_times(ticks.first().and_then(nothing), ticks.len());
    }
}

/// Returns the stretches of ticks that have values, those that have regions; the first is at `begin`.
fn stretches(begin: usize, ticks: &[SeriesTick]) -> Vec<Range<usize>> {
    let mut at = begin;
    let mut stretches = Vec::new();
    for ticks in ticks.chunk_by(|a, b| nothing(a) == nothing(b)) {
        if ticks.first().is_some_and(|tick| nothing(tick).is_some()) {
            stretches.push(at..at + ticks.len());
        }
        at += ticks.len();
    }
    stretches
}

/// Returns the tick of a value.
fn tick_of(stretches: &[Range<usize>], mut value: usize) -> Option<usize> {
    for stretch in stretches {
        if value < stretch.len() {
            return Some(stretch.start + value);
        }
        value -= stretch.len();
    }
    None
}

/// Returns the first value that is not 0.
fn first_there(column: &Runs) -> Option<usize> {
    let mut at = 0;
    for Run { value, times } in column.iter() {
        if value != Some(0) && times > 0 {
            return Some(at);
        }
        at += times;
    }
    None
}

/// Calls `each` with the stretches of ticks that have the same value.
fn for_each_stretch(
    stretches: &[Range<usize>],
    column: &Runs,
    mut each: impl FnMut(Range<usize>, Option<u64>),
) {
    let mut stretches = stretches.iter().cloned();
    let mut at = 0..0;
    for Run { value, mut times } in column.iter() {
        while times > 0 {
            if at.is_empty() {
                let Some(next) = stretches.next() else { return };
                at = next;
            }
            let end = at.end.min(at.start + times);
            times -= end - at.start;
            each(at.start..end, value);
            at.start = end;
        }
    }
}

/// Adds values to those of a column at their ticks.
fn add_runs(column: &mut SeriesColumn, stretches: &[Range<usize>], runs: &Runs) {
    for_each_stretch(stretches, runs, |stretch, value| match stretch.len() {
        _ if value == Some(0) => {}
        1 => column.add_one(stretch.start, value),
        _ => column.add_at(stretch, value),
    });
}
