//! The changes of all stacks as other programs take them: frames by number, each stack once,
//! outermost frame first. What no stack explains is a stack of one frame, so that all sum to the
//! change exactly.

use std::collections::{BTreeMap, HashMap};

use vmrec_sampler::StackFrame;

use crate::stacks::{StackDiff, frame_name};
use crate::text::escape;

/// The frame of the change that no stack explains.
pub(crate) const UNATTRIBUTED: &str = "[unattributed]";
/// The frame of stacks that could not be unwound.
const UNKNOWN_STACK: &str = "[stack unknown]";
/// The frame of stacks beyond [`MAX_FRAMES`], which only damaged files have.
const OTHER_STACKS: &str = "[other stacks]";
/// The maximum number of frames of all stacks.
const MAX_FRAMES: usize = 1 << 22;

/// A function, or an address whose function is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PathFrame {
    /// Its name, without what steers a terminal.
    pub(crate) name: String,
    /// The file that holds it.
    pub(crate) module: Option<String>,
    /// Its address in that file, if its function is unknown.
    pub(crate) offset: Option<u64>,
    /// Whether its name is that of a function.
    pub(crate) is_function: bool,
}

/// The change by one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Numbers of frames, outermost first; never none.
    pub(crate) frames: Vec<usize>,
    pub(crate) delta_bytes: i128,
    /// The variance of the change, in square pages.
    pub(crate) variance: u64,
}

/// The changes of all stacks. The last path is the change that no stack explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StackPaths {
    pub(crate) frames: Vec<PathFrame>,
    pub(crate) paths: Vec<Path>,
    /// Whether the last path is part of a whole that is known otherwise.
    has_whole: bool,
}

impl Path {
    pub(crate) fn magnitude_bytes(&self) -> u64 {
        u64::try_from(self.delta_bytes.unsigned_abs()).unwrap_or(u64::MAX)
    }
}

impl StackPaths {
    /// Joins the rows whose frames are equal; those of few samples are not summed up here.
    pub(crate) fn new(diff: &StackDiff) -> Self {
        let mut numbers: HashMap<PathFrame, usize> = HashMap::new();
        let mut frames = Vec::new();
        let mut number = |frame: PathFrame| {
            *numbers.entry(frame).or_insert_with_key(|frame| {
                frames.push(frame.clone());
                frames.len() - 1
            })
        };
        let mut joined: BTreeMap<Vec<usize>, (i128, u64)> = BTreeMap::new();
        let mut left = MAX_FRAMES;
        for row in diff.rows.iter().chain(&diff.few_rows) {
            let frames = if left > 0 { diff.frames(row.stack) } else { Vec::new() };
            let mut path: Vec<usize> =
                frames.iter().rev().map(|frame| number(path_frame(frame))).collect();
            if path.is_empty() {
                path.push(number(made_up(if left > 0 { UNKNOWN_STACK } else { OTHER_STACKS })));
            }
            left = left.saturating_sub(path.len());
            let (delta, variance) = joined.entry(path).or_default();
            *delta += row.delta();
            *variance = variance.saturating_add(row.variance);
        }
        let path = |(frames, (delta_bytes, variance))| Path { frames, delta_bytes, variance };
        let mut paths: Vec<Path> = joined.into_iter().map(path).collect();
        let last = number(made_up(UNATTRIBUTED));
        paths.push(Path { frames: vec![last], delta_bytes: diff.unattributed, variance: 0 });
        Self { frames, paths, has_whole: diff.metric.has_whole() }
    }

    /// Returns what no stack explains, and the stacks.
    pub(crate) fn split(&self) -> (i128, &[Path]) {
        match self.paths.split_last() {
            Some((rest, stacks)) => (rest.delta_bytes, stacks),
            None => (0, &[]),
        }
    }

    /// Returns the sums of growth and of shrinking.
    pub(crate) fn sums(&self) -> Sums {
        let (unattributed_bytes, stacks) = self.split();
        let sum = |sign: i128| {
            let of_sign = stacks.iter().filter(|path| path.delta_bytes.signum() == sign);
            of_sign.map(|path| path.delta_bytes.unsigned_abs()).sum()
        };
        let has_whole = self.has_whole;
        Sums { grown_bytes: sum(1), shrunk_bytes: sum(-1), unattributed_bytes, has_whole }
    }
}

/// All growth and all shrinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) grown_bytes: u128,
    pub(crate) shrunk_bytes: u128,
    pub(crate) unattributed_bytes: i128,
    /// Whether there is a whole that holds the unattributed.
    pub(crate) has_whole: bool,
}

impl Sums {
    /// Returns the part that `bytes` are of all that grew (1) or shrank (-1), be it attributed or
    /// not, in percent.
    pub(crate) fn share(&self, sign: i128, bytes: u128) -> f64 {
        let side = if sign < 0 { self.shrunk_bytes } else { self.grown_bytes };
        let rest = self.unattributed_bytes;
        let rest = if rest.signum() == sign { rest.unsigned_abs() } else { 0 };
        bytes as f64 / ((side + rest).max(1)) as f64 * 100.0
    }
}

fn path_frame(frame: &StackFrame) -> PathFrame {
    PathFrame {
        name: escape::terminal(&frame_name(frame)).into_owned(),
        module: frame.module.as_deref().map(|path| escape::terminal(path).into_owned()),
        offset: frame.offset.filter(|_| frame.function.is_none()),
        is_function: frame.function.is_some(),
    }
}

fn made_up(name: &str) -> PathFrame {
    PathFrame { name: name.to_owned(), module: None, offset: None, is_function: false }
}
