//! The tables whose rows are recovered.

use rusqlite::types::{Value, ValueRef};

use crate::codec::chunk::seal::ChunkKey;
use crate::codec::crc32::checksum_of;
use crate::db::columns::{
    ARGUMENT, CHUNK, HEAP_REPORT, IMAGE, IMAGE_SPAN, LATEST_ROW, MARK, OBJECT, RECORDING,
    REGION_KIND, REGION_TYPE, ROLLUP_ROW, SAMPLE, SESSION, STACK, Table,
};
use crate::db::integer::from_column;
use crate::db::row_checksum;
use crate::maintain::repair::chunks;

/// The proof of a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The checksum of its values, after them.
    Row,
    /// The checksum of a frame's data, which is bound to its sample.
    Frame,
    /// The checksum of encoded data that is good from a sample on: evidence, or live stacks.
    Numbered,
}

/// A table and the layout of its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    /// The number of its columns.
    pub(crate) columns: usize,
    /// The index of its checksum.
    checksum: usize,
    /// The columns that its checksum covers, if it is one of the row.
    summed: Option<&'static Table>,
    pub(crate) proof: Proof,
}

const fn rows_of(table: &'static Table) -> Layout {
    let checksum = table.columns.len();
    let (name, summed) = (table.name, Some(table));
    Layout { name, columns: checksum + 1, checksum, summed, proof: Proof::Row }
}

/// The layouts of all tables.
pub(crate) const LAYOUTS: [Layout; 18] = [
    rows_of(&SESSION),
    rows_of(&RECORDING),
    rows_of(&ARGUMENT),
    rows_of(&STACK),
    rows_of(&IMAGE),
    rows_of(&IMAGE_SPAN),
    rows_of(&OBJECT),
    rows_of(&REGION_KIND),
    rows_of(&SAMPLE),
    rows_of(&MARK),
    rows_of(&HEAP_REPORT),
    rows_of(&REGION_TYPE),
    rows_of(&ROLLUP_ROW),
    rows_of(&LATEST_ROW),
    Layout { columns: CHUNK.columns.len() + 6, ..rows_of(&CHUNK) },
    Layout { name: "evidence", columns: 4, checksum: 2, summed: None, proof: Proof::Numbered },
    Layout { name: "stack_live", columns: 4, checksum: 2, summed: None, proof: Proof::Numbered },
    Layout { name: "frame", columns: 4, checksum: 2, summed: None, proof: Proof::Frame },
];

impl Layout {
    /// Returns whether a row with these values of all columns is an intact row of this table.
    pub(crate) fn proves(&self, values: &[Value]) -> bool {
        match (self.proof, &values[self.checksum], values) {
            (Proof::Row, Value::Integer(sum), _) => {
                i64::from(self.sum(values)) == *sum
                    && (self.name != CHUNK.name || chunk_is_whole(values))
            }
            (
                Proof::Numbered,
                Value::Integer(sum),
                [Value::Integer(recording), Value::Integer(number), _, Value::Blob(data)],
            ) => i64::from(checksum_of(*recording, from_column(*number), self.name, data)) == *sum,
            // The proof needs its sample, which may not be known yet.
            (Proof::Frame, Value::Integer(_), [_, Value::Text(_), _, Value::Blob(_)]) => true,
            _ => false,
        }
    }

    fn sum(&self, values: &[Value]) -> u32 {
        let summed = values[..self.checksum].iter().map(ValueRef::from);
        self.summed.map_or(0, |table| row_checksum::sum(table, summed))
    }
}

/// Returns whether the groups of a chunk that cannot be computed again are intact: its row's
/// checksum does not cover them.
fn chunk_is_whole(values: &[Value]) -> bool {
    let [
        _,
        Value::Integer(recording),
        _,
        Value::Integer(last),
        ..,
        Value::Blob(ticks),
        Value::Blob(totals),
        _,
        Value::Blob(kinds),
        Value::Blob(regions),
    ] = values
    else {
        return false;
    };
    let key = ChunkKey { recording: *recording, last: from_column(*last) };
    chunks::is_whole(key, [ticks, totals, kinds, regions])
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::db::schema;

    #[test]
    fn layouts_are_those_of_the_schema() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut known: Vec<_> = LAYOUTS
            .iter()
            .map(|table| (table.name.to_owned(), table.columns as i64, table.checksum as i64))
            .collect();
        let mut statement = connection
            .prepare(
                "SELECT t.name, count(*), \
                   (SELECT cid FROM pragma_table_info(t.name) WHERE name = 'checksum') \
                 FROM sqlite_schema AS t, pragma_table_info(t.name) \
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' \
                 GROUP BY t.name ORDER BY t.name",
            )
            .unwrap();
        let there: Vec<(String, i64, i64)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        known.sort();
        assert_eq!(known, there);
    }
}
