//! SQLite: files, schema, locks, transactions and the integrity of rows.

pub(crate) mod bulk_read;
pub(crate) mod columns;
pub(crate) mod insert;
pub(crate) mod integer;
pub(crate) mod lock;
pub(crate) mod open;
pub(crate) mod row_checksum;
pub(crate) mod schema;
pub(crate) mod transaction;
pub(crate) mod vacuum;
pub(crate) mod wal;
