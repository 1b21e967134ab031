//! Reads the groups of a chunk: ticks, totals, sums, kinds and regions.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension};

use crate::codec::chunk::decode_sums::Decoded;
use crate::codec::chunk::kind_sums::KindColumns;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::regions::{RegionsDecoder, decode_kinds};
use crate::codec::chunk::runs::Runs;
use crate::codec::chunk::seal::{ChunkKey, unseal, unseal_first};
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::codec::chunk::totals;
use crate::codec::region_state::RegionState;
use crate::codec::varint::Malformed;
use crate::db::row_checksum::{damaged, wrong};
use crate::recording::Sample;
use crate::tables::chunk::StoredChunk;

/// The maximum stored size of a group, which no recorder comes near.
const MAX_GROUP_BYTES: usize = 64 << 20;

/// One of the groups of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Ticks,
    Totals,
    Sums,
    Kinds,
    Regions,
}

impl Group {
    /// Returns the name of its column, which its checksum covers too.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Totals => "totals",
            Self::Sums => "sums",
            Self::Kinds => "kinds",
            Self::Regions => "regions",
        }
    }
}

/// Decodes a group of a chunk.
pub(crate) fn decoded<T>(
    connection: &Connection,
    chunk: &StoredChunk,
    group: Group,
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> rusqlite::Result<T> {
    let [data] = groups(connection, chunk, [group])?;
    plain(chunk, group, &data, decode)
}

/// Decodes the bytes of a group of a chunk.
fn plain<T>(
    chunk: &StoredChunk,
    group: Group,
    data: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> rusqlite::Result<T> {
    let (key, name) = (chunk.key(), group.name());
    let decoded = match group {
        Group::Ticks | Group::Totals | Group::Sums => {
            unseal(key, name, data).and_then(|plain| decode(&plain))
        }
        Group::Kinds | Group::Regions => key.unseal(name, data).and_then(decode),
    };
    decoded.map_err(|malformed| broken(group, &chunk.describe(), malformed))
}

/// Returns the numbers of the kinds that the regions of a chunk have.
pub(crate) fn kinds(connection: &Connection, chunk: &StoredChunk) -> rusqlite::Result<Vec<i64>> {
    decoded(connection, chunk, Group::Kinds, decode_kinds)
}

/// The stored regions of a chunk.
#[derive(Debug)]
pub(crate) struct StoredRegions {
    kinds: Vec<i64>,
    data: Vec<u8>,
    key: ChunkKey,
    of: String,
}

/// Decodes the regions of a chunk, snapshot by snapshot.
#[derive(Debug)]
pub(crate) struct Snapshots<'a> {
    decoder: RegionsDecoder<'a>,
    next: u32,
    of: &'a str,
}

/// Reads the regions of a chunk.
pub(crate) fn regions(
    connection: &Connection,
    chunk: &StoredChunk,
) -> rusqlite::Result<StoredRegions> {
    let [kinds, data] = groups(connection, chunk, [Group::Kinds, Group::Regions])?;
    let kinds = plain(chunk, Group::Kinds, &kinds, decode_kinds)?;
    Ok(StoredRegions { kinds, data, key: chunk.key(), of: chunk.describe() })
}

impl StoredRegions {
    /// Starts decoding them.
    pub(crate) fn snapshots(&self) -> rusqlite::Result<Snapshots<'_>> {
        let data = self.key.unseal(Group::Regions.name(), &self.data);
        let decoder = data.and_then(|data| RegionsDecoder::new(self.kinds.clone(), data));
        let decoder = decoder.map_err(|malformed| broken(Group::Regions, &self.of, malformed))?;
        Ok(Snapshots { decoder, next: 0, of: &self.of })
    }
}

impl Snapshots<'_> {
    /// Returns the regions of the snapshot at `index`, counted from 0; indices must increase from
    /// call to call.
    pub(crate) fn at(&mut self, index: u32) -> rusqlite::Result<Vec<RegionState>> {
        while self.next <= index {
            let is_there = self.decoder.advance();
            if !is_there.map_err(|malformed| broken(Group::Regions, self.of, malformed))? {
                let missing = Malformed("fewer snapshots than its ticks have");
                return Err(broken(Group::Regions, self.of, missing));
            }
            self.next += 1;
        }
        Ok(self.decoder.regions().collect())
    }
}

/// Columns of sums by the number of the kind that they are of.
pub(crate) type NumberedSums = Vec<(i64, Vec<Runs>)>;

