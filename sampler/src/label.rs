//! A label: the type of a region, how sure it is and the rule that decided.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::named::named;
use crate::rule::Rule;
use crate::vocabulary::RegionType;

named! {
    /// How sure a type is.
    Confidence {
        /// The region is unexplained.
        Unknown = "unknown",
        /// Left over when all else is explained.
        Guess = "guess",
        /// Signs that rarely mislead.
        Likely = "likely",
        /// Proved by the kernel's own name or by a structure in memory.
        Sure = "sure",
    }
}

/// The type of a region, how sure it is and the rule that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The type, from `crate::vocabulary`.
    pub region_type: RegionType,
    /// Distinguishes it from others of its type: a thread, the name from an allocator. Not part of
    /// the type.
    pub detail: Option<Detail>,
    /// How sure the type is.
    pub confidence: Confidence,
    /// The rule that decided.
    pub rule: Rule,
}

/// A text that distinguishes a region from others of its type.
///
/// Details are equal if their texts are: the id of a thread is part of the text,
/// and is held beside it so that no one parses it.
#[derive(Clone, Debug)]
pub struct Detail {
    text: Arc<str>,
    thread: Option<u32>,
}

impl Detail {
    /// Returns the detail of a thread's stack: its id and, where known, its name.
    pub fn of_thread(tid: u32, name: Option<&str>) -> Self {
        let text = name.map_or_else(|| tid.to_string(), |name| format!("{tid} {name}"));
        Self { text: text.into(), thread: Some(tid) }
    }

    /// Returns the id of the thread whose stack the region is, if the sampler knows one.
    /// A recording stores the text alone.
    pub const fn thread(&self) -> Option<u32> {
        self.thread
    }
}

impl From<Arc<str>> for Detail {
    fn from(text: Arc<str>) -> Self {
        Self { text, thread: None }
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<Detail> for Arc<str> {
    fn from(detail: Detail) -> Self {
        detail.text
    }
}

impl Deref for Detail {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Detail {}

impl PartialOrd for Detail {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Detail {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Detail {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_indexes_in_all() {
        assert!(Confidence::ALL.iter().enumerate().all(|(n, level)| *level as usize == n));
    }

    #[test]
    fn a_detail_read_back_equals_the_one_stored() {
        let stored = Detail::of_thread(12, Some("worker"));
        let read: Detail = "12 worker".into();
        assert_eq!(stored, read);
        assert_eq!((stored.thread(), read.thread()), (Some(12), None));
    }
}
