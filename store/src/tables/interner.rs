//! Gives each kind of region its number in the `region_kind` table, and each
//! object that in `object`.
//!
//! The sampler passes the same `Arc<Identity>` from tick to tick, so most
//! regions are found in the sample before. Other kinds are looked up among the
//! recently used, then in the file, whose recordings share them; only new ones
//! are written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::types::ToSql;
use rusqlite::{OptionalExtension, params};
use vmrec_sampler::{Identity, Label, Object, Protection, Region};

use crate::codec::crc32::Crc;
use crate::codec::table_diff::RegionTable;
use crate::db::columns::{OBJECT, REGION_KIND};
use crate::db::insert;
use crate::db::integer::to_column;
use crate::db::transaction::Transaction;

/// The number of recently used kinds, and of objects, before older ones are forgotten.
const GENERATION: usize = 2048;

/// The properties of a region except its range and readings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KindKey {
    /// The rights in force.
    pub protection: Protection,
    /// The most rights it may get, if that is known.
    pub max_protection: Option<Protection>,
    /// The object behind it; `None` is anonymous memory.
    pub object: Option<Arc<Object>>,
    /// The platform's own words on the mapping.
    pub flags: Arc<str>,
    /// What it is for.
    pub label: Label,
}

impl KindKey {
    /// Returns the kind of a region with this identity.
    pub fn of(identity: &Identity) -> Self {
        Self {
            protection: identity.protection,
            max_protection: identity.max_protection,
            object: identity.object.clone(),
            flags: Arc::clone(&identity.flags),
            label: identity.label.clone(),
        }
    }
}

/// Kinds and objects that have a number.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    kinds: Generations<KindKey>,
    objects: Generations<Arc<Object>>,
    /// The approximate bytes of the rows written since they were last taken.
    written_bytes: usize,
}

/// The approximate bytes of a row besides its texts, in the table and its indexes.
const ROW_BYTES: usize = 64;

/// Numbers of recently used keys, and of those before.
#[derive(Debug)]
struct Generations<K> {
    young: HashMap<K, i64>,
    old: HashMap<K, i64>,
}

impl<K> Default for Generations<K> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + std::hash::Hash> Generations<K> {
    fn get(&mut self, key: &K) -> Option<i64> {
        if let Some(number) = self.young.get(key) {
            return Some(*number);
        }
        let (key, number) = self.old.remove_entry(key)?;
        self.insert(key, number);
        Some(number)
    }

    fn knows(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    fn insert(&mut self, key: K, number: i64) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, number);
    }
}

impl Interner {
    /// Forgets all numbers: rows may have been deleted, or the last writes may not be stored.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the approximate bytes of the rows written since the last call.
    pub(crate) fn take_written_bytes(&mut self) -> usize {
        std::mem::take(&mut self.written_bytes)
    }

    /// Returns about how many bytes [`Interner::number`] writes for `regions` at most: some that are
    /// new here may be in the file.
    pub(crate) fn max_new_bytes(&self, last: Option<&RegionTable>, regions: &[Region]) -> usize {
        let last: HashSet<_> = last
            .into_iter()
            .flat_map(|table| &table.regions)
            .map(|region| Arc::as_ptr(&region.identity))
            .collect();
        let mut objects = HashSet::new();
        let new = |region: &&Region| !last.contains(&Arc::as_ptr(&region.identity));
        let bytes = |region: &Region| {
            let identity = &region.identity;
            let object = identity.object.as_ref().filter(|object| !self.objects.knows(*object));
            let object = object.filter(|object| objects.insert(Arc::clone(object)));
            let kind = ROW_BYTES + identity.flags.len();
            kind + object.map_or(0, |object| ROW_BYTES + object.name.len())
        };
        regions.iter().filter(new).map(bytes).sum()
    }

