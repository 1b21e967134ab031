//! Gives each region identity its number in the `region` table.
//!
//! The sampler hands over the same `Arc<Identity>` from tick to tick, so most
//! regions are recognised in the sample before; those that come back after a
//! while, as heaps do that are committed and given back in turns, by a hash of
//! 128 bits with keys of this process, which no two identities share in
//! practice; and only new ones are written. What was forgotten to bound memory
//! is written again under a new number, which costs a row and nothing else.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use vmrec_sampler::{Identity, Label, Object, Region};

use crate::codec::table_diff::Table;
use crate::db::columns::{OBJECT, REGION, REGION_KIND};
use crate::db::insert;
use crate::db::integer::to_column;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;

/// Identities seen, of which this many more may be new before the oldest are forgotten.
const GENERATION: usize = 16 << 10;
const SPARE_OBJECTS: usize = 1024;
const SPARE_KINDS: usize = 4096;

/// What has a number already, in the recording under way.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    keys: [RandomState; 2],
    /// Numbers of identities by their hash: those seen lately, and those before.
    young: HashMap<u128, i64>,
    old: HashMap<u128, i64>,
    objects: HashMap<Arc<Object>, i64>,
    /// Kinds of the recording, by their flags and label.
    kinds: HashMap<(Arc<str>, Label), i64>,
    /// Numbered in the transaction under way: void if it fails.
    fresh: Vec<u128>,
}

impl Interner {
    /// Takes note that what was written is stored for good.
    pub(crate) fn accept(&mut self) {
        self.fresh.clear();
    }

    /// Takes note that what was written since [`Interner::accept`] is not stored.
    pub(crate) fn reject(&mut self) {
        for hash in self.fresh.drain(..) {
            self.young.remove(&hash);
            self.old.remove(&hash);
        }
        self.objects.clear();
        self.kinds.clear();
    }

    /// Forgets the numbers of rows that are to go, and of all objects and kinds.
    pub(crate) fn forget(&mut self, gone: &HashSet<i64>) {
        self.young.retain(|_, number| !gone.contains(number));
        self.old.retain(|_, number| !gone.contains(number));
        self.objects.clear();
        self.kinds.clear();
    }

    /// Returns the number of each region's identity, writing those that are new. `last` is the sample before.
    pub(crate) fn number(
        &mut self,
        transaction: &Transaction<'_>,
        recording: RecordingId,
        last: Option<&Table>,
        regions: &[Region],
    ) -> rusqlite::Result<Vec<i64>> {
        let mut numbers = Vec::with_capacity(regions.len());
        let mut before = last
            .into_iter()
            .flat_map(|table| table.regions.iter().zip(&table.identities))
            .peekable();
        for region in regions {
            let identity = &region.identity;
            // Most are where they were, and known without a look at them.
            if let Some((_, number)) =
                before.next_if(|(was, _)| Arc::ptr_eq(&was.identity, identity))
            {
                numbers.push(*number);
                continue;
            }
            while before
                .next_if(|(was, _)| was.identity.range.start < identity.range.start)
                .is_some()
            {}
            let same = before.next_if(|(was, _)| was.identity == *identity);
            numbers.push(match same {
                Some((_, number)) => *number,
                None => self.number_of(transaction, recording, identity)?,
            });
        }
        if self.objects.len() > regions.len() + SPARE_OBJECTS {
            self.objects.clear();
        }
        Ok(numbers)
    }

    fn number_of(
        &mut self,
        transaction: &Transaction<'_>,
        recording: RecordingId,
        identity: &Identity,
    ) -> rusqlite::Result<i64> {
        let [low, high] = self.keys.each_ref().map(|key| u128::from(key.hash_one(identity)));
        let hash = low | high << 64;
        if let Some(number) = self.young.get(&hash) {
            return Ok(*number);
        }
        let number = match self.old.get(&hash) {
            Some(number) => *number,
            None => {
                let number = self.write(transaction, recording, identity)?;
                self.fresh.push(hash);
                number
            }
        };
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, number);
        Ok(number)
    }

    fn write(
        &mut self,
        transaction: &Transaction<'_>,
        recording: RecordingId,
        identity: &Identity,
    ) -> rusqlite::Result<i64> {
        let object = match &identity.object {
            Some(object) => Some(self.object(transaction, object)?),
            None => None,
        };
        let kind = self.kind(transaction, recording, identity)?;
        let number = insert::next_id(transaction, &REGION)?;
        insert::row(
            transaction,
            &REGION,
            params![
                number,
                recording.0,
                to_column(identity.range.start),
                to_column(identity.range.end),
                identity.protection.bits(),
                identity.max_protection.map(|protection| protection.bits()),
                object,
                to_column(identity.offset),
                kind,
            ],
        )?;
        Ok(number)
    }

    fn kind(
        &mut self,
        transaction: &Transaction<'_>,
        recording: RecordingId,
        identity: &Identity,
    ) -> rusqlite::Result<i64> {
        let kind = (Arc::clone(&identity.flags), identity.label.clone());
        if let Some(number) = self.kinds.get(&kind) {
            return Ok(*number);
        }
        let number = insert_kind(transaction, recording, &kind.0, &kind.1)?;
        if self.kinds.len() >= SPARE_KINDS {
            self.kinds.clear();
        }
        self.kinds.insert(kind, number);
        Ok(number)
    }

    fn object(
        &mut self,
        transaction: &Transaction<'_>,
        object: &Arc<Object>,
    ) -> rusqlite::Result<i64> {
        if let Some(number) = self.objects.get(object) {
            return Ok(*number);
        }
        let (major, minor) = object.device;
        let columns = params![&*object.name, major, minor, to_column(object.inode), object.deleted];
        let found = transaction
            .prepare_cached(
                "SELECT id FROM object WHERE name = ? AND device_major = ? AND device_minor = ? \
                 AND inode = ? AND deleted = ?",
            )?
            .query_row(columns, |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let id = insert::next_id(transaction, &OBJECT)?;
                let (name, inode) = (&*object.name, to_column(object.inode));
                let row = params![id, name, major, minor, inode, object.deleted];
                insert::row(transaction, &OBJECT, row)?;
                id
            }
        };
        self.objects.insert(Arc::clone(object), number);
        Ok(number)
    }
}

/// Writes what many regions of a recording have in common, and returns its number.
pub(crate) fn insert_kind(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    flags: &str,
    label: &Label,
) -> rusqlite::Result<i64> {
    let number = insert::next_id(transaction, &REGION_KIND)?;
    insert::row(
        transaction,
        &REGION_KIND,
        params![
            number,
            recording.0,
            flags,
            label.region_type.name(),
            label.region_type.family().name(),
            label.confidence.name(),
            label.rule.name(),
            label.detail.as_deref(),
        ],
    )?;
    Ok(number)
}
