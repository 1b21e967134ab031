//! The table of region types.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use vmrec_sampler::{Family, RegionType};

use crate::db::columns::REGION_TYPE;
use crate::db::row_checksum::wrong;
use crate::db::transaction::Transaction;
use crate::db::{insert, row_checksum};

/// The types by their numbers, read and written once.
#[derive(Debug, Default)]
pub(crate) struct Types {
    numbers: HashMap<RegionType, i64>,
}

impl Types {
    /// Returns the number of a type, writing it if it is new.
    pub(crate) fn number(
        &mut self,
        transaction: &Transaction<'_>,
        region_type: &RegionType,
    ) -> rusqlite::Result<i64> {
        if let Some(number) = self.numbers.get(region_type) {
            return Ok(*number);
        }
        let (name, family) = (region_type.name(), region_type.family().name());
        let found = transaction
            .prepare_cached("SELECT id FROM region_type WHERE name = ? AND family = ?")?
            .query_row([name, family], |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let number = insert::next_id(transaction, &REGION_TYPE)?;
                insert::row(transaction, &REGION_TYPE, params![number, name, family])?;
                number
            }
        };
        self.numbers.insert(region_type.clone(), number);
        Ok(number)
    }
}

/// Returns the type of that number.
pub(crate) fn by_number(connection: &Connection, number: i64) -> rusqlite::Result<RegionType> {
    connection
        .prepare_cached(&format!("SELECT {} FROM region_type WHERE id = ?", REGION_TYPE.list()))?
        .query_row([number], |row| {
            row_checksum::check(&REGION_TYPE, row)?;
            let family: String = row.get(2)?;
            let family = Family::from_name(&family).ok_or_else(|| wrong(2, "an unknown family"))?;
            Ok(RegionType::named(&row.get::<_, String>(1)?, family))
        })
}
