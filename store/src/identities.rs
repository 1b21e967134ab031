//! Region identities by number, read once and shared: a region that is the
//! same in two snapshots of one [`crate::Store`] has the same `Arc<Identity>`.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, params};
use vmrec_sampler::{Identity, Object, Region};

use crate::checked;
use crate::frame::Row;
use crate::identity_rows::{self, Place, RegionKind};
use crate::words::{Spread, Words};

/// Identities remembered beyond those of the snapshot at hand.
const SPARE: usize = 8192;
/// Rows nobody asked for that are stepped over: more take longer than to look the next one up.
const MOST_STEPPED_OVER: i64 = 16;

/// Where the rest of an identity is told.
enum Told {
    /// In a row of `region_kind`.
    Kind(i64),
    /// In the row itself, as before version 3.
    Here(RegionKind),
}

/// Columns of `region` before version 3, which had neither kinds nor checksums.
pub(crate) const COLUMNS_BEFORE_3: usize = 14;

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
        let mut read: Vec<(i64, Place, Told)> = Vec::with_capacity(new.len());
        self.identities.reserve(new.len());
        each(connection, "region", new, |number, row, checksum| {
            if row.as_ref().column_count() == COLUMNS_BEFORE_3 {
                let values = checked::values::<COLUMNS_BEFORE_3>("region", row, checksum)?;
                let [_, _, start, end, protection, most, object, offset, kind @ ..] = values;
                let place = [start, end, protection, most, object, offset];
                let kind = identity_rows::kind(kind, &mut self.words)?;
                read.push((number, identity_rows::place(place)?, Told::Here(kind)));
            } else {
                let [_, _, place @ .., kind] = checked::values::<9>("region", row, checksum)?;
                read.push((number, identity_rows::place(place)?, Told::Kind(kind.as_i64()?)));
            }
            Ok(())
        })?;
        let objects = read.iter().filter_map(|(_, place, _)| place.object);
        let new = objects.filter(|object| !self.objects.contains_key(object)).collect();
        each(connection, "object", new, |number, row, checksum| {
            let values = checked::values("object", row, checksum)?;
            self.objects.insert(number, Arc::new(identity_rows::object(values)?));
            Ok(())
        })?;
        let kinds = read.iter().filter_map(|(.., told)| match told {
            Told::Kind(kind) => Some(*kind),
            Told::Here(_) => None,
        });
        let new = kinds.filter(|kind| !self.kinds.contains_key(kind)).collect();
        each(connection, "region_kind", new, |number, row, checksum| {
            let [_, _, kind @ ..] = checked::values::<8>("region_kind", row, checksum)?;
            self.kinds.insert(number, identity_rows::kind(kind, &mut self.words)?);
            Ok(())
        })?;
        for (number, place, told) in read {
            let Place { range, protection, max_protection, object, offset } = place;
            let RegionKind { flags, label } = match told {
                Told::Here(kind) => kind,
                Told::Kind(kind) => {
                    let found = self.kinds.get(&kind);
                    found.ok_or_else(|| absent("region_kind", kind))?.clone()
                }
            };
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

/// Calls `visit` with each row of `table` that is there of those with the ids `wanted`, and where
/// its checksum stands.
fn each(
    connection: &Connection,
    table: &str,
    mut wanted: Vec<i64>,
    mut visit: impl FnMut(i64, &rusqlite::Row<'_>, Option<usize>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    wanted.sort_unstable();
    wanted.dedup();
    let sql = format!("SELECT * FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let checksum = checked::checksum_place(&statement);
    let near = |one: &i64, next: &i64| next.saturating_sub(*one) <= MOST_STEPPED_OVER;
    for run in wanted.chunk_by(near) {
        let mut left = run.iter().peekable();
        let mut rows = statement.query(params![run.first(), run.last()])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            while left.next_if(|wanted| **wanted < number).is_some() {}
            if left.next_if_eq(&&number).is_none() {
                continue;
            }
            visit(number, row, checksum)?;
        }
    }
    Ok(())
}

/// The error of a number that a frame or a region names and no row has.
fn absent(table: &str, number: i64) -> rusqlite::Error {
    let what = format!("{table} {number} is not in the file");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, what.into())
}