    /// Returns the number of each region's kind, writing those that are new. `last` is the sample before.
    pub(crate) fn number(
        &mut self,
        transaction: &Transaction<'_>,
        last: Option<&RegionTable>,
        regions: &[Region],
    ) -> rusqlite::Result<Vec<i64>> {
        let mut numbers = Vec::with_capacity(regions.len());
        let mut before =
            last.into_iter().flat_map(|table| table.regions.iter().zip(&table.kinds)).peekable();
        for region in regions {
            let identity = &region.identity;
            // Most are at the same index and known without a lookup.
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
                None => self.kind(transaction, KindKey::of(identity))?,
            });
        }
        Ok(numbers)
    }

    /// Returns the number of a kind, writing it if it is new.
    pub(crate) fn kind(
        &mut self,
        transaction: &Transaction<'_>,
        kind: KindKey,
    ) -> rusqlite::Result<i64> {
        if let Some(number) = self.kinds.get(&kind) {
            return Ok(number);
        }
        let object = match &kind.object {
            Some(object) => Some(self.object(transaction, object)?),
            None => None,
        };
        let KindKey { protection, max_protection, flags, label, .. } = &kind;
        let values: [&dyn ToSql; 9] = [
            &protection.bits(),
            &max_protection.map(|protection| protection.bits()),
            &object,
            &&**flags,
            &label.region_type.name(),
            &label.region_type.family().name(),
            &label.confidence.name(),
            &label.rule.name(),
            &label.detail.as_deref(),
        ];
        let fingerprint = fingerprint(&kind, object);
        let found = transaction
            .prepare_cached(
                "SELECT id FROM region_kind WHERE fingerprint = ?10 AND protection = ?1 \
                 AND max_protection IS ?2 AND object IS ?3 AND flags = ?4 AND type = ?5 \
                 AND family = ?6 AND confidence = ?7 AND rule = ?8 AND detail IS ?9",
            )?
            .query_row(&[&values[..], &[&fingerprint]].concat()[..], |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let number: i64 = insert::next_id(transaction, &REGION_KIND)?;
                let ends: [&[&dyn ToSql]; 3] = [&[&number], &values, &[&fingerprint]];
                insert::row(transaction, &REGION_KIND, &ends.concat()[..])?;
                let detail = label.detail.as_deref().unwrap_or_default();
                self.written_bytes += ROW_BYTES + flags.len() + detail.len();
                number
            }
        };
        self.kinds.insert(kind, number);
        Ok(number)
    }

    fn object(
        &mut self,
        transaction: &Transaction<'_>,
        object: &Arc<Object>,
    ) -> rusqlite::Result<i64> {
        if let Some(number) = self.objects.get(object) {
            return Ok(number);
        }
        let (major, minor) = object.device;
        let (name, inode) = (&*object.name, to_column(object.inode));
        let fingerprint = fingerprint_of_object(object);
        let found = transaction
            .prepare_cached(
                "SELECT id FROM object WHERE fingerprint = ? AND name = ? AND device_major = ? \
                 AND device_minor = ? AND inode = ? AND deleted = ?",
            )?
            .query_row(params![fingerprint, name, major, minor, inode, object.deleted], |row| {
                row.get(0)
            })
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let id = insert::next_id(transaction, &OBJECT)?;
                let row = params![id, name, major, minor, inode, object.deleted, fingerprint];
                insert::row(transaction, &OBJECT, row)?;
                self.written_bytes += ROW_BYTES + name.len();
                id
            }
        };
        self.objects.insert(Arc::clone(object), number);
        Ok(number)
    }
}

/// Returns the lookup key of an object: few others share it.
fn fingerprint_of_object(object: &Object) -> u32 {
    let (major, minor) = object.device;
    [major, minor]
        .iter()
        .fold(Crc::new().and(object.name.as_bytes()), |crc, number| crc.and(&number.to_le_bytes()))
        .and(&object.inode.to_le_bytes())
        .and(&[object.deleted.into()])
        .sum()
}

/// Returns the lookup key of a kind: few others share it.
fn fingerprint(kind: &KindKey, object: Option<i64>) -> u32 {
    let label = &kind.label;
    let numbers = [
        kind.protection.bits(),
        kind.max_protection.map_or(u8::MAX, |protection| protection.bits()),
        label.confidence as u8,
    ];
    let detail = label.detail.as_deref().unwrap_or_default();
    let texts = [&*kind.flags, label.region_type.name(), label.rule.name(), detail];
    let crc = Crc::new().and(&numbers).and(&object.unwrap_or(0).to_le_bytes());
    texts.iter().fold(crc, |crc, text| crc.and(text.as_bytes()).and(&[0])).sum()
}
