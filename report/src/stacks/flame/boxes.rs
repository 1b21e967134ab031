//! Where the boxes of a picture lie, in bytes from its left edge and rows from its top.
//!
//! Boxes beside each other that are too narrow to be seen are one, so that the boxes within a box
//! and what it made in itself are the whole of it.

use crate::stacks::flame::tree::{Node, tree};
use crate::stacks::paths::{Path, StackPaths};

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The whole change.
    All,
    /// All stacks that grew, or shrank.
    Side,
    /// The change that no stack explains.
    Unattributed,
    /// A function.
    Frame(usize),
    /// So many functions that are too narrow.
    Narrow(u64),
    /// The frames that are too far in.
    Deeper,
}

/// A box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlameBox {
    pub(crate) stands: Stands,
    /// 1 of what grew, -1 of what shrank, 0 of both.
    pub(crate) sign: i128,
    /// The row.
    pub(crate) depth: usize,
    /// Its left edge and its width.
    pub(crate) start: u128,
    pub(crate) bytes: u128,
    /// The variance of its bytes, in square pages.
    pub(crate) variance: u64,
    /// The part of the bytes that no box within it has.
    pub(crate) own_bytes: u128,
}

/// Returns the boxes of a comparison; those narrower than a part of the whole are summed up.
pub(crate) fn boxes(all: &StackPaths, min_part: f64) -> Vec<FlameBox> {
    let sums = all.sums();
    let unattributed = sums.unattributed_bytes;
    let whole = sums.grown_bytes + sums.shrunk_bytes + unattributed.unsigned_abs();
    let mut layout = Layout { min_bytes: whole as f64 * min_part, boxes: Vec::new() };
    let root = FlameBox {
        stands: Stands::All,
        sign: 0,
        depth: 0,
        start: 0,
        bytes: whole,
        variance: 0,
        own_bytes: 0,
    };
    layout.boxes.push(root);
    let (_, stacks) = all.split();
    let mut start = 0;
    for (sign, bytes) in [(1, sums.grown_bytes), (-1, sums.shrunk_bytes)] {
        if bytes == 0 {
            continue;
        }
        let of_sign = |path: &&Path| path.delta_bytes.signum() == sign;
        let paths: Vec<&Path> = stacks.iter().filter(of_sign).collect();
        let variance = paths.iter().fold(0, |sum: u64, path| sum.saturating_add(path.variance));
        let stands = Stands::Side;
        layout.boxes.push(FlameBox { stands, sign, depth: 1, start, bytes, variance, ..root });
        layout.row(&tree(&paths), sign, 2, start);
        start += bytes;
    }
    if unattributed != 0 {
        layout.boxes.push(FlameBox {
            stands: Stands::Unattributed,
            sign: unattributed.signum(),
            depth: 1,
            start,
            bytes: unattributed.unsigned_abs(),
            ..root
        });
    }
    layout.boxes
}

struct Layout {
    min_bytes: f64,
    boxes: Vec<FlameBox>,
}

impl Layout {
    /// Adds the boxes of siblings, which are in the order of their sizes, and those within them.
    fn row(&mut self, siblings: &[Node], sign: i128, depth: usize, mut start: u128) {
        let wide = siblings.partition_point(|node| node.bytes as f64 >= self.min_bytes);
        let (wide, narrow) = siblings.split_at(wide);
        for node in wide {
            let stands = node.frame.map_or(Stands::Deeper, Stands::Frame);
            let Node { bytes, variance, .. } = *node;
            let own_bytes = node.own_bytes();
            self.boxes.push(FlameBox { stands, sign, depth, start, bytes, variance, own_bytes });
            self.row(&node.children, sign, depth + 1, start);
            start += bytes;
        }
        let bytes = narrow.iter().map(|node| node.bytes).sum();
        if bytes > 0 {
            self.boxes.push(FlameBox {
                stands: Stands::Narrow(narrow.len() as u64),
                sign,
                depth,
                start,
                bytes,
                variance: narrow.iter().fold(0, |sum, node| sum.saturating_add(node.variance)),
                own_bytes: bytes,
            });
        }
    }
}
