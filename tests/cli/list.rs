//! `vmrec list`.

use insta::assert_snapshot;

use crate::fixture::fixed;
use crate::harness::Bench;

#[test]
fn a_file_that_is_missing_and_one_without_a_recording() {
    let bench = Bench::new();
    assert_snapshot!(bench.run(&["list"]).failure(), @"
    vmrec: DIR/test.db does not exist
    hint: record something first: `vmrec record TARGET`; or name the file with --db FILE
    [exit status: Some(4)]
    ");
    assert_snapshot!(bench.run(&["info"]).failure(), @"
    vmrec: DIR/test.db does not exist
    hint: record something first: `vmrec record TARGET`; or name the file with --db FILE
    [exit status: Some(4)]
    ");
    vmrec_store::Writer::open(&bench.path("test.db")).unwrap().close().unwrap();
    assert_eq!(bench.run(&["list", "--json"]).output, "[]\n");
    assert_snapshot!(bench.run(&["list"]).failure(), @"
    DIR/test.db holds no recording yet
    hint: record something first: `vmrec record TARGET`
    [exit status: Some(0)]
    ");
    assert_snapshot!(bench.run(&["diff", "start", "end"]).failure(), @"
    vmrec: DIR/test.db holds no recording yet
    hint: record something first: `vmrec record TARGET`
    [exit status: Some(4)]
    ");
}

#[test]
fn a_list_and_an_overview_give_the_same_facts_of_a_recording() {
    let bench = fixed();
    let rows = bench.json(&["list", "--json"]);
    let rows = rows.as_array().unwrap();
    // Of 5 numbers one was missed.
    assert_eq!(rows.iter().map(|row| row["samples"].as_u64().unwrap()).collect::<Vec<_>>(), [4, 1]);
    for row in rows {
        let number = row["recording"].to_string();
        let info = bench.json(&["info", "--json", "--recording", &number]);
        for (key, value) in row.as_object().unwrap() {
            assert_eq!(info[key], *value, "{key} of recording {number}");
        }
        let sums = ["complete_samples", "unchanged_samples", "torn_samples"]
            .map(|key| info[key].as_u64().unwrap());
        assert_eq!(row["samples"], sums.iter().sum::<u64>());
    }
    assert_eq!(bench.json(&["info", "--verify", "--json"])["samples"], 5);
}
