//! The input and the output of the rules: a process, and pieces with labels.

use crate::classify::facts::Facts;
use crate::classify::user::UserRule;
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::RegionType;

/// A range of addresses with one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it lies.
    pub range: AddressRange,
    /// What it is for.
    pub label: Label,
}

/// A process as one sample found it.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    /// Its mappings: ascending, disjoint.
    pub mappings: &'a [Mapping],
    /// Of each mapping, the bytes resident and swapped.
    pub occupied: &'a [u64],
    /// What else is known of it.
    pub facts: &'a Facts,
    /// Pieces proven before, of mappings that did not change: they stay.
    pub kept: &'a [Piece],
    /// The user's own rules, which go before the built-in ones.
    pub user_rules: &'a [UserRule],
}

pub(crate) fn label(region_type: RegionType, confidence: Confidence, rule: Rule) -> Label {
    Label { region_type, detail: None, confidence, rule }
}
