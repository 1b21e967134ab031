//! The function that made most of a change, with its caller.

use std::collections::HashMap;

use crate::finding::made_by::MadeBy;
use crate::stacks::names::{brief, first_acting};
use crate::stacks::paths::{Path, StackPaths};
use crate::stacks::{StackDiff, error_bytes};

/// Shares below this, in percent, explain little.
const MIN_SHARE: f64 = 10.0;
/// How many standard errors a change must have at least, so as to be named.
const MIN_ERRORS: u128 = 2;

impl StackDiff {
    /// Returns the function that made most of what grew, or of what shrank if the total fell; `None`
    /// if none is sure to have made much.
    pub fn made_by(&self) -> Option<MadeBy> {
        let all = &StackPaths::new(self);
        let sign = if self.total < 0 { -1 } else { 1 };
        let mut sums: HashMap<(usize, Option<usize>), (u128, u64)> = HashMap::new();
        let (_, stacks) = all.split();
        for path in stacks.iter().filter(|path| path.delta_bytes.signum() == sign) {
            if let Some(actors) = actors(all, path) {
                let (bytes, variance) = sums.entry(actors).or_default();
                *bytes += path.delta_bytes.unsigned_abs();
                *variance = variance.saturating_add(path.variance);
            }
        }
        let name = |number: usize| brief(&all.frames[number].name);
        // By name too, so that equal sums have one order.
        let most = sums.into_iter().max_by_key(|((function, caller), (bytes, _))| {
            (*bytes, std::cmp::Reverse((name(*function), caller.map(name))))
        });
        let ((function, caller), (bytes, variance)) = most?;
        let share = all.sums().share(sign, bytes);
        let is_sure = bytes > MIN_ERRORS * u128::from(error_bytes(variance));
        (share >= MIN_SHARE && is_sure).then(|| MadeBy {
            function: name(function),
            caller: caller.map(name),
            shrank: sign < 0,
            of_blocks: self.metric.is_of_blocks(),
            // Almost all is not all.
            percent: if share < 100.0 { share.round().min(99.0) as u64 } else { 100 },
        })
    }
}

/// Returns the function of a stack that acted, and its caller; `None` if no function is known.
fn actors(all: &StackPaths, path: &Path) -> Option<(usize, Option<usize>)> {
    let name = |number: &usize| {
        let frame = &all.frames[*number];
        frame.is_function.then_some(&*frame.name)
    };
    let first = first_acting(path.frames.iter().rev().map(name));
    let mut outwards = path.frames.iter().rev().skip(first).copied();
    let function = outwards.next().filter(|number| all.frames[*number].is_function)?;
    Some((function, outwards.next()))
}
