//! Sums by object over time, from the regions of every sample: no such sums are stored.
//!
//! Most objects are files whose sums change rarely, so runs of equal values are kept until all
//! samples are read. The reserved part of an object is an object of its own, as in sums by
//! family.

pub(crate) mod named;
pub(crate) mod owner;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use vmrec_sampler::{Family, Identity, Naming, Region, Snapshot};
use vmrec_store::{Measure, Runs, Sample, SampleState};

use crate::diff::group::ObjectKey;
use crate::error::Error;
use crate::metric::Metric;
use crate::series::Series;
use crate::series::builder::{KeyedSums, SeriesBuilder};
use crate::series::by::By;
use crate::series::tick::{SeriesTick, TickState};
use crate::series::torn::TornValues;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// The maximum number of runs, 24 bytes each.
    runs: usize,
    /// The maximum number of values of a finished series, 4 bytes each.
    values: usize,
    /// The number of objects kept whatever they take.
    objects: usize,
}

const LIMITS: Limits = Limits { runs: 1 << 24, values: 1 << 24, objects: 64 };
/// The number of identities to remember the objects of.
const MAX_IDENTITIES: usize = 1 << 16;
/// The name of all objects that are too many to keep one by one.
const OTHERS: &str = "other objects";

/// Sums the regions of samples by object.
#[derive(Debug)]
pub struct ObjectSums {
    builder: SeriesBuilder,
    measures: Vec<Measure>,
    naming: Naming,
    ticks: Vec<SeriesTick>,
    /// The number of samples that were not missed.
    snapshots: usize,
    missed: u64,
    objects: Vec<ObjectColumns>,
    by_key: HashMap<(bool, ObjectKey), usize>,
    /// The object of each identity seen lately, by its address: it is kept, so that no other one
    /// gets that address.
    by_identity: HashMap<*const Identity, (Arc<Identity>, usize)>,
    /// How many runs the columns have, but for those of zeros.
    runs: usize,
    limits: Limits,
}

#[derive(Debug)]
struct ObjectColumns {
    key: ObjectKey,
    family: Family,
    /// How many values its columns have.
    length: usize,
    /// One for each measure.
    columns: Vec<Runs>,
    /// The sums of the current sample.
    sums: Vec<Option<u64>>,
    /// The highest sum, for the choice of those to keep.
    peak: u64,
}

impl ObjectColumns {
    /// Extends the columns with zeros to some length.
    fn pad(&mut self, length: usize) {
        if length > self.length {
            let missing = length - self.length;
            self.columns.iter_mut().for_each(|column| column.push(Some(0), missing));
            self.length = length;
        }
    }

    fn runs(&self) -> usize {
        self.columns.iter().map(Runs::count).sum()
    }
}

impl ObjectSums {
    /// Creates sums of these metrics for a recording with a planned time between samples.
    pub fn new(metrics: &[Metric], naming: Naming, interval_ns: u64) -> Self {
        let builder = SeriesBuilder::new(metrics, By::Object, interval_ns);
        Self {
            measures: builder.measures().to_vec(),
            builder,
            naming,
            ticks: Vec::new(),
            snapshots: 0,
            missed: 0,
            objects: Vec::new(),
            by_key: HashMap::new(),
            by_identity: HashMap::new(),
            runs: 0,
            limits: LIMITS,
        }
    }

    /// Decides about the values of torn samples, as [`SeriesBuilder::torn`] does.
    #[must_use]
    pub fn torn(mut self, torn: TornValues) -> Self {
        self.builder = self.builder.torn(torn);
        self
    }

