//! All stacks of a recording, each as a frame and the stack that called it.

use std::collections::HashMap;

use crate::stacks::model::{StackFrame, StackNode};

/// The maximum number of stacks; those that are new then count for their callers.
const MAX_NODES: usize = 1 << 18;

/// Stacks with common callers.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    frames: HashMap<StackFrame, u32>,
    /// By caller and frame.
    nodes: HashMap<(u32, u32), u32>,
    /// Those that were not taken yet.
    new: Vec<StackNode>,
    all: Vec<StackNode>,
}

impl Trie {
    /// Returns the number of the stack of these frames, outermost first; 0 if there are none.
    pub(crate) fn stack(&mut self, frames: impl IntoIterator<Item = StackFrame>) -> u32 {
        let mut parent = 0;
        for frame in frames {
            let known = self.frames.len() as u32;
            let number = *self.frames.entry(frame.clone()).or_insert(known);
            parent = match self.nodes.get(&(parent, number)) {
                Some(id) => *id,
                None if self.all.len() >= MAX_NODES => return parent,
                None => {
                    let id = self.all.len() as u32 + 1;
                    self.nodes.insert((parent, number), id);
                    let node = StackNode { id, parent, frame };
                    self.new.push(node.clone());
                    self.all.push(node);
                    id
                }
            };
        }
        parent
    }

    /// Returns the stacks that are new since the last call.
    pub(crate) fn take_new(&mut self) -> Vec<StackNode> {
        std::mem::take(&mut self.new)
    }

    /// Makes all stacks new again.
    pub(crate) fn renew(&mut self) {
        self.new = self.all.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> StackFrame {
        StackFrame { function: Some(name.to_owned()), ..StackFrame::default() }
    }

    #[test]
    fn stacks_share_their_callers() {
        let mut trie = Trie::default();
        let one = trie.stack(["main", "a", "b"].map(frame));
        let two = trie.stack(["main", "a", "c"].map(frame));
        assert_eq!((one, two), (3, 4));
        assert_eq!(trie.stack(["main", "a", "b"].map(frame)), one);
        assert_eq!(trie.stack(["main", "a"].map(frame)), 2);
        assert_eq!(trie.stack([]), 0);
        let parents: Vec<u32> = trie.take_new().iter().map(|node| node.parent).collect();
        assert_eq!(parents, [0, 1, 2, 2]);
        assert_eq!(trie.take_new(), []);
        trie.renew();
        assert_eq!(trie.take_new().len(), 4);
    }
}
