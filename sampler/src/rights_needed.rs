//! The rights that a recorder needs once it runs.

/// The work that a recorder has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RightsNeeded {
    /// It writes files of other users, or its own against their mode.
    pub writes_others_files: bool,
    /// It records page faults.
    pub stacks: bool,
}
