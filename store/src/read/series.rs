//! Sums by type over time, without reading regions where chunks have them.

use std::ops::{ControlFlow, RangeInclusive};

use vmrec_sampler::{RegionType, Timestamp};

use crate::codec::chunk::decode_sums::{Decoded, TypeSums};
use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::runs::Runs;
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::error::Error;
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::chunk::StoredChunk;
use crate::tables::rollup::read::Means;
use crate::tables::{chunk, rollup};

/// The sums of some samples in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SumsBlock {
    /// The samples, missed ones included.
    pub ticks: Vec<Tick>,
    /// The types that have regions in any of them.
    pub types: Vec<TypeSums>,
}

/// How much time a rollup stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollupSpan {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl RollupSpan {
    /// Returns how long it is, in seconds.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }

    /// Tells whether rollups of this span have a measure: minutes lack PSS, referenced memory and
    /// the number of regions, which change all the time.
    pub const fn has(self, measure: Measure) -> bool {
        rollup::has(self.seconds(), measure)
    }
}

/// The rollups of a stretch of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollups {
    /// In the order of time.
    pub spans: Vec<Rollup>,
    /// The types that had regions in any of them.
    pub types: Vec<TypeMeans>,
    /// The number of the last sample of the recording that rollups are made of; 0 if there is none.
    pub last: u64,
}

/// The means over time of the sums over the regions of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeMeans {
    /// The type.
    pub region_type: RegionType,
    /// For each span, whether the type has regions there.
    pub there: Vec<bool>,
    /// For each measure asked for, the mean of each span: `None` where unknown, 0 where there is no
    /// region of the type.
    pub columns: Vec<Runs>,
}

/// One span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// Its beginning: nanoseconds since 1970-01-01 UTC, by the recording's monotonic clock.
    pub start_utc_ns: i64,
    /// From how many samples with regions, about: spans with the same figures share their number.
    pub samples: u64,
}

impl Store {
    /// Calls `visit` with the sums of the samples numbered in `numbers`, some hundred at a time, in order.
    pub fn for_each_sums(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        measures: &[Measure],
        mut visit: impl FnMut(&SumsBlock),
    ) -> Result<(), Error> {
        self.recording(id)?;
        let _transaction = self.transaction().map_err(|source| Error::sql(&self.path, source))?;
        let mut next = (*numbers.start()).max(1);
        // All of them, which are usually known already.
        for chunk in self.chunks(id)?.iter() {
            if chunk.head.last < next || *numbers.end() < chunk.head.first {
                continue;
            }
            if chunk.head.first > next {
                self.follows(id, chunk.head.first, next)?;
            }
            visit(&self.chunk_sums(chunk, &numbers, measures)?);
            next = chunk.head.last + 1;
        }
        if next <= *numbers.end() {
            visit(&self.row_sums(id, next..=*numbers.end(), measures)?);
        }
        Ok(())
    }

    fn chunk_sums(
        &self,
        chunk: &StoredChunk,
        numbers: &RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<SumsBlock, Error> {
        let (Ticks(mut ticks), sums) = chunk::sums(&self.connection, chunk, measures)
            .map_err(|source| Error::sql(&self.path, source))?;
        let mut block = SumsBlock { ticks: Vec::new(), types: sums.types };
        let wanted = |tick: &Tick| numbers.contains(&tick.number);
        if !ticks.iter().all(wanted) {
            let keep: Vec<bool> =
                ticks.iter().filter(|tick| tick.has_regions()).map(wanted).collect();
            for column in block.types.iter_mut().flat_map(|of| &mut of.columns) {
                let kept = column.values().zip(&keep).filter(|(_, keep)| **keep);
                *column = kept.map(|(value, _)| value).collect();
            }
            ticks.retain(wanted);
        }
        block.ticks = ticks;
        Ok(block)
    }

    /// Sums the samples that are rows still.
    fn row_sums(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<SumsBlock, Error> {
        let mut ticks = Vec::new();
        let mut sums = SumColumns::default();
        self.walk(id, numbers, |sample, snapshot| {
            if let Some((snapshot, _)) = snapshot {
                sums.push(&snapshot.regions);
            }
            ticks.push(Tick::of(sample));
            ControlFlow::Continue(())
        })?;
        let decoded = Decoded::decode(&sums.encode().concat(), measures).map_err(|malformed| {
            Error::Damaged { path: self.path.clone(), what: malformed.0.to_owned() }
        })?;
        Ok(SumsBlock { ticks, types: decoded.types })
    }

    /// Returns the rollups of a recording that have something of a time of its monotonic clock
    /// (nanoseconds), in order. Samples since the last chunk have none yet.
    pub fn rollups(
        &self,
        id: RecordingId,
        span: RollupSpan,
        between: RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<Rollups, Error> {
        let begun = self.recording(id)?.begun;
        let _transaction = self.transaction().map_err(|source| Error::sql(&self.path, source))?;
        let last = self.last_in_chunks(id)?;
        if last == 0 {
            return Ok(Rollups::default());
        }
        let place =
            |ns| rollup::place(begun, Timestamp { monotonic_ns: ns, utc_ns: 0 }, span.seconds());
        let places = place(*between.start())..=place(*between.end());
        let by = (span.seconds(), self.has_hours());
        let Means { spans, types } =
            self.read(|connection| rollup::read::read(connection, id, by, places, measures))?;
        let spans = spans.into_iter().map(|(place, samples)| Rollup {
            start_utc_ns: rollup::start_utc_ns(begun, place, span.seconds()),
            samples,
        });
        Ok(Rollups { spans: spans.collect(), types, last })
    }
}
