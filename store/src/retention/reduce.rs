//! Reduces a chunk to a smaller one, or to an empty one that covers the same
//! numbers.

use std::ops::RangeInclusive;
use std::path::Path;

use rusqlite::{Connection, params};

use crate::codec::chunk::builder::{Builder, Built};
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::codec::varint::Malformed;
use crate::db::integer::to_column;
use crate::db::transaction::Transaction;
use crate::error::{At, Error};
use crate::recording::{RecordingId, Sample};
use crate::retention::plan::{Keep, Known, kept};
use crate::tables::chunk::StoredChunk;
use crate::tables::chunk_group::Group;
use crate::tables::identity_cache::Identities;
use crate::tables::{chunk, chunk_group, latest, rollup_row};

/// A chunk and its reduction.
#[derive(Debug)]
pub(crate) struct Reduced {
    chunk: StoredChunk,
    /// The chunk that replaces it.
    built: Built,
    /// The number of deleted samples.
    pub(crate) samples: u64,
    /// The kinds it referred to before, some of which may have no other reference.
    pub(crate) kinds: Vec<i64>,
}

/// The most chunks that are looked at together.
const MAX_NEAR: usize = 8;

/// The samples that are left of neighbouring chunks.
pub(crate) struct Left {
    /// The numbers that the chunks cover.
    pub(crate) range: RangeInclusive<u64>,
    /// Those of samples that are left, in order.
    pub(crate) samples: Vec<u64>,
}

/// Reads chunks and reduces them.
pub(crate) struct Reader<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) path: &'a Path,
}

