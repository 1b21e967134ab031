//! Looks for damage: SQLite's own check, then every frame decoded.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::error::Error;
use crate::evidence;
use crate::frame::Decoder;
use crate::identities::Identities;
use crate::read_rows;
use crate::recording::RecordingId;
use crate::store::{decode, frames};

/// Returns what is wrong with the file at `path`, one line each.
pub(crate) fn problems(connection: &Connection, path: &Path) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    if let Err(error) = look(connection, &mut problems) {
        match Error::sql(path, error) {
            Error::Damaged { what, .. } => problems.push(what),
            other => return Err(other),
        }
    }
    Ok(problems)
}

fn look(connection: &Connection, problems: &mut Vec<String>) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let mut check = transaction.prepare("PRAGMA integrity_check")?;
    for line in check.query_map([], |row| row.get::<_, String>(0))? {
        problems.extend(Some(line?).filter(|line| line != "ok"));
    }
    let mut check = transaction.prepare("PRAGMA foreign_key_check")?;
    for table in check.query_map([], |row| row.get::<_, String>(0))? {
        problems.push(format!("a row of {} refers to one that is gone", table?));
    }
    let mut recordings = transaction.prepare("SELECT id FROM recording ORDER BY id")?;
    for id in recordings.query_map([], |row| row.get(0).map(RecordingId))? {
        look_at(&transaction, id?, problems)?;
    }
    evidence::problems(&transaction, problems)?;
    Ok(())
}

fn look_at(
    connection: &Connection,
    id: RecordingId,
    problems: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut identities = Identities::default();
    let mut decoder = Decoder::default();
    let mut expected = 1;
    let mut statement = frames(connection)?;
    let mut rows = statement.query(params![id.0, i64::MIN, i64::MAX])?;
    while let Some(row) = rows.next()? {
        let mut problem = |what: String| problems.push(format!("recording {}: {what}", id.0));
        let sample = match read_rows::sample(row) {
            Ok(sample) => sample,
            Err(error) => {
                problem(format!("a sample about number {expected}: {error}"));
                continue;
            }
        };
        if sample.number != expected {
            problem(format!("sample {} follows where {expected} should", sample.number));
        }
        expected = sample.number.wrapping_add(1);
        let whole = decode(&mut decoder, id, &sample, row).and_then(|rows| {
            identities
                .regions(connection, rows.unwrap_or_default())
                .map_err(|error| error.to_string())
        });
        if let Err(what) = whole {
            problem(format!("sample {}: {what}", sample.number));
        }
    }
    Ok(())
}
