//! Which call stacks made memory resident, or mapped it, between two times.
//!
//! Resident bytes are estimates from sampled page faults, mapped ones those of each call. What they
//! do not explain of the change is *unattributed*, so that all rows add up to the change exactly.

pub(crate) mod choice;
pub(crate) mod document;
pub(crate) mod flame;
pub(crate) mod folded;
pub(crate) mod history;
pub(crate) mod lead;
pub(crate) mod named;
pub(crate) mod names;
pub(crate) mod over_time;
pub(crate) mod paths;
pub(crate) mod pprof;
pub(crate) mod processes;
pub(crate) mod speedscope;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use vmrec_sampler::{StackCounts, StackFrame, StackMetric, StackNode, sort_by_key};
use vmrec_store::LiveStacks;

use crate::stacks::choice::StackChoice;

/// Rows of fewer samples at both times say little and are summed up, unless each fault was sampled.
const FEW_SAMPLES: u64 = 3;
/// The bytes of the pages that variances count.
const UNIT_BYTES: f64 = 4096.0;

/// The change of the part of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackRow {
    /// The stack.
    pub stack: u32,
    /// The bytes at both times.
    pub bytes: [u64; 2],
    /// The sampled pages, mappings or calls behind that.
    pub samples: [u64; 2],
    /// The variance of the change, in square pages.
    variance: u64,
}

impl StackRow {
    /// Returns the change.
    pub fn delta(&self) -> i128 {
        i128::from(self.bytes[1]) - i128::from(self.bytes[0])
    }

    /// Returns the number behind the bytes: of those there at the second time, or that came since the first.
    pub(crate) fn count(&self, metric: StackMetric) -> u64 {
        match metric.counts_up() {
            true => self.samples[1].saturating_sub(self.samples[0]),
            false => self.samples[1],
        }
    }

    /// Returns the standard error of the change, in bytes.
    pub fn error_bytes(&self) -> u64 {
        error_bytes(self.variance)
    }

    fn is_sure(&self) -> bool {
        self.variance == 0 || self.samples.iter().any(|samples| *samples >= FEW_SAMPLES)
    }
}

fn error_bytes(variance: u64) -> u64 {
    ((variance as f64).sqrt() * UNIT_BYTES).round() as u64
}

/// The changes of all stacks. The rows, `few` and `unattributed` sum to `total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackDiff {
    frames: Frames,
    /// The quantity.
    pub metric: StackMetric,
    /// By change, large movers first.
    pub rows: Vec<StackRow>,
    /// The number and sum of stacks of too few samples.
    pub few: (u64, i128),
    few_rows: Vec<StackRow>,
    /// The change that no stack explains.
    pub unattributed: i128,
    /// The change of the snapshots' bytes; exact. Of a metric that has no whole there, that of all rows.
    pub total: i128,
    /// How complete the samples are at both times.
    pub counts: [StackCounts; 2],
    /// Whether the outermost frame of each stack is its process.
    has_processes: bool,
}

impl StackDiff {
    /// Compares the stacks of two samples; `whole_bytes` are those of [`StackChoice::whole_bytes`].
    pub fn new(
        nodes: Vec<StackNode>,
        live: [&LiveStacks; 2],
        choice: StackChoice<'_>,
        whole_bytes: [u64; 2],
    ) -> Self {
        let mut rows: BTreeMap<u32, StackRow> = BTreeMap::new();
        for (at, live) in live.iter().enumerate() {
            for one in live.rows.iter().filter(|row| choice.has(row)) {
                let row = rows.entry(one.stack).or_insert_with(|| StackRow {
                    stack: one.stack,
                    bytes: [0; 2],
                    samples: [0; 2],
                    variance: 0,
                });
                row.bytes[at] = row.bytes[at].saturating_add(one.bytes);
                row.samples[at] = row.samples[at].saturating_add(one.samples);
                // Variances grow with all that comes and goes.
                row.variance = match at {
                    0 => row.variance.saturating_add(one.variance),
                    _ => row.variance,
                };
            }
        }
        let mut later: HashMap<u32, u64> = HashMap::new();
        for one in live[1].rows.iter().filter(|row| choice.has(row)) {
            let sum = later.entry(one.stack).or_default();
            *sum = sum.saturating_add(one.variance);
        }
        for row in rows.values_mut() {
            let after = later.get(&row.stack).copied().unwrap_or(row.variance);
            row.variance = after.abs_diff(row.variance);
        }
        let (mut sure, few): (Vec<_>, Vec<_>) = rows
            .into_values()
            .filter(|row| row.bytes[0] != row.bytes[1] || row.variance > 0)
            .partition(StackRow::is_sure);
        sort_by_key(&mut sure, |row| (std::cmp::Reverse(row.delta().abs()), row.stack));
        let sum = |rows: &[StackRow]| rows.iter().map(StackRow::delta).sum::<i128>();
        let attributed = sum(&sure) + sum(&few);
        let total = match choice.metric.has_whole() {
            true => i128::from(whole_bytes[1]) - i128::from(whole_bytes[0]),
            false => attributed,
        };
        Self {
            metric: choice.metric,
            unattributed: total - attributed,
            few: (few.len() as u64, sum(&few)),
            few_rows: few,
            rows: sure,
            total,
            counts: live.map(|live| live.counts),
            frames: Frames::new(nodes),
            has_processes: false,
        }
    }

    /// Compares the stacks of a sample with none: all that is there, or was since the begin.
    pub fn of_one(
        nodes: Vec<StackNode>,
        live: &LiveStacks,
        choice: StackChoice<'_>,
        whole_bytes: u64,
    ) -> Self {
        let nothing = LiveStacks { counts: live.counts.at_begin(), ..LiveStacks::default() };
        Self::new(nodes, [&nothing, live], choice, [0, whole_bytes])
    }

    /// Returns the frames of a stack, innermost first.
    pub(crate) fn frames(&self, stack: u32) -> Vec<&StackFrame> {
        self.frames.of(stack)
    }
}

/// The frames of all stacks of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frames(HashMap<u32, StackNode>);

impl Frames {
    pub(crate) fn new(nodes: Vec<StackNode>) -> Self {
        Self(nodes.into_iter().map(|node| (node.id, node)).collect())
    }

    /// Returns whether a function of any stack has a name.
    pub(crate) fn has_function(&self, name: &str) -> bool {
        let functions = self.0.values().filter_map(|node| node.frame.function.as_deref());
        functions.into_iter().any(|function| names::is_called(function, name))
    }

    /// Returns the frames of a stack, innermost first.
    pub(crate) fn of(&self, stack: u32) -> Vec<&StackFrame> {
        let mut frames = Vec::new();
        let mut next = stack;
        // Callers have smaller numbers: damaged files have no endless stacks.
        while let Some(node) = self.0.get(&next) {
            frames.push(&node.frame);
            if node.parent >= next {
                break;
            }
            next = node.parent;
        }
        frames
    }
}

/// Returns the name of a frame: its function, or the file and address it is in.
pub(crate) fn frame_name(frame: &StackFrame) -> String {
    let module = frame.module.as_deref().map(|path| path.rsplit('/').next().unwrap_or(path));
    match (&frame.function, module, frame.offset) {
        (Some(function), ..) => function.clone(),
        (None, Some(module), Some(offset)) => format!("{module}+{offset:#x}"),
        (None, Some(module), None) => module.to_owned(),
        (None, None, _) => "[unknown code]".to_owned(),
    }
}
