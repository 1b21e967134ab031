//! The samples a repair kept and lost.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

/// The outcome of a repair for the samples of a recording.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) kept: u64,
    pub(crate) lost: u64,
    pub(crate) why: BTreeMap<&'static str, u64>,
    /// Kinds of regions whose rows are lost.
    pub(crate) kinds: BTreeSet<i64>,
}

impl Outcome {
    pub(crate) fn lose(&mut self, count: u64, why: &'static str) {
        if count == 0 {
            return;
        }
        self.lost += count;
        *self.why.entry(why).or_default() += count;
    }
}

/// Returns the kinds that have no row in the file.
pub(crate) fn absent(
    new: &Connection,
    kinds: impl Iterator<Item = i64>,
) -> rusqlite::Result<Vec<i64>> {
    let mut statement = new.prepare_cached("SELECT 1 FROM region_kind WHERE id = ?")?;
    let mut absent = Vec::new();
    for kind in kinds {
        if !statement.exists([kind])? {
            absent.push(kind);
        }
    }
    Ok(absent)
}

/// The reason stored with a lost sample.
pub(crate) const REASON: &str = "lost: damaged file";
