//! The samples that are still rows, and their sums, from what changes between two of them.

use std::collections::HashMap;
use std::ops::{ControlFlow, RangeInclusive};

use rusqlite::{Connection, OptionalExtension, params};

use crate::codec::chunk::kind_sums::KindColumns;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::ticks::Tick;
use crate::codec::frame::decode::FrameDecoder;
use crate::codec::region_state::RegionState;
use crate::codec::spread::SpreadHasher;
use crate::codec::varint::Malformed;
use crate::db::integer::{from_column, limit_to_column, to_column};
use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::{RecordingId, Sample};
use crate::tables::chunk_group::NumberedSums;
use crate::tables::interner::KindKey;
use crate::tables::sample::{decode, frames};
use crate::tables::{chunk, sample};

impl Store {
    /// Calls `visit` with the samples in `numbers` that are still rows, and the decoder after the frame
    /// of each that has regions, from `next` on, until it breaks.
    pub(crate) fn each_row(
        &self,
        id: RecordingId,
        next: u64,
        numbers: &RangeInclusive<u64>,
        mut visit: impl FnMut(&Sample, Option<&FrameDecoder>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let last = chunk::last(&self.connection, id).at(&self.path)?;
        let after_chunks = last.map_or(1, |chunk| chunk.header.last + 1);
        let key = key_before(&self.connection, id, next).at(&self.path)?;
        let first = key.unwrap_or(after_chunks).max(after_chunks);
        let mut statement = frames(&self.connection).at(&self.path)?;
        let last = limit_to_column(*numbers.end());
        let mut rows = statement.query(params![id.0, to_column(first), last]).at(&self.path)?;
        let mut decoder = FrameDecoder::default();
        let mut expected = first;
        while let Some(row) = rows.next().at(&self.path)? {
            let sample = sample::sample_from_row(row).at(&self.path)?;
            self.follows(id, sample.number, expected)?;
            expected = sample.number.wrapping_add(1);
            let states = decode(&mut decoder, id, &sample, row);
            let any = states.map_err(|what| self.damaged(id, &sample, &what))?.is_some();
            if numbers.contains(&sample.number)
                && visit(&sample, any.then_some(&decoder))?.is_break()
            {
                return Ok(());
            }
        }
        if expected <= *numbers.end() {
            self.ends(id, expected)?;
        }
        Ok(())
    }

    /// Sums the samples that are still rows over the regions of each kind, by its number.
    pub(crate) fn row_sums_by_kind(
        &self,
        id: RecordingId,
        numbers: &RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<(Vec<Tick>, NumberedSums), Error> {
        let (mut ticks, mut sums) = (Vec::new(), StateSums::new(measures));
        self.each_row(id, *numbers.start(), numbers, |sample, decoded| {
            ticks.push(Tick::of(sample));
            let summed = decoded.map_or(Ok(()), |decoded| sums.push(decoded));
            summed.map_err(|Malformed(what)| self.damaged(id, sample, what))?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((ticks, sums.finish()))
    }

    /// Returns the kinds of sums, in their order.
    pub(crate) fn kinds_of(&self, sums: &NumberedSums) -> Result<Vec<KindKey>, Error> {
        let numbers: Vec<i64> = sums.iter().map(|(number, _)| *number).collect();
        let mut identities = self.identities.take();
        let kinds = identities.kinds(&self.connection, &numbers);
        self.identities.replace(identities);
        kinds.at(&self.path)
    }
}

/// Sums over the regions of each kind, sample by sample.
struct StateSums {
    columns: KindColumns,
    /// The numbers of the kinds, in the order of `columns`.
    kinds: Vec<i64>,
    by_kind: HashMap<i64, usize, SpreadHasher>,
    /// The regions of the last sample, each with the index of its kind.
    last: Vec<(RegionState, usize)>,
}

impl StateSums {
    fn new(measures: &[Measure]) -> Self {
        Self {
            columns: KindColumns::new(measures),
            kinds: Vec::new(),
            by_kind: HashMap::default(),
            last: Vec::new(),
        }
    }

    /// Adds the next sample, whose frame was the last one decoded.
    fn push(&mut self, decoded: &FrameDecoder) -> Result<(), Malformed> {
        let states = decoded.regions();
        match decoded.changed().filter(|_| self.last.len() == states.len()) {
            Some(changed) => {
                for index in changed {
                    let (was, kind) = self.last[*index];
                    self.columns.remove(kind, |measure| measure.of_state(&was));
                    self.last[*index] = (states[*index], self.add(&states[*index]));
                }
            }
            None => self.replace(states),
        }
        self.columns.end_snapshot()
    }

    /// Sums the regions of a sample of which some may have come, gone or moved since the last one.
    fn replace(&mut self, states: &[RegionState]) {
        let before = std::mem::take(&mut self.last);
        self.last.reserve(states.len());
        let mut before = before.into_iter().peekable();
        for is in states {
            // Both are in the order of addresses, and most regions are in both.
            while let Some((gone, kind)) =
                before.next_if(|(was, _)| was.range.start < is.range.start)
            {
                self.columns.remove(kind, |measure| measure.of_state(&gone));
            }
            let kind = match before.next_if(|(was, _)| was == is) {
                Some((_, kind)) => kind,
                None => self.add(is),
            };
            self.last.push((*is, kind));
        }
        for (gone, kind) in before {
            self.columns.remove(kind, |measure| measure.of_state(&gone));
        }
    }

    /// Adds a region, and returns the index of its kind.
    fn add(&mut self, state: &RegionState) -> usize {
        let kinds = &mut self.kinds;
        let kind = *self.by_kind.entry(state.kind).or_insert_with(|| {
            kinds.push(state.kind);
            kinds.len() - 1
        });
        self.columns.add(kind, |measure| measure.of_state(state));
        kind
    }

    fn finish(self) -> NumberedSums {
        self.kinds.into_iter().zip(self.columns.finish()).collect()
    }
}

/// Returns the number of the last row at or before `number` from which decoding can begin.
fn key_before(
    connection: &Connection,
    id: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached(
            "SELECT s.number FROM sample AS s JOIN frame AS f ON f.sample = s.id \
             WHERE s.recording = ? AND s.number <= ? AND f.kind = 'key' \
             ORDER BY s.number DESC LIMIT 1",
        )?
        .query_row(params![id.0, limit_to_column(number)], |row| row.get(0).map(from_column))
        .optional()
}
