//! Gives each region identity its number in the `region` table.
//!
//! The sampler hands over the same `Arc<Identity>` from tick to tick, so most
//! regions are recognised by address; then by content; and only new ones are
//! written. What was forgotten to bound memory is written again under a new
//! number, which costs a row and nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};
use vmrec_sampler::{Identity, Object, Region};

use crate::address::to_column;
use crate::checked;
use crate::frame::Table;
use crate::recording::RecordingId;

/// Identities remembered beyond those of the sample at hand: regions that come and go.
const SPARE_IDENTITIES: usize = 4096;
const SPARE_OBJECTS: usize = 1024;

/// What has a number already, in the recording under way.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    identities: HashMap<Arc<Identity>, i64>,
    objects: HashMap<Arc<Object>, i64>,
    /// Numbered in the transaction under way: void if it fails.
    fresh: Vec<Arc<Identity>>,
}

impl Interner {
    /// Takes note that what was written is stored for good.
    pub(crate) fn accept(&mut self) {
        self.fresh.clear();
    }

    /// Takes note that what was written since [`Interner::accept`] is not stored.
    pub(crate) fn reject(&mut self) {
        for identity in self.fresh.drain(..) {
            self.identities.remove(&identity);
        }
        self.objects.clear();
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
            while before
                .next_if(|(was, _)| was.identity.range.start < identity.range.start)
                .is_some()
            {}
            let same = before.next_if(|(was, _)| {
                Arc::ptr_eq(&was.identity, identity) || was.identity == *identity
            });
            let known = same.map(|(_, number)| number).or_else(|| self.identities.get(identity));
            numbers.push(match known {
                Some(number) => *number,
                None => self.write(transaction, recording, identity)?,
            });
        }
        self.forget(regions);
        Ok(numbers)
    }

    /// Bounds what is remembered.
    fn forget(&mut self, regions: &[Region]) {
        if self.identities.len() > regions.len() + SPARE_IDENTITIES {
            let live: HashSet<_> = regions.iter().map(|region| &region.identity).collect();
            self.identities.retain(|identity, _| live.contains(identity));
        }
        if self.objects.len() > regions.len() + SPARE_OBJECTS {
            self.objects.clear();
        }
    }

    fn write(
        &mut self,
        transaction: &Transaction<'_>,
        recording: RecordingId,
        identity: &Arc<Identity>,
    ) -> rusqlite::Result<i64> {
        let object = match &identity.object {
            Some(object) => Some(self.object(transaction, object)?),
            None => None,
        };
        let number = checked::next_id(transaction, "region")?;
        checked::insert(
            transaction,
            "region",
            params![
                number,
                recording.0,
                to_column(identity.range.start),
                to_column(identity.range.end),
                identity.protection.bits(),
                identity.max_protection.map(|protection| protection.bits()),
                object,
                to_column(identity.offset),
                &*identity.flags,
                identity.label.region_type.name(),
                identity.label.region_type.family().name(),
                identity.label.confidence.name(),
                &*identity.label.rule,
                identity.label.detail.as_deref(),
            ],
        )?;
        self.identities.insert(Arc::clone(identity), number);
        self.fresh.push(Arc::clone(identity));
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
                let id = checked::next_id(transaction, "object")?;
                let (name, inode) = (&*object.name, to_column(object.inode));
                let row = params![id, name, major, minor, inode, object.deleted];
                checked::insert(transaction, "object", row)?;
                id
            }
        };
        self.objects.insert(Arc::clone(object), number);
        Ok(number)
    }
}
