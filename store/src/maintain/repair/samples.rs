//! Puts the samples of a recording in order: unreadable ones become gaps, and
//! their numbers have no holes.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};
use vmrec_sampler::Timestamp;

use crate::codec::crc32::checksum;
use crate::codec::frame::FrameKind;
use crate::codec::frame::decode::FrameDecoder;
use crate::codec::frame::encode::FrameEncoder;
use crate::codec::table_diff::RegionTable;
use crate::db::columns::RECORDING;
use crate::db::integer::{from_column, to_column};
use crate::db::row_checksum;
use crate::db::transaction::Transaction;
use crate::error;
use crate::maintain::repair::chunks;
use crate::maintain::repair::chunks::Last;
use crate::maintain::repair::outcome::{Outcome, REASON, absent};
use crate::recording::{RecordingId, Sample};
use crate::tables::identity_cache::Identities;
use crate::tables::sample::{FRAME_COLUMNS, decode, sample_columns};
use crate::tables::{recording, sample};

/// The maximum number of consecutive samples filled in as lost: samples after a larger hole are not
/// trusted.
const MAX_FILLED_SAMPLES: u64 = 1_000_000;

/// Returns whether a row of `frame` belongs to a sample in the new file.
pub(crate) fn is_frame(new: &Connection, values: &[Value]) -> rusqlite::Result<bool> {
    let [Value::Integer(sample), Value::Text(kind), Value::Integer(sum), Value::Blob(data)] =
        values
    else {
        return Ok(false);
    };
    let Some(kind) = FrameKind::from_name(kind) else { return Ok(false) };
    let owner = new
        .prepare_cached("SELECT recording, number FROM sample WHERE id = ?")?
        .query_row([sample], |row| Ok((row.get(0)?, from_column(row.get(1)?))))
        .optional()?;
    Ok(owner.is_some_and(|(recording, number)| {
        i64::from(checksum(recording, number, kind, data)) == *sum
    }))
}

