//! Sums by type over time, from chunks without reading their regions.

use std::ops::{ControlFlow, RangeInclusive};
use vmrec_sampler::sort_by;

use vmrec_sampler::{RegionType, Timestamp};

use crate::codec::chunk::decode_sums::TypeSums;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::runs::Runs;
use crate::codec::chunk::ticks::{Tick, Ticks, counted};
use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::chunk::StoredChunk;
use crate::tables::{chunk_group, region_type, rollup_row};

/// The sums of consecutive samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SumsBlock {
    /// The samples, missed ones included.
    pub ticks: Vec<Tick>,
    /// The types that have regions in any of them.
    pub types: Vec<TypeSums>,
}

/// The means over a time range of a recording, one for each chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollups {
    /// The chunks, in the order of time.
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
    /// For each chunk, whether the type has regions there.
    pub there: Vec<bool>,
    /// For each requested measure, the mean of each chunk: `None` where unknown, 0 where there is
    /// no region of the type.
    pub columns: Vec<Runs>,
}

/// The time range of a chunk's means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// When the first sample of the chunk was taken.
    pub from: Timestamp,
    /// When the last one was.
    pub to: Timestamp,
    /// The number of its samples that the means are of: those with regions, and of them torn ones
    /// only if all are torn.
    pub samples: u64,
}

