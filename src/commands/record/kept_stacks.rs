//! The stacks that a recording holds already: only what changed is written.

use vmrec_sampler::{BlockChanges, StackTick};

/// The stacks that could not be written yet, and those of the pages written last.
#[derive(Debug, Default)]
pub(crate) struct KeptStacks(StackTick);

impl KeptStacks {
    /// Returns the changes of the stacks of a sample to write; `None` if nothing changed.
    pub(crate) fn due(&mut self, mut tick: StackTick) -> Option<StackTick> {
        let mut nodes = std::mem::take(&mut self.0.nodes);
        nodes.append(&mut tick.nodes);
        let mut blocks = std::mem::take(&mut self.0.blocks);
        blocks.append(std::mem::take(&mut tick.blocks));
        if nodes.is_empty() && blocks.is_empty() && self.0 == tick {
            return None;
        }
        (tick.nodes, tick.blocks) = (nodes, blocks);
        Some(tick)
    }

    /// Takes note of the stacks of a sample that is not stored: those that are new are written with the
    /// next one.
    pub(crate) fn left_out(&mut self, tick: StackTick) {
        if let Some(tick) = self.due(tick) {
            self.written(tick, false);
        }
    }

    /// Takes note of stacks that were due; those that are not stored are written with the next sample.
    pub(crate) fn written(&mut self, mut tick: StackTick, stored: bool) {
        match stored {
            true => (tick.nodes, tick.blocks) = (Vec::new(), BlockChanges::default()),
            false => tick.live.clear(),
        }
        self.0 = tick;
    }
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::{LiveStack, StackFrame, StackMetric, StackNode};

    use super::*;

    fn tick(node: u32, bytes: u64) -> StackTick {
        let nodes = vec![StackNode { id: node, parent: 0, frame: StackFrame::default() }];
        let (metric, region_type) = (StackMetric::Resident, "malloc".to_owned());
        let live = LiveStack { metric, stack: 1, region_type, samples: 1, bytes, variance: 0 };
        StackTick { nodes, live: vec![live], ..StackTick::default() }
    }

    #[test]
    fn stacks_that_were_not_stored_are_due_again() {
        let mut kept = KeptStacks::default();
        let first = kept.due(tick(1, 5)).unwrap();
        kept.written(first, false);
        let second = kept.due(tick(2, 5)).unwrap();
        assert_eq!(second.nodes.iter().map(|node| node.id).collect::<Vec<_>>(), [1, 2]);
        kept.written(second, true);
        kept.left_out(tick(3, 5));
        let third = kept.due(StackTick { nodes: Vec::new(), ..tick(3, 5) }).unwrap();
        assert_eq!(third.nodes.len(), 1);
        kept.written(third, true);
        let same = StackTick { nodes: Vec::new(), ..tick(2, 5) };
        assert_eq!(kept.due(same.clone()), None);
        let more = StackTick { nodes: Vec::new(), ..tick(2, 6) };
        assert_eq!(kept.due(more.clone()), Some(more));
    }
}
