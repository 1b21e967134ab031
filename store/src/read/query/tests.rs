use super::*;
use crate::db::open;
use crate::read::query::authorizer;
use crate::read::query::table_function::{TableFunction, TableRows};

/// Squares of the numbers below the argument.
struct Squares(i64);

impl TableRows for Squares {
    fn count(&self) -> usize {
        self.0 as usize
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let number = row as i64;
        match column {
            0 => Value::Integer(number),
            1 => Value::Integer(number * number),
            _ => Value::from(format!("{number}²")),
        }
    }
}

fn squares() -> TableFunction {
    TableFunction {
        name: "squares",
        columns: vec![("number", "INTEGER"), ("square", "INTEGER"), ("text", "TEXT")],
        arguments: &["below", "unused"],
        required: 1,
        answer: Box::new(|arguments| match arguments {
            [Value::Integer(below), _] => Ok(Box::new(Squares(*below))),
            _ => Err("a number is required".to_owned()),
        }),
    }
}

fn asked(sql: &str) -> Result<Vec<Vec<Value<'static>>>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    open::create(&path).unwrap();
    let query = Query::open(&path, [squares()]).unwrap();
    let run = || {
        let mut selection = query.prepare(sql)?;
        let mut rows = selection.rows();
        let mut all = Vec::new();
        while let Some(row) = rows.next_row()? {
            all.push(row);
        }
        Ok(all)
    };
    let outcome = run().map_err(|error: Error| error.to_string());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{sql}");
    outcome
}

fn number(sql: &str) -> i64 {
    match asked(sql).unwrap().as_slice() {
        [row] => match row.as_slice() {
            [Value::Integer(number)] => *number,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn functions_are_tables() {
    assert_eq!(number("SELECT sum(square) FROM squares(4)"), 14);
    assert_eq!(
        number("SELECT count(*) FROM squares(1000) a JOIN squares(300) b USING (number, text)"),
        300
    );
    assert_eq!(number("SELECT sum(b.number) FROM squares(4) a, squares(a.number) b"), 4);
    assert_eq!(
        number(
            "SELECT (SELECT count(*) FROM squares(a.square)) FROM squares(4) a WHERE a.number = 3"
        ),
        9
    );
    assert_eq!(number("SELECT below FROM squares(1)"), 1);
    assert_eq!(number("SELECT count(*) FROM squares WHERE below = 7"), 7);
    assert_eq!(
        number("SELECT count(*) FROM squares(3) a LEFT JOIN squares(2) b ON b.number = a.number"),
        3
    );
}

#[test]
fn an_index_compares_as_sql_does() {
    for wanted in ["4", "4.0", "'4'"] {
        assert_eq!(number(&format!("SELECT number FROM squares(5) WHERE square = {wanted}")), 2);
    }
    assert_eq!(number("SELECT count(*) FROM squares(5) WHERE square = NULL"), 0);
    assert_eq!(number("SELECT count(*) FROM squares(5) WHERE square IN (1, 9, 5)"), 2);
}

#[test]
fn functions_report_missing_arguments() {
    assert_eq!(
        asked("SELECT * FROM squares").unwrap_err(),
        "an argument is missing: squares(below)"
    );
    assert_eq!(asked("SELECT * FROM squares('x')").unwrap_err(), "squares: a number is required");
    assert_eq!(
        asked("SELECT * FROM squares(1, 2, 3)").unwrap_err(),
        "too many arguments on squares() - max 2"
    );
}

#[test]
fn only_reading_is_allowed() {
    for sql in [
        "INSERT INTO mark VALUES (1, 1, 1, 'x', 1)",
        "DELETE FROM sample",
        "UPDATE sample SET number = 2 RETURNING number",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "CREATE VIRTUAL TABLE t USING squares",
        "DROP TABLE sample",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "VACUUM",
        "BEGIN",
        "SAVEPOINT a",
        "REINDEX",
        "ANALYZE",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint",
        "PRAGMA query_only = 0",
        "EXPLAIN DELETE FROM sample",
    ] {
        assert_eq!(asked(sql).map_err(|error| error == authorizer::REFUSED), Err(true), "{sql}");
    }
    for sql in
        ["SELECT * FROM pragma_journal_mode('delete')", "SELECT * FROM pragma_user_version(7)"]
    {
        assert!(asked(sql).is_err(), "{sql}");
    }
    for sql in [
        "PRAGMA table_info(sample)",
        "PRAGMA user_version",
        "SELECT * FROM pragma_table_xinfo('squares')",
        "EXPLAIN QUERY PLAN SELECT * FROM sample",
        "WITH RECURSIVE n (a) AS (SELECT 1 UNION SELECT a + 1 FROM n WHERE a < 3) SELECT * FROM n",
        "VALUES (1);",
        "SELECT 1; -- and a word",
        "SELECT name FROM sqlite_schema",
    ] {
        assert!(!asked(sql).unwrap().is_empty(), "{sql}");
    }
}

#[test]
fn errors_name_their_position() {
    let wrong = |sql| asked(sql).unwrap_err();
    assert_eq!(wrong("SELECT 1; SELECT 2"), "only one statement can be run at a time");
    assert_eq!(wrong(" -- nothing"), "there is no statement that returns rows");
    assert_eq!(
        wrong("SELECT 'é', * FORM a"),
        "near \"FORM\": syntax error, at character 15: FORM a"
    );
    assert_eq!(wrong("SELECT a\nFROM mark"), "no such column: a, at character 8: a");
    assert_eq!(wrong("SELECT (1"), "incomplete input");
    assert_eq!(wrong("SELECT ?1"), "parameters are not supported");
}
