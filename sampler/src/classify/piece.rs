//! The input and output of the rules: a process, and pieces with labels.

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
    /// Its addresses.
    pub range: AddressRange,
    /// Its label.
    pub label: Label,
}

/// A process in one sample.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    /// Its mappings: ascending, disjoint.
    pub mappings: &'a [Mapping],
    /// The resident and swapped bytes of each mapping.
    pub occupied: &'a [u64],
    /// Its other facts.
    pub facts: &'a Facts,
    /// Pieces proven before, of unchanged mappings: they stay.
    pub kept: &'a [Piece],
    /// The user's own rules, which go before the built-in ones.
    pub user_rules: &'a [UserRule],
}

pub(crate) fn label(region_type: RegionType, confidence: Confidence, rule: Rule) -> Label {
    Label { region_type, detail: None, confidence, rule }
}
