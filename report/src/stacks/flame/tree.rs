//! The stacks of one sign as a tree: a function, what it made in itself, the functions it called.

use vmrec_sampler::sort_by_key;

use crate::stacks::paths::Path;

/// The maximum depth; frames further in are one box.
pub(crate) const MAX_DEPTH: usize = 64;

/// A function within its callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The number of its frame; `None` for all that is further in than [`MAX_DEPTH`].
    pub(crate) frame: Option<usize>,
    /// All that it and those it called made resident, or gave back.
    pub(crate) bytes: u128,
    /// The variance of that, in square pages.
    pub(crate) variance: u64,
    /// Larger ones first.
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// Returns the part that none of the functions it called made.
    pub(crate) fn own_bytes(&self) -> u128 {
        self.bytes - self.children.iter().map(|child| child.bytes).sum::<u128>()
    }
}

/// Returns the outermost functions of stacks, which are in the order of their frames.
pub(crate) fn tree(paths: &[&Path]) -> Vec<Node> {
    children(paths, 0)
}

fn children(paths: &[&Path], depth: usize) -> Vec<Node> {
    let deeper: Vec<&Path> =
        paths.iter().copied().filter(|path| path.frames.len() > depth).collect();
    let frame = |path: &Path| path.frames[depth];
    let groups: Vec<&[&Path]> = match depth < MAX_DEPTH {
        true => deeper.chunk_by(|a, b| frame(a) == frame(b)).collect(),
        false => Some(&*deeper).filter(|deeper| !deeper.is_empty()).into_iter().collect(),
    };
    let mut nodes: Vec<Node> = groups.into_iter().map(|group| node(group, depth)).collect();
    sort_by_key(&mut nodes, |node| (std::cmp::Reverse(node.bytes), node.frame));
    nodes
}

fn node(group: &[&Path], depth: usize) -> Node {
    let is_frame = depth < MAX_DEPTH;
    Node {
        frame: group.first().filter(|_| is_frame).map(|path| path.frames[depth]),
        bytes: group.iter().map(|path| path.delta_bytes.unsigned_abs()).sum(),
        variance: group.iter().fold(0, |sum, path| sum.saturating_add(path.variance)),
        children: if is_frame { children(group, depth + 1) } else { Vec::new() },
    }
}
