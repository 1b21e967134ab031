//! Region identities by number, read once and shared: a region that is the
//! same in two snapshots of one [`crate::Store`] has the same `Arc<Identity>`.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension};
use vmrec_sampler::{Identity, Object, Region};

use crate::frame::Row;
use crate::read_rows;

/// Identities remembered beyond those of the snapshot at hand.
const SPARE: usize = 8192;

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    identities: HashMap<i64, Arc<Identity>>,
    objects: HashMap<i64, Arc<Object>>,
}

impl Identities {
    /// Returns the regions of `rows`.
    pub(crate) fn regions(
        &mut self,
        connection: &Connection,
        rows: &[Row],
    ) -> rusqlite::Result<Vec<Region>> {
        if self.identities.len() > rows.len() + SPARE {
            self.identities.clear();
            self.objects.clear();
        }
        rows.iter()
            .map(|row| {
                Ok(Region {
                    identity: self.identity(connection, row.identity)?,
                    share_mode: row.reading.share_mode,
                    provenance: row.reading.provenance,
                    quantities: row.reading.quantities,
                })
            })
            .collect()
    }

    fn identity(
        &mut self,
        connection: &Connection,
        number: i64,
    ) -> rusqlite::Result<Arc<Identity>> {
        if let Some(identity) = self.identities.get(&number) {
            return Ok(Arc::clone(identity));
        }
        let sql = format!("SELECT {} FROM region WHERE id = ?", read_rows::IDENTITY_COLUMNS);
        let identity = connection
            .prepare_cached(&sql)?
            .query_row([number], |row| {
                read_rows::identity(row, |object| self.object(connection, object))
            })
            .optional()?
            .ok_or_else(|| absent("region", number))?;
        let identity = Arc::new(identity);
        self.identities.insert(number, Arc::clone(&identity));
        Ok(identity)
    }

    fn object(&mut self, connection: &Connection, number: i64) -> rusqlite::Result<Arc<Object>> {
        if let Some(object) = self.objects.get(&number) {
            return Ok(Arc::clone(object));
        }
        let object = connection
            .prepare_cached(
                "SELECT name, device_major, device_minor, inode, deleted FROM object WHERE id = ?",
            )?
            .query_row([number], read_rows::object)
            .optional()?
            .ok_or_else(|| absent("object", number))?;
        let object = Arc::new(object);
        self.objects.insert(number, Arc::clone(&object));
        Ok(object)
    }
}

/// The error of a number that a frame or a region names and no row has.
fn absent(table: &str, number: i64) -> rusqlite::Error {
    let what = format!("{table} {number} is not in the file");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, what.into())
}
