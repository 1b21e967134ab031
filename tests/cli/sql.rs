//! `vmrec sql`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::{Bench, Workload, recorded};
use crate::recorder::Recorder;

fn rows(bench: &Bench, sql: &str) -> Vec<Value> {
    bench.json(&["sql", "--json", sql]).as_array().unwrap().clone()
}

fn number(bench: &Bench, sql: &str) -> i64 {
    let rows = rows(bench, sql);
    let row = rows[0].as_object().unwrap();
    assert_eq!((rows.len(), row.len()), (1, 1), "{rows:?}");
    row.values().next().unwrap().as_i64().unwrap()
}

#[test]
fn rows_come_as_a_table_as_csv_and_as_json() {
    let bench = recorded(3);
    let sql = "SELECT 'libc' AS name, 4096 AS size, NULL AS size, x'00ff' AS bytes \
               UNION ALL SELECT char(27) || '[2J', -1, 0.5, '=1'";
    assert_snapshot!(bench.out(&["sql", sql]), @r"
    name     size  size_2  bytes
    =======  ====  ======  =======
    libc     4096       -  x'00ff'
    \x1b[2J    -1     0.5  =1
    ");
    assert_snapshot!(bench.out(&["sql", "--csv", sql]), @r"
    name,size,size_2,bytes
    libc,4096,,x'00ff'
    \x1b[2J,-1,0.5,'=1
    ");
    assert_snapshot!(bench.out(&["sql", "--json", sql]), @r#"
    [
      {
        "name": "libc",
        "size": 4096,
        "size_2": null,
        "bytes": "x'00ff'"
      },
      {
        "name": "\u001b[2J",
        "size": -1,
        "size_2": 0.5,
        "bytes": "=1"
      }
    ]
    "#);
    assert_snapshot!(bench.out(&["sql", "SELECT id, name FROM recording WHERE 0"]), @"
    id  name
    ==  ====
    ");
    assert_eq!(bench.out(&["sql", "--json", "SELECT 1 WHERE 0"]), "[]\n");
}

#[test]
fn a_statement_may_come_from_standard_input() {
    let bench = recorded(3);
    let mut vmrec = bench
        .command(&["sql", "--csv", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    vmrec
        .stdin
        .take()
        .unwrap()
        .write_all(b"SELECT count(regions) AS n\nFROM samples();\n")
        .unwrap();
    assert_eq!(vmrec.wait_with_output().unwrap().stdout, b"n\n3\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = recorded(3);
    let sql = "WITH RECURSIVE n (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT 100000) \
               SELECT a FROM n";
    for arguments in [&["sql", sql][..], &["sql", "--csv", sql], &["sql", "--json", sql]] {
        let mut vmrec =
            bench.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(vmrec.stdout.take());
        let output = vmrec.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
    }
}

#[test]
fn region_at_agrees_with_export() {
    let bench = recorded(3);
    let exported = bench.json(&["export", "--json", "--at", "#2"]);
    let total = exported["total"].as_object().unwrap();
    let sizes: Vec<_> = total.keys().filter(|key| *key != "footprint_bytes").collect();
    let sums = sizes.iter().map(|size| match size.as_str() {
        "regions" => "count(*) AS regions".to_owned(),
        size => format!("sum({size}) AS {size}"),
    });
    let sql = format!("SELECT {} FROM region_at('#2')", sums.collect::<Vec<_>>().join(", "));
    let summed = &rows(&bench, &sql)[0];
    assert!(sizes.len() > 12, "{sizes:?}");
    for size in sizes {
        // Where some values are unknown, export's sum is unknown; SQL adds the known ones.
        assert!(summed[size] == total[size] || total[size].is_null(), "{size}: {summed} {total:?}");
    }
    let first = &rows(&bench, "SELECT *, printf('0x%x', start) AS hex FROM region_at('#2')")[0];
    let region = &exported["regions"][0];
    assert_eq!(first["hex"], region["start"]);
    for same in ["type", "family", "rule", "protection", "object", "offset", "provenance"] {
        assert_eq!(first[same], region[same], "{same}");
    }
}

#[test]
fn functions_join_and_take_columns_as_arguments() {
    let bench = recorded(3);
    let regions = number(&bench, "SELECT regions FROM samples() WHERE regions > 0 LIMIT 1");
    let joined = "SELECT count(*) FROM region_at('start') AS a \
                  JOIN region_at('start', a.recording) AS b USING (start, type)";
    assert_eq!(number(&bench, joined), regions);
    let correlated = "SELECT count(*) FROM recording AS r, samples(r.id) AS s WHERE s.regions = \
                      (SELECT count(*) FROM region_at('#' || s.number, s.recording))";
    assert_eq!(number(&bench, correlated), 3);
    assert_eq!(number(&bench, "SELECT count(*) FROM mark, region_at('@' || mark.text)"), 0);
}

#[test]
fn series_agrees_with_export() {
    let bench = recorded(3);
    for by in ["family", "type"] {
        let exported = bench.json(&["export", "--json", "--series", by]);
        let exported: BTreeSet<_> = exported
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["quantity"] == "private_bytes")
            .map(|row| format!("{} {} {}", row["utc_ns"], row["key"], row["value"]))
            .collect();
        let sql = format!("SELECT * FROM series('private', '{by}')");
        let rows = rows(&bench, &sql);
        let series: BTreeSet<_> = rows
            .iter()
            .map(|row| format!("{} {} {}", row["taken_utc_ns"], row["key"], row["value"]))
            .collect();
        assert_eq!(series, exported);
        assert_eq!(rows[0]["elapsed_s"], 0.0);
    }
}

#[test]
fn it_reads_while_a_recorder_writes() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    recorder.wait_for_samples(2);
    let before = number(&bench, "SELECT count(*) FROM samples()");
    assert!(number(&bench, "SELECT count(*) FROM region_at('-10ms')") > 0);
    recorder.wait_for_samples(2);
    assert!(number(&bench, "SELECT count(*) FROM samples()") > before);
    recorder.interrupt();
}

#[test]
fn statements_that_write_are_refused() {
    let bench = recorded(3);
    let bytes = fs::read(bench.path("test.db")).unwrap();
    assert_snapshot!(bench.run(&["sql", "DELETE FROM sample"]).failure(), @"
    vmrec: only statements that read are run: SELECT, WITH, VALUES, EXPLAIN, PRAGMA table_info
    hint: the tables are described in docs/schema.md; `vmrec sql --tables` lists them
    [exit status: Some(2)]
    ");
    for sql in [
        "INSERT INTO mark (recording, utc_ns, text) VALUES (1, 1, 'x')",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "PRAGMA user_version = 9",
        "CREATE TEMP TABLE t AS SELECT 1",
    ] {
        let said = bench.run(&["sql", sql]);
        assert_eq!((said.status, said.output.as_str()), (Some(2), ""), "{sql}");
        assert!(said.error.contains("only statements that read"), "{}", said.error);
    }
    assert_eq!(fs::read(bench.path("test.db")).unwrap(), bytes);
    assert!(!bench.path("other.db").exists());
}

#[test]
fn sizes_are_written_as_in_tables() {
    let bench = recorded(3);
    let sql = "SELECT size(13107200), size(-4096), size(4096.4), size(NULL) IS NULL AS unknown, \
               size(max(resident_bytes)) LIKE '%K' AS small FROM samples()";
    assert_snapshot!(bench.out(&["sql", "--csv", sql]), @r"
    size(13107200),size(-4096),size(4096.4),unknown,small
    12.5M,'-4K,4K,1,1
    ");
    let said = bench.run(&["sql", "SELECT size('x')"]);
    assert_eq!(said.status, Some(2), "{}", said.error);
    assert!(said.error.contains("size() takes a number"), "{}", said.error);
}

#[test]
fn wrong_statements_are_explained() {
    let bench = recorded(3);
    for (sql, what) in [
        ("SELECT * FORM sample", "near \"FORM\": syntax error, at character 10: FORM sample"),
        ("SELECT 1; SELECT 2", "only one statement can be run at a time"),
        ("", "there is no statement that returns rows"),
        ("SELECT * FROM region_at", "an argument is missing: region_at(at_time)"),
        ("SELECT * FROM region_at('soon')", "time \"soon\" is not understood"),
        ("SELECT * FROM region_at('soon')", "hint: a mark is @TEXT"),
        ("SELECT * FROM region_at(7)", "region_at: a time is given as text"),
        ("SELECT * FROM series('size', 'type')", "series: there is no such metric"),
        ("SELECT * FROM series('pss', 'colour')", "series: sums are by 'family' or by 'type'"),
    ] {
        let said = bench.run(&["sql", "--json", sql]);
        assert_eq!((said.status, said.output.as_str()), (Some(2), ""), "{sql}: {}", said.error);
        assert!(said.error.contains(what), "{sql}: {}", said.error);
    }
    assert_snapshot!(bench.run(&["sql", "SELECT colour FROM mark"]).failure(), @"
    vmrec: no such column: colour, at character 8: colour FROM mark
    hint: the tables are described in docs/schema.md; `vmrec sql --tables` lists them
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["sql", "SELECT * FROM samples(7)"]).failure(), @"
    vmrec: no recording 7 in DIR/test.db
    hint: `vmrec list` shows the recordings of a file
    [exit status: Some(4)]
    ");
    assert_snapshot!(bench.run(&["sql"]).failure(), @"
    error: the following required arguments were not provided:
      <SQL>

    Usage: vmrec sql --db <FILE> <SQL>

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
    assert_snapshot!(Bench::new().run(&["sql", "SELECT 1"]).failure(), @"
    vmrec: DIR/test.db does not exist
    hint: record something first: `vmrec record TARGET`; or name the file with --db FILE
    [exit status: Some(4)]
    ");
}

/// The columns of each section of docs/schema.md, by the name in its heading.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema.md");
    let text = fs::read_to_string(path).unwrap();
    let mut sections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            let name = heading.trim_start_matches('#').trim().strip_prefix('`');
            section = name.and_then(|name| name.split(['(', '`']).next()).map(str::to_owned);
            sections.extend(section.iter().map(|name| (name.clone(), BTreeSet::new())));
        } else if let (Some(name), Some(row)) = (&section, line.strip_prefix("| `")) {
            let column = row.split('`').next().unwrap().to_owned();
            assert!(sections.get_mut(name).unwrap().insert(column), "{name}: {line}");
        }
    }
    sections
}

#[test]
fn every_column_is_documented_and_every_table_listed() {
    let bench = recorded(3);
    let columns = "SELECT o.name, c.name AS column FROM (\
                   SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' \
                   UNION SELECT value FROM json_each('[\"region_at\", \"series\", \"session_series\", \"samples\"]')) AS o, \
                   pragma_table_xinfo(o.name) AS c";
    let mut real: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(&bench, columns) {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        real.entry(text("name")).or_default().insert(text("column"));
    }
    assert_eq!(documented(), real);
    let listed = bench.json(&["sql", "--tables", "--json"]);
    let listed: BTreeSet<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap().split('(').next().unwrap())
        .collect();
    assert_eq!(listed, real.keys().map(String::as_str).collect());
    assert!(bench.out(&["sql", "--tables"]).lines().all(|line| line.chars().count() <= 80));
}