impl Reader<'_> {
    /// Reduces the chunk that ends with sample `last`; `None` if all of it stays.
    pub(crate) fn reduce(
        &self,
        known: &Known,
        last: u64,
        keep: Keep,
    ) -> Result<Option<Reduced>, Error> {
        let Some(chunk) = self.chunk(known, last)? else { return Ok(None) };
        // A chunk that is deleted entirely may be damaged: damage must not keep it forever.
        let kinds = match self.kinds(&chunk) {
            Err(Error::Damaged { .. }) if keep == Keep::Nothing => Vec::new(),
            other => other?,
        };
        let (mut builder, mut first, mut last, mut gone) =
            (Builder::default(), chunk.header.first, chunk.header.last, chunk.header.samples);
        if keep != Keep::Nothing {
            let samples = self.samples(&chunk)?;
            let ticks: Vec<Tick> = samples.iter().map(Tick::of).collect();
            let stay = self.stay(known, &chunk, &ticks, keep)?;
            let left = stay.iter().filter(|stays| **stays).count() as u64;
            if left == chunk.header.samples {
                return Ok(None);
            }
            gone -= left;
            self.push(&mut builder, &chunk, samples, &stay)?;
        }
        if builder.is_empty() {
            (first, last) = self.emptied(&chunk)?;
        }
        let built = builder.finish(chunk.recording.0, first, last);
        let built = built.at(self.path)?;
        Ok(Some(Reduced { chunk, built, samples: gone, kinds }))
    }

    /// Adds the samples that stay.
    fn push(
        &self,
        builder: &mut Builder,
        chunk: &StoredChunk,
        samples: Vec<Sample>,
        stay: &[bool],
    ) -> Result<(), Error> {
        let regions = chunk_group::regions(self.connection, chunk).at(self.path)?;
        let mut snapshots = regions.snapshots().at(self.path)?;
        let mut identities = Identities::default();
        let mut index = 0;
        for (sample, stays) in samples.into_iter().zip(stay) {
            let snapshot = index;
            index += u32::from(sample.has_regions());
            if !stays {
                continue;
            }
            if !sample.has_regions() {
                builder.push(sample, None);
                continue;
            }
            let states = snapshots.at(snapshot).at(self.path)?;
            if Some(states.len() as u64) != sample.regions {
                let what = format!("regions of {}: regions are missing", chunk.describe());
                return Err(Error::Damaged { path: self.path.to_owned(), what });
            }
            let table = identities.table(self.connection, &states).at(self.path)?;
            builder.push(sample, Some(table));
        }
        Ok(())
    }

    /// Returns the samples that are left of the chunk that covers sample `number` and of those before
    /// it, back to the sample that `key` returns for its first one, or of the last [`MAX_NEAR`].
    pub(crate) fn left_near(
        &self,
        recording: RecordingId,
        number: u64,
        key: impl FnOnce(u64) -> rusqlite::Result<u64>,
    ) -> Result<Option<Left>, Error> {
        let chunk = chunk::at_or_after(self.connection, recording, number).at(self.path)?;
        let Some(chunk) = chunk.filter(|chunk| chunk.header.first <= number) else {
            return Ok(None);
        };
        let first = key(chunk.header.first).at(self.path)?;
        let last = chunk.header.last;
        let mut chunks = vec![chunk];
        while chunks.len() < MAX_NEAR
            && chunks[0].header.first > first
            && let Some(before) = self.before(&chunks[0])?
        {
            chunks.insert(0, before);
        }
        let mut samples = Vec::new();
        for chunk in chunks.iter().filter(|chunk| chunk.header.samples > 0) {
            match self.ticks(chunk) {
                // Whatever it needs stays.
                Err(Error::Damaged { .. }) => return Ok(None),
                ticks => samples.extend(ticks?.0.iter().map(|tick| tick.number)),
            }
        }
        Ok(Some(Left { range: chunks[0].header.first..=last, samples }))
    }

    /// Returns the numbers of an empty chunk that replaces this one and its empty neighbours.
    fn emptied(&self, chunk: &StoredChunk) -> Result<(u64, u64), Error> {
        let after = chunk::at_or_after(self.connection, chunk.recording, chunk.header.last + 1)
            .at(self.path)?;
        let empty =
            |beside: Option<StoredChunk>| beside.filter(|beside| beside.header.samples == 0);
        Ok((
            empty(self.before(chunk)?).map_or(chunk.header.first, |before| before.header.first),
            empty(after).map_or(chunk.header.last, |after| after.header.last),
        ))
    }

    fn stay(
        &self,
        known: &Known,
        chunk: &StoredChunk,
        ticks: &[Tick],
        keep: Keep,
    ) -> Result<Vec<bool>, Error> {
        let mut before = self.before(chunk)?.filter(|_| keep == Keep::OneAMinute);
        if let Some(empty) = before.take_if(|before| before.header.samples == 0) {
            before = self.before(&empty)?;
        }
        let before = before.map(|before| self.ticks(&before)).transpose()?.unwrap_or_default();
        Ok(kept(known, ticks, &before.0, keep))
    }

    fn before(&self, chunk: &StoredChunk) -> Result<Option<StoredChunk>, Error> {
        match chunk.header.first - 1 {
            0 => Ok(None),
            number => chunk::at_or_after(self.connection, chunk.recording, number).at(self.path),
        }
    }

    /// Returns the chunk that ends with sample `last`, unless it was deleted.
    fn chunk(&self, known: &Known, last: u64) -> Result<Option<StoredChunk>, Error> {
        let found = chunk::at_or_after(self.connection, known.id, last).at(self.path)?;
        Ok(found.filter(|chunk| chunk.header.last == last))
    }

    fn samples(&self, chunk: &StoredChunk) -> Result<Vec<Sample>, Error> {
        chunk_group::samples(self.connection, chunk).at(self.path)
    }

    fn ticks(&self, chunk: &StoredChunk) -> Result<Ticks, Error> {
        self.group(chunk, Group::Ticks, Ticks::decode)
    }

    /// Returns the numbers of the kinds that the regions of a chunk have.
    pub(crate) fn kinds(&self, chunk: &StoredChunk) -> Result<Vec<i64>, Error> {
        chunk_group::kinds(self.connection, chunk).at(self.path)
    }

    fn group<T>(
        &self,
        chunk: &StoredChunk,
        group: Group,
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, Error> {
        chunk_group::decoded(self.connection, chunk, group, decode).at(self.path)
    }
}

impl Reduced {
    /// Replaces the chunk and the empty ones absorbed by it.
    pub(crate) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let (recording, header) = (self.chunk.recording, &self.built.header);
        if header.samples > 0 {
            return chunk::replace(transaction, self.chunk.id, recording, &self.built);
        }
        const GONE: &str = "recording = ?1 AND last BETWEEN ?2 AND ?3";
        let gone = params![recording.0, to_column(header.first), to_column(header.last)];
        rollup_row::delete(transaction, &format!("SELECT id FROM chunk WHERE {GONE}"), gone)?;
        transaction.prepare_cached(&format!("DELETE FROM chunk WHERE {GONE}"))?.execute(gone)?;
        chunk::insert(transaction, recording, &self.built)?;
        latest::forget(transaction, recording, header.first, header.last)
    }
}
