//! An active recording: its state in the writer from sample to sample.

use vmrec_sampler::{Consistency, LoadedImages, Region, Snapshot, Timestamp};

use crate::codec::crc32::checksum;
use crate::codec::evidence::packer::{New, Packer};
use crate::codec::frame::Frame;
use crate::codec::frame::encode::FrameEncoder;
use crate::codec::table_diff::{Edit, RegionTable};
use crate::db::transaction::Transaction;
use crate::recording::{RecordingId, Sample};
use crate::retention::policy::max_sample_bytes;
use crate::tables::images;
use crate::tables::interner::Interner;
use crate::tables::sample::{insert_frame, insert_sample, next_number};
use crate::write::chunk_thread::{ChunkThread, Pending};

/// An active recording.
#[derive(Debug)]
pub(crate) struct Active {
    id: RecordingId,
    /// The number of the next sample; `None` after a failure, then it is read from the file.
    next: Option<u64>,
    encoder: FrameEncoder,
    pub(crate) interner: Interner,
    /// The samples of the next chunk.
    pub(crate) pending: Pending,
    pub(crate) evidence: Packer,
    /// The images that the file has for the last sample; `None` after a failure.
    images: Option<Option<LoadedImages>>,
    /// The approximate bytes stored for the samples of the chunk, except its first frame.
    chunk_bytes: usize,
    /// The limit of the file.
    max_bytes: Option<u64>,
    /// Why the regions of the last sample were left out, if they were.
    left_out: Option<String>,
}

/// The approximate bytes of a row of a sample besides its frame.
const ROW_BYTES: usize = 200;
/// The approximate bytes of a region in a frame that stands alone.
const REGION_BYTES: usize = 16;
/// The bytes stored for the samples of a chunk, evidence and kinds of regions included, at which it
/// ends, unless a limit of the file asks for less.
const MAX_CHUNK_BYTES: u64 = 1 << 20;
/// The smallest such bytes.
pub(crate) const MIN_CHUNK_BYTES: u64 = 64 << 10;
/// The fraction of a limit of the file that a chunk takes, so that the oldest one is a small part of
/// the file.
const CHUNK_PART: u64 = 8;

/// The result of a transaction: a sample and, if it has any, its regions, their frame and
/// the edits from those before.
pub(crate) type Written = (Sample, Option<(RegionTable, Frame, Vec<Edit>)>);

impl Active {
    /// Returns the state of a new recording in a file of at most `max_bytes`.
    pub(crate) fn new(id: RecordingId, max_bytes: Option<u64>) -> Self {
        Self {
            id,
            next: Some(1),
            encoder: FrameEncoder::default(),
            interner: Interner::default(),
            pending: Pending::default(),
            evidence: Packer::default(),
            images: Some(None),
            chunk_bytes: 0,
            max_bytes,
            left_out: None,
        }
    }

    /// Keeps the recording to another limit of the file.
    pub(crate) const fn limit(&mut self, max_bytes: Option<u64>) {
        self.max_bytes = max_bytes;
    }

    /// Returns why the regions of the last sample were left out, if they were, once.
    pub(crate) const fn take_left_out(&mut self) -> Option<String> {
        self.left_out.take()
    }

    /// Writes a snapshot as the next sample; regions that are too many for the file are left out.
    pub(crate) fn append(
        &mut self,
        transaction: &Transaction<'_>,
        mut snapshot: Snapshot,
    ) -> rusqlite::Result<Written> {
        let number = self.next_number(transaction)?;
        self.keep_images(transaction, number, &snapshot)?;
        self.left_out = self.too_large(&snapshot.regions);
        if let Some(why) = &self.left_out {
            snapshot.regions = Vec::new();
            snapshot.consistency = Consistency::TotalsAlone(why.clone());
        }
        let sample = Sample::of(number, &snapshot);
        if !sample.has_regions() {
            insert_sample(transaction, self.id, &sample)?;
            return Ok((sample, None));
        }
        let regions = snapshot.regions;
        let kinds = self.interner.number(transaction, self.encoder.last(), &regions)?;
        let table = RegionTable { kinds, regions };
        let (frame, edits) = self.encoder.encode(&table);
        let row = insert_sample(transaction, self.id, &sample)?;
        let sum = checksum(self.id.0, number, frame.kind, &frame.data);
        insert_frame(transaction, row, &frame, sum)?;
        Ok((sample, Some((table, frame, edits))))
    }

    /// Returns how many of these snapshots, from the first on, can be written in one transaction because
    /// they have the regions of the last sample.
    pub(crate) fn repeats(&self, snapshots: &[Snapshot]) -> usize {
        let Some(last) = self.encoder.last().filter(|_| self.next.is_some()) else { return 0 };
        let same = |snapshot: &&Snapshot| {
            let has_regions = snapshot.consistency.totals_alone().is_none();
            let has_images = self.images.as_ref() == Some(&snapshot.images);
            has_regions && has_images && snapshot.regions == last.regions
        };
        snapshots.iter().take_while(same).count().min(self.encoder.room())
    }

