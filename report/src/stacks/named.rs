//! The resident bytes, or live blocks, of all stacks that have a function of some name, over time: estimates.

use std::collections::HashMap;

use vmrec_sampler::{Family, StackMetric, StackNode};
use vmrec_store::LiveStacks;

use crate::metric::Metric;
use crate::series::Series;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::tick::{KeySeries, SeriesKey};
use crate::stacks::Frames;
use crate::stacks::names::is_called;
use crate::stacks::over_time::explaining;

/// Sums stacks by the names of their functions. A stack with two of them counts for both.
#[derive(Debug)]
pub struct NamedStacks {
    /// The sums by type.
    base: Series,
    frames: Frames,
    names: Vec<String>,
    /// For each stack, the indexes of the names that it has.
    names_of: HashMap<u32, Vec<usize>>,
    /// One for each name.
    columns: Vec<SeriesColumn>,
    /// The estimates from the last stacks on.
    current: Vec<u64>,
    /// The metric of the stacks.
    metric: Metric,
}

impl NamedStacks {
    /// Creates sums at the samples of `base`, the resident bytes by type.
    pub fn new(base: Series, nodes: Vec<StackNode>, names: Vec<String>) -> Self {
        Self {
            frames: Frames::new(nodes),
            names_of: HashMap::new(),
            columns: vec![SeriesColumn::default(); names.len()],
            current: vec![0; names.len()],
            metric: base.metric,
            base,
            names,
        }
    }

    /// Adds stacks that are good from the sample `number` on.
    pub fn push(&mut self, number: u64, live: &LiveStacks) {
        self.until(number);
        self.current.fill(0);
        if live.leading() == StackMetric::Live {
            self.metric = Metric::Live;
        }
        for row in explaining(live) {
            let (frames, names) = (&self.frames, &self.names);
            let found = self.names_of.entry(row.stack).or_insert_with(|| {
                let has = |name: &String| has(frames, row.stack, name);
                (0..names.len()).filter(|index| has(&names[*index])).collect()
            });
            for index in found {
                self.current[*index] = self.current[*index].saturating_add(row.bytes);
            }
        }
    }

    /// Adds the values of the samples before `number`.
    fn until(&mut self, number: u64) {
        let begin = self.columns.first().map_or(0, SeriesColumn::len);
        for (at, tick) in self.base.ticks.iter().enumerate().skip(begin) {
            if tick.number >= number {
                break;
            }
            let known = self.base.totals.get(at).is_some();
            for (column, bytes) in self.columns.iter_mut().zip(&self.current) {
                column.push(known.then_some(*bytes));
            }
        }
    }

    /// Returns the series, with a key for each name that a function of the recording has.
    pub fn finish(mut self) -> Series {
        self.until(u64::MAX);
        let Self { base, frames, names, columns, metric, .. } = self;
        let keys = names.into_iter().zip(columns).filter(|(name, _)| frames.has_function(name));
        let keys = keys.map(|(name, values)| KeySeries {
            key: SeriesKey { family: Family::Malloc, name: name.into() },
            merged: 1,
            values,
        });
        Series { metric, by: By::Stack, keys: keys.collect(), unknown: Vec::new(), ..base }
    }
}

fn has(frames: &Frames, stack: u32, name: &str) -> bool {
    frames
        .of(stack)
        .iter()
        .any(|frame| frame.function.as_deref().is_some_and(|it| is_called(it, name)))
}
