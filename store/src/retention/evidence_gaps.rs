//! Deletes the evidence that only deleted samples needed.
//!
//! Evidence builds on earlier evidence. If that goes, it is coded anew, so that a recording that was
//! thinned to one sample a minute does not keep the evidence of every second.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::codec::evidence::packer::compress;
use crate::db::integer::from_column;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::retention::reduce::Left;
use crate::tables::{evidence, numbered};

/// Returns the sample of the evidence that all that holds for sample `number` builds on.
pub(crate) fn key(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<u64> {
    let Some(latest) = evidence::latest(connection, recording, number)? else { return Ok(number) };
    let chain = evidence::chain(connection, recording.0, latest)?;
    let key = chain.ok().and_then(|chain| Some(from_column(chain.last()?.number)));
    Ok(key.unwrap_or(number))
}

/// Deletes some of the evidence that only deleted samples near those `left` needed; returns how many
/// rows.
///
/// All stays that damaged evidence may build on.
pub(crate) fn delete(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    left: &Left,
    max: usize,
) -> rusqlite::Result<usize> {
    let rows = numbered::within(transaction, "evidence", recording, &left.range)?;
    let last = rows.last().copied();
    let Ok(bases) = later_bases(transaction, recording, last, *left.range.end())? else {
        return Ok(0);
    };
    let mut needed = numbered::in_force(&rows, &left.samples);
    needed.extend(bases);
    let gone: HashSet<i64> = rows.iter().filter(|row| !needed.contains(row)).copied().collect();
    if gone.is_empty() {
        return Ok(0);
    }
    let mut before = None;
    for number in rows.iter().copied().filter(|row| needed.contains(row)) {
        let Ok(base) = evidence::base_of(transaction, recording.0, number)? else { return Ok(0) };
        let builds_on_gone = base.is_some_and(|base| gone.contains(&base));
        if builds_on_gone && !code_anew(transaction, recording, number, before)? {
            return Ok(0);
        }
        before = Some(number);
    }
    numbered::delete(transaction, "evidence", recording, &rows, &needed, max)
}

/// Returns the bases of evidence `last` and of what is stored after sample `end` before the next that
/// stands alone: a recorder may go on to build on all of them.
fn later_bases(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    last: Option<i64>,
    end: u64,
) -> rusqlite::Result<Result<HashSet<i64>, String>> {
    let mut bases = HashSet::new();
    let mut next = last;
    while let Some(number) = next {
        match evidence::base_of(transaction, recording.0, number)? {
            Ok(base) => next = base.filter(|base| bases.insert(*base)),
            Err(what) => return Ok(Err(what)),
        }
    }
    let after = end.saturating_add(1)..=u64::MAX;
    for number in numbered::within(transaction, "evidence", recording, &after)? {
        match evidence::base_of(transaction, recording.0, number)? {
            Ok(Some(base)) => bases.insert(base),
            Ok(None) => break,
            Err(what) => return Ok(Err(what)),
        };
    }
    Ok(Ok(bases))
}

/// Codes evidence against that of sample `before`, or alone if it would then build on more than it
/// does; `false` if it is damaged.
fn code_anew(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: i64,
    before: Option<i64>,
) -> rusqlite::Result<bool> {
    let chain = |number| evidence::chain(transaction, recording.0, number);
    let plain = |chain: &[_]| evidence::plain_of(recording.0, chain);
    let Ok(old) = chain(number)? else { return Ok(false) };
    let Ok(bytes) = plain(&old) else { return Ok(false) };
    let base = match before {
        Some(before) => {
            let Ok(chain) = chain(before)? else { return Ok(false) };
            let Ok(bytes) = plain(&chain) else { return Ok(false) };
            Some((before, bytes)).filter(|_| chain.len() < old.len())
        }
        None => None,
    };
    let coded = match &base {
        Some((before, base)) => compress(Some(from_column(*before)), base, &bytes),
        None => compress(None, &[], &bytes),
    };
    let coded = coded.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    evidence::write(transaction, recording, from_column(number), &coded)?;
    Ok(true)
}