impl Store {
    /// Calls `visit` with the sums of the samples in `numbers`, some hundred at a time, in order.
    pub fn for_each_sums(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        measures: &[Measure],
        mut visit: impl FnMut(&SumsBlock),
    ) -> Result<(), Error> {
        self.recording(id)?;
        let _transaction = self.transaction().at(&self.path)?;
        let rows = self.chunks_of(id, &numbers, |chunk| {
            visit(&self.chunk_sums(chunk, &numbers, measures)?);
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(rows) = rows {
            visit(&self.row_sums(id, &rows, measures)?);
        }
        Ok(())
    }

    /// Calls `visit` with the chunks of the samples in `numbers`, in order, until it breaks. Returns
    /// the samples after them, which are still rows.
    pub(crate) fn chunks_of(
        &self,
        id: RecordingId,
        numbers: &RangeInclusive<u64>,
        mut visit: impl FnMut(&StoredChunk) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<RangeInclusive<u64>>, Error> {
        let mut next = (*numbers.start()).max(1);
        // All chunks, because they are usually cached.
        for chunk in self.chunks(id)?.iter() {
            if chunk.header.last < next || *numbers.end() < chunk.header.first {
                continue;
            }
            if chunk.header.first > next {
                self.follows(id, chunk.header.first, next)?;
            }
            if visit(chunk)?.is_break() {
                return Ok(None);
            }
            next = chunk.header.last + 1;
        }
        Ok((next <= *numbers.end()).then(|| next..=*numbers.end()))
    }

    fn chunk_sums(
        &self,
        chunk: &StoredChunk,
        numbers: &RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<SumsBlock, Error> {
        let (Ticks(mut ticks), sums) =
            chunk_group::sums(&self.connection, chunk, measures).at(&self.path)?;
        let mut types = sums.types;
        keep(&mut ticks, numbers, types.iter_mut().flat_map(|of| &mut of.columns));
        Ok(SumsBlock { ticks, types })
    }

    /// Sums the samples that are still rows.
    fn row_sums(
        &self,
        id: RecordingId,
        numbers: &RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<SumsBlock, Error> {
        let (ticks, sums) = self.row_sums_by_kind(id, numbers, measures)?;
        let mut types: Vec<TypeSums> = Vec::new();
        for (kind, (_, columns)) in self.kinds_of(&sums)?.into_iter().zip(sums) {
            let region_type = kind.label.region_type;
            match types.iter_mut().find(|known| known.region_type == region_type) {
                Some(of) => {
                    for (sum, column) in of.columns.iter_mut().zip(&columns) {
                        *sum = sum.sum(column);
                    }
                }
                None => types.push(TypeSums { region_type, columns }),
            }
        }
        Ok(SumsBlock { ticks, types })
    }

    /// Returns the means of the chunks of a recording that have a snapshot between two times of its
    /// monotonic clock (nanoseconds), in order. Samples since the last chunk are in none.
    pub fn rollups(
        &self,
        id: RecordingId,
        between: RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<Rollups, Error> {
        self.recording(id)?;
        let _transaction = self.transaction().at(&self.path)?;
        let chunks = self.chunks(id)?;
        let mut last = 0;
        for chunk in chunks.iter() {
            self.follows(id, chunk.header.first, last + 1)?;
            last = chunk.header.last;
        }
        self.rows_follow(id, last + 1)?;
        let inside = chunks.iter().filter_map(|chunk| {
            let (from, to) = chunk.header.span.filter(|_| chunk.header.snapshots > 0)?;
            let overlaps =
                from.monotonic_ns <= *between.end() && to.monotonic_ns >= *between.start();
            overlaps.then_some((chunk, Rollup { from, to, samples: chunk.header.counted() }))
        });
        let (chunks, spans): (Vec<&StoredChunk>, Vec<Rollup>) = inside.unzip();
        let mut means = Means::new(chunks.len(), measures.len());
        if measures.iter().all(|measure| rollup_row::has(*measure)) {
            self.means_of_rows(&chunks, measures, &mut means)?;
        } else {
            for (index, chunk) in chunks.iter().enumerate() {
                self.means_of_sums(index, chunk, measures, &mut means)?;
            }
        }
        Ok(Rollups { spans, types: means.finish(), last })
    }

    /// Reads the means of chunks from their plain rows.
    fn means_of_rows(
        &self,
        chunks: &[&StoredChunk],
        measures: &[Measure],
        means: &mut Means,
    ) -> Result<(), Error> {
        // Reduced chunks get new ids, so the ids of a recording need not ascend.
        let mut order: Vec<(i64, usize)> = chunks.iter().map(|chunk| chunk.id).zip(0..).collect();
        order.sort_unstable();
        let ids: Vec<i64> = order.iter().map(|(id, _)| *id).collect();
        let mut numbers: Vec<(i64, usize)> = Vec::new();
        let mut next = 0;
        let mut has_row = vec![false; chunks.len() * measures.len()];
        self.read(|connection| {
            for (column, measure) in measures.iter().enumerate() {
                rollup_row::means(connection, &ids, *measure, |index, number, mean| {
                    // A chunk mostly has the types of the one before, in the same order.
                    let is =
                        |at: &usize| numbers.get(*at).is_some_and(|(known, _)| *known == number);
                    let known = Some(next).filter(is).or_else(|| (0..numbers.len()).find(is));
                    let at = match known {
                        Some(at) => at,
                        None => {
                            let of = means.of(region_type::by_number(connection, number)?);
                            numbers.push((number, of));
                            numbers.len() - 1
                        }
                    };
                    next = at + 1;
                    let of = numbers[at].1;
                    let index = order[index].1;
                    has_row[index * measures.len() + column] = true;
                    means.set(of, index, column, mean);
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        // A lost row must not read as a chunk without regions.
        let rows = has_row.chunks(measures.len().max(1));
        for ((index, chunk), rows) in chunks.iter().enumerate().zip(rows) {
            if rows.contains(&false) {
                self.means_of_sums(index, chunk, measures, means)?;
            }
        }
        Ok(())
    }

    /// Computes the means of a chunk from its sums.
    fn means_of_sums(
        &self,
        index: usize,
        chunk: &StoredChunk,
        measures: &[Measure],
        means: &mut Means,
    ) -> Result<(), Error> {
        let (Ticks(ticks), sums) =
            chunk_group::sums(&self.connection, chunk, measures).at(&self.path)?;
        let counted = counted(&ticks);
        for TypeSums { region_type, columns } in sums.types {
            let spread = |column: &Runs| rollup_row::spread(&counted, column.values());
            let mean = |column: &Runs| spread(column).map(|[_, mean, _]| mean);
            let of = means.of(region_type);
            for (column, mean) in columns.iter().map(mean).enumerate() {
                means.set(of, index, column, mean);
            }
        }
        Ok(())
    }
}

/// Keeps of the ticks of a chunk those with numbers in `numbers`, and their values of columns.
pub(crate) fn keep<'a>(
    ticks: &mut Vec<Tick>,
    numbers: &RangeInclusive<u64>,
    columns: impl Iterator<Item = &'a mut Runs>,
) {
    let wanted = |tick: &Tick| numbers.contains(&tick.number);
    if ticks.iter().all(wanted) {
        return;
    }
    let keep: Vec<bool> = ticks.iter().filter(|tick| tick.has_regions()).map(wanted).collect();
    for column in columns {
        let kept = column.values().zip(&keep).filter(|(_, keep)| **keep);
        *column = kept.map(|(value, _)| value).collect();
    }
    ticks.retain(wanted);
}

/// The means of each type in each chunk, as they are collected.
struct Means {
    chunks: usize,
    measures: usize,
    types: Vec<(RegionType, Vec<bool>, Vec<Option<u64>>)>,
}

impl Means {
    const fn new(chunks: usize, measures: usize) -> Self {
        Self { chunks, measures, types: Vec::new() }
    }

    /// Returns the index of a type; a new one begins without regions in any chunk.
    fn of(&mut self, region_type: RegionType) -> usize {
        let known = self.types.iter().position(|(known, ..)| *known == region_type);
        known.unwrap_or_else(|| {
            let (there, values) =
                (vec![false; self.chunks], vec![Some(0); self.chunks * self.measures]);
            self.types.push((region_type, there, values));
            self.types.len() - 1
        })
    }

    fn set(&mut self, of: usize, chunk: usize, measure: usize, mean: Option<u64>) {
        let (_, there, means) = &mut self.types[of];
        there[chunk] = true;
        means[chunk * self.measures + measure] = mean;
    }

    fn finish(self) -> Vec<TypeMeans> {
        let measures = self.measures;
        let mut types: Vec<TypeMeans> = self
            .types
            .into_iter()
            .map(|(region_type, there, values)| {
                let column = |measure| values.iter().skip(measure).step_by(measures).copied();
                let columns = (0..measures).map(|measure| column(measure).collect()).collect();
                TypeMeans { region_type, there, columns }
            })
            .collect();
        sort_by(&mut types, |a, b| a.region_type.cmp(&b.region_type));
        types
    }
}
