//! Rows of `session`: runs of the recorder.

use rusqlite::{Connection, Row, params};
use vmrec_sampler::{Host, Timestamp};

use crate::db::columns::SESSION;
use crate::db::integer::{from_column, to_column};
use crate::db::transaction::Transaction;
use crate::db::{insert, row_checksum};
use crate::recording::{Session, SessionId, SessionStart};

/// Writes a new session.
pub(crate) fn insert_session(
    transaction: &Transaction<'_>,
    start: &SessionStart<'_>,
    begun: Timestamp,
) -> rusqlite::Result<SessionId> {
    let id = insert::unused_id(transaction, &SESSION)?;
    let SessionStart { targets, host, boot_id, interval_ns } = *start;
    insert::row(
        transaction,
        &SESSION,
        params![
            id,
            targets,
            to_column(interval_ns),
            env!("CARGO_PKG_VERSION"),
            host.name,
            host.os,
            host.kernel,
            host.architecture,
            to_column(host.page_size_bytes),
            boot_id,
            begun.utc_ns,
            to_column(begun.monotonic_ns),
        ],
    )?;
    Ok(SessionId(id))
}

/// Returns the session of that number.
pub(crate) fn by_id(connection: &Connection, id: SessionId) -> rusqlite::Result<Session> {
    connection
        .prepare_cached(&format!("SELECT {} FROM session WHERE id = ?", SESSION.list()))?
        .query_row([id.0], from_row)
}

/// Returns every session, oldest first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<Session>> {
    connection
        .prepare_cached(&format!("SELECT {} FROM session ORDER BY id", SESSION.list()))?
        .query_map([], from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Session> {
    row_checksum::check(&SESSION, row)?;
    Ok(Session {
        id: SessionId(row.get("id")?),
        targets: row.get("targets")?,
        host: Host {
            name: row.get("host")?,
            os: row.get("os")?,
            kernel: row.get("kernel")?,
            architecture: row.get("architecture")?,
            page_size_bytes: from_column(row.get("page_size_bytes")?),
        },
        boot_id: row.get("boot_id")?,
        interval_ns: from_column(row.get("interval_ns")?),
        begun: Timestamp {
            utc_ns: row.get("begun_utc_ns")?,
            monotonic_ns: from_column(row.get("begun_monotonic_ns")?),
        },
    })
}
