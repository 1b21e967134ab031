//! The table of the newest snapshot, plain for any tool.

use rusqlite::params;
use vmrec_sampler::{Quantities, Quantity};

use crate::codec::chunk::builder::Built;
use crate::db::columns::LATEST_ROW;
use crate::db::insert::Insert;
use crate::db::integer::to_column;
use crate::db::transaction::Transaction;

/// Replaces it by the last snapshot of a chunk, if that has one.
pub(crate) fn write(transaction: &Transaction<'_>, built: &Built) -> rusqlite::Result<()> {
    let Some(tick) = built.ticks.iter().rfind(|tick| tick.has_regions()) else { return Ok(()) };
    transaction.prepare_cached("DELETE FROM latest_row")?.execute([])?;
    let mut rows = built.newest.clone();
    rows.sort_by_key(|row| row.identity);
    // A torn snapshot may show a region twice.
    rows.dedup_by_key(|row| row.identity);
    let mut insert = Insert::new(transaction, &LATEST_ROW)?;
    for row in rows {
        let of = |quantity| Quantities::get(&row.reading.quantities, quantity).map(to_column);
        insert.row(params![
            row.identity,
            to_column(tick.number),
            tick.taken.utc_ns,
            row.reading.share_mode.map(|mode| mode.name()),
            row.reading.provenance.name(),
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