/// Returns the ticks of a chunk, and the sums of some measures over the regions of each kind, by the
/// number of the kind.
pub(crate) fn kind_sums(
    connection: &Connection,
    chunk: &StoredChunk,
    measures: &[Measure],
) -> rusqlite::Result<(Ticks, NumberedSums)> {
    let ticks = decoded(connection, chunk, Group::Ticks, Ticks::decode)?;
    if !ticks.0.iter().any(Tick::has_regions) {
        return Ok((ticks, Vec::new()));
    }
    let stored = regions(connection, chunk)?;
    let mut decoder = stored.snapshots()?.decoder;
    let mut columns = KindColumns::new(measures);
    for regions in ticks.0.iter().filter_map(|tick| tick.regions) {
        let summed = decoder.advance_summing(&mut columns).and_then(|found| match found {
            Some(found) if found as u64 == regions => Ok(()),
            Some(_) => Err(Malformed("regions are missing")),
            None => Err(Malformed("fewer snapshots than its ticks have")),
        });
        summed.map_err(|malformed| broken(Group::Regions, &stored.of, malformed))?;
    }
    let sums = decoder.kinds().iter().copied().zip(columns.finish()).collect();
    Ok((ticks, sums))
}

fn broken(group: Group, of: &str, malformed: Malformed) -> rusqlite::Error {
    damaged(format!("{} of {of}: {}", group.name(), malformed.0))
}

/// Returns ticks of a chunk and the sums of some measures.
pub(crate) fn sums(
    connection: &Connection,
    chunk: &StoredChunk,
    measures: &[Measure],
) -> rusqlite::Result<(Ticks, Decoded)> {
    let [ticks, sums] = groups(connection, chunk, [Group::Ticks, Group::Sums])?;
    let ticks = plain(chunk, Group::Ticks, &ticks, Ticks::decode)?;
    if !Decoded::needs_first(measures) {
        return Ok((
            ticks,
            plain(chunk, Group::Sums, &sums, |data| Decoded::decode(data, measures))?,
        ));
    }
    let first = unseal_first(chunk.key(), Group::Sums.name(), &sums);
    let decoded = first.and_then(|data| Decoded::decode(&data, measures));
    Ok((ticks, decoded.map_err(|malformed| broken(Group::Sums, &chunk.describe(), malformed))?))
}

/// Returns the samples of a chunk.
pub(crate) fn samples(
    connection: &Connection,
    chunk: &StoredChunk,
) -> rusqlite::Result<Vec<Sample>> {
    let samples = samples_among(connection, chunk, &(0..=u64::MAX))?;
    Ok(samples.into_iter().map(|(_, sample)| sample).collect())
}

/// Returns the samples of a chunk whose numbers are in `numbers`, each with the number of snapshots
/// before it in the chunk.
pub(crate) fn samples_among(
    connection: &Connection,
    chunk: &StoredChunk,
    numbers: &RangeInclusive<u64>,
) -> rusqlite::Result<Vec<(u32, Sample)>> {
    let [ticks, totals] = groups(connection, chunk, [Group::Ticks, Group::Totals])?;
    let Ticks(ticks) = plain(chunk, Group::Ticks, &ticks, Ticks::decode)?;
    let count = ticks.len();
    let mut wanted = ticks.iter().enumerate().filter(|(_, tick)| numbers.contains(&tick.number));
    let of_one = match (wanted.next(), wanted.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    };
    let totals = plain(chunk, Group::Totals, &totals, |data| match of_one {
        Some(index) => totals::decode_at(count, index, data).map(|totals| vec![totals]),
        None => totals::decode(count, data),
    })?;
    let mut before = 0;
    let mut samples = Vec::with_capacity(totals.len());
    for (index, tick) in ticks.into_iter().enumerate() {
        let snapshot = before;
        before += u32::from(tick.has_regions());
        if !numbers.contains(&tick.number) {
            continue;
        }
        let (cost, totals) = totals[of_one.map_or(index, |_| 0)];
        let Tick { number, taken, state, regions } = tick;
        samples.push((snapshot, Sample { number, taken, state, cost, totals, regions }));
    }
    Ok(samples)
}

/// Returns the bytes of some groups of a chunk.
pub(crate) fn groups<const N: usize>(
    connection: &Connection,
    chunk: &StoredChunk,
    wanted: [Group; N],
) -> rusqlite::Result<[Vec<u8>; N]> {
    // The length is known without reading what is too long.
    let column = |name: &str| format!("iif(length({name}) <= {MAX_GROUP_BYTES}, {name}, NULL)");
    let columns = wanted.map(|group| column(group.name())).join(", ");
    connection
        .prepare_cached(&format!("SELECT {columns} FROM chunk WHERE id = ?"))?
        .query_row([chunk.id], |row| {
            let mut all = [const { Vec::new() }; N];
            for (index, data) in all.iter_mut().enumerate() {
                let Some(blob) = row.get_ref(index)?.as_blob_or_null()? else {
                    let name = wanted[index].name();
                    return Err(damaged(format!("{name} of {} are too long", chunk.describe())));
                };
                *data = blob.to_vec();
            }
            Ok(all)
        })
        .optional()?
        .ok_or_else(|| wrong(0, "a chunk that was deleted"))
}
