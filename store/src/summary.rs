//! What the samples of a recording add up to, without decoding any.

use rusqlite::{OptionalExtension, params};
use vmrec_sampler::Timestamp;

use crate::address::from_column;
use crate::error::Error;
use crate::read_rows::{self, SAMPLE_COLUMNS};
use crate::recording::{Recording, RecordingId, RecordingSummary};
use crate::store::Store;

impl Store {
    /// Returns every recording with what its samples add up to, oldest first.
    pub fn recordings(&self) -> Result<Vec<RecordingSummary>, Error> {
        let recordings: Vec<Recording> = self.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM recording ORDER BY id")?
                .query_map([], |row| read_rows::recording(connection, row))?
                .collect()
        })?;
        recordings.into_iter().map(|recording| self.summarized(recording)).collect()
    }

    /// Returns a recording with what its samples add up to.
    pub fn summary(&self, id: RecordingId) -> Result<RecordingSummary, Error> {
        self.summarized(self.recording(id)?)
    }

    fn summarized(&self, recording: Recording) -> Result<RecordingSummary, Error> {
        let id = recording.id;
        let mut summary = RecordingSummary {
            recording,
            samples: 0,
            torn: 0,
            missed_ticks: 0,
            cost_cpu_ns: 0,
            first: None,
            last: None,
            stored_bytes: 0,
        };
        let sql = |source| Error::sql(&self.path, source);
        let _transaction = self.transaction().map_err(sql)?;
        let mut expected = 1;
        for chunk in self.chunks(id)? {
            let head = &chunk.head;
            self.follows(id, head.first, expected)?;
            expected = head.last + 1;
            summary.samples += head.snapshots;
            summary.torn += head.torn;
            summary.missed_ticks = summary.missed_ticks.saturating_add(head.missed_ticks);
            summary.cost_cpu_ns = summary.cost_cpu_ns.saturating_add(head.cost_cpu_ns);
            summary.first = summary.first.or(head.span.map(|(begin, _)| begin));
            summary.last = head.span.map(|(_, end)| end).or(summary.last);
        }
        if expected > 1 {
            summary.stored_bytes = self.read(|connection| {
                connection
                    .prepare_cached(
                        "SELECT sum(length(ticks) + length(totals) + length(sums) + length(regions)) \
                         FROM chunk WHERE recording = ?",
                    )?
                    .query_row([id.0], |row| row.get(0).map(from_column))
            })?;
        }
        self.add_rows(id, &mut summary)?;
        Ok(summary)
    }

    /// Adds the samples that are rows still.
    fn add_rows(&self, id: RecordingId, summary: &mut RecordingSummary) -> Result<(), Error> {
        let moment = |order: &str| -> Result<Option<Timestamp>, Error> {
            let text = format!(
                "SELECT {SAMPLE_COLUMNS} FROM sample AS s WHERE s.recording = ? \
                 ORDER BY s.number {order} LIMIT 1"
            );
            self.read(|connection| {
                let found = connection
                    .prepare_cached(&text)?
                    .query_row([id.0], read_rows::sample)
                    .optional()?;
                Ok(found.map(|sample| sample.taken))
            })
        };
        let (first, last) = (moment("ASC")?, moment("DESC")?);
        summary.first = summary.first.or(first);
        summary.last = last.or(summary.last);
        let [samples, torn, missed_ticks, cost_cpu_ns, stored_bytes] = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE s.state <> 'missed'), \
                     count(*) FILTER (WHERE s.state = 'torn'), coalesce(sum(s.missed_ticks), 0), \
                     coalesce(sum(s.cost_cpu_ns), 0), coalesce(sum(length(f.data)), 0) \
                     FROM sample AS s LEFT JOIN frame AS f ON f.sample = s.id WHERE s.recording = ?",
                )?
                .query_row(params![id.0], |row| {
                    let mut sums = [0_u64; 5];
                    for (place, sum) in sums.iter_mut().enumerate() {
                        *sum = from_column(row.get(place)?);
                    }
                    Ok(sums)
                })
        })?;
        summary.samples += samples;
        summary.torn += torn;
        summary.missed_ticks = summary.missed_ticks.saturating_add(missed_ticks);
        summary.cost_cpu_ns = summary.cost_cpu_ns.saturating_add(cost_cpu_ns);
        summary.stored_bytes += stored_bytes;
        Ok(())
    }
}
