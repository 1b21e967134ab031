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

/// A function, or an address whose function is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PathFrame {
    /// Its name, without what steers a terminal.
    pub(crate) name: String,
    /// The file that holds it.
    pub(crate) module: Option<String>,
    /// Its address in that file, if its function is unknown.
    pub(crate) offset: Option<u64>,
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
        for row in diff.rows.iter().chain(&diff.few_rows) {
            let mut path: Vec<usize> =
                diff.frames(row.stack).into_iter().rev().map(|it| number(path_frame(it))).collect();
            if path.is_empty() {
                path.push(number(made_up(UNKNOWN_STACK)));
            }
            let (delta, variance) = joined.entry(path).or_default();
            *delta += row.delta();
            *variance = variance.saturating_add(row.variance);
        }
        let path = |(frames, (delta_bytes, variance))| Path { frames, delta_bytes, variance };
        let mut paths: Vec<Path> = joined.into_iter().map(path).collect();
        let last = number(made_up(UNATTRIBUTED));
        paths.push(Path { frames: vec![last], delta_bytes: diff.unattributed, variance: 0 });
        Self { frames, paths }
    }

    /// Returns what no stack explains, and the stacks.
    pub(crate) fn split(&self) -> (i128, &[Path]) {
        match self.paths.split_last() {
            Some((rest, stacks)) => (rest.delta_bytes, stacks),
            None => (0, &[]),
        }
    }
}

fn path_frame(frame: &StackFrame) -> PathFrame {
    PathFrame {
        name: escape::terminal(&frame_name(frame)).into_owned(),
        module: frame.module.as_deref().map(|path| escape::terminal(path).into_owned()),
        offset: frame.offset.filter(|_| frame.function.is_none()),
    }
}

fn made_up(name: &str) -> PathFrame {
    PathFrame { name: name.to_owned(), module: None, offset: None }
}
