//! Reads samples in order, from chunks and then from the rows recorded since
//! the last chunk.

use std::ops::{ControlFlow, RangeInclusive};

use vmrec_sampler::{Consistency, Region, Snapshot};

use crate::codec::chunk::decode_sums::Decoded;
use crate::codec::chunk::header::ChunkHeader;
use crate::codec::chunk::measure::Measure;
use crate::codec::region_state::RegionState;
use crate::codec::varint::Malformed;
use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::{RecordingId, Sample, SampleState};
use crate::tables::chunk::StoredChunk;
use crate::tables::chunk_group::{Group, StoredRegions};
use crate::tables::sample::sample_columns;
use crate::tables::{chunk_group, sample};

impl Store {
    /// Returns the samples of a recording without their regions, in order.
    pub fn samples(&self, id: RecordingId) -> Result<Vec<Sample>, Error> {
        self.recording(id)?;
        let _transaction = self.transaction().at(&self.path)?;
        let mut samples = Vec::new();
        let mut expected = 1;
        for chunk in self.chunks(id)?.iter() {
            self.follows(id, chunk.header.first, expected)?;
            expected = chunk.header.last + 1;
            samples.append(&mut self.chunk_samples(chunk)?);
        }
        self.add_rows(id, expected, &mut samples)?;
        Ok(samples)
    }

    /// Adds the samples that are still rows, which begin with number `expected`.
    pub(crate) fn add_rows(
        &self,
        id: RecordingId,
        mut expected: u64,
        samples: &mut Vec<Sample>,
    ) -> Result<(), Error> {
        let text = format!(
            "SELECT {} FROM sample AS s WHERE s.recording = ? ORDER BY s.number",
            sample_columns()
        );
        let mut statement = self.connection.prepare_cached(&text).at(&self.path)?;
        for sample in statement.query_map([id.0], sample::sample_from_row).at(&self.path)? {
            let sample = sample.at(&self.path)?;
            self.follows(id, sample.number, expected)?;
            expected = sample.number.wrapping_add(1);
            samples.push(sample);
        }
        self.ends(id, expected)
    }

    /// Calls `visit` with each sample in `numbers` and its regions, until it breaks.
    pub(crate) fn walk(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        mut visit: impl FnMut(&Sample, Option<Snapshot>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.recording(id)?;
        let _transaction = self.transaction().at(&self.path)?;
        let mut next = (*numbers.start()).max(1);
        while let Some(chunk) = self.chunk_at_or_after(id, next)? {
            if chunk.header.first > next {
                self.follows(id, chunk.header.first, next)?;
            }
            if next > *numbers.end() || self.walk_chunk(&chunk, &numbers, &mut visit)?.is_break() {
                return Ok(());
            }
            next = chunk.header.last + 1;
        }
        self.each_row(id, next, &numbers, |sample, decoded| {
            let regions = decoded.map(|decoded| self.regions(decoded.regions())).transpose()?;
            Ok(visit(sample, regions.map(|regions| self.snapshot_of(sample, regions))))
        })
    }

    fn walk_chunk(
        &self,
        chunk: &StoredChunk,
        numbers: &RangeInclusive<u64>,
        visit: &mut impl FnMut(&Sample, Option<Snapshot>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let samples = chunk_group::samples_among(&self.connection, chunk, numbers).at(&self.path)?;
        let any = samples.iter().any(|(_, sample)| sample.has_regions());
        let regions =
            any.then(|| chunk_group::regions(&self.connection, chunk)).transpose().at(&self.path)?;
        let snapshots = regions.as_ref().map(StoredRegions::snapshots).transpose();
        let mut snapshots = snapshots.at(&self.path)?;
        for (index, sample) in &samples {
            let flow = match &mut snapshots {
                Some(snapshots) if sample.has_regions() => {
                    let states = snapshots.at(*index).at(&self.path)?;
                    if Some(states.len() as u64) != sample.regions {
                        return Err(self.damaged(chunk.recording, sample, "regions are missing"));
                    }
                    visit(sample, Some(self.snapshot_of(sample, self.regions(&states)?)))
                }
                _ => visit(sample, None),
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the samples of a chunk.
    pub(crate) fn chunk_samples(&self, chunk: &StoredChunk) -> Result<Vec<Sample>, Error> {
        chunk_group::samples(&self.connection, chunk).at(&self.path)
    }

    /// Adds the damage of chunks that the checksums of their rows do not detect to `problems`.
    pub(crate) fn add_chunk_problems(&self, problems: &mut Vec<String>) -> Result<(), Error> {
        let ids: Vec<i64> = match self.read(|connection| {
            connection
                .prepare("SELECT id FROM recording")?
                .query_map([], |row| row.get(0))?
                .collect()
        }) {
            Ok(ids) => ids,
            Err(Error::Damaged { .. }) => return Ok(()), // which was reported already
            Err(other) => return Err(other),
        };
        for id in ids.into_iter().map(RecordingId) {
            let chunks = match self.chunks(id) {
                Err(Error::Damaged { .. }) => continue,
                chunks => chunks?,
            };
            for chunk in chunks.iter() {
                match self.check_chunk(chunk) {
                    Err(Error::Damaged { what, .. }) => problems.push(what),
                    other => other?,
                }
            }
        }
        Ok(())
    }

    /// Decodes all of a chunk.
    fn check_chunk(&self, chunk: &StoredChunk) -> Result<(), Error> {
        let samples = self.chunk_samples(chunk)?;
        if ChunkHeader::of(chunk.header.first, chunk.header.last, &samples) != chunk.header {
            let what = format!("{}: its samples contradict its header", chunk.describe());
            return Err(Error::Damaged { path: self.path.clone(), what });
        }
        self.decoded(chunk, Group::Sums, |data| Decoded::decode(data, &Measure::ALL))?;
        let mut all = |_: &Sample, _: Option<Snapshot>| ControlFlow::Continue(());
        self.walk_chunk(chunk, &(0..=u64::MAX), &mut all).map(drop)
    }

    /// Decodes a group of a chunk.
    pub(crate) fn decoded<T>(
        &self,
        chunk: &StoredChunk,
        group: Group,
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, Error> {
        chunk_group::decoded(&self.connection, chunk, group, decode).at(&self.path)
    }

    /// Returns regions from their states, in their order.
    fn regions(&self, states: &[RegionState]) -> Result<Vec<Region>, Error> {
        let mut identities = self.identities.take();
        let regions = identities.regions(&self.connection, states);
        self.identities.replace(identities);
        regions.at(&self.path)
    }

    pub(crate) fn snapshot_of(&self, sample: &Sample, regions: Vec<Region>) -> Snapshot {
        Snapshot {
            taken: sample.taken,
            cost: sample.cost,
            consistency: match &sample.state {
                SampleState::Cheap => Consistency::Cheap,
                SampleState::Unchanged => Consistency::Unchanged,
                SampleState::Torn(reason) => Consistency::Torn(reason.clone()),
                SampleState::TotalsAlone(reason) => Consistency::TotalsAlone(reason.clone()),
                _ => Consistency::Complete,
            },
            totals: sample.totals,
            regions,
            images: None,
        }
    }

    pub(crate) fn damaged(&self, id: RecordingId, sample: &Sample, what: &str) -> Error {
        let what = format!("sample {} of recording {}: {what}", sample.number, id.0);
        Error::Damaged { path: self.path.clone(), what }
    }
}
