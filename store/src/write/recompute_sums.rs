//! Sums told anew, after the types of regions changed.

use rusqlite::params;

use crate::codec::chunk::decode_regions::Regions;
use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::chunk::seal::Sealer;
use crate::codec::chunk::ticks::Ticks;
use crate::db::row_checksum::damaged;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::tables::chunk::{Group, StoredChunk};
use crate::tables::identity_cache::Identities;
use crate::tables::{chunk, chunk_type};

/// Computes the sums of a recording anew from its regions and their present types.
pub(crate) fn write(transaction: &Transaction<'_>, recording: RecordingId) -> rusqlite::Result<()> {
    let chunks = chunk::all(transaction, recording)?;
    let mut identities = Identities::default();
    let mut sealer = Sealer::new().map_err(|error| damaged(error.to_string()))?;
    for chunk in chunks {
        let sums = summed(transaction, &chunk, &mut identities)?;
        let data = sealer
            .seal(chunk.place(), Group::Sums.name(), &sums.encode())
            .map_err(|error| damaged(error.to_string()))?;
        transaction
            .prepare_cached("UPDATE chunk SET sums = ? WHERE id = ?")?
            .execute(params![data, chunk.id])?;
        transaction
            .prepare_cached("DELETE FROM chunk_type WHERE chunk = ?")?
            .execute([chunk.id])?;
        chunk_type::insert(transaction, chunk.id, &sums)?;
    }
    Ok(())
}

/// Sums the regions of a chunk anew.
fn summed(
    transaction: &Transaction<'_>,
    chunk: &StoredChunk,
    identities: &mut Identities,
) -> rusqlite::Result<SumColumns> {
    let Ticks(ticks) = chunk::decoded(transaction, chunk, Group::Ticks, Ticks::decode)?;
    let regions = chunk::decoded(transaction, chunk, Group::Regions, Regions::decode)?;
    let mut sums = SumColumns::default();
    for (_, snapshot) in ticks.iter().filter(|tick| tick.has_regions()).zip(0..) {
        sums.push(&identities.regions(transaction, &regions.rows(snapshot).rows)?);
    }
    Ok(sums)
}
