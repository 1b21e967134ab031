//! Puts the chunks of a recording in order, without unreadable regions.

use rusqlite::{Connection, params};
use vmrec_sampler::Timestamp;

use crate::codec::chunk::builder::{Builder, Built};
use crate::codec::chunk::decode_sums::Decoded;
use crate::codec::chunk::header::ChunkHeader;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::regions::{RegionsDecoder, decode_kinds};
use crate::codec::chunk::seal::{ChunkKey, unseal};
use crate::codec::chunk::ticks::Ticks;
use crate::codec::chunk::totals;
use crate::codec::varint::Malformed;
use crate::db::columns::CHUNK;
use crate::db::integer::to_column;
use crate::db::row_checksum;
use crate::db::row_checksum::damaged;
use crate::db::transaction::Transaction;
use crate::maintain::repair::outcome::{Outcome, REASON, absent};
use crate::recording::{RecordingId, Sample};
use crate::tables::chunk::StoredChunk;
use crate::tables::chunk_group::Group;
use crate::tables::identity_cache::Identities;
use crate::tables::{chunk, chunk_group, recording, rollup_row};

/// The last sample so far.
pub(crate) struct Last {
    pub(crate) number: u64,
    pub(crate) taken: Timestamp,
    pub(crate) interval_ns: u64,
}

/// Closes the gaps between the chunks of a recording and returns the last sample in them.
pub(crate) fn mend(
    new: &Transaction<'_>,
    id: RecordingId,
    outcome: &mut Outcome,
) -> rusqlite::Result<Last> {
    let mut last = new.query_row(&recording::by_id(), [id.0], |row| {
        let recording = recording::recording_from_row(new, row)?;
        Ok(Last { number: 0, taken: recording.begun, interval_ns: recording.interval_ns })
    })?;
    for mut chunk in chunk::all(new, id)? {
        let first = chunk.header.first;
        if first <= last.number {
            // An older state of a chunk before it: both are proven, one is outdated.
            remove(new, &chunk)?;
            continue;
        }
        if first > last.number + 1 {
            // No row can be between chunks, so the chunk after a hole covers it.
            chunk.header.first = last.number + 1;
            row_checksum::update(new, &CHUNK, chunk.id, || {
                new.execute(
                    "UPDATE chunk SET first = ? WHERE id = ?",
                    params![to_column(chunk.header.first), chunk.id],
                )
            })?;
            outcome.lose(first - last.number - 1, "their chunks are lost");
        }
        let lost = whole(new, &chunk, outcome)?;
        outcome.kept += chunk.header.taken() - lost;
        let taken = chunk.header.span.map_or(last.taken, |(_, end)| end);
        last = Last { number: chunk.header.last, taken, ..last };
    }
    Ok(last)
}

fn remove(new: &Transaction<'_>, chunk: &StoredChunk) -> rusqlite::Result<()> {
    rollup_row::delete(new, "VALUES (?1)", [chunk.id])?;
    new.execute("DELETE FROM chunk WHERE id = ?", [chunk.id])?;
    Ok(())
}

/// Returns whether the groups of a chunk, which its row's checksum does not cover, are intact,
/// except for its sums, which can be computed again.
pub(crate) fn is_whole(key: ChunkKey, [ticks, totals, kinds, regions]: [&[u8]; 4]) -> bool {
    let ticks = unseal(key, Group::Ticks.name(), ticks).and_then(|data| Ticks::decode(&data));
    let totals = |count| {
        unseal(key, Group::Totals.name(), totals).and_then(|data| totals::decode(count, &data))
    };
    ticks.is_ok_and(|ticks| {
        totals(ticks.0.len()).is_ok() && regions_are_whole(key, &ticks, kinds, regions).is_ok()
    })
}

/// Checks that each sample has the regions that its tick has.
fn regions_are_whole(
    key: ChunkKey,
    ticks: &Ticks,
    kinds: &[u8],
    regions: &[u8],
) -> Result<(), Malformed> {
    let kinds = key.unseal(Group::Kinds.name(), kinds).and_then(decode_kinds)?;
    let regions = key.unseal(Group::Regions.name(), regions)?;
    let mut decoder = RegionsDecoder::new(kinds, regions)?;
    for tick in ticks.0.iter().filter(|tick| tick.has_regions()) {
        if !decoder.advance()? || Some(decoder.regions().len() as u64) != tick.regions {
            return Err(Malformed("regions that its ticks do not have"));
        }
    }
    Ok(())
}

/// Rebuilds a chunk whose kinds or sums are lost; returns the number of samples lost by that.
fn whole(
    new: &Transaction<'_>,
    chunk: &StoredChunk,
    outcome: &mut Outcome,
) -> rusqlite::Result<u64> {
    let gone = absent(new, chunk_group::kinds(new, chunk)?.into_iter())?;
    let sums =
        chunk_group::decoded(new, chunk, Group::Sums, |data| Decoded::decode(data, &Measure::ALL));
    let ChunkHeader { first, last, .. } = chunk.header;
    let header = ChunkHeader::of(first, last, &chunk_group::samples(new, chunk)?);
    if gone.is_empty() && sums.is_ok() && header == chunk.header && has_sums(new, chunk)? {
        return Ok(0);
    }
    let (built, lost) = rebuilt(new, chunk, &gone)?;
    outcome.lose(lost, "some of their regions are lost");
    outcome.kinds.extend(gone);
    remove(new, chunk)?;
    chunk::insert(new, chunk.recording, &built)?;
    Ok(lost)
}

/// Builds a chunk from the samples of another that have no region of the kinds `gone`.
fn rebuilt(new: &Connection, chunk: &StoredChunk, gone: &[i64]) -> rusqlite::Result<(Built, u64)> {
    let regions = chunk_group::regions(new, chunk)?;
    let mut snapshots = regions.snapshots()?;
    let mut identities = Identities::default();
    let mut builder = Builder::default();
    let (mut snapshot, mut lost) = (0, 0);
    for sample in chunk_group::samples(new, chunk)? {
        if !sample.has_regions() {
            builder.push(sample, None);
            continue;
        }
        let states = snapshots.at(snapshot)?;
        snapshot += 1;
        if states.iter().any(|state| gone.contains(&state.kind)) {
            lost += 1;
            builder.push(Sample::missed(sample.number, sample.taken, 1, REASON), None);
            continue;
        }
        builder.push(sample, Some(identities.table(new, &states)?));
    }
    let header = &chunk.header;
    let built = builder.finish(chunk.recording.0, header.first, header.last);
    built.map(|built| (built, lost)).map_err(|error| damaged(error.to_string()))
}

/// Returns whether all plain rows of a chunk's sums exist.
fn has_sums(new: &Connection, chunk: &StoredChunk) -> rusqlite::Result<bool> {
    let sums = chunk_group::decoded(new, chunk, Group::Sums, |data| Decoded::decode(data, &[]))?;
    Ok(sums.types.is_empty() || rollup_row::are_whole(new, chunk.id)?)
}
