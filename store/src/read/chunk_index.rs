//! Finds the chunks of a recording.

use std::sync::Arc;

use crate::db::integer::from_column;
use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::chunk::{ChunkHeaders, StoredChunk};
use crate::tables::{chunk, recording};

impl Store {
    /// Returns every chunk of a recording, in order.
    pub(crate) fn chunks(&self, id: RecordingId) -> Result<Arc<Vec<StoredChunk>>, Error> {
        if let Some(known) = self.known_chunks(id)? {
            return Ok(known);
        }
        let state = self.state()?;
        let chunks = Arc::new(chunk::all(&self.connection, id).at(&self.path)?);
        let headers = ChunkHeaders { recording: id, state, chunks: Arc::clone(&chunks) };
        self.headers.replace(Some(headers));
        Ok(chunks)
    }

    /// Returns the cached chunks, if the file has not changed since.
    fn known_chunks(&self, id: RecordingId) -> Result<Option<Arc<Vec<StoredChunk>>>, Error> {
        let known = self.headers.borrow().clone().filter(|known| known.recording == id);
        Ok(match known {
            Some(known) if known.state == self.state()? => Some(known.chunks),
            _ => None,
        })
    }

    /// Returns a number that changes whenever this connection sees writes of another one.
    fn state(&self) -> Result<i64, Error> {
        self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).at(&self.path)
    }

    /// Returns the chunks needed for the ends of a recording and for one of its samples, in order:
    /// from each end, and from `number` on back, until enough have regions.
    pub(crate) fn few_chunks(
        &self,
        id: RecordingId,
        number: Option<u64>,
    ) -> Result<Vec<StoredChunk>, Error> {
        let mut few = Vec::new();
        let mut next = self.chunk_at_or_after(id, 1)?;
        while let Some(chunk) = next {
            next = match chunk.header.snapshots {
                0 => self.chunk_at_or_after(id, chunk.header.last + 1)?,
                _ => None,
            };
            few.push(chunk);
        }
        self.add_back_from(id, self.chunk_before(id, u64::MAX)?, 1, &mut few)?;
        if let Some(number) = number {
            // A chunk that begins after the number does not count.
            self.add_back_from(id, self.chunk_at_or_after(id, number)?, 3, &mut few)?;
        }
        few.sort_unstable_by_key(|chunk| chunk.header.last);
        few.dedup_by_key(|chunk| chunk.header.last);
        Ok(few)
    }

    /// Adds a chunk and those before it until `enough` of them have regions.
    fn add_back_from(
        &self,
        id: RecordingId,
        mut next: Option<StoredChunk>,
        enough: usize,
        few: &mut Vec<StoredChunk>,
    ) -> Result<(), Error> {
        let mut with_regions = 0;
        while let Some(chunk) = next {
            with_regions += usize::from(chunk.header.snapshots > 0);
            next = match with_regions < enough {
                true => self.chunk_before(id, chunk.header.last)?,
                false => None,
            };
            few.push(chunk);
        }
        Ok(())
    }

    /// Calls `visit` with every chunk of a recording, in order, checks that there are no gaps and
    /// returns the number after the last sample.
    pub(crate) fn each_chunk(
        &self,
        id: RecordingId,
        mut visit: impl FnMut(&StoredChunk),
    ) -> Result<u64, Error> {
        let mut expected = 1;
        let mut add = |chunk: &StoredChunk| {
            let follows = self.follows(id, chunk.header.first, expected);
            expected = chunk.header.last + 1;
            visit(chunk);
            follows
        };
        match self.known_chunks(id)? {
            Some(known) => known.iter().try_for_each(add)?,
            None => {
                // Not cached: the chunks of weeks would take fresh memory for one use.
                let mut follow = Ok(());
                chunk::each(&self.connection, id, |chunk| {
                    if follow.is_ok() {
                        follow = add(&chunk);
                    }
                    Ok(())
                })
                .at(&self.path)?;
                follow?;
            }
        }
        Ok(expected)
    }

    /// Returns the chunk that covers sample `number`, or else the next one after it.
    pub(crate) fn chunk_at_or_after(
        &self,
        id: RecordingId,
        number: u64,
    ) -> Result<Option<StoredChunk>, Error> {
        chunk::at_or_after(&self.connection, id, number).at(&self.path)
    }

    /// Returns the last chunk that covers only samples before `number`.
    fn chunk_before(&self, id: RecordingId, number: u64) -> Result<Option<StoredChunk>, Error> {
        chunk::before(&self.connection, id, number).at(&self.path)
    }

    /// Checks that a sample or chunk has the expected number: none is missing before it.
    pub(crate) fn follows(&self, id: RecordingId, number: u64, expected: u64) -> Result<(), Error> {
        if number == expected {
            return Ok(());
        }
        let what = format!("recording {}: found sample {number} instead of {expected}", id.0);
        Err(Error::Damaged { path: self.path.clone(), what })
    }

    /// Checks that the samples that are rows go on at `expected`, or that there are none after it.
    pub(crate) fn rows_follow(&self, id: RecordingId, expected: u64) -> Result<(), Error> {
        let first: Option<i64> = self.read(|connection| {
            connection
                .prepare_cached("SELECT min(number) FROM sample WHERE recording = ?")?
                .query_row([id.0], |row| row.get(0))
        })?;
        match first {
            Some(first) => self.follows(id, from_column(first), expected),
            None => self.ends(id, expected),
        }
    }

    /// Checks that a recording lost no sample from `expected` on: one that has ended knows its last
    /// number; of another one the table and its index must agree, and each frame have its sample.
    pub(crate) fn ends(&self, id: RecordingId, expected: u64) -> Result<(), Error> {
        match recording::last_number(&self.connection, id).at(&self.path)? {
            Some(last) if last >= expected => {
                let what = format!("recording {}: samples {expected} to {last} are missing", id.0);
                Err(Error::Damaged { path: self.path.clone(), what })
            }
            Some(_) => Ok(()),
            None => self.rows_end(id, expected),
        }
    }

    fn rows_end(&self, id: RecordingId, expected: u64) -> Result<(), Error> {
        let (last, orphans): (Option<i64>, bool) = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT (SELECT max(number) FROM sample NOT INDEXED WHERE recording = ?), \
                     EXISTS (SELECT 1 FROM frame WHERE sample NOT IN (SELECT id FROM sample NOT INDEXED))",
                )?
                .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        })?;
        let what = match last.map(from_column) {
            Some(last) if last >= expected => {
                format!("recording {}: samples {expected} to {last} are missing", id.0)
            }
            _ if orphans => format!("recording {}: regions without their sample", id.0),
            _ => return Ok(()),
        };
        Err(Error::Damaged { path: self.path.clone(), what })
    }
}
