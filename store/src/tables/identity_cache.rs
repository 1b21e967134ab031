//! Kinds by number, read once, and the identities of regions, shared: a region
//! that is the same in two snapshots read one after the other has the same
//! `Arc<Identity>`.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::{Type, ValueRef};
use vmrec_sampler::{Identity, Object, Region};

use crate::codec::region_state::RegionState;
use crate::codec::spread::SpreadHasher;
use crate::codec::table_diff::RegionTable;
use crate::db::bulk_read;
use crate::db::columns::{self, OBJECT, REGION_KIND};
use crate::tables::interner::KindKey;
use crate::tables::region_kind;
use crate::tables::text_cache::Words;

/// The number of kinds remembered beyond those of the current snapshot.
const SPARE: usize = 8192;
/// The number of unwanted rows to step over: skipping more takes longer than a new lookup.
const MAX_STEPPED_OVER: i64 = 16;

/// The kinds and objects read so far.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    objects: HashMap<i64, Arc<Object>, SpreadHasher>,
    kinds: HashMap<i64, KindKey, SpreadHasher>,
    words: Words,
    /// The last snapshot, in its order: the kind of each region and its identity.
    last: Vec<(i64, Arc<Identity>)>,
}

impl Identities {
    /// Returns the regions of `states`.
    pub(crate) fn regions(
        &mut self,
        connection: &Connection,
        states: &[RegionState],
    ) -> rusqlite::Result<Vec<Region>> {
        if self.kinds.len() > states.len() + SPARE {
            *self = Self { last: std::mem::take(&mut self.last), ..Self::default() };
        }
        self.read(connection, states)?;
        let mut regions = Vec::with_capacity(states.len());
        let mut last = std::mem::take(&mut self.last).into_iter().peekable();
        let mut identities = Vec::with_capacity(states.len());
        for state in states {
            // Both are in the order of addresses, and most regions are in both.
            while last.next_if(|(_, was)| was.range.start < state.range.start).is_some() {}
            let same = last.next_if(|(kind, was)| {
                *kind == state.kind && was.range == state.range && was.offset == state.offset
            });
            let identity = match same {
                Some((_, identity)) => identity,
                None => Arc::new(self.identity(state)?),
            };
            identities.push((state.kind, Arc::clone(&identity)));
            regions.push(Region {
                identity,
                share_mode: state.reading.share_mode,
                provenance: state.reading.provenance,
                quantities: state.reading.quantities,
            });
        }
        self.last = identities;
        Ok(regions)
    }

    /// Returns the regions of `states`, each with the number of its kind.
    pub(crate) fn table(
        &mut self,
        connection: &Connection,
        states: &[RegionState],
    ) -> rusqlite::Result<RegionTable> {
        let regions = self.regions(connection, states)?;
        Ok(RegionTable { kinds: states.iter().map(|state| state.kind).collect(), regions })
    }

    /// Returns the kinds with these numbers, in their order.
    pub(crate) fn kinds(
        &mut self,
        connection: &Connection,
        numbers: &[i64],
    ) -> rusqlite::Result<Vec<KindKey>> {
        if self.kinds.len() > numbers.len() + SPARE {
            *self = Self { last: std::mem::take(&mut self.last), ..Self::default() };
        }
        self.read_kinds(connection, numbers.to_vec())?;
        let kind = |number: &i64| self.kinds.get(number).cloned();
        numbers
            .iter()
            .map(|number| kind(number).ok_or_else(|| absent("region_kind", *number)))
            .collect()
    }

    fn identity(&self, state: &RegionState) -> rusqlite::Result<Identity> {
        let kind = self.kinds.get(&state.kind).ok_or_else(|| absent("region_kind", state.kind))?;
        let KindKey { protection, max_protection, object, flags, label } = kind.clone();
        let (range, offset) = (state.range, state.offset);
        Ok(Identity { range, protection, max_protection, object, offset, flags, label })
    }

    /// Reads the kinds of `states` that were not read yet.
    fn read(&mut self, connection: &Connection, states: &[RegionState]) -> rusqlite::Result<()> {
        let new = states.iter().map(|state| state.kind);
        let new: Vec<i64> = new.filter(|kind| !self.kinds.contains_key(kind)).collect();
        self.read_kinds(connection, new)
    }

    fn read_kinds(&mut self, connection: &Connection, mut new: Vec<i64>) -> rusqlite::Result<()> {
        new.retain(|kind| !self.kinds.contains_key(kind));
        if new.is_empty() {
            return Ok(());
        }
        let mut read = Vec::with_capacity(new.len());
        let words = &mut self.words;
        each::<11>(connection, &REGION_KIND, new, |number, values| {
            read.push((number, region_kind::kind(*values, words)?));
            Ok(())
        })?;
        let objects = read.iter().filter_map(|(_, (_, object))| *object);
        let new = objects.filter(|object| !self.objects.contains_key(object)).collect();
        each(connection, &OBJECT, new, |number, values| {
            self.objects.insert(number, Arc::new(region_kind::object(*values)?));
            Ok(())
        })?;
        for (number, (kind, object)) in read {
            let object = match object {
                Some(object) => {
                    let found = self.objects.get(&object);
                    Some(Arc::clone(found.ok_or_else(|| absent("object", object))?))
                }
                None => None,
            };
            self.kinds.insert(number, KindKey { object, ..kind });
        }
        Ok(())
    }
}

/// Calls `visit` with each existing row of `table` whose id is in `wanted`.
fn each<const N: usize>(
    connection: &Connection,
    table: &columns::Table,
    mut wanted: Vec<i64>,
    mut visit: impl FnMut(i64, &[ValueRef<'_>; N]) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    wanted.sort_unstable();
    wanted.dedup();
    let sql =
        format!("SELECT packed({}) FROM {} WHERE id BETWEEN ? AND ?", table.list(), table.name);
    let near = |one: &i64, next: &i64| next.saturating_sub(*one) <= MAX_STEPPED_OVER;
    let runs = wanted.chunk_by(near).filter_map(|run| Some([*run.first()?, *run.last()?]));
    let mut left = wanted.iter().peekable();
    bulk_read::each(connection, table, &sql, runs, |values| {
        let number = values[0].as_i64()?;
        while left.next_if(|wanted| **wanted < number).is_some() {}
        match left.next_if_eq(&&number) {
            Some(_) => visit(number, values),
            None => Ok(()),
        }
    })
}

/// The error for a number that a frame, a chunk or a kind refers to and no row has.
fn absent(table: &str, number: i64) -> rusqlite::Error {
    let what = format!("{table} {number} is not in the file");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, what.into())
}
