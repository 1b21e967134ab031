//! `vmrec list`.

use insta::assert_snapshot;

use crate::harness::{Bench, Workload};

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
    // A command that cannot be started leaves a file without a recording.
    bench.run(&["record", "--", "no-such-command"]);
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
fn recordings_stand_in_their_order() {
    let bench = Bench::new();
    let workload = Workload::start();
    for name in ["first", "second"] {
        bench.run(&["record", &workload.pid_text(), "--samples", "1", "--name", name]);
    }
    let table = bench.out(&["list"]);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let names: Vec<_> = table.lines().skip(2).map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(names, [Some("first"), Some("second")], "{table}");
    let csv = bench.out(&["list", "--csv"]);
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.starts_with("recording,pid,name,"), "{csv}");
}
