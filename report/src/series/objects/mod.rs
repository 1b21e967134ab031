//! Sums by object over time, from those by kind of region: no sums by object are stored.
//!
//! Most objects are files whose sums change rarely, so runs of equal values are kept until all
//! samples are read. The reserved part of an object is an object of its own, as in sums by
//! family.

pub(crate) mod named;
pub(crate) mod owner;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use vmrec_sampler::{Family, Naming, RegionType};
use vmrec_store::{KindKey, KindSums, KindsBlock, Measure, Run, Runs};

use crate::diff::group::ObjectKey;
use crate::error::Error;
use crate::metric::Metric;
use crate::series::Series;
use crate::series::builder::{KeyedSums, SeriesBuilder};
use crate::series::by::By;
use crate::series::filter::{REST, TypeFilter};
use crate::series::tick::{SeriesTick, missed};
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
    only: Option<TypeFilter>,
    /// The sums over types that are not counted.
    rest: ObjectColumns,
    objects: Vec<ObjectColumns>,
    by_key: HashMap<(bool, ObjectKey), usize>,
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
    /// The highest sum, for the choice of those to keep.
    peak: u64,
}

impl ObjectColumns {
    fn new(key: ObjectKey, family: Family, measures: usize) -> Self {
        Self { key, family, length: 0, columns: vec![Runs::default(); measures], peak: 0 }
    }

    /// Extends the columns with zeros to some length.
    fn pad(&mut self, length: usize) {
        if length > self.length {
            let missing = length - self.length;
            self.columns.iter_mut().for_each(|column| column.push(Some(0), missing));
            self.length = length;
        }
    }

    /// Appends the sums of some snapshots.
    fn append(&mut self, columns: &[Runs], snapshots: usize) {
        for (column, more) in self.columns.iter_mut().zip(columns) {
            for Run { value, times } in more.iter() {
                column.push(value, times);
                self.peak = self.peak.max(value.unwrap_or(0));
            }
        }
        self.length += snapshots;
    }

    fn runs(&self) -> usize {
        self.columns.iter().map(Runs::count).sum()
    }
}

impl ObjectSums {
    /// Creates sums of these metrics for a recording with a planned time between samples.
    pub fn new(metrics: &[Metric], naming: Naming, interval_ns: u64) -> Self {
        let builder = SeriesBuilder::new(metrics, By::Object, interval_ns);
        let (family, name) = REST;
        let rest = ObjectKey::Type(RegionType::named(name, family));
        Self {
            measures: builder.measures().to_vec(),
            only: None,
            rest: ObjectColumns::new(rest, family, builder.measures().len()),
            builder,
            naming,
            ticks: Vec::new(),
            snapshots: 0,
            missed: 0,
            objects: Vec::new(),
            by_key: HashMap::new(),
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

    /// Counts the regions of some types only, as [`SeriesBuilder::only`] does.
    #[must_use]
    pub fn only(mut self, only: Option<TypeFilter>) -> Self {
        self.builder = self.builder.only(only.clone());
        self.only = only;
        self
    }

    /// Returns which columns the blocks must have, in this order.
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// Adds the samples of a block with columns of [`ObjectSums::measures`].
    pub fn push(&mut self, block: &KindsBlock) -> Result<(), Error> {
        self.missed = self.missed.saturating_add(missed(&block.ticks));
        self.ticks.extend(block.ticks.iter().map(SeriesTick::of));
        // The rest has no index.
        let mut sums: BTreeMap<Option<usize>, Cow<'_, [Runs]>> = BTreeMap::new();
        for KindSums { kind, columns } in &block.kinds {
            let counted = self.only.as_ref().is_none_or(|only| only.has(&kind.label.region_type));
            match sums.entry(counted.then(|| self.index_of(kind))) {
                Entry::Vacant(entry) => drop(entry.insert(Cow::Borrowed(columns))),
                Entry::Occupied(mut entry) => {
                    let both = entry.get().iter().zip(columns);
                    *entry.get_mut() = both.map(|(one, other)| one.sum(other)).collect();
                }
            }
        }
        let snapshots = block.ticks.iter().filter(|tick| tick.has_regions()).count();
        for (index, columns) in sums {
            let object = match index {
                Some(index) => &mut self.objects[index],
                None => &mut self.rest,
            };
            object.pad(self.snapshots);
            let before = object.runs();
            object.append(&columns, snapshots);
            self.runs += object.runs() - before;
        }
        self.snapshots += snapshots;
        match block.ticks.last() {
            Some(last) if self.runs > self.limits.runs => {
                Err(Error::TooManyChanges { changes: self.runs, number: last.number })
            }
            _ => Ok(()),
        }
    }

    /// Returns the series, one for each metric in the order they were asked for.
    pub fn finish(mut self) -> Vec<Series> {
        let all = self.objects.iter_mut().chain([&mut self.rest]);
        all.for_each(|object| object.pad(self.snapshots));
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
        let (family, name) = REST;
        sums.push(KeyedSums { family, name, merged: 1, columns: &self.rest.columns });
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

    /// Returns the index of the object that regions of a kind belong to.
    fn index_of(&mut self, kind: &KindKey) -> usize {
        let family = kind.label.region_type.family();
        let key = ObjectKey::of_kind(kind);
        let next = self.objects.len();
        let index = *self.by_key.entry((family == Family::Reserved, key.clone())).or_insert(next);
        if index == next {
            self.objects.push(ObjectColumns::new(key, family, self.measures.len()));
        }
        index
    }
}
