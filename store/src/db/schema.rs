//! What makes a file a recording: its application id, its version, and the
//! migrations that lead from one version to the next.

use std::path::Path;

use rusqlite::Connection;

use crate::db::transaction::Transaction;
use crate::error::Error;
use crate::tables::rollup::hours;

/// Written to the header of every recording: `vmre`.
pub(crate) const APPLICATION_ID: i32 = 0x766d_7265;

/// What leads from version n to n + 1, oldest first. Only ever appended to.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../../migrations/0001_initial.sql"),
    include_str!("../../../migrations/0002_evidence.sql"),
    include_str!("../../../migrations/0003_chunks.sql"),
    include_str!("../../../migrations/0004_rollup_hours.sql"),
];

/// The newest version known.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The version that chunks, kinds of regions and checksums of rows came with.
pub(crate) const WITH_CHUNKS: u32 = 3;
/// The version that rollups by the hour got their own table with.
pub(crate) const WITH_HOURS: u32 = 4;

/// Returns the version of the file, which is one this program knows.
pub(crate) fn version(connection: &Connection, path: &Path) -> Result<u32, Error> {
    let found = version_of(connection).map_err(|source| Error::sql(path, source))?;
    match found {
        0 => Err(Error::Damaged { path: path.to_owned(), what: "it has no version".to_owned() }),
        1..=VERSION => Ok(found),
        _ => Err(Error::NewerVersion { path: path.to_owned(), found, known: VERSION }),
    }
}

/// Returns the version of the file, whatever it is.
pub(crate) fn version_of(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the file to the newest version, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    loop {
        let step = Transaction::begin(connection)?;
        let from: u32 = step.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let Some(migration) = MIGRATIONS.get(from as usize) else { return Ok(()) };
        apply(&step, migration, from + 1)?;
        step.commit()?;
    }
}

fn apply(step: &Transaction<'_>, migration: &str, version: u32) -> rusqlite::Result<()> {
    step.execute_batch(migration)?;
    if version == WITH_HOURS {
        // Checksums are not SQL's to make.
        hours::take_over(step)?;
    }
    step.execute_batch(&format!(
        "PRAGMA user_version = {version}; PRAGMA application_id = {APPLICATION_ID};"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_says_what_it_means() {
        let mut columns = 0;
        for migration in MIGRATIONS {
            for line in migration.lines().map(str::trim) {
                let column = line.split_once(" ADD COLUMN ").map_or(line, |(_, column)| column);
                let first = column.split([' ', '(']).next().unwrap_or_default();
                if !first.is_empty() && first.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                    assert!(
                        line.split_once("-- ").is_some_and(|(_, text)| text.len() > 5),
                        "{line}"
                    );
                    columns += 1;
                }
            }
        }
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let known: u32 = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema AS t, pragma_table_info(t.name) WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        // Those of `region` before version 3 are gone.
        let gone = crate::tables::identity_cache::COLUMNS_BEFORE_3 as u32;
        assert_eq!(columns, known + gone, "the test sees every column");
    }

    #[test]
    fn released_migrations_never_change() {
        let sums: Vec<_> = MIGRATIONS
            .iter()
            .map(|text| {
                crate::codec::crc32::checksum(0, 0, crate::codec::frame::Kind::Key, text.as_bytes())
            })
            .collect();
        assert_eq!(
            sums,
            [0x6a78_d991, 0xd2ee_b839, 0x6938_79ef, 0xee6e_798c],
            "append a migration instead"
        );
    }
}
