//! The resident bytes that functions made, over time: estimates, beside what no stack explains. Of a
//! recording of blocks, those that are allocated: all that is known of them is by stack.
//!
//! An area is a function with its caller, whatever called that: an allocator's ways of getting
//! memory, and the callers further out, would be many areas of one cause.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use vmrec_sampler::{Family, LiveStack, StackMetric, StackNode, sort_by_key};
use vmrec_store::LiveStacks;

use crate::metric::Metric;
use crate::series::Series;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::tick::{KeySeries, SeriesKey};
use crate::stacks::names::{brief, first_acting};
use crate::stacks::{Frames, frame_name};
use crate::text::escape;

/// The maximum number of functions kept, each with a value for every sample.
const MAX_GROUPS: usize = 64;
/// The name of all functions that are too many to keep.
const OTHERS: &str = "other stacks";
/// The name of what no stack explains.
const UNATTRIBUTED: &str = "unattributed";

/// The highest estimates of stacks, which say which functions are kept.
#[derive(Clone, Debug, Default)]
pub struct StackPeaks(BTreeMap<u32, u64>);

impl StackPeaks {
    /// Adds the stacks of some samples.
    pub fn see(&mut self, live: &LiveStacks) {
        for row in explaining(live) {
            let peak = self.0.entry(row.stack).or_default();
            *peak = (*peak).max(row.bytes);
        }
    }
}

/// The series under construction.
#[derive(Debug)]
pub struct StacksOverTime {
    /// The sums by type.
    base: Series,
    /// The index of the function that a stack counts for; those of none count for the others.
    group_of: HashMap<u32, usize>,
    names: Vec<String>,
    /// How many functions are summed up as others.
    others: u64,
    /// For each function, then the others and the unattributed.
    columns: Vec<SeriesColumn>,
    /// The estimates of functions and others from the last stacks on.
    current: Vec<u64>,
    /// Their sums, where those are the whole.
    sums: Option<SeriesColumn>,
}

impl StacksOverTime {
    /// Creates a series of the samples of `base`, the resident bytes by type; `metric` is that of the
    /// stacks.
    pub fn new(
        base: Series,
        nodes: Vec<StackNode>,
        peaks: &StackPeaks,
        metric: StackMetric,
    ) -> Self {
        let frames = Frames::new(nodes);
        let mut sums: BTreeMap<String, (u64, Vec<u32>)> = BTreeMap::new();
        for (stack, peak) in &peaks.0 {
            let (sum, stacks) = sums.entry(group(&frames, *stack)).or_default();
            *sum = sum.saturating_add(*peak);
            stacks.push(*stack);
        }
        let mut ranked: Vec<(String, (u64, Vec<u32>))> = sums.into_iter().collect();
        sort_by_key(&mut ranked, |(_, (sum, _))| Reverse(*sum));
        let others = ranked.split_off(ranked.len().min(MAX_GROUPS)).len() as u64;
        let of = |(index, (_, (_, stacks))): (usize, &(String, (u64, Vec<u32>)))| {
            stacks.iter().map(|stack| (*stack, index)).collect::<Vec<_>>()
        };
        let group_of = ranked.iter().enumerate().flat_map(of).collect();
        let names: Vec<String> = ranked.into_iter().map(|(name, _)| name).collect();
        Self {
            columns: vec![SeriesColumn::default(); names.len() + 2],
            current: vec![0; names.len() + 1],
            sums: (metric == StackMetric::Live).then(SeriesColumn::default),
            base,
            group_of,
            names,
            others,
        }
    }

    /// Adds stacks that are good from the sample `number` on.
    pub fn push(&mut self, number: u64, live: &LiveStacks) {
        self.until(number);
        self.current.fill(0);
        let others = self.names.len();
        for row in explaining(live).filter(|row| counts(&self.base, &row.region_type)) {
            let index = self.group_of.get(&row.stack).copied().unwrap_or(others);
            self.current[index] = self.current[index].saturating_add(row.bytes);
        }
    }

    /// Adds the values of the samples before `number`.
    fn until(&mut self, number: u64) {
        let begin = self.columns[0].len();
        let estimated: u128 = self.current.iter().map(|bytes| u128::from(*bytes)).sum();
        for (at, tick) in self.base.ticks.iter().enumerate().skip(begin) {
            if tick.number >= number {
                break;
            }
            let Some(total) = self.base.totals.get(at) else {
                self.columns.iter_mut().chain(&mut self.sums).for_each(|column| column.push(None));
                continue;
            };
            let total = match &mut self.sums {
                Some(sums) => {
                    let sum = u64::try_from(estimated).unwrap_or(u64::MAX);
                    sums.push(Some(sum));
                    sum
                }
                None => total,
            };
            // Estimates may exceed what is there: they are then scaled to it.
            let fit = |bytes: u64| match estimated > u128::from(total) {
                true => (u128::from(bytes) * u128::from(total) / estimated) as u64,
                false => bytes,
            };
            let mut left = total;
            let values = self.current.iter().map(|bytes| fit(*bytes));
            for (column, value) in self.columns.iter_mut().zip(values) {
                left = left.saturating_sub(value);
                column.push(Some(value));
            }
            if let Some(unattributed) = self.columns.last_mut() {
                unattributed.push(Some(left));
            }
        }
    }

    /// Returns the series: its keys sum to the total of each sample.
    pub fn finish(mut self) -> Series {
        self.until(u64::MAX);
        let Self { mut base, names, others, columns, sums, .. } = self;
        if let Some(sums) = sums {
            base = Series { metric: Metric::Live, totals: sums, rest: None, ..base };
        }
        let key = |name: &str, family| SeriesKey { family, name: name.into() };
        // Families give colours alone: grey is for what has no function.
        let mut keys: Vec<(SeriesKey, u64)> =
            names.iter().map(|name| (key(name, Family::Malloc), 1)).collect();
        keys.push((key(OTHERS, Family::Malloc), others));
        keys.push((key(UNATTRIBUTED, Family::Reserved), 1));
        let keys = keys.into_iter().zip(columns);
        let keys = keys.map(|((key, merged), values)| KeySeries { key, merged, values });
        // Without a value above 0 there is nothing to show.
        let keys = keys.filter(|key| key.values.max().is_some_and(|max| max > 0)).collect();
        Series { by: By::Stack, keys, unknown: Vec::new(), ..base }
    }
}

/// Returns the parts of stacks that series are of.
pub(crate) fn explaining(live: &LiveStacks) -> impl Iterator<Item = &LiveStack> {
    let metric = live.leading();
    live.rows.iter().filter(move |row| row.metric == metric)
}

/// Returns whether regions of a type are among those of a series.
fn counts(base: &Series, region_type: &str) -> bool {
    base.rest.is_none() || base.keys.iter().any(|key| *key.key.name == *region_type)
}

/// Returns the function of a stack that acted, with its caller.
fn group(frames: &Frames, stack: u32) -> String {
    let stack = frames.of(stack);
    let first = first_acting(stack.iter().map(|frame| frame.function.as_deref()));
    let names: Vec<String> = stack[first.min(stack.len())..]
        .iter()
        .take(2)
        .map(|frame| brief(&escape::terminal(&frame_name(frame))))
        .collect();
    if names.is_empty() { "stack unknown".to_owned() } else { names.join(" ← ") }
}
