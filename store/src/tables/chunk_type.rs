//! The sums of each type in each chunk, as plain rows: min, mean and max of
//! some measures over the chunk's samples with regions.
//!
//! They are written with the chunk and go with it. All sums of a chunk, sample
//! by sample, are in the chunk itself.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql, params};
use vmrec_sampler::Quantity;

use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::chunk::measure::Measure;
use crate::db::bulk_read;
use crate::db::columns::CHUNK_TYPE;
use crate::db::insert::Insert;
use crate::db::integer::{from_column, to_column};
use crate::db::transaction::Transaction;
use crate::tables::region_type::Types;

/// The measures that have columns, in their order.
const MEASURES: [Measure; 8] = [
    Measure::Regions,
    Measure::Virtual,
    Measure::Quantity(Quantity::Resident),
    Measure::Quantity(Quantity::Private),
    Measure::Quantity(Quantity::Dirty),
    Measure::Quantity(Quantity::PrivateDirty),
    Measure::Quantity(Quantity::Swapped),
    Measure::Quantity(Quantity::Pss),
];
/// The chunk and the type, then min, mean and max of each measure.
const COLUMNS: usize = 2 + 3 * MEASURES.len();

/// Min, mean and max of a sum over the snapshots of a chunk.
type Spread = Option<[u64; 3]>;

/// Returns whether rows have a measure.
pub(crate) fn has(measure: Measure) -> bool {
    MEASURES.contains(&measure)
}

/// Writes the rows of the chunk with the id `chunk`.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    chunk: i64,
    sums: &SumColumns,
) -> rusqlite::Result<()> {
    let mut types = Types::default();
    let mut rows = Vec::new();
    let mut spreads: [Spread; MEASURES.len()] = [None; MEASURES.len()];
    sums.for_each(|region_type, measure, values| {
        if let Some(index) = MEASURES.iter().position(|known| *known == measure) {
            spreads[index] = spread(values);
        }
        // It is the last measure of each type.
        if measure == Measure::Regions && spreads[0].is_some_and(|[.., max]| max > 0) {
            rows.push((region_type.clone(), spreads));
        }
    });
    let mut insert = Insert::new(transaction, &CHUNK_TYPE)?;
    for (region_type, spreads) in rows {
        let number = types.number(transaction, &region_type)?;
        let figures: Vec<Option<i64>> = spreads
            .iter()
            .flat_map(|spread| match spread {
                Some(figures) => figures.map(|figure| Some(to_column(figure))),
                None => [None; 3],
            })
            .collect();
        let mut values: Vec<&dyn ToSql> = params![chunk, number].to_vec();
        values.extend(figures.iter().map(|figure| figure as &dyn ToSql));
        insert.row(&values)?;
    }
    Ok(())
}

/// Returns min, mean and max of the values; `None` if one of them is unknown or there are none.
fn spread(values: &[Option<u64>]) -> Spread {
    let (mut min, mut max, mut sum) = (u64::MAX, 0, 0_u128);
    for value in values {
        let value = (*value)?;
        (min, max) = (min.min(value), max.max(value));
        sum += u128::from(value);
    }
    let mean = sum.checked_div(values.len() as u128)?;
    Some([min, u64::try_from(mean).unwrap_or(u64::MAX), max])
}

/// Calls `visit` with chunk, number of the type and the mean of each of `measures`, which rows must
/// [have](has), for every row of the chunks with these ids, which are ascending.
pub(crate) fn means(
    connection: &Connection,
    chunks: &[i64],
    measures: &[Measure],
    mut visit: impl FnMut(usize, i64, &mut dyn Iterator<Item = Option<u64>>),
) -> rusqlite::Result<()> {
    let columns: Vec<usize> = measures
        .iter()
        .filter_map(|measure| MEASURES.iter().position(|known| known == measure))
        .map(|index| 2 + 3 * index + 1)
        .collect();
    let sql =
        format!("SELECT packed({}) FROM chunk_type WHERE chunk BETWEEN ? AND ?", CHUNK_TYPE.list());
    // Chunks of recordings made at the same time lie between each other.
    let runs = chunks.chunk_by(|one, next| next - one == 1);
    let runs = runs.filter_map(|run| Some([*run.first()?, *run.last()?]));
    bulk_read::each::<COLUMNS>(connection, &CHUNK_TYPE, &sql, runs, |values| {
        let chunk = values[0].as_i64()?;
        let Ok(index) = chunks.binary_search(&chunk) else { return Ok(()) };
        let number = values[1].as_i64()?;
        let mean = |column: &usize| match values[*column] {
            ValueRef::Integer(mean) => Some(from_column(mean)),
            _ => None,
        };
        visit(index, number, &mut columns.iter().map(mean));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_sum_makes_all_unknown() {
        assert_eq!(spread(&[Some(4), Some(1), Some(2)]), Some([1, 2, 4]));
        assert_eq!(spread(&[Some(4), None]), None);
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[Some(u64::MAX); 3]), Some([u64::MAX; 3]));
    }
}
