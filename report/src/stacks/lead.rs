//! The function that made most of a change, with its caller.

use std::collections::HashMap;

use crate::stacks::error_bytes;
use crate::stacks::names::{brief, first_acting};
use crate::stacks::paths::{Path, StackPaths};

/// Shares below this, in percent, explain little.
const MIN_SHARE: f64 = 10.0;
/// How many standard errors a change must have at least, so as to be named.
const MIN_ERRORS: u128 = 2;

/// The function, called by one other, that made most of what grew, or of what shrank.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StackLead {
    /// The function, in brief.
    pub(crate) function: String,
    /// The function that called it, if that is known.
    pub(crate) caller: Option<String>,
    /// Whether it gave memory back.
    pub(crate) shrank: bool,
    /// Its share of all that grew, or shrank, in percent.
    pub(crate) share: f64,
}

impl StackLead {
    /// Returns the function that made most of what grew, or of what shrank if `total` fell.
    pub(crate) fn of(all: &StackPaths, total: i128) -> Option<Self> {
        let sign = if total < 0 { -1 } else { 1 };
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
        (share >= MIN_SHARE && is_sure).then(|| Self {
            function: name(function),
            caller: caller.map(name),
            shrank: sign < 0,
            share,
        })
    }

    /// Returns it in words: `79 % of what grew from fill ← main`.
    pub(crate) fn words(&self) -> String {
        let caller = self.caller.as_ref().map(|name| format!(" ← {name}"));
        // Almost all is not all.
        let share = if self.share < 100.0 { self.share.round().min(99.0) } else { 100.0 };
        let of = if self.shrank { "what shrank" } else { "what grew" };
        format!("{share:.0} % of {of} from {}{}", self.function, caller.unwrap_or_default())
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
