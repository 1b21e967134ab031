//! Identifies recording files: their application id, their version, and the
//! migrations from one version to the next.

use std::path::Path;

use rusqlite::Connection;

use crate::db::transaction::Transaction;
use crate::error::{At, Error};

/// Written to the header of every recording: `vmrc`.
pub(crate) const APPLICATION_ID: i32 = 0x766d_7263;
/// The application id of early drafts of the format, which can no longer be read.
pub(crate) const DRAFT_APPLICATION_ID: i32 = 0x766d_7265;

/// The migrations from version n to n + 1, oldest first.
///
/// Until release 0.1.0 the only one is edited in place; after that the list is append-only.
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/0001_initial.sql")];

/// The newest version known.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Checks that the file has exactly the schema of a known version: statements run on the tables
/// they were written for, and no trigger or view of another program interferes.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found = version_of(connection).at(path)?;
    if found == 0 {
        return Err(Error::Damaged { path: path.to_owned(), what: "it has no version".to_owned() });
    }
    if found > VERSION {
        return Err(Error::NewerVersion { path: path.to_owned(), found, known: VERSION });
    }
    let there = objects(connection).at(path)?;
    if found == 1 && are_initial(&there) {
        return Ok(());
    }
    let mut expected = Connection::open_in_memory().at(path)?;
    migrate_by(&mut expected, &MIGRATIONS[..found as usize]).at(path)?;
    if there == objects(&expected).at(path)? {
        return Ok(());
    }
    Err(Error::OtherSchema { path: path.to_owned(), version: found })
}

/// Returns whether objects are those that the text of the first migration creates: running it would
/// take longer than reading a snapshot.
fn are_initial(objects: &[(String, Option<String>)]) -> bool {
    const SEQUENCE: &str = "CREATE TABLE sqlite_sequence(name,seq)";
    const CREATE: &str = "CREATE ";
    let mut statements: Vec<&str> = MIGRATIONS[0].split("\nCREATE ").skip(1).collect();
    objects.iter().all(|(name, sql)| match sql.as_deref() {
        None => name.starts_with("sqlite_autoindex_"),
        Some(SEQUENCE) => true,
        Some(sql) => {
            let is_own = |text: &&str| {
                let rest = sql.strip_prefix(CREATE).and_then(|sql| text.strip_prefix(sql));
                rest.is_some_and(|rest| rest.starts_with(";\n"))
            };
            // Each is created once.
            let found = statements.iter().position(is_own);
            found.map(|index| statements.swap_remove(index)).is_some()
        }
    }) && statements.is_empty()
}

/// Returns the tables, indexes, views and triggers of a database with the SQL that created them.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    connection
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Returns the version of the file, unchecked.
pub(crate) fn version_of(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Migrates the file to the newest version, each step in its own transaction.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    migrate_by(connection, &MIGRATIONS)
}

fn migrate_by(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    loop {
        let step = Transaction::begin(connection)?;
        let from: u32 = step.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let Some(migration) = migrations.get(from as usize) else { return Ok(()) };
        step.execute_batch(migration)?;
        step.execute_batch(&format!(
            "PRAGMA user_version = {}; PRAGMA application_id = {APPLICATION_ID};",
            from + 1
        ))?;
        step.commit()?;
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;
    use crate::db::columns::{MARK, Table};
    use crate::db::{insert, row_checksum};

    #[test]
    fn every_column_has_a_comment() {
        let mut columns = 0;
        for migration in MIGRATIONS {
            for line in migration.lines().map(str::trim) {
                let column = line.split_once(" ADD COLUMN ").map_or(line, |(_, column)| column);
                let first = column.split([' ', '(']).next().unwrap_or_default();
                if !first.is_empty() && first.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                    let Some((_, text)) = line.split_once("-- ") else {
                        assert!(line.contains('.'), "{line}: a column without a comment");
                        continue; // of a view
                    };
                    assert!(text.len() > 5, "{line}");
                    columns += 1;
                }
            }
        }
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let known: u32 = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema AS t, pragma_table_xinfo(t.name) WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(columns, known, "the test sees every column");
    }

    #[test]
    fn the_text_of_the_first_migration_names_all_its_objects() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let mut all = objects(&connection).unwrap();
        assert!(are_initial(&all));
        let own = all.iter().position(|(name, _)| name == "mark").unwrap();
        let taken = all.remove(own);
        assert!(!are_initial(&all));
        all.insert(own, (taken.0, taken.1.map(|sql| sql.replace("text TEXT", "text BLOB"))));
        assert!(!are_initial(&all));
        connection
            .execute_batch("CREATE TRIGGER t AFTER INSERT ON mark BEGIN SELECT 1; END")
            .unwrap();
        assert!(!are_initial(&objects(&connection).unwrap()));
    }

    /// Adds two columns to marks: whether it is shown, and who made it.
    const MADE_UP: &str = "ALTER TABLE mark ADD COLUMN hidden INTEGER; -- 1 if it is not drawn
        ALTER TABLE mark ADD COLUMN author TEXT; -- who made it";
    const MARK_2: Table = Table {
        name: "mark",
        key: 1,
        columns: &["id", "recording", "utc_ns", "text", "hidden", "author"],
    };

    #[test]
    fn a_later_version_keeps_rows_and_their_checksums() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        insert::row(&connection, &MARK, params![1, 1, 5, "old"]).unwrap();
        migrate_by(&mut connection, &[MIGRATIONS[0], MADE_UP]).unwrap();
        assert_eq!(version_of(&connection).unwrap(), 2);
        insert::row(&connection, &MARK_2, params![2, 1, 6, "new", 1, "me"]).unwrap();
        insert::row(&connection, &MARK_2, params![3, 1, 7, "new", 1, None::<&str>]).unwrap();
        let all = format!("SELECT {} FROM mark ORDER BY id", MARK_2.list());
        let check = |connection: &Connection| {
            connection
                .prepare(&all)
                .unwrap()
                .query_map([], |row| Ok(row_checksum::check(&MARK_2, row).is_ok()))
                .unwrap()
                .collect::<Result<Vec<bool>, _>>()
                .unwrap()
        };
        assert_eq!(check(&connection), [true; 3]);
        connection.execute("UPDATE mark SET hidden = NULL, text = 'x'", []).unwrap();
        assert_eq!(check(&connection), [false; 3]);
        // An older program does not touch it.
        let path = Path::new("later.db");
        assert!(matches!(check_version(&connection, path), Error::NewerVersion { found: 2, .. }));
    }

    fn check_version(connection: &Connection, path: &Path) -> Error {
        super::check(connection, path).unwrap_err()
    }

    #[test]
    fn another_schema_is_refused() {
        for change in [
            "CREATE TRIGGER t AFTER INSERT ON mark BEGIN DELETE FROM sample; END",
            "DROP VIEW latest; CREATE VIEW latest AS SELECT 1",
            "CREATE INDEX slow ON mark (hex(zeroblob(100000000)))",
            "ALTER TABLE mark ADD COLUMN more TEXT",
        ] {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection).unwrap();
            super::check(&connection, Path::new("a.db")).unwrap();
            connection.execute_batch(change).unwrap();
            let error = check_version(&connection, Path::new("a.db"));
            assert!(matches!(error, Error::OtherSchema { version: 1, .. }), "{change}");
        }
    }
}
