//! Tables whose rows hold from a sample on until the next row of their recording.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rusqlite::params;

use crate::db::integer::{limit_to_column, to_column};
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;

/// Returns the numbers of the rows of `table` in `range`, in order.
pub(crate) fn within(
    transaction: &Transaction<'_>,
    table: &str,
    recording: RecordingId,
    range: &RangeInclusive<u64>,
) -> rusqlite::Result<Vec<i64>> {
    let (first, last) = (limit_to_column(*range.start()), limit_to_column(*range.end()));
    transaction
        .prepare_cached(&format!(
            "SELECT number FROM {table} WHERE recording = ? AND number BETWEEN ? AND ? ORDER BY number"
        ))?
        .query_map(params![recording.0, first, last], |row| row.get(0))?
        .collect()
}

/// Returns those of `rows`, which are in order, that hold for one of `samples`, and the last one, which
/// holds for what comes after.
pub(crate) fn in_force(rows: &[i64], samples: &[u64]) -> BTreeSet<i64> {
    let before = |sample: &u64| {
        let after = rows.partition_point(|row| *row <= to_column(*sample));
        rows[..after].last()
    };
    samples.iter().filter_map(before).chain(rows.last()).copied().collect()
}

/// Deletes some of `rows` that are not `needed`, the newest first, and returns how many.
pub(crate) fn delete(
    transaction: &Transaction<'_>,
    table: &str,
    recording: RecordingId,
    rows: &[i64],
    needed: &BTreeSet<i64>,
    max: usize,
) -> rusqlite::Result<usize> {
    let sql = format!("DELETE FROM {table} WHERE recording = ? AND number = ?");
    let mut statement = transaction.prepare_cached(&sql)?;
    let unneeded = rows.iter().rev().filter(|row| !needed.contains(row)).take(max);
    unneeded.map(|row| statement.execute(params![recording.0, row])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_until_the_next_one() {
        let in_force = |samples: &[u64]| Vec::from_iter(in_force(&[3, 7, 20, 30], samples));
        assert_eq!(in_force(&[]), [30]);
        assert_eq!(in_force(&[1, 2]), [30]);
        assert_eq!(in_force(&[3, 6, 19]), [3, 7, 30]);
        assert_eq!(in_force(&[25]), [20, 30]);
    }
}
