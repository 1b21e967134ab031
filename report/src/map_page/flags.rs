//! The flags that macOS gives a region: words such as `purge=V` and `submap`.
//!
//! Linux's flags hold no such words, so that nothing is pretended there.

use vmrec_sampler::Identity;

/// Whether the system may throw a region's contents away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purge {
    /// Contents may be thrown away when memory is short.
    Volatile,
    /// Contents are kept for now.
    Nonvolatile,
    /// Contents were thrown away.
    Empty,
}

impl Purge {
    /// Every state, in the order of the legend.
    pub(crate) const ALL: [Self; 3] = [Self::Volatile, Self::Nonvolatile, Self::Empty];

    /// Returns the state that `identity` has; `None` if it is unpurgeable.
    pub(crate) fn of(identity: &Identity) -> Option<Self> {
        match value(identity, "purge=")? {
            "V" => Some(Self::Volatile),
            "N" => Some(Self::Nonvolatile),
            "E" => Some(Self::Empty),
            _ => None,
        }
    }

    /// Returns vmmap's letter, as in `PURGE=V`.
    pub(crate) const fn letter(self) -> &'static str {
        match self {
            Self::Volatile => "V",
            Self::Nonvolatile => "N",
            Self::Empty => "E",
        }
    }

    /// Returns vmmap's word for it.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Volatile => "volatile",
            Self::Nonvolatile => "nonvolatile",
            Self::Empty => "empty",
        }
    }
}

/// Returns how deep in submaps a region lies; `None` for one outside them.
pub(crate) fn submap_depth(identity: &Identity) -> Option<u32> {
    let inside = identity.flags.split_ascii_whitespace().any(|word| word == "submap");
    inside.then(|| value(identity, "depth=").and_then(|depth| depth.parse().ok()).unwrap_or(1))
}

fn value<'a>(identity: &'a Identity, key: &str) -> Option<&'a str> {
    identity.flags.split_ascii_whitespace().find_map(|word| word.strip_prefix(key))
}
