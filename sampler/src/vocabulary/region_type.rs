//! A region type: a name in a family.

use std::borrow::Cow;
use std::fmt;

use crate::vocabulary::family::Family;

/// The purpose of a region: a name and its family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionType {
    pub(super) name: Cow<'static, str>,
    pub(super) family: Family,
}

impl RegionType {
    pub(super) const fn known(name: &'static str, family: Family) -> Self {
        Self { name: Cow::Borrowed(name), family }
    }

    /// Returns the name shown to users and stored in recordings.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the family it belongs to.
    pub const fn family(&self) -> Family {
        self.family
    }
}

impl fmt::Display for RegionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}
