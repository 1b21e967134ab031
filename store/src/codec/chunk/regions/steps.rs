//! The steps from one snapshot to the next, by index in the one before.

use std::ops::Range;

use crate::codec::table_diff::{Edit, Operation};

/// The changes at one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// 0 before the first region, n at the n-th.
    pub(super) at: u32,
    pub(super) main: Main,
    /// The regions that come after it, by their indices in the new snapshot.
    pub(super) inserted: Range<u32>,
}

/// The change of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Main {
    /// Nothing.
    Keep,
    /// It goes.
    Gone,
    /// It becomes the region at this index.
    Change(u32),
}

/// Returns the steps of `edits`, in order.
pub(super) fn steps(edits: &[Edit]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(edits.len());
    let (mut old, mut new) = (0, 0);
    for Edit { kept, operation } in edits {
        (old, new) = (old + kept, new + kept);
        match operation {
            Operation::Remove => {
                old += 1;
                steps.push(Step { at: old, main: Main::Gone, inserted: new..new });
            }
            Operation::Change => {
                old += 1;
                steps.push(Step { at: old, main: Main::Change(new), inserted: new + 1..new + 1 });
                new += 1;
            }
            Operation::Insert => {
                new += 1;
                match steps.last_mut() {
                    Some(step) if step.at == old => step.inserted.end = new,
                    _ => steps.push(Step { at: old, main: Main::Keep, inserted: new - 1..new }),
                }
            }
        }
    }
    steps
}
