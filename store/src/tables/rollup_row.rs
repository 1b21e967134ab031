//! The sums of each type in each chunk, as plain rows: min, mean and max of
//! some measures over the chunk's samples with regions; torn ones count only if all are torn.
//!
//! A row holds one measure of a chunk as JSON, which the view `rollup` unpacks: for each type that
//! has regions its number where all sums are 0, as most are of some measures, or an array: of the
//! type's number alone where a sum is unknown, of number and min where all sums are equal, or else of
//! number, min, mean − min and max − min. Signed numbers stand for unsigned ones of the same bits.
//!
//! They are written with the chunk and go with it. All sums of a chunk, sample
//! by sample, are in the chunk itself.

use std::fmt::Write;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, params};
use vmrec_sampler::Quantity;

use crate::codec::chunk::builder::Built;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::ticks::counted;
use crate::db::bulk_read;
use crate::db::columns::ROLLUP_ROW;
use crate::db::insert::Insert;
use crate::db::integer::to_column;
use crate::db::row_checksum::wrong;
use crate::db::transaction::Transaction;
use crate::tables::region_type::Types;

/// The measures that there are rows of, in the order of their numbers.
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
/// Min, mean and max of a sum over the snapshots of a chunk.
pub(crate) type Spread = Option<[u64; 3]>;

/// Returns whether rows have a measure.
pub(crate) fn has(measure: Measure) -> bool {
    MEASURES.contains(&measure)
}

/// Writes the rows of the chunk with the id `chunk`.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    chunk: i64,
    built: &Built,
) -> rusqlite::Result<()> {
    let counted = counted(&built.ticks);
    let mut types = Types::default();
    let mut texts = [const { String::new() }; MEASURES.len()];
    let mut spreads: [Spread; MEASURES.len()] = [None; MEASURES.len()];
    let mut unwritten = Ok(());
    built.sums.for_each(|region_type, measure, values| {
        if let Some(index) = MEASURES.iter().position(|known| *known == measure) {
            spreads[index] = spread(&counted, values.iter().copied());
        }
        // It is the last measure of each type.
        if measure == Measure::Regions && spreads[0].is_some_and(|[.., max]| max > 0) {
            match types.number(transaction, region_type) {
                Ok(number) => {
                    for (text, spread) in texts.iter_mut().zip(spreads) {
                        push(text, number, spread);
                    }
                }
                Err(error) => unwritten = Err(error),
            }
        }
    });
    unwritten?;
    let mut insert = Insert::new(transaction, &ROLLUP_ROW)?;
    for (measure, text) in (0..).zip(texts).filter(|(_, text)| !text.is_empty()) {
        insert.row(params![row_id(measure, chunk), format!("[{text}]")])?;
    }
    Ok(())
}

/// Returns the id of the row of a measure and a chunk: the rows of a measure lie together, and a
/// table with such ids keeps longer rows on its pages than one whose key is two columns.
const fn row_id(measure: usize, chunk: i64) -> i64 {
    ((measure as i64) << CHUNK_BITS) | chunk
}

/// Returns the id of the chunk that a row is of.
const fn chunk_of(row_id: i64) -> i64 {
    row_id & ((1 << CHUNK_BITS) - 1)
}

/// The bits of a row's id that hold the id of the chunk.
const CHUNK_BITS: u32 = 40;

/// Adds the number or the array of a type.
fn push(text: &mut String, number: i64, spread: Spread) {
    if !text.is_empty() {
        text.push(',');
    }
    // Writing to a string cannot fail.
    let _ = match spread {
        None => write!(text, "[{number}]"),
        Some([.., 0]) => write!(text, "{number}"),
        Some([min, _, max]) if min == max => write!(text, "[{number},{}]", to_column(min)),
        Some([min, mean, max]) => {
            let [min, mean, max] = [min, mean - min, max - min].map(to_column);
            write!(text, "[{number},{min},{mean},{max}]")
        }
    };
}

/// Returns min, mean and max of the values that are counted; `None` if one of them is unknown or
/// there are none.
pub(crate) fn spread(counted: &[bool], values: impl Iterator<Item = Option<u64>>) -> Spread {
    let (mut min, mut max, mut sum, mut count) = (u64::MAX, 0, 0_u128, 0_u128);
    for (value, _) in values.zip(counted).filter(|(_, counted)| **counted) {
        let value = value?;
        (min, max) = (min.min(value), max.max(value));
        sum += u128::from(value);
        count += 1;
    }
    let mean = sum.checked_div(count)?;
    Some([min, u64::try_from(mean).unwrap_or(u64::MAX), max])
}

