//! The few samples that tell which one a moment means, without reading all.

use std::sync::Arc;

use crate::error::Error;
use crate::read::store::Store;
use crate::recording::{RecordingId, Sample};
use crate::tables::chunk::StoredChunk;

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
    /// and the last one with regions, and the last one with regions at or before `moment`; for a number
    /// also the last one of all at or before it.
    pub fn samples_near(&self, id: RecordingId, moment: Moment) -> Result<Vec<Sample>, Error> {
        self.recording(id)?;
        let sql = |source| Error::sql(&self.path, source);
        let _transaction = self.transaction().map_err(sql)?;
        let chunks = match moment {
            Moment::Ends => Arc::new(self.few_chunks(id, None)?),
            Moment::Number(number) => Arc::new(self.few_chunks(id, Some(number))?),
            _ => {
                let all = self.chunks(id)?;
                self.each_chunk(id, |_| {})?;
                all
            }
        };
        let expected = chunks.last().map_or(1, |chunk| chunk.head.last + 1);
        let mut wanted = near(&chunks, moment);
        wanted.sort_unstable();
        wanted.dedup();
        let mut parts = Vec::with_capacity(wanted.len() + 1);
        for place in wanted {
            parts.push((place, self.chunk_samples(&chunks[place])?));
        }
        if let Moment::Utc(ns) = moment {
            self.add_before(&chunks, ns, &mut parts)?;
        }
        parts.sort_unstable_by_key(|(place, _)| *place);
        let mut samples: Vec<Sample> = parts.into_iter().flat_map(|(_, samples)| samples).collect();
        self.add_rows(id, expected, &mut samples)?;
        Ok(samples)
    }

    /// Adds the chunk of the last sample with regions that a wall clock showed before `ns`, unless
    /// `parts` have one later than any of its.
    fn add_before(
        &self,
        chunks: &[StoredChunk],
        ns: i64,
        parts: &mut Vec<(usize, Vec<Sample>)>,
    ) -> Result<(), Error> {
        let latest = |parts: &[(usize, Vec<Sample>)]| {
            let seen = parts.iter().flat_map(|(_, samples)| samples).filter(|s| s.has_regions());
            seen.map(|sample| sample.taken.utc_ns).filter(|utc_ns| *utc_ns <= ns).max()
        };
        let most = |chunk: &StoredChunk| chunk.head.utc_ns.map(|(_, most)| most);
        let mut before: Vec<(i64, usize)> = (0..)
            .zip(chunks)
            .filter(|(_, chunk)| chunk.head.snapshots > 0)
            .filter_map(|(place, chunk)| Some((most(chunk).filter(|most| *most < ns)?, place)))
            .collect();
        before.sort_unstable();
        // The head of a chunk tells of missed samples too, so its last one with regions may be earlier.
        while let Some((most, place)) = before.pop() {
            if latest(parts).is_some_and(|latest| latest > most) {
                break;
            }
            if !parts.iter().any(|(known, _)| *known == place) {
                parts.push((place, self.chunk_samples(&chunks[place])?));
            }
        }
        Ok(())
    }
}

/// Returns the places of the chunks to be read; of those before a time of the wall clock none.
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
        Moment::Number(number) => {
            wanted.extend(upto(&|chunk| chunk.head.first <= number));
            // The sample of that number may be a missed one, and where all are pruned there is none.
            let at = places().rev().filter(|(_, chunk)| chunk.head.first <= number && holds(chunk));
            wanted.extend(at.map(|(place, _)| place).take(2));
        }
        Moment::Monotonic(ns) => wanted.extend(upto(&|chunk| {
            chunk.head.span.is_some_and(|(begin, _)| begin.monotonic_ns <= ns)
        })),
        // The wall clock may have been set back: several chunks may bear the same times.
        Moment::Utc(ns) => wanted.extend(
            places()
                .filter(|(_, chunk)| {
                    seen(chunk)
                        && chunk.head.utc_ns.is_some_and(|(least, most)| least <= ns && ns <= most)
                })
                .map(|(place, _)| place),
        ),
        Moment::Peak => {
            let peak = chunks.iter().filter_map(|chunk| chunk.head.most_footprint_bytes).max();
            let at = places()
                .find(|(_, chunk)| peak.is_some() && chunk.head.most_footprint_bytes == peak);
            wanted.extend(at.map(|(place, _)| place));
        }
    }
    wanted
}
