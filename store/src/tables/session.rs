//! Rows of `session`: runs of the recorder.

use rusqlite::{Connection, params};
use vmrec_sampler::{Host, Timestamp};

use crate::db::columns::SESSION;
use crate::db::integer::{from_column, to_column};
use crate::db::transaction::Transaction;
use crate::db::{insert, row_checksum};
use crate::recording::{SessionId, SessionStart};

/// The session that recordings belong to, shared.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) host: Host,
    pub(crate) boot_id: String,
    pub(crate) targets: String,
    pub(crate) interval_ns: u64,
}

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
        .query_row([id.0], |row| {
            row_checksum::check(&SESSION, row)?;
            Ok(Session {
                id,
                host: Host {
                    name: row.get("host")?,
                    os: row.get("os")?,
                    kernel: row.get("kernel")?,
                    architecture: row.get("architecture")?,
                    page_size_bytes: from_column(row.get("page_size_bytes")?),
                },
                boot_id: row.get("boot_id")?,
                targets: row.get("targets")?,
                interval_ns: from_column(row.get("interval_ns")?),
            })
        })
}
