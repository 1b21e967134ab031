//! Region identities by number, read once and shared: a region that is the
//! same in two snapshots of one [`crate::read::store::Store`] has the same `Arc<Identity>`.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::{Type, ValueRef};
use vmrec_sampler::{Identity, Object, Region};

use crate::codec::region_change::Row;
use crate::codec::spread::Spread;
use crate::db::bulk_read;
use crate::db::columns::{OBJECT, REGION, REGION_KIND, Table};
use crate::tables::region;
use crate::tables::region::{Place, RegionKind};
use crate::tables::text_cache::Words;

/// Identities remembered beyond those of the snapshot at hand.
const SPARE: usize = 8192;
/// Rows nobody asked for that are stepped over: more take longer than to look the next one up.
const MOST_STEPPED_OVER: i64 = 16;

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    identities: HashMap<i64, Arc<Identity>, Spread>,
    objects: HashMap<i64, Arc<Object>, Spread>,
    kinds: HashMap<i64, RegionKind, Spread>,
    words: Words,
}

impl Identities {
    /// Returns the regions of `rows`.
    pub(crate) fn regions(
        &mut self,
        connection: &Connection,
        rows: &[Row],
    ) -> rusqlite::Result<Vec<Region>> {
        if self.identities.len() > rows.len() + SPARE {
            *self = Self::default();
        }
        self.read(connection, rows)?;
        let mut regions = Vec::with_capacity(rows.len());
        for row in rows {
            let identity = self.identities.get(&row.identity);
            regions.push(Region {
                identity: Arc::clone(identity.ok_or_else(|| absent("region", row.identity))?),
                share_mode: row.reading.share_mode,
                provenance: row.reading.provenance,
                quantities: row.reading.quantities,
            });
        }
        Ok(regions)
    }

    /// Reads the identities that `rows` name and that were not read yet.
    fn read(&mut self, connection: &Connection, rows: &[Row]) -> rusqlite::Result<()> {
        let new: Vec<i64> = rows
            .iter()
            .map(|row| row.identity)
            .filter(|number| !self.identities.contains_key(number))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut read: Vec<(i64, Place, i64)> = Vec::with_capacity(new.len());
        self.identities.reserve(new.len());
        let mut kinds = Vec::new();
        each::<9>(connection, &REGION, new, |number, values| {
            let [_, _, place @ .., kind] = values;
            let kind = kind.as_i64()?;
            kinds.push(kind);
            read.push((number, region::place(*place)?, kind));
            Ok(())
        })?;
        kinds.retain(|kind| !self.kinds.contains_key(kind));
        each::<8>(connection, &REGION_KIND, kinds, |number, values| {
            let [_, _, kind @ ..] = values;
            self.kinds.insert(number, region::kind(*kind, &mut self.words)?);
            Ok(())
        })?;
        let objects = read.iter().filter_map(|(_, place, _)| place.object);
        let new = objects.filter(|object| !self.objects.contains_key(object)).collect();
        each(connection, &OBJECT, new, |number, values| {
            self.objects.insert(number, Arc::new(region::object(*values)?));
            Ok(())
        })?;
        for (number, place, kind) in read {
            let Place { range, protection, max_protection, object, offset } = place;
            let RegionKind { flags, label } =
                self.kinds.get(&kind).ok_or_else(|| absent("region_kind", kind))?.clone();
            let object = match object {
                Some(object) => {
                    let found = self.objects.get(&object);
                    Some(Arc::clone(found.ok_or_else(|| absent("object", object))?))
                }
                None => None,
            };
            let identity =
                Identity { range, protection, max_protection, object, offset, flags, label };
            self.identities.insert(number, Arc::new(identity));
        }
        Ok(())
    }
}

/// Calls `visit` with each row of `table` that is there of those with the ids `wanted`.
fn each<const N: usize>(
    connection: &Connection,
    table: &Table,
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
    let near = |one: &i64, next: &i64| next.saturating_sub(*one) <= MOST_STEPPED_OVER;
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

/// The error of a number that a frame or a region names and no row has.
fn absent(table: &str, number: i64) -> rusqlite::Error {
    let what = format!("{table} {number} is not in the file");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, what.into())
}

/// Sorts regions by their start addresses; those that begin together stay in their order.
pub(crate) fn by_address(rows: Vec<Row>, regions: Vec<Region>) -> (Vec<Row>, Vec<Region>) {
    let mut pairs: Vec<_> = rows.into_iter().zip(regions).collect();
    pairs.sort_by_key(|(_, region)| region.identity.range.start);
    pairs.into_iter().unzip()
}