/// Calls `visit` with index of the chunk, number of the type and mean of a measure, which rows must
/// [have](has), for every type of the chunks with these ids, which are ascending.
pub(crate) fn means(
    connection: &Connection,
    chunks: &[i64],
    measure: Measure,
    mut visit: impl FnMut(usize, i64, Option<u64>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let Some(measure) = MEASURES.iter().position(|known| *known == measure) else { return Ok(()) };
    let sql =
        format!("SELECT packed({}) FROM rollup_row WHERE id BETWEEN ? AND ?", ROLLUP_ROW.list());
    // Chunks of recordings made at the same time lie between each other.
    let runs = chunks.chunk_by(|one, next| next - one == 1);
    let runs = runs.filter_map(|run| Some([*run.first()?, *run.last()?]));
    let runs = runs.map(|run| run.map(|chunk| row_id(measure, chunk)));
    bulk_read::each::<2>(connection, &ROLLUP_ROW, &sql, runs, |values| {
        let Ok(index) = chunks.binary_search(&chunk_of(values[0].as_i64()?)) else { return Ok(()) };
        let ValueRef::Text(text) = values[1] else { return Err(malformed()) };
        for of_type in types(text) {
            let (number, mean) = of_type.ok_or_else(malformed)?;
            visit(index, number, mean)?;
        }
        Ok(())
    })
}

fn malformed() -> rusqlite::Error {
    wrong(1, "no sums of types")
}

/// Returns number and mean of each type of a row, or nothing of what no row has.
fn types(text: &[u8]) -> impl Iterator<Item = Option<(i64, Option<u64>)>> {
    let inner = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    let mut left = inner.unwrap_or(b"?");
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let closing = if left[0] == b'[' { b']' } else { b',' };
        let end = left.iter().position(|byte| *byte == closing);
        let (one, rest) = match end {
            Some(end) if closing == b']' => left.split_at(end + 1),
            Some(end) => left.split_at(end),
            None => (left, &b""[..]),
        };
        // A comma is between two types, neither before the first nor after the last.
        let following = rest.strip_prefix(b",").filter(|rest| !rest.is_empty());
        left = following.unwrap_or(b"");
        (following.is_some() || rest.is_empty()).then(|| one_type(one)).or(Some(None))
    })
}

/// Returns number and mean of one type.
fn one_type(text: &[u8]) -> Option<(i64, Option<u64>)> {
    let Some(array) = text.strip_prefix(b"[") else { return Some((number(text)?, Some(0))) };
    let mut numbers = array.strip_suffix(b"]")?.split(|byte| *byte == b',').map(number);
    let of_type = numbers.next()??;
    let mean = match (numbers.next(), numbers.next()) {
        (None, _) => None,
        (Some(min), None) => Some(min?.cast_unsigned()),
        (Some(min), Some(above)) => Some(min?.cast_unsigned().wrapping_add(above?.cast_unsigned())),
    };
    Some((of_type, mean))
}

/// Reads a number of a row, as it is written there: no sign but `-`.
fn number(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let magnitude = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    let number = i128::from(magnitude) * if digits.len() < text.len() { -1 } else { 1 };
    i64::try_from(number).ok().filter(|_| !digits.is_empty())
}

/// Deletes the rows of the chunks whose ids the statement `chunks` selects.
pub(crate) fn delete(
    transaction: &Connection,
    chunks: &str,
    parameters: impl Params,
) -> rusqlite::Result<()> {
    let sql = format!("DELETE FROM rollup_row WHERE id IN ({})", rows_of(chunks));
    transaction.prepare_cached(&sql)?.execute(parameters)?;
    Ok(())
}

/// Returns whether the rows of a chunk are all there, with the types they are of.
pub(crate) fn are_whole(connection: &Connection, chunk: i64) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT count(*) FROM rollup_row WHERE id IN ({}) \
         AND NOT EXISTS (SELECT 1 FROM json_each(rollup_row.types) AS r \
           WHERE iif(r.type = 'array', json_extract(r.value, '$[0]'), r.value) \
             NOT IN (SELECT id FROM region_type))",
        rows_of("VALUES (?)")
    );
    let whole: i64 = connection.prepare_cached(&sql)?.query_row([chunk], |row| row.get(0))?;
    Ok(whole == MEASURES.len() as i64)
}

/// Returns a statement that selects the ids of the rows of the chunks whose ids `chunks` selects.
fn rows_of(chunks: &str) -> String {
    format!(
        "WITH measure (number) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7)), \
         chunks (id) AS ({chunks}) \
         SELECT (number << {CHUNK_BITS}) | id FROM measure, chunks"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_sum_makes_all_unknown() {
        let spread = |values: &[Option<u64>]| spread(&[true; 3], values.iter().copied());

        assert_eq!(spread(&[Some(4), Some(1), Some(2)]), Some([1, 2, 4]));
        assert_eq!(spread(&[Some(4), None]), None);
        assert_eq!(spread(&[]), None);
        let torn_between = super::spread(&[true, false, true], [2, 90, 4].map(Some).into_iter());
        assert_eq!(torn_between, Some([2, 3, 4]), "what is not counted is in none of them");
        assert_eq!(spread(&[Some(u64::MAX); 3]), Some([u64::MAX; 3]));
    }

    #[test]
    fn types_come_back() {
        let spreads = [
            None,
            Some([4, 4, 4]),
            Some([0; 3]),
            Some([0; 3]),
            Some([1, 2, 9]),
            Some([0, u64::MAX / 2, u64::MAX]),
        ];
        let mut text = String::new();
        for (number, spread) in (1..).zip(spreads) {
            push(&mut text, number, spread);
        }
        assert_eq!(text, "[1],[2,4],3,4,[5,1,1,8],[6,0,9223372036854775807,-1]");
        let read: Option<Vec<_>> = types(format!("[{text}]").as_bytes()).collect();
        let means = [None, Some(4), Some(0), Some(0), Some(2), Some(u64::MAX / 2)];
        assert_eq!(read, Some((1..).zip(means).collect()));
        assert_eq!(types(b"[]").count(), 0);
        assert_eq!(types(b"[7]").collect::<Option<Vec<_>>>(), Some(vec![(7, Some(0))]));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "[",
            "{}",
            "[[]]",
            "[[1,]]",
            "[[1,2],3],",
            "[[1][2",
            "[[1]2]",
            "[1,]",
            "[,1]",
            "[1,,2]",
            "[x]",
            "[[1,x]]",
            "[[1.5]]",
            "[[+1]]",
            "[[-]]",
        ] {
            assert!(types(text.as_bytes()).any(|of_type| of_type.is_none()), "{text}");
        }
    }
}
