//! The table of the newest snapshot, plain for any tool.

use rusqlite::params;
use vmrec_sampler::{Quantities, Quantity};

use crate::codec::chunk::builder::Built;
use crate::db::columns::LATEST_ROW;
use crate::db::insert::Insert;
use crate::db::integer::to_column;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;

/// Replaces it by the last snapshot of a chunk, if that has one.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    built: &Built,
) -> rusqlite::Result<()> {
    let Some(tick) = built.ticks.iter().rfind(|tick| tick.has_regions()) else { return Ok(()) };
    transaction.prepare_cached("DELETE FROM latest_row")?.execute([])?;
    let mut insert = Insert::new(transaction, &LATEST_ROW)?;
    for (id, region) in (1_i64..).zip(&built.newest) {
        let of = |quantity| Quantities::get(&region.reading.quantities, quantity).map(to_column);
        insert.row(params![
            id,
            recording.0,
            to_column(tick.number),
            tick.taken.utc_ns,
            to_column(region.range.start),
            to_column(region.range.end),
            to_column(region.offset),
            region.kind,
            region.reading.share_mode.map(|mode| mode.name()),
            region.reading.provenance.name(),
            of(Quantity::Resident),
            of(Quantity::Private),
            of(Quantity::Dirty),
            of(Quantity::PrivateDirty),
            of(Quantity::Swapped),
            of(Quantity::Pss),
            of(Quantity::Anonymous),
            of(Quantity::Referenced),
            of(Quantity::Reclaimable),
            of(Quantity::Locked),
            of(Quantity::Huge),
        ])?;
    }
    Ok(())
}
