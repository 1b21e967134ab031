//! Checks walks against the kernel's totals.

use crate::darwin::walk::{Stop, Walk};

/// Compares walks with the process's virtual size.
///
/// The kernel's total may differ from the sum of its list by a constant: a difference that two
/// consecutive walks show is taken as its way of counting, any other as movement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Whole {
    usual: i128,
}

impl Whole {
    /// Returns whether a walk's `difference` shows no movement; `before` is that of the walk before it in the same sample.
    pub(crate) fn accepts(&mut self, difference: i128, before: Option<i128>) -> bool {
        if before == Some(difference) {
            self.usual = difference;
        }
        difference == 0 || difference == self.usual
    }
}

/// Returns the bytes that the kernel counts beyond the walk.
pub(crate) fn difference(walk: &Walk, virtual_bytes: u64) -> i128 {
    i128::from(virtual_bytes) - i128::from(walk.top_bytes)
}

/// Returns the message for regions that moved.
pub(crate) fn moved(walk: &Walk, virtual_bytes: u64) -> String {
    format!("regions sum to {} bytes, the process to {virtual_bytes}", walk.top_bytes)
}

/// Returns the message for a walk that stopped; `reason` describes the kernel's code.
pub(crate) fn stopped(stop: Stop, reason: impl FnOnce(i32) -> String) -> String {
    match stop {
        Stop::Failed { address, code } => {
            format!("the regions from {address:#x} on could not be looked up: {}", reason(code))
        }
        Stop::Stuck { address } => {
            format!(
                "the regions from {address:#x} on could not be looked up: the answer does not lead on"
            )
        }
    }
}

/// Returns the sum of ledgers that count one kind of memory; unknown if the kernel has one below zero.
pub(crate) fn owned<const N: usize>(ledgers: [i64; N]) -> Option<u64> {
    ledgers
        .into_iter()
        .try_fold(0_u64, |sum, ledger| Some(sum.saturating_add(u64::try_from(ledger).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_stopped_says_where_and_why() {
        let reason = |code: i32| format!("code {code}");
        let failed = stopped(Stop::Failed { address: 0x3000, code: 5 }, reason);
        assert_eq!(failed, "the regions from 0x3000 on could not be looked up: code 5");
        let stuck = stopped(Stop::Stuck { address: 0x4000 }, reason);
        assert!(stuck.starts_with("the regions from 0x4000 on") && stuck.ends_with("lead on"));
    }

    #[test]
    fn ledgers_add_up_unless_one_is_no_size() {
        assert_eq!(owned([3, 4]), Some(7));
        assert_eq!(owned([3, -1]), None);
        assert_eq!(owned([i64::MAX, i64::MAX, i64::MAX]), Some(u64::MAX));
        assert_eq!(owned([0]), Some(0));
    }
}
