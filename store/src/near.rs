//! The few samples that tell which one a moment means, without reading all.

use rusqlite::params;

use crate::address::to_column;
use crate::chunk_rows::StoredChunk;
use crate::error::Error;
use crate::read_rows::{self, SAMPLE_COLUMNS};
use crate::recording::{RecordingId, Sample};
use crate::store::Store;

/// A moment of a recording that a sample is looked for at or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// By the wall clock: nanoseconds since 1970-01-01 UTC.
    Utc(i64),
    /// By the monotonic clock, nanoseconds.
    Monotonic(u64),
    /// By number.
    Number(u64),
    /// Where the footprint is largest.
    Peak,
    /// Its first and its last sample.
    Ends,
}

impl Store {
    /// Returns some samples of a recording, in order, among them the first and the last one, the first
    /// and the last one with regions, and the last one with regions at or before `moment`.
    pub fn samples_near(&self, id: RecordingId, moment: Moment) -> Result<Vec<Sample>, Error> {
        self.recording(id)?;
        let sql = |source| Error::sql(&self.path, source);
        let _transaction = self.transaction().map_err(sql)?;
        let chunks = self.chunks(id)?;
        let mut expected = 1;
        for chunk in &chunks {
            self.follows(id, chunk.head.first, expected)?;
            expected = chunk.head.last + 1;
        }
        let mut wanted = near(&chunks, moment);
        wanted.sort_unstable();
        wanted.dedup();
        let mut samples = Vec::new();
        for place in wanted {
            samples.append(&mut self.chunk_samples(&chunks[place])?);
        }
        let text = format!(
            "SELECT {SAMPLE_COLUMNS} FROM sample AS s WHERE s.recording = ? AND s.number >= ? \
             ORDER BY s.number"
        );
        let mut statement = self.connection.prepare_cached(&text).map_err(sql)?;
        let rows = statement
            .query_map(params![id.0, to_column(expected)], read_rows::sample)
            .map_err(sql)?;
        for sample in rows {
            let sample = sample.map_err(sql)?;
            self.follows(id, sample.number, expected)?;
            expected = sample.number.wrapping_add(1);
            samples.push(sample);
        }
        self.ends(id, expected)?;
        Ok(samples)
    }
}

/// Returns the places of the chunks to be read.
fn near(chunks: &[StoredChunk], moment: Moment) -> Vec<usize> {
    let places = || chunks.iter().enumerate();
    let seen = |chunk: &StoredChunk| chunk.head.snapshots > 0;
    let holds = |chunk: &StoredChunk| chunk.head.samples > 0;
    let mut wanted: Vec<usize> = Vec::new();
    for filter in [&seen as &dyn Fn(&StoredChunk) -> bool, &holds] {
        wanted.extend(chunks.iter().position(filter));
        wanted.extend(chunks.iter().rposition(filter));
    }
    // The last sample before may lie in a chunk before, if those since were missed.
    let upto = |before: &dyn Fn(&StoredChunk) -> bool| -> Vec<usize> {
        let at = places().rev().filter(|(_, chunk)| before(chunk) && seen(chunk));
        at.map(|(place, _)| place).take(2).collect()
    };
    match moment {
        Moment::Ends => {}
        Moment::Number(number) => wanted.extend(upto(&|chunk| chunk.head.first <= number)),
        Moment::Monotonic(ns) => wanted.extend(upto(&|chunk| {
            chunk.head.span.is_some_and(|(begin, _)| begin.monotonic_ns <= ns)
        })),
        Moment::Utc(ns) => {
            // The wall clock may have been set back: several chunks may bear the same times.
            let utc = |chunk: &StoredChunk| chunk.head.utc_ns.filter(|_| seen(chunk));
            let mut before: Vec<(i64, usize)> = Vec::new();
            for (place, chunk) in places() {
                match utc(chunk) {
                    Some((least, most)) if least <= ns && ns <= most => wanted.push(place),
                    Some((_, most)) if most < ns => before.push((most, place)),
                    _ => {}
                }
            }
            before.sort_unstable();
            wanted.extend(before.iter().rev().take(2).map(|(_, place)| place));
        }
        Moment::Peak => {
            let peak = chunks.iter().filter_map(|chunk| chunk.head.most_footprint_bytes).max();
            let at = places()
                .find(|(_, chunk)| peak.is_some() && chunk.head.most_footprint_bytes == peak);
            wanted.extend(at.map(|(place, _)| place));
        }
    }
    wanted
}