/// Puts the samples of a recording in order.
pub(crate) fn mend(new: &Transaction<'_>, id: RecordingId) -> rusqlite::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut last = chunks::mend(new, id, &mut outcome)?;
    // Samples in a chunk were rows before.
    for sql in [
        "DELETE FROM frame WHERE sample IN (SELECT id FROM sample WHERE recording = ? AND number <= ?)",
        "DELETE FROM sample WHERE recording = ? AND number <= ?",
    ] {
        new.execute(sql, params![id.0, to_column(last.number)])?;
    }
    let rows: Vec<(i64, u64, Timestamp)> = new
        .prepare(
            "SELECT id, number, taken_utc_ns, taken_monotonic_ns FROM sample \
             WHERE recording = ? ORDER BY number",
        )?
        .query_map([id.0], |row| {
            let taken = Timestamp { utc_ns: row.get(2)?, monotonic_ns: from_column(row.get(3)?) };
            Ok((row.get(0)?, from_column(row.get(1)?), taken))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut tail = Tail::default();
    for (row, number, taken) in rows {
        let hole = number - last.number - 1;
        if hole > MAX_FILLED_SAMPLES {
            new.execute("DELETE FROM frame WHERE sample = ?", [row])?;
            new.execute("DELETE FROM sample WHERE id = ?", [row])?;
            outcome.lose(1, "too far from the sample before");
            continue;
        }
        fill(new, id, &last, number, Some(taken))?;
        outcome.lose(hole, "their rows are lost");
        match tail.keep(new, id, row, &mut outcome)? {
            Ok(true) => outcome.kept += 1,
            Ok(false) => {}
            Err(why) => {
                outcome.lose(1, why);
                new.execute("DELETE FROM frame WHERE sample = ?", [row])?;
                new.execute("DELETE FROM sample WHERE id = ?", [row])?;
                sample::insert_sample(new, id, &Sample::missed(number, taken, 1, REASON))?;
            }
        }
        last = Last { number, taken, ..last };
    }
    end(new, id, &last, &mut outcome)?;
    Ok(outcome)
}

/// Writes a row for each lost sample between `last` and `next`, at times spread evenly.
fn fill(
    new: &Transaction<'_>,
    id: RecordingId,
    last: &Last,
    next: u64,
    next_taken: Option<Timestamp>,
) -> rusqlite::Result<()> {
    let steps = next - last.number;
    for step in 1..steps {
        let part = |from: i128, to: i128| from + (to - from) * i128::from(step) / i128::from(steps);
        let due = match next_taken {
            Some(next) => Timestamp {
                utc_ns: part(last.taken.utc_ns.into(), next.utc_ns.into()) as i64,
                monotonic_ns: part(last.taken.monotonic_ns.into(), next.monotonic_ns.into()) as u64,
            },
            None => {
                let later = last.interval_ns.saturating_mul(step);
                Timestamp {
                    utc_ns: last.taken.utc_ns.saturating_add_unsigned(later),
                    monotonic_ns: last.taken.monotonic_ns.saturating_add(later),
                }
            }
        };
        sample::insert_sample(new, id, &Sample::missed(last.number + step, due, 1, REASON))?;
    }
    Ok(())
}

/// Fills in lost samples up to the last one that the recording stored.
fn end(
    new: &Transaction<'_>,
    id: RecordingId,
    last: &Last,
    outcome: &mut Outcome,
) -> rusqlite::Result<()> {
    let stored = recording::last_number(new, id)?;
    let Some(stored) = stored.filter(|stored| *stored != last.number) else {
        return Ok(());
    };
    let missing = stored.saturating_sub(last.number);
    outcome.lose(missing, "their rows are lost");
    if (1..=MAX_FILLED_SAMPLES).contains(&missing) {
        return fill(new, id, last, stored + 1, None);
    }
    row_checksum::update(new, &RECORDING, id.0, || {
        new.execute(
            "UPDATE recording SET last_number = ? WHERE id = ?",
            params![to_column(last.number), id.0],
        )
    })
}

/// The samples after the chunks, decoded one after the other.
#[derive(Default)]
struct Tail {
    decoder: FrameDecoder,
    identities: Identities,
    /// Whether the sample before was kept with its regions, so that the next frame can build on it.
    unbroken: bool,
}

impl Tail {
    /// Returns whether the sample of a row is kept and was taken; the inner error is the reason
    /// of its loss.
    fn keep(
        &mut self,
        new: &Transaction<'_>,
        id: RecordingId,
        row: i64,
        outcome: &mut Outcome,
    ) -> rusqlite::Result<Result<bool, &'static str>> {
        let sql = format!(
            "SELECT {}, {FRAME_COLUMNS} FROM sample AS s \
             LEFT JOIN frame AS f ON f.sample = s.id WHERE s.id = ?",
            sample_columns()
        );
        let mut statement = new.prepare_cached(&sql)?;
        let mut rows = statement.query([row])?;
        let Some(found) = rows.next()? else { return Ok(Err("their rows are lost")) };
        let sample = match sample::sample_from_row(found) {
            Ok(sample) => sample,
            Err(error) if error::is_wrong_value(&error) => {
                return Ok(Err("their rows are damaged"));
            }
            Err(error) => return Err(error),
        };
        let framed = sample::frame_from_row(found).is_ok_and(|frame| frame.is_some());
        let decoded = match decode(&mut self.decoder, id, &sample, found) {
            Ok(None) => return Ok(Ok(sample.is_taken())),
            Ok(Some(decoded)) => decoded,
            Err(_) => {
                self.unbroken = false;
                return Ok(Err(if framed {
                    "their regions build on a lost sample"
                } else {
                    "their regions are lost"
                }));
            }
        };
        let table = match self.identities.table(new, decoded) {
            Ok(table) => table,
            Err(error) if error::is_wrong_value(&error) => {
                self.unbroken = false;
                outcome.kinds.extend(absent(new, decoded.iter().map(|state| state.kind))?);
                return Ok(Err("some of their regions are lost"));
            }
            Err(error) => return Err(error),
        };
        let is_key =
            sample::frame_from_row(found)?.is_some_and(|frame| frame.kind == FrameKind::Key);
        if !self.unbroken && !is_key {
            stand_alone(new, id, row, &sample, &table)?;
        }
        self.unbroken = true;
        Ok(Ok(true))
    }
}

/// Turns the frame of a sample into a key frame, because its base is lost.
fn stand_alone(
    new: &Connection,
    id: RecordingId,
    row: i64,
    sample: &Sample,
    table: &RegionTable,
) -> rusqlite::Result<()> {
    let (frame, _) = FrameEncoder::default().encode(table);
    let sum = checksum(id.0, sample.number, frame.kind, &frame.data);
    new.prepare_cached("UPDATE frame SET kind = ?, checksum = ?, data = ? WHERE sample = ?")?
        .execute(params![frame.kind.name(), sum, frame.data, row])?;
    Ok(())
}
