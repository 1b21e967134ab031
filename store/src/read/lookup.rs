//! Finds the sample at a moment without reading all of them.

use std::sync::Arc;

use vmrec_sampler::Timestamp;

use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::{RecordingId, Sample};
use crate::tables::chunk::StoredChunk;

/// A moment of a recording; a lookup finds the last sample at or before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Wall-clock time: nanoseconds since 1970-01-01 UTC.
    Utc(i64),
    /// Monotonic time, nanoseconds; before the clock began if negative.
    Monotonic(i128),
    /// The number of a sample.
    Number(u64),
    /// The largest footprint.
    Peak,
}

/// The sample found for a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleAt {
    /// The last sample that was taken at or before the moment.
    pub sample: Sample,
    /// When the requested sample was due: a number may be that of a missed one.
    pub due: Timestamp,
}

/// The first and last samples of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The number of its first sample, which may be a missed one.
    pub oldest_number: u64,
    /// Its last sample, which may be a missed one.
    pub newest: Sample,
    /// Its first sample that was taken.
    pub first: Sample,
    /// Its last sample that was taken.
    pub last: Sample,
}

impl Extent {
    /// Returns the extent of these samples, which are in order; `None` if none was taken.
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let taken = || samples.iter().filter(|sample| sample.is_taken());
        Some(Self {
            oldest_number: samples.first()?.number,
            newest: samples.last()?.clone(),
            first: taken().next()?.clone(),
            last: taken().next_back()?.clone(),
        })
    }
}

impl Moment {
    /// Returns the sample at this moment among samples in order; of several peaks the first.
    pub fn among(self, samples: &[Sample]) -> Option<SampleAt> {
        let mut seen = samples.iter().filter(|sample| sample.is_taken());
        let upto =
            |number| &samples[..samples.partition_point(|sample: &Sample| sample.number <= number)];
        let sample = match self {
            // After the clock was set back, two stretches have the same times: take the nearest
            // sample before.
            Self::Utc(ns) => seen
                .filter(|sample| sample.taken.utc_ns <= ns)
                .max_by_key(|sample| (sample.taken.utc_ns, sample.number)),
            Self::Monotonic(ns) => seen.rfind(|sample| i128::from(sample.taken.monotonic_ns) <= ns),
            Self::Number(number) => upto(number).iter().rfind(|sample| sample.is_taken()),
            Self::Peak => {
                let footprint = |sample: &Sample| sample.totals.footprint_bytes;
                seen.fold(None, |peak, next| next.higher(peak, footprint))
            }
        }?;
        let due = match self {
            Self::Number(number) => upto(number).last().unwrap_or(sample).taken,
            _ => sample.taken,
        };
        Some(SampleAt { sample: sample.clone(), due })
    }
}

impl Store {
    /// Returns the last sample taken at or before a moment of a recording, if any.
    pub fn sample_at(&self, id: RecordingId, moment: Moment) -> Result<Option<SampleAt>, Error> {
        Ok(moment.among(&self.few_samples(id, Some(moment))?))
    }

    /// Returns the first and last samples of a recording; `None` if no sample was taken.
    pub fn extent(&self, id: RecordingId) -> Result<Option<Extent>, Error> {
        Ok(Extent::of(&self.few_samples(id, None)?))
    }

    /// Returns some samples of a recording, in order, among them the first and the last one, the first
    /// and the last one that were taken, and the last one taken at or before `moment`; for a number
    /// also the last one of all at or before it.
    pub(crate) fn few_samples(
        &self,
        id: RecordingId,
        moment: Option<Moment>,
    ) -> Result<Vec<Sample>, Error> {
        self.recording(id)?;
        let _transaction = self.transaction().at(&self.path)?;
        let chunks = match moment {
            None => Arc::new(self.few_chunks(id, None)?),
            Some(Moment::Number(number)) => Arc::new(self.few_chunks(id, Some(number))?),
            Some(_) => {
                let all = self.chunks(id)?;
                self.each_chunk(id, |_| {})?;
                all
            }
        };
        let expected = chunks.last().map_or(1, |chunk| chunk.header.last + 1);
        let mut wanted = near(&chunks, moment);
        wanted.sort_unstable();
        wanted.dedup();
        let mut parts = Vec::with_capacity(wanted.len() + 1);
        for index in wanted {
            parts.push((index, self.chunk_samples(&chunks[index])?));
        }
        if let Some(Moment::Utc(ns)) = moment {
            self.add_before(&chunks, ns, &mut parts)?;
        }
        parts.sort_unstable_by_key(|(index, _)| *index);
        let mut samples: Vec<Sample> = parts.into_iter().flat_map(|(_, samples)| samples).collect();
        self.add_rows(id, expected, &mut samples)?;
        Ok(samples)
    }

