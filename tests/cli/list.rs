//! `vmrec list`.

use insta::assert_snapshot;

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
