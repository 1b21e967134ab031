//! Times on the command line: what a user may write, and which sample it means.
//!
//! [`spec::TimeSpec::parse`] reads the words without knowing any recording, `TimeSpec::moment`
//! turns them into a moment of one, [`vmrec_store::Store::sample_at`] finds the sample there, and
//! `Timeline::resolved` makes an answer or an error in words of it.

pub(crate) mod nearest;
pub(crate) mod parse;
pub(crate) mod resolve;
pub(crate) mod span;
pub(crate) mod spec;

use crate::time::spec::Resolved;

/// The order of two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The second is later.
    Forward,
    /// Both are the same sample: a diff has nothing to show.
    Same,
    /// The second is earlier: growth reads as shrinking.
    Backward,
}

/// Returns whether `to` is later than `from`, by their numbers: the wall clock may step back.
pub fn direction(from: &Resolved, to: &Resolved) -> Direction {
    match to.number.cmp(&from.number) {
        std::cmp::Ordering::Greater => Direction::Forward,
        std::cmp::Ordering::Equal => Direction::Same,
        std::cmp::Ordering::Less => Direction::Backward,
    }
}
