//! `vmrec backup` and `vmrec info --verify`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, recorded};
use crate::recorder::Recorder;

#[test]
fn a_file_being_recorded_to_is_copied_as_of_one_moment() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    recorder.wait_for_samples(2);
    let mut before = 0;
    for round in 0..5 {
        let copied = bench.json(&["backup", "copy.db", "--json", "--force"]);
        assert_eq!(copied["recordings"], 1);
        let samples = copied["samples"].as_u64().unwrap();
        assert!(samples >= before, "{round}: {copied}");
        before = samples;
        assert_eq!(copied["bytes"], fs::metadata(bench.path("copy.db")).unwrap().len());
        let verified = bench.json(&["info", "--verify", "--json", "--db", "copy.db"]);
        assert_eq!(verified["samples"], samples);
        assert_eq!(verified["problems"], serde_json::json!([]));
        let info = bench.json(&["info", "--json", "--db", "copy.db"]);
        let states = ["complete_samples", "unchanged_samples", "torn_samples"];
        assert_eq!(states.map(|key| info[key].as_u64().unwrap()).iter().sum::<u64>(), samples);
    }
    recorder.wait_for_samples(1);
    let (status, _) = recorder.interrupt();
    assert_eq!(status, Some(0));
    assert_eq!(bench.json(&["info", "--verify", "--json"])["problems"], serde_json::json!([]));
    let mode = fs::metadata(bench.path("copy.db")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(!bench.path("copy.db-new").exists() && !bench.path("copy.db-wal").exists());
}

#[test]
fn nothing_is_replaced_unasked() {
    let bench = recorded(2);
    fs::write(bench.path("kept.db"), "kept").unwrap();
    assert_snapshot!(bench.run(&["backup", "kept.db"]).failure(), @r"
    vmrec: DIR/kept.db exists already
    hint: name another file, or replace this one with --force
    [exit status: Some(2)]
    ");
    assert_eq!(fs::read_to_string(bench.path("kept.db")).unwrap(), "kept");
    assert_snapshot!(bench.run(&["backup", "test.db", "--force"]).failure(), @r"
    vmrec: DIR/test.db is the file to be copied
    hint: name another file to copy to
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["backup", "missing/copy.db"]).failure(), @"
    vmrec: cannot create missing/copy.db: the folder missing does not exist
    hint: the folder must exist: create it, or name another file
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["repair", "test.db", "-o", "missing/new.db"]).failure(), @"
    vmrec: cannot create missing/new.db: the folder missing does not exist
    hint: the folder must exist: create it, or name another file
    [exit status: Some(2)]
    ");
    let said = bench.run(&["backup", "kept.db", "--force"]);
    assert!(said.error.starts_with("copied 1 recording, 2 samples of "), "{}", said.error);
    assert_eq!(
        bench.out(&["info", "--verify", "--db", "kept.db"]),
        "no problem found in 1 recording, 2 samples\n"
    );
}

#[test]
fn a_flipped_bit_is_found() {
    let bench = Bench::new();
    let workload = Workload::start();
    bench.run(&[
        "record",
        &workload.pid_text(),
        "--samples",
        "2",
        "--every",
        "50ms",
        "--name",
        "unflipped",
    ]);
    let mut bytes = fs::read(bench.path("test.db")).unwrap();
    let place = bytes.windows(9).position(|window| window == b"unflipped").unwrap();
    bytes[place] ^= 1;
    fs::write(bench.path("test.db"), bytes).unwrap();
    let said = bench.run(&["info", "--verify"]);
    assert_eq!(said.output, "recording 1 does not match its checksum\n");
    assert_snapshot!(said.error, @r"
    vmrec: DIR/test.db is damaged: 1 problem
    hint: `vmrec repair DIR/test.db -o NEW` saves what can be read of it into a new file
    ");
    assert_eq!(said.status, Some(4));
    assert_snapshot!(bench.run(&["info"]).failure(), @r"
    vmrec: DIR/test.db is damaged: recording 1 does not match its checksum
    hint: `vmrec repair DIR/test.db -o NEW` saves what can be read of it into a new file
    [exit status: Some(4)]
    ");
}
