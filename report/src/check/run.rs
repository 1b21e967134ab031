//! The figures of one recording that limits are on.

use crate::check::limit::{Figure, Subject};
use crate::metric::Metric;
use crate::series::Series;
use crate::series::objects::named::ObjectSeries;
use crate::series::tick::SeriesKey;
use crate::slope::Slope;

/// One recording, or a part of it, as limits see it.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name for display: the process and the recording.
    pub name: String,
    /// Its sums by type, one series for each metric that a limit is on.
    pub series: Vec<Series>,
    /// The sums of the objects that limits are on.
    pub objects: ObjectSeries,
    /// The estimates of the stacks that limits are on.
    pub stacks: Option<Series>,
    /// How many mappings the process might have at the end, if that was recorded.
    pub max_mappings: Option<u64>,
}

/// A figure as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// The figure.
    pub(crate) value: f64,
    /// The interval of a slope.
    pub(crate) interval: Option<(f64, f64)>,
    /// The sample it is of, where it is of one: when that was taken.
    pub(crate) at_utc_ns: Option<i64>,
    /// The number of samples it is from.
    pub(crate) samples: usize,
}

/// Why there is no figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmeasured {
    /// So many samples are too few.
    TooFew(usize),
    /// The metric is unknown in so many samples.
    Unknown(usize),
}

impl Run {
    /// Returns the types of the recording, of all metrics.
    pub(crate) fn keys(&self) -> Vec<SeriesKey> {
        let known = self.series.iter().flat_map(|series| series.keys.iter().map(|key| &key.key));
        let mut keys: Vec<SeriesKey> =
            known.chain(self.series.iter().flat_map(|series| &series.unknown)).cloned().collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Returns whether an object had this name at any time.
    pub(crate) fn has_object(&self, of: &Subject) -> bool {
        let known = self
            .objects
            .series
            .iter()
            .flat_map(|series| series.keys.iter().map(|key| &key.key).chain(&series.unknown));
        known.into_iter().any(|key| of.has(key))
    }

    /// Returns whether a function of a stack has this name.
    pub(crate) fn has_stack(&self, of: &Subject) -> bool {
        self.stacks.iter().flat_map(|series| &series.keys).any(|key| of.has(&key.key))
    }

    /// Measures a figure; a slope needs `min_samples`.
    pub(crate) fn measure(
        &self,
        metric: Metric,
        of: &Subject,
        figure: Figure,
        min_samples: usize,
    ) -> Result<Measured, Unmeasured> {
        let all = match of {
            Subject::Object(_) => &self.objects.series,
            Subject::Stack(_) => self.stacks.as_slice(),
            Subject::Total | Subject::Family(_) | Subject::Type(_) => &self.series,
        };
        let Some(series) = all.iter().find(|series| series.metric == metric) else {
            return Err(Unmeasured::TooFew(0));
        };
        let values = values(series, of)?;
        if values.len() < figure.needed_samples(min_samples) {
            return Err(Unmeasured::TooFew(values.len()));
        }
        let first = values.first().map_or(0, |(_, value)| *value) as f64;
        let last = values.last().map_or(0, |(_, value)| *value) as f64;
        let measured =
            Measured { value: 0.0, interval: None, at_utc_ns: None, samples: values.len() };
        Ok(match figure {
            Figure::Highest => {
                let highest = values.iter().rev().max_by_key(|(_, value)| *value);
                let (index, value) = highest.copied().unwrap_or_default();
                let at_utc_ns = series.ticks.get(index).map(|tick| tick.taken.utc_ns);
                Measured { value: value as f64, at_utc_ns, ..measured }
            }
            Figure::Growth => Measured { value: last - first, ..measured },
            Figure::Slope { per_ns } => {
                let points: Vec<(u64, u64)> = values
                    .iter()
                    .map(|(index, value)| (series.elapsed_ns(*index), *value))
                    .collect();
                let slope = Slope::of(&points).ok_or(Unmeasured::TooFew(values.len()))?;
                let [value, low, high] =
                    [slope.median, slope.low, slope.high].map(|each| each * per_ns as f64);
                Measured { value, interval: Some((low, high)), ..measured }
            }
        })
    }
}

/// Returns the index and the sum of each sample, all of them known.
fn values(series: &Series, of: &Subject) -> Result<Vec<(usize, u64)>, Unmeasured> {
    if series.unknown.iter().any(|key| of.has(key)) {
        return Err(Unmeasured::Unknown(series.ticks.len()));
    }
    let keys: Vec<_> = series.keys.iter().filter(|key| of.has(&key.key)).collect();
    let mut values = Vec::with_capacity(series.ticks.len());
    let mut unknown = 0;
    for index in (0..series.ticks.len()).filter(|index| series.counts(*index)) {
        let sum = match of {
            Subject::Total => series.totals.get(index),
            _ => keys.iter().try_fold(0_u64, |sum, key| sum.checked_add(key.values.get(index)?)),
        };
        match sum {
            Some(sum) => values.push((index, sum)),
            None => unknown += 1,
        }
    }
    if unknown > 0 { Err(Unmeasured::Unknown(unknown)) } else { Ok(values) }
}