    /// Writes a snapshot with the regions of the last sample: the next one, or so many `after` it.
    pub(crate) fn repeat(
        &self,
        transaction: &Transaction<'_>,
        snapshot: &Snapshot,
        after: u64,
    ) -> rusqlite::Result<Written> {
        let number = self.next_number(transaction)? + after;
        let before = (after > 0).then(|| number - 1);
        // Those that `repeats` counted have regions.
        let (table, frame) = self.encoder.repeat(before).ok_or(rusqlite::Error::InvalidQuery)?;
        let sample = Sample::of(number, snapshot);
        let row = insert_sample(transaction, self.id, &sample)?;
        let sum = checksum(self.id.0, number, frame.kind, &frame.data);
        insert_frame(transaction, row, &frame, sum)?;
        Ok((sample, Some((table, frame, Vec::new()))))
    }

    /// Writes the images of a sample if they are not those of the one before.
    fn keep_images(
        &mut self,
        transaction: &Transaction<'_>,
        number: u64,
        snapshot: &Snapshot,
    ) -> rusqlite::Result<()> {
        let images = &snapshot.images;
        if self.images.as_ref() == Some(images) {
            return Ok(());
        }
        let max = self.max_bytes.map_or(u64::MAX, |max| max_sample_bytes(max) / 2);
        let max = max.min(images::MAX_NEW_BYTES);
        let at = (number, snapshot.taken);
        self.chunk_bytes += images::write(transaction, self.id, at, images.as_ref(), max)?;
        self.images = Some(images.clone());
        Ok(())
    }

    /// Returns why the regions of a sample cannot be stored in a file of this limit, if they cannot.
    fn too_large(&self, regions: &[Region]) -> Option<String> {
        let limit = self.max_bytes?;
        let max = max_sample_bytes(limit);
        let frame = regions.len() * REGION_BYTES;
        let named = |region: &Region| region.identity.object.as_ref().map_or(0, |it| it.name.len());
        // Most are so small that what is new among them need not be found.
        let bytes = frame + regions.iter().map(named).sum::<usize>();
        if bytes as u64 <= max / 2 {
            return None;
        }
        let bytes = frame + self.interner.max_new_bytes(self.encoder.last(), regions);
        (bytes as u64 > max).then(|| {
            format!("they take some {bytes} bytes, too many for a file of at most {limit} bytes")
        })
    }

    /// Writes missed ticks as the next sample.
    pub(crate) fn missed(
        &mut self,
        transaction: &Transaction<'_>,
        due: Timestamp,
        ticks: u64,
        reason: &str,
    ) -> rusqlite::Result<Written> {
        let sample = Sample::missed(self.next_number(transaction)?, due, ticks, reason);
        insert_sample(transaction, self.id, &sample)?;
        Ok((sample, None))
    }

    fn next_number(&self, transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
        self.next.map_or_else(|| next_number(transaction, self.id), Ok)
    }

    /// Updates the state after a sample is stored durably; a full chunk goes to `thread`.
    pub(crate) fn accept(&mut self, (sample, regions): Written, thread: Option<&mut ChunkThread>) {
        let number = sample.number;
        self.next = Some(number + 1);
        match regions {
            None => {
                // Samples with regions end chunks by their frames; where none has any, these do.
                if let Some(thread) = thread.filter(|_| sample.is_taken() && self.encoder.is_full())
                {
                    thread.build(self.id, &mut self.pending);
                    self.encoder = FrameEncoder::default();
                    self.chunk_bytes = 0;
                }
                self.chunk_bytes += if sample.is_taken() { ROW_BYTES } else { 0 };
                self.encoder.without_regions();
                self.pending.push_without_regions(sample);
            }
            Some((table, frame, edits)) => {
                let kinds_bytes = self.interner.take_written_bytes();
                if frame.begins {
                    self.chunk_bytes = kinds_bytes;
                } else {
                    self.chunk_bytes += ROW_BYTES + frame.data.len() + kinds_bytes;
                }
                if let Some(thread) = thread.filter(|_| frame.begins) {
                    thread.build(self.id, &mut self.pending);
                }
                self.pending.push(sample, &edits, &table);
                self.encoder.accept(number, table, &frame);
            }
        }
    }

    /// Returns whether evidence is too large for the file.
    pub(crate) fn is_too_large(&self, evidence: &New) -> bool {
        self.max_bytes.is_some_and(|max| evidence.data.len() as u64 > max_sample_bytes(max) / 2)
    }

    /// Counts the bytes of stored evidence.
    pub(crate) const fn evidence_stored(&mut self, bytes: usize) {
        self.chunk_bytes += bytes;
    }

    /// Ends the chunk if it takes too many bytes of the file: samples are deleted by the chunk.
    pub(crate) fn limit_chunk(&mut self) {
        let limit = self.max_bytes.map_or(MAX_CHUNK_BYTES, |max| {
            (max / CHUNK_PART).clamp(MIN_CHUNK_BYTES, MAX_CHUNK_BYTES)
        });
        if self.chunk_bytes as u64 >= limit {
            self.encoder.end_chunk();
        }
    }

    /// Forgets all state that depends on the last commit, which may or may not have happened.
    pub(crate) fn reject(&mut self) {
        self.next = None;
        self.encoder = FrameEncoder::default();
        self.interner.forget();
        self.images = None;
    }
}
