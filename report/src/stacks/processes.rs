//! The stacks of several processes as those of one: each begins with its process.

use std::collections::BTreeMap;

use vmrec_sampler::{AllocCounts, LiveStack, StackCounts, StackFrame, StackNode};
use vmrec_store::LiveStacks;

use crate::stacks::StackDiff;
use crate::stacks::choice::StackChoice;

/// A process with its stacks at two times.
#[derive(Clone, Debug)]
pub struct ProcessStacks {
    /// Its name and number. Not escaped.
    pub name: String,
    /// All its stacks.
    pub nodes: Vec<StackNode>,
    /// Its parts of stacks at both times; `None` while it was not there.
    pub live: [Option<LiveStacks>; 2],
    /// Its bytes at both times that these are parts of.
    pub whole_bytes: [u64; 2],
}

impl StackDiff {
    /// Compares the stacks of processes at two times. Each stack has its process as outermost frame.
    pub fn of_processes(processes: Vec<ProcessStacks>, choice: StackChoice<'_>) -> Self {
        let mut nodes: Vec<StackNode> = Vec::new();
        let mut live = [LiveStacks::default(), LiveStacks::default()];
        let mut counts: [Option<StackCounts>; 2] = [None, None];
        let mut whole = [0_u64; 2];
        for process in processes {
            // Numbers of frames begin at 1, and 0 is a stack that is unknown.
            let base = nodes.len() as u32 + 1;
            let numbers = 1..=u32::try_from(process.nodes.len()).unwrap_or(u32::MAX);
            let renumbered: BTreeMap<u32, u32> = process
                .nodes
                .iter()
                .map(|node| node.id)
                .zip(numbers.map(|number| base.saturating_add(number)))
                .collect();
            let number = |old: u32| renumbered.get(&old).copied().unwrap_or(base);
            let function = Some(process.name.clone());
            let frame = StackFrame { function, ..StackFrame::default() };
            nodes.push(StackNode { id: base, parent: 0, frame });
            nodes.extend(process.nodes.iter().map(|node| StackNode {
                id: number(node.id),
                parent: number(node.parent),
                frame: node.frame.clone(),
            }));
            for (at, of) in process.live.into_iter().enumerate() {
                whole[at] = whole[at].saturating_add(process.whole_bytes[at]);
                let Some(of) = of else { continue };
                counts[at] = Some(counts[at].map_or(of.counts, |sum| both(sum, of.counts)));
                live[at].rows.extend(
                    of.rows.into_iter().map(|row| LiveStack { stack: number(row.stack), ..row }),
                );
            }
        }
        for (live, counts) in live.iter_mut().zip(counts) {
            live.counts = counts.unwrap_or_default();
        }
        let mut diff = Self::new(nodes, [&live[0], &live[1]], choice, whole);
        diff.has_processes = true;
        diff
    }
}

/// Returns how complete the samples of two processes of a session are together.
fn both(one: StackCounts, other: StackCounts) -> StackCounts {
    StackCounts {
        period: one.period.max(other.period),
        faults: None,
        sampled_faults: one.sampled_faults.saturating_add(other.sampled_faults),
        // They are of all processes of the session, and each has seen some of them.
        lost_faults: one.lost_faults.max(other.lost_faults),
        sees_kernel: one.sees_kernel && other.sees_kernel,
        lost_calls: one.lost_calls.zip(other.lost_calls).map(|(one, other)| one.max(other)),
        allocs: one.allocs.zip(other.allocs).map(|(one, other)| AllocCounts {
            mean_bytes: one.mean_bytes.max(other.mean_bytes),
            lost_samples: one.lost_samples.saturating_add(other.lost_samples),
            lost_ends: one.lost_ends.saturating_add(other.lost_ends),
            is_whole: one.is_whole && other.is_whole,
        }),
    }
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::StackMetric;

    use super::*;

    fn node(id: u32, parent: u32, name: &str) -> StackNode {
        let function = Some(name.to_owned());
        StackNode { id, parent, frame: StackFrame { function, ..StackFrame::default() } }
    }

    fn live(stack: u32, bytes: u64) -> LiveStacks {
        let region_type = "malloc".to_owned();
        let metric = StackMetric::Resident;
        let row = LiveStack { metric, stack, region_type, samples: 9, bytes, variance: 1 };
        let counts = StackCounts { period: 7, ..StackCounts::default() };
        LiveStacks { counts, rows: vec![row], ..LiveStacks::default() }
    }

    #[test]
    fn each_stack_begins_with_its_process_and_all_sum_to_the_change() {
        let one = ProcessStacks {
            name: "parent (pid 3)".to_owned(),
            nodes: vec![node(1, 0, "main"), node(2, 1, "work")],
            live: [Some(live(2, 100)), Some(live(2, 500))],
            whole_bytes: [1000, 1500],
        };
        let came = ProcessStacks {
            name: "child (pid 4)".to_owned(),
            nodes: vec![node(1, 0, "main"), node(2, 1, "work")],
            live: [None, Some(live(2, 300))],
            whole_bytes: [0, 350],
        };
        let unknown = ProcessStacks {
            name: "other (pid 5)".to_owned(),
            nodes: Vec::new(),
            live: [Some(live(0, 40)), None],
            whole_bytes: [60, 0],
        };
        let diff = StackDiff::of_processes(vec![one, came, unknown], StackChoice::default());
        let rows: Vec<_> = diff
            .rows
            .iter()
            .map(|row| {
                let frames = diff.frames(row.stack);
                let names: Vec<_> =
                    frames.iter().map(|frame| frame.function.as_deref().unwrap()).collect();
                (row.delta(), names.join(" < "))
            })
            .collect();
        assert_eq!(
            rows,
            [
                (400, "work < main < parent (pid 3)".to_owned()),
                (300, "work < main < child (pid 4)".to_owned()),
                (-40, "other (pid 5)".to_owned()),
            ]
        );
        assert_eq!((diff.total, diff.unattributed), (790, 130));
        assert_eq!(diff.counts[1].faults, None);
    }
}
