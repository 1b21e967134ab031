//! Sums told anew, after the types of regions changed.

use rusqlite::params;

use crate::codec::chunk::decode_regions::Regions;
use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::chunk::seal::Sealer;
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::db::row_checksum::damaged;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::tables::chunk::{Group, StoredChunk};
use crate::tables::identity_cache::Identities;
use crate::tables::rollup::minutes::Trail;
use crate::tables::{chunk, recording, rollup};

/// Makes the sums and rollups of a recording anew from its regions and their present types.
///
/// Rollups of samples that were thinned out are those of the samples left.
pub(crate) fn write(transaction: &Transaction<'_>, recording: RecordingId) -> rusqlite::Result<()> {
    let chunks = chunk::all(transaction, recording)?;
    if chunks.is_empty() {
        return Ok(());
    }
    let begun = recording::begun(transaction, recording)?;
    for table in ["rollup_row", "rollup_hour_row"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE recording = ?"), [recording.0])?;
    }
    let (mut identities, mut trail) = (Identities::default(), Trail::default());
    let mut sealer = Sealer::new().map_err(|error| damaged(error.to_string()))?;
    for chunk in chunks {
        let (ticks, sums) = summed(transaction, &chunk, &mut identities)?;
        let data = sealer
            .seal(chunk.place(), Group::Sums.name(), &sums.encode())
            .map_err(|error| damaged(error.to_string()))?;
        transaction
            .prepare_cached("UPDATE chunk SET sums = ? WHERE id = ?")?
            .execute(params![data, chunk.id])?;
        rollup::write(transaction, recording, begun, (&ticks, &sums), false, &mut trail)?;
    }
    Ok(())
}

/// Sums the regions of a chunk anew.
fn summed(
    transaction: &Transaction<'_>,
    chunk: &StoredChunk,
    identities: &mut Identities,
) -> rusqlite::Result<(Vec<Tick>, SumColumns)> {
    let Ticks(ticks) = chunk::decoded(transaction, chunk, Group::Ticks, Ticks::decode)?;
    let regions = chunk::decoded(transaction, chunk, Group::Regions, Regions::decode)?;
    let mut sums = SumColumns::default();
    for (_, snapshot) in ticks.iter().filter(|tick| tick.has_regions()).zip(0..) {
        sums.push(&identities.regions(transaction, &regions.rows(snapshot).rows)?);
    }
    Ok((ticks, sums))
}