    /// Adds the chunk of the last sample taken whose wall-clock time is before `ns`, unless
    /// `parts` have a later one.
    fn add_before(
        &self,
        chunks: &[StoredChunk],
        ns: i64,
        parts: &mut Vec<(usize, Vec<Sample>)>,
    ) -> Result<(), Error> {
        let latest = |parts: &[(usize, Vec<Sample>)]| {
            let seen = parts.iter().flat_map(|(_, samples)| samples).filter(|s| s.is_taken());
            seen.map(|sample| sample.taken.utc_ns).filter(|utc_ns| *utc_ns <= ns).max()
        };
        let max = |chunk: &StoredChunk| chunk.header.utc_ns.map(|(_, max)| max);
        let mut before: Vec<(i64, usize)> = (0..)
            .zip(chunks)
            .filter(|(_, chunk)| chunk.header.taken() > 0)
            .filter_map(|(index, chunk)| Some((max(chunk).filter(|max| *max < ns)?, index)))
            .collect();
        before.sort_unstable();
        // The header of a chunk includes missed samples, so its last one taken may be
        // earlier.
        while let Some((max, index)) = before.pop() {
            if latest(parts).is_some_and(|latest| latest > max) {
                break;
            }
            if !parts.iter().any(|(known, _)| *known == index) {
                parts.push((index, self.chunk_samples(&chunks[index])?));
            }
        }
        Ok(())
    }
}

/// Returns the indexes of the chunks to read, without those before a wall-clock time.
fn near(chunks: &[StoredChunk], moment: Option<Moment>) -> Vec<usize> {
    let indexed = || chunks.iter().enumerate();
    let seen = |chunk: &StoredChunk| chunk.header.taken() > 0;
    let holds = |chunk: &StoredChunk| chunk.header.samples > 0;
    let mut wanted: Vec<usize> = Vec::new();
    for filter in [&seen as &dyn Fn(&StoredChunk) -> bool, &holds] {
        wanted.extend(chunks.iter().position(filter));
        wanted.extend(chunks.iter().rposition(filter));
    }
    // The last sample before may be in an earlier chunk, if those since were missed.
    let upto = |before: &dyn Fn(&StoredChunk) -> bool| -> Vec<usize> {
        let at = indexed().rev().filter(|(_, chunk)| before(chunk) && seen(chunk));
        at.map(|(index, _)| index).take(2).collect()
    };
    let Some(moment) = moment else { return wanted };
    match moment {
        Moment::Number(number) => {
            wanted.extend(upto(&|chunk| chunk.header.first <= number));
            // The sample of that number may be a missed one; in a fully pruned chunk there is none.
            let at =
                indexed().rev().filter(|(_, chunk)| chunk.header.first <= number && holds(chunk));
            wanted.extend(at.map(|(index, _)| index).take(2));
        }
        Moment::Monotonic(ns) => wanted.extend(upto(&|chunk| {
            chunk.header.span.is_some_and(|(begin, _)| i128::from(begin.monotonic_ns) <= ns)
        })),
        // The wall clock may have been set back: several chunks may have the same times.
        Moment::Utc(ns) => wanted.extend(
            indexed()
                .filter(|(_, chunk)| {
                    seen(chunk)
                        && chunk.header.utc_ns.is_some_and(|(min, max)| min <= ns && ns <= max)
                })
                .map(|(index, _)| index),
        ),
        Moment::Peak => {
            let rank = |chunk: &StoredChunk| {
                let header = &chunk.header;
                Some((header.torn < header.taken(), header.max_footprint_bytes?))
            };
            let peak = chunks.iter().filter_map(rank).max();
            let at = indexed().find(|(_, chunk)| peak.is_some() && rank(chunk) == peak);
            wanted.extend(at.map(|(index, _)| index));
        }
    }
    wanted
}
