//! The table of the newest snapshot, from which the view `latest` makes plain rows.
//!
//! Each region is a JSON array of integers without trailing zeros, which takes
//! a third of the bytes of its own row. Most quantities follow another one, so
//! that their difference is 0:
//!
//! ```text
//! start, size, kind, share mode (0 unknown), resident, resident − private,
//! private − private dirty, dirty − private dirty, anonymous − private dirty,
//! resident − referenced, PSS − private, provenance, swapped, reclaimable, locked, huge
//! ```
//!
//! An unknown quantity counts as 0 there; which are known is the same for all regions
//! of a row. Sizes and addresses are in units of the row.

use rusqlite::{Connection, params};
use vmrec_sampler::{Provenance, Quantity};

use crate::codec::chunk::builder::Built;
use crate::codec::region_state::RegionState;
use crate::db::columns::LATEST_ROW;
use crate::db::insert::Insert;
use crate::db::integer::to_column;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;

/// The maximum number of regions in a row.
const REGIONS_A_ROW: usize = 64;
/// The unit if all values are multiples of it; otherwise it is 1.
const UNIT_BYTES: i64 = 1024;

/// Replaces the table by the last snapshot of a chunk, if it has one.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    built: &Built,
) -> rusqlite::Result<()> {
    let Some(tick) = built.ticks.iter().rfind(|tick| tick.has_regions()) else { return Ok(()) };
    transaction.prepare_cached("DELETE FROM latest_row")?.execute([])?;
    let mut insert = Insert::new(transaction, &LATEST_ROW)?;
    let known = |region: &RegionState| region.reading.quantities.known_mask();
    let alike = built.newest.chunk_by(|one, next| known(one) == known(next));
    for (id, regions) in (1_i64..).zip(alike.flat_map(|run| run.chunks(REGIONS_A_ROW))) {
        let (unit, json) = encoded(regions, tick.state.is_carried());
        let number = to_column(tick.number);
        let known = regions.first().map_or(0, known);
        let utc_ns = tick.taken.utc_ns;
        insert.row(params![id, recording.0, number, utc_ns, known, unit, json])?;
    }
    Ok(())
}

/// Empties the table if it shows one of the samples `first` to `last`, which are deleted.
pub(crate) fn forget(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    first: u64,
    last: u64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM latest_row WHERE recording = ? AND number BETWEEN ? AND ?")?
        .execute(params![recording.0, to_column(first), to_column(last)])?;
    Ok(())
}

/// Returns the kinds that the snapshot's regions have.
pub(crate) fn kinds(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT json_extract(r.value, '$[2]') \
             FROM latest_row AS l, json_each(l.regions) AS r",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Returns the unit of some regions and their JSON; of `carried` ones an earlier sample is the source.
fn encoded(regions: &[RegionState], carried: bool) -> (i64, String) {
    let sizes: Vec<[i64; 13]> = regions.iter().map(sizes).collect();
    let is_whole = |size: &i64| size % UNIT_BYTES == 0;
    let unit = if sizes.iter().flatten().all(is_whole) { UNIT_BYTES } else { 1 };
    let mut json = String::from("[");
    for (region, sizes) in regions.iter().zip(sizes) {
        if json.len() > 1 {
            json.push(',');
        }
        let [start, size, resident, rest @ ..] = sizes.map(|size| size / unit);
        let reading = &region.reading;
        let share = reading.share_mode.map_or(0, |mode| mode as i64 + 1);
        let mut numbers = vec![start, size, region.kind, share, resident];
        let (parts, others) = rest.split_at(6);
        numbers.extend(parts);
        let provenance = if carried { Provenance::Carried } else { reading.provenance };
        numbers.push(provenance as i64);
        numbers.extend(others);
        let used = numbers.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1);
        // The elements before the quantities are always present.
        let mut texts: Vec<String> =
            numbers[..used.max(4)].iter().map(ToString::to_string).collect();
        if region.range.known_bytes().is_none() {
            // Its size stands for one that is not known.
            "null".clone_into(&mut texts[1]);
        }
        json.push('[');
        json.push_str(&texts.join(","));
        json.push(']');
    }
    json.push(']');
    (unit, json)
}

/// Returns all values measured in bytes.
fn sizes(region: &RegionState) -> [i64; 13] {
    let of = |quantity| to_column(region.reading.quantities.get(quantity).unwrap_or(0));
    let less = |one: Quantity, other: Quantity| of(one).wrapping_sub(of(other));
    [
        to_column(region.range.start),
        to_column(region.range.virtual_bytes()),
        of(Quantity::Resident),
        less(Quantity::Resident, Quantity::Private),
        less(Quantity::Private, Quantity::PrivateDirty),
        less(Quantity::Dirty, Quantity::PrivateDirty),
        less(Quantity::Anonymous, Quantity::PrivateDirty),
        less(Quantity::Resident, Quantity::Referenced),
        less(Quantity::Pss, Quantity::Private),
        of(Quantity::Swapped),
        of(Quantity::Reclaimable),
        of(Quantity::Locked),
        of(Quantity::Huge),
    ]
}
