//! Counts the chunks that refer to each kind of region, so that a long pruning
//! need not search all of them after each deleted chunk.

use std::collections::{HashMap, HashSet};

use crate::error::{At, Error};
use crate::retention::reduce::Reader;
use crate::tables::chunk;

/// The number of chunks that refer to each kind.
#[derive(Debug)]
pub(crate) struct KindUses(HashMap<i64, u64>);

impl KindUses {
    /// Counts all references; `None` if there are samples that are still rows.
    pub(crate) fn count(reader: &Reader<'_>) -> Result<Option<Self>, Error> {
        let rows: bool = reader
            .connection
            .query_row("SELECT EXISTS (SELECT 1 FROM sample)", [], |row| row.get(0))
            .at(reader.path)?;
        if rows {
            return Ok(None);
        }
        let (mut uses, mut upto) = (HashMap::new(), 0);
        while let Some(chunk) = chunk::after_id(reader.connection, upto).at(reader.path)? {
            upto = chunk.id;
            if chunk.header.samples > 0 {
                for kind in reader.kinds(&chunk)? {
                    *uses.entry(kind).or_default() += 1;
                }
            }
        }
        Ok(Some(Self(uses)))
    }

    /// Records that a chunk that referred to `kinds` was deleted.
    pub(crate) fn remove(&mut self, kinds: &[i64]) {
        for kind in kinds {
            if let Some(uses) = self.0.get_mut(kind) {
                *uses = uses.saturating_sub(1);
            }
        }
    }

    /// Returns those of `kinds` that no chunk refers to.
    pub(crate) fn unnamed(&self, kinds: HashSet<i64>) -> HashSet<i64> {
        kinds.into_iter().filter(|kind| self.0.get(kind).is_none_or(|uses| *uses == 0)).collect()
    }
}