    /// Adds a sample with its regions, or one without.
    pub fn push(&mut self, sample: &Sample, snapshot: Option<&Snapshot>) -> Result<(), Error> {
        let state = TickState::of(&sample.state);
        if let SampleState::Missed { ticks, .. } = sample.state {
            self.missed = self.missed.saturating_add(ticks);
        }
        self.ticks.push(SeriesTick { number: sample.number, taken: sample.taken, state });
        let Some(snapshot) = snapshot else { return Ok(()) };
        let mut touched = Vec::new();
        for region in &snapshot.regions {
            let index = self.index_of(region);
            let object = &mut self.objects[index];
            if object.length <= self.snapshots {
                object.pad(self.snapshots);
                object.length += 1;
                object.sums.fill(Some(0));
                touched.push(index);
            }
            for (sum, measure) in object.sums.iter_mut().zip(&self.measures) {
                *sum = sum.zip(measure.of(region)).map(|(sum, value)| sum.saturating_add(value));
            }
        }
        self.snapshots += 1;
        for index in touched {
            let object = &mut self.objects[index];
            let before = object.runs();
            for (column, sum) in object.columns.iter_mut().zip(&object.sums) {
                column.push(*sum, 1);
            }
            self.runs += object.runs() - before;
            let highest = object.sums.iter().flatten().copied().max();
            object.peak = object.peak.max(highest.unwrap_or(0));
        }
        if self.runs > self.limits.runs {
            return Err(Error::TooManyChanges { changes: self.runs, number: sample.number });
        }
        Ok(())
    }

    /// Returns the series, one for each metric in the order they were asked for.
    pub fn finish(mut self) -> Vec<Series> {
        self.objects.iter_mut().for_each(|object| object.pad(self.snapshots));
        // Each object kept has a value for every sample and metric.
        let fit = self.limits.values / (self.ticks.len() * self.measures.len()).max(1);
        let mut by_peak: Vec<usize> = (0..self.objects.len()).collect();
        by_peak.sort_by_key(|index| Reverse(self.objects[*index].peak));
        let too_many = by_peak.split_off(by_peak.len().min(fit.max(self.limits.objects)));

        let names = self.names();
        let own = |index: usize| {
            let ObjectColumns { family, columns, .. } = &self.objects[index];
            KeyedSums { family: *family, name: &names[index], merged: 1, columns }
        };
        let mut sums: Vec<KeyedSums<'_>> = by_peak.iter().map(|index| own(*index)).collect();
        let (reserved, others): (Vec<usize>, Vec<usize>) =
            too_many.into_iter().partition(|at| self.objects[*at].family == Family::Reserved);
        for (family, indexes) in [(Family::VmAllocate, others), (Family::Reserved, reserved)] {
            let merged = indexes.len() as u64;
            sums.extend(indexes.into_iter().map(|index| match merged {
                1 => own(index),
                _ => KeyedSums { family, name: OTHERS, merged, ..own(index) },
            }));
        }
        self.builder.add_missed(self.missed);
        self.builder.add_keyed(self.ticks.iter().copied(), sums.into_iter());
        self.builder.finish()
    }

    /// Returns the name of each object.
    fn names(&self) -> Vec<String> {
        let names = ObjectKey::names(self.objects.iter().map(|object| &object.key), self.naming);
        let named = |(name, object): (String, &ObjectColumns)| match (object.family, &object.key) {
            (_, ObjectKey::Type(_)) => name,
            (Family::Reserved, _) => format!("{name} (reserved)"),
            _ => name,
        };
        names.into_iter().zip(&self.objects).map(named).collect()
    }

    /// Returns the index of the object that a region belongs to.
    fn index_of(&mut self, region: &Region) -> usize {
        let identity = Arc::as_ptr(&region.identity);
        if let Some((_, index)) = self.by_identity.get(&identity) {
            return *index;
        }
        let family = region.identity.label.region_type.family();
        let key = ObjectKey::of(region);
        let next = self.objects.len();
        let index = *self.by_key.entry((family == Family::Reserved, key.clone())).or_insert(next);
        if index == next {
            self.objects.push(ObjectColumns {
                key,
                family,
                length: 0,
                columns: vec![Runs::default(); self.measures.len()],
                sums: vec![Some(0); self.measures.len()],
                peak: 0,
            });
        }
        if self.by_identity.len() >= MAX_IDENTITIES {
            self.by_identity.clear();
        }
        self.by_identity.insert(identity, (Arc::clone(&region.identity), index));
        index
    }
}
