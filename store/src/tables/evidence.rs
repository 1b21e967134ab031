//! The table of evidence.

use rusqlite::{Connection, OptionalExtension, params};
use vmrec_sampler::Evidence;

use crate::codec::crc32::checksum_of;
use crate::codec::evidence::Packed;
use crate::codec::evidence::decode::decode;
use crate::codec::evidence::packer::MAX_DEPTH;
use crate::codec::varint::Malformed;
use crate::db::integer::{from_column, limit_to_column, to_column};
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;

/// The kind of data in the checksum.
const WHAT: &str = "evidence";

/// Returns the checksum of the evidence `data`.
pub(crate) fn checksum(recording: i64, number: i64, data: &[u8]) -> u32 {
    checksum_of(recording, from_column(number), WHAT, data)
}

/// Writes evidence that holds from sample `number` on.
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

/// Returns the evidence for sample `number`; the inner error describes its damage.
pub(crate) fn read(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<Result<Evidence, String>>> {
    let Some(number) = latest(connection, recording, number)? else { return Ok(None) };
    let plain = plain(connection, recording.0, number)?;
    Ok(Some(plain.and_then(|plain| decoded(recording.0, number, &plain))))
}

/// Returns the number of the evidence that sample `number` needs.
pub(crate) fn latest(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT max(number) FROM evidence WHERE recording = ? AND number <= ?")?
        .query_row(params![recording.0, limit_to_column(number)], |row| row.get(0))
}

/// Returns the numbers of the samples at which evidence of `recording` was stored, in order; the
/// inner error describes the damage of a row.
pub(crate) fn numbers(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<Result<Vec<u64>, String>> {
    let numbers: Vec<i64> = connection
        .prepare_cached("SELECT number FROM evidence WHERE recording = ? ORDER BY number")?
        .query_map([recording.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for number in &numbers {
        // Only its checksum says that the number is the one that was written.
        if let Err(what) = stored(connection, recording.0, *number)? {
            return Ok(Err(what));
        }
    }
    Ok(Ok(numbers.into_iter().map(from_column).collect()))
}

/// Deletes some of the evidence that no sample from `number` on needs; returns the number of
/// deleted rows.
pub(crate) fn drop_before(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    max: u32,
) -> rusqlite::Result<usize> {
    let Some(first) = latest(transaction, recording, number)? else { return Ok(0) };
    // The base of unreadable evidence is unknown.
    let Ok(needed) = chain(transaction, recording.0, first)? else { return Ok(0) };
    let needed: Vec<i64> = needed.iter().map(|stored| stored.number).collect();
    // The newest are deleted first, so that none is left without its base. Evidence newer than the
    // first that is needed builds on that or on its bases.
    transaction
        .prepare_cached(
            "DELETE FROM evidence WHERE recording = ?1 AND number IN (SELECT number FROM evidence \
             WHERE recording = ?1 AND number < ?2 AND number NOT IN (SELECT value FROM json_each(?3)) \
             ORDER BY number DESC LIMIT ?4)",
        )?
        .execute(params![recording.0, first, format!("{needed:?}"), max])
}

/// Adds the damaged evidence of all recordings to `problems`.
pub(crate) fn problems(
    connection: &Connection,
    problems: &mut Vec<String>,
) -> rusqlite::Result<()> {
    undecodable(connection, |what, _| problems.push(what))
}

/// Calls `visit` with a description of each piece of evidence that cannot be decoded, and its
/// recording and number, if these can be read.
pub(crate) fn undecodable(
    connection: &Connection,
    mut visit: impl FnMut(String, Option<(i64, i64)>),
) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT recording, number FROM evidence ORDER BY recording, number")?;
    let mut rows = statement.query([])?;
    let mut before = None;
    while let Some(row) = rows.next()? {
        let (recording, number) = (row.get(0)?, row.get(1)?);
        let plain = match after(connection, before.take(), recording, number) {
            Ok(plain) => plain,
            Err(error) => {
                visit(format!("a row of evidence: {error}"), None);
                continue;
            }
        };
        match plain.and_then(|plain| decoded(recording, number, &plain).map(|_| plain)) {
            Ok(plain) => before = Some(Plain { recording, number, bytes: plain }),
            Err(what) => visit(what, Some((recording, number))),
        }
    }
    Ok(())
}

/// A row of evidence.
pub(crate) struct Stored {
    pub(crate) number: i64,
    data: Vec<u8>,
}

/// Evidence decompressed.
struct Plain {
    recording: i64,
    number: i64,
    bytes: Vec<u8>,
}

/// Returns the plain bytes of evidence; `before` are those of other evidence that it may build on.
fn after(
    connection: &Connection,
    before: Option<Plain>,
    recording: i64,
    number: i64,
) -> rusqlite::Result<Result<Vec<u8>, String>> {
    let stored = match stored(connection, recording, number)? {
        Ok(stored) => stored,
        Err(what) => return Ok(Err(what)),
    };
    let is_base = |plain: &Plain| {
        plain.recording == recording && Ok(Some(plain.number)) == base(recording, &stored)
    };
    match before.filter(is_base) {
        Some(before) => Ok(unpacked(recording, &stored, &before.bytes)),
        None => plain(connection, recording, number),
    }
}

/// Returns the plain bytes of evidence.
fn plain(
    connection: &Connection,
    recording: i64,
    number: i64,
) -> rusqlite::Result<Result<Vec<u8>, String>> {
    Ok(chain(connection, recording, number)?.and_then(|chain| plain_of(recording, &chain)))
}

/// Returns the plain bytes of the first of a chain.
pub(crate) fn plain_of(recording: i64, chain: &[Stored]) -> Result<Vec<u8>, String> {
    let mut from_key = chain.iter().rev();
    from_key.try_fold(Vec::new(), |base, stored| unpacked(recording, stored, &base))
}

/// Returns evidence and its bases, one after the other.
pub(crate) fn chain(
    connection: &Connection,
    recording: i64,
    number: i64,
) -> rusqlite::Result<Result<Vec<Stored>, String>> {
    let mut chain: Vec<Stored> = Vec::new();
    let mut next = Some(number);
    while let Some(number) = next {
        if chain.len() > MAX_DEPTH as usize {
            return Ok(Err(format!("{} builds on too many others", at(recording, number))));
        }
        let stored = match stored(connection, recording, number)? {
            Ok(stored) => stored,
            Err(what) => return Ok(Err(what)),
        };
        next = match base(recording, &stored) {
            Ok(base) => base,
            Err(what) => return Ok(Err(what)),
        };
        chain.push(stored);
    }
    Ok(Ok(chain))
}

/// Returns the base of the evidence of a sample; the inner error describes its damage.
pub(crate) fn base_of(
    connection: &Connection,
    recording: i64,
    number: i64,
) -> rusqlite::Result<Result<Option<i64>, String>> {
    Ok(stored(connection, recording, number)?.and_then(|stored| base(recording, &stored)))
}

/// Returns the row of evidence of a sample.
fn stored(
    connection: &Connection,
    recording: i64,
    number: i64,
) -> rusqlite::Result<Result<Stored, String>> {
    let row: Option<(u32, Vec<u8>)> = connection
        .prepare_cached("SELECT checksum, data FROM evidence WHERE recording = ? AND number = ?")?
        .query_row([recording, number], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match row {
        None => Err(format!("recording {recording}: the evidence of sample {number} is missing")),
        Some((sum, data)) if checksum(recording, number, &data) != sum => {
            Err(format!("{} does not match its checksum", at(recording, number)))
        }
        Some((_, data)) => Ok(Stored { number, data }),
    })
}

/// Returns the base of some evidence.
fn base(recording: i64, stored: &Stored) -> Result<Option<i64>, String> {
    let packed = packed(recording, stored)?;
    match packed.base.map(to_column) {
        Some(base) if base >= stored.number => {
            Err(format!("{} builds on later evidence", at(recording, stored.number)))
        }
        base => Ok(base),
    }
}

fn unpacked(recording: i64, stored: &Stored, base: &[u8]) -> Result<Vec<u8>, String> {
    let plain = packed(recording, stored)?.plain(base);
    plain.map_err(|malformed| undecoded(recording, stored.number, malformed))
}

fn packed(recording: i64, stored: &Stored) -> Result<Packed<'_>, String> {
    Packed::new(&stored.data).map_err(|malformed| undecoded(recording, stored.number, malformed))
}

fn decoded(recording: i64, number: i64, plain: &[u8]) -> Result<Evidence, String> {
    decode(plain).map_err(|malformed| undecoded(recording, number, malformed))
}

fn undecoded(recording: i64, number: i64, malformed: Malformed) -> String {
    format!("{} cannot be decoded: {}", at(recording, number), malformed.0)
}

fn at(recording: i64, number: i64) -> String {
    format!("recording {recording}: the evidence from sample {} on", from_column(number))
}
