//! Sums told anew, after the types of regions changed.

use rusqlite::{Transaction, params};

use crate::chunk::{Builder, Built, Regions, Ticks};
use crate::chunk_rows::{self, Group, StoredChunk};
use crate::identities::Identities;
use crate::read_rows::damaged;
use crate::recording::{RecordingId, Sample};
use crate::rollup;
use crate::settle;

/// Makes the sums and rollups of a recording anew from its regions and their present types.
///
/// Rollups of samples that were thinned out are those of the samples left.
pub(crate) fn write(transaction: &Transaction<'_>, recording: RecordingId) -> rusqlite::Result<()> {
    let chunks = chunk_rows::all(transaction, recording)?;
    if chunks.is_empty() {
        return Ok(());
    }
    let begun = settle::begun(transaction, recording)?;
    transaction.execute("DELETE FROM rollup_row WHERE recording = ?", [recording.0])?;
    let (mut identities, mut trail) = (Identities::default(), rollup::Trail::default());
    for chunk in chunks {
        let built = rebuilt(transaction, &chunk, &mut identities)?;
        transaction
            .prepare_cached("UPDATE chunk SET sums = ? WHERE id = ?")?
            .execute(params![built.groups.sums, chunk.id])?;
        rollup::write(
            transaction,
            recording,
            begun,
            (&built.ticks, &built.sums),
            false,
            &mut trail,
        )?;
    }
    Ok(())
}

/// Makes a chunk anew of its own samples, for its sums; what was not needed for them is left out.
fn rebuilt(
    transaction: &Transaction<'_>,
    chunk: &StoredChunk,
    identities: &mut Identities,
) -> rusqlite::Result<Built> {
    let Ticks(ticks) = chunk_rows::decoded(transaction, chunk, Group::Ticks, Ticks::decode)?;
    let regions = chunk_rows::decoded(transaction, chunk, Group::Regions, Regions::decode)?;
    let mut builder = Builder::default();
    let mut snapshot = 0;
    for tick in ticks {
        let sample = Sample::at(&tick);
        if tick.has_regions() {
            let rows = regions.rows(snapshot).rows;
            snapshot += 1;
            let named = identities.regions(transaction, &rows)?;
            let numbers: Vec<i64> = rows.iter().map(|row| row.identity).collect();
            builder.push(sample, Some((&numbers, &named)));
        } else {
            builder.push(sample, None);
        }
    }
    builder
        .finish(chunk.recording.0, chunk.head.first, chunk.head.last)
        .map_err(|error| damaged(error.to_string()))
}
