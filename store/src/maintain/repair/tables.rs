//! The tables that rows are looked for of.

use rusqlite::types::{Value, ValueRef};

use crate::codec::chunk::seal::Place;
use crate::db::integer::from_column;
use crate::db::row_checksum;
use crate::maintain::repair::chunks;
use crate::tables::evidence;

/// What proves a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The checksum of its values, which stands after them.
    Row,
    /// The checksum of a frame's data, which is bound to its sample.
    Frame,
    /// The checksum of evidence.
    Evidence,
}

/// A table and how its rows lie in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// How many columns it has now.
    pub(crate) columns: usize,
    /// How many a row has at least: those of the version that made the table.
    least_columns: usize,
    /// Where its checksum stands.
    checksum: usize,
    pub(crate) proof: Proof,
}

const fn table(name: &'static str, columns: usize, least_columns: usize) -> Table {
    Table { name, columns, least_columns, checksum: columns - 1, proof: Proof::Row }
}

/// All of them.
pub(crate) const TABLES: [Table; 14] = [
    table("recording", 26, 24),
    table("argument", 4, 3),
    table("object", 7, 6),
    table("region", 10, 10),
    table("region_kind", 9, 9),
    table("sample", 25, 24),
    table("mark", 5, 4),
    table("region_type", 4, 4),
    table("rollup_row", 11, 11),
    table("rollup_hour_row", 6, 6),
    table("latest_row", 17, 17),
    Table { checksum: 17, ..table("chunk", 22, 22) },
    Table { proof: Proof::Evidence, checksum: 2, ..table("evidence", 4, 4) },
    Table { proof: Proof::Frame, checksum: 2, ..table("frame", 4, 4) },
];

/// How sure it is that a row is one of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its checksum says so.
    Proven,
    /// It has none, as it was written by a version before 3.
    Unchecked,
    /// It is not, or it is damaged.
    Refused,
}

impl Table {
    /// Tells whether a row with these values, of all columns, is one of this table.
    pub(crate) fn judge(&self, values: &[Value]) -> Verdict {
        let matches = match (self.proof, &values[self.checksum], values) {
            (Proof::Row, Value::Null, _) => return Verdict::Unchecked,
            (Proof::Row, Value::Integer(sum), _) => {
                i64::from(self.sum(values)) == *sum
                    && (self.name != "chunk" || chunk_is_whole(values))
            }
            (
                Proof::Evidence,
                Value::Integer(sum),
                [Value::Integer(recording), Value::Integer(number), _, Value::Blob(data)],
            ) => i64::from(evidence::checksum(*recording, *number, data)) == *sum,
            // Its sample, which may not be known yet, is needed to tell.
            (Proof::Frame, Value::Integer(_), [_, Value::Text(_), _, Value::Blob(_)]) => true,
            _ => false,
        };
        if matches { Verdict::Proven } else { Verdict::Refused }
    }

    /// Tells whether a row of so many columns may be one of this table.
    pub(crate) const fn fits(&self, columns: usize) -> bool {
        self.least_columns <= columns && columns <= self.columns
    }

    /// Gives a row its checksum.
    pub(crate) fn seal(&self, values: &mut [Value]) {
        values[self.checksum] = Value::Integer(self.sum(values).into());
    }

    fn sum(&self, values: &[Value]) -> u32 {
        row_checksum::sum(self.name, values[..self.checksum].iter().map(ValueRef::from))
    }
}

/// Tells whether what cannot be made anew of a chunk is whole: its row's checksum does not cover it.
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
        Value::Blob(regions),
    ] = values
    else {
        return false;
    };
    let place = Place { recording: *recording, last: from_column(*last) };
    chunks::is_whole(place, [ticks, totals, regions])
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::db::schema;

    #[test]
    fn they_are_those_of_the_schema() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut known: Vec<_> = TABLES
            .iter()
            .map(|table| (table.name.to_owned(), table.columns as i64, table.checksum as i64))
            .collect();
        let mut statement = connection
            .prepare(
                "SELECT t.name, count(*), \
                   (SELECT cid FROM pragma_table_info(t.name) WHERE name = 'checksum') \
                 FROM sqlite_schema AS t, pragma_table_info(t.name) \
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'quantity' \
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
