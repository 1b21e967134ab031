//! The table of evidence.

use rusqlite::{Connection, OptionalExtension, Row, params};
use vmrec_sampler::Evidence;

use crate::codec::crc32::checksum_of;
use crate::codec::evidence::Packed;
use crate::codec::varint::Malformed;
use crate::db::integer::{from_column, to_column};
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;

/// What the checksum says the data is.
const WHAT: &str = "evidence";

/// Returns the checksum of the evidence `data`.
pub(crate) fn checksum(recording: i64, number: i64, data: &[u8]) -> u32 {
    checksum_of(recording, from_column(number), WHAT, data)
}

/// Writes evidence that is good from sample `number` on.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    data: &[u8],
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO evidence (recording, number, checksum, data) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            recording.0,
            to_column(number),
            checksum(recording.0, to_column(number), data),
            data
        ])?;
    Ok(())
}

/// Returns the evidence that sample `number` goes by; the inner error says how it is damaged.
pub(crate) fn read(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<Result<Evidence, String>>> {
    connection
        .prepare_cached(
            "SELECT recording, number, checksum, data FROM evidence \
             WHERE recording = ? AND number <= ? ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![recording.0, to_column(number.min(i64::MAX as u64))], |row| {
            whole(connection, row)
        })
        .optional()
}

/// Returns the samples that evidence of `recording` was stored at, in order.
pub(crate) fn numbers(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<Vec<u64>> {
    connection
        .prepare_cached("SELECT number FROM evidence WHERE recording = ? ORDER BY number")?
        .query_map([recording.0], |row| row.get(0).map(from_column))?
        .collect()
}

/// Deletes some of the evidence that no sample from `number` on goes by; returns how many rows went.
pub(crate) fn drop_before(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    most: u32,
) -> rusqlite::Result<usize> {
    let first = transaction
        .prepare_cached(
            "SELECT recording, number, checksum, data FROM evidence \
             WHERE recording = ? AND number <= ? ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![recording.0, to_column(number)], |row| {
            Ok((row.get::<_, i64>(1)?, checked(row)?.map(|packed| packed.base)))
        })
        .optional()?;
    // What cannot be read does not say which evidence it is coded against.
    let Some((first, Ok(base))) = first else { return Ok(0) };
    // The newest go first, so that none is left whose base is gone. Those that are newer than
    // the first one needed have its base or a later one.
    transaction
        .prepare_cached(
            "DELETE FROM evidence WHERE recording = ?1 AND number IN (SELECT number FROM evidence \
             WHERE recording = ?1 AND number < ?2 AND number <> ?3 ORDER BY number DESC LIMIT ?4)",
        )?
        .execute(params![recording.0, first, to_column(base.unwrap_or(0)), most])
}

/// Adds what is wrong with the evidence of all recordings.
pub(crate) fn problems(
    connection: &Connection,
    problems: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT recording, number, checksum, data FROM evidence ORDER BY recording, number",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match whole(connection, row) {
            Ok(Ok(_)) => {}
            Ok(Err(what)) => problems.push(what),
            Err(error) => problems.push(format!("a row of evidence: {error}")),
        }
    }
    Ok(())
}

/// Returns the evidence of a row of recording, number, checksum, data.
fn whole(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Result<Evidence, String>> {
    let packed = match checked(row)? {
        Ok(packed) => packed,
        Err(what) => return Ok(Err(what)),
    };
    let (recording, number): (i64, i64) = (row.get(0)?, row.get(1)?);
    let base = match packed.base {
        None => Vec::new(),
        Some(base) => match plain(connection, recording, base)? {
            Ok(plain) => plain,
            Err(what) => return Ok(Err(what)),
        },
    };
    Ok(packed.unpack(&base).map_err(|malformed| undecoded(recording, number, malformed)))
}

/// Returns the plain bytes of evidence that others are coded against.
fn plain(
    connection: &Connection,
    recording: i64,
    number: u64,
) -> rusqlite::Result<Result<Vec<u8>, String>> {
    let gone = || format!("recording {recording}: the evidence of sample {number} is gone");
    let plain = connection
        .prepare_cached(
            "SELECT recording, number, checksum, data FROM evidence \
             WHERE recording = ? AND number = ?",
        )?
        .query_row(params![recording, to_column(number)], |row| {
            let alone = |packed: &Packed<'_>| packed.base.is_none();
            Ok(checked(row)?.and_then(|packed| {
                let packed = Some(packed).filter(alone).ok_or_else(gone)?;
                let number = to_column(number);
                packed.plain(&[]).map_err(|malformed| undecoded(recording, number, malformed))
            }))
        })
        .optional()?;
    Ok(plain.unwrap_or_else(|| Err(gone())))
}

/// Returns the evidence of a row as it stands there.
fn checked<'a>(row: &'a Row<'_>) -> rusqlite::Result<Result<Packed<'a>, String>> {
    let (recording, number, sum): (i64, i64, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let data = row.get_ref(3)?.as_blob()?;
    if checksum(recording, number, data) != sum {
        return Ok(Err(format!("{} does not match its checksum", at(recording, number))));
    }
    Ok(Packed::new(data).map_err(|malformed| undecoded(recording, number, malformed)))
}

fn undecoded(recording: i64, number: i64, malformed: Malformed) -> String {
    format!("{} cannot be decoded: {}", at(recording, number), malformed.0)
}

fn at(recording: i64, number: i64) -> String {
    format!("recording {recording}: the evidence from sample {} on", from_column(number))
}
