//! `vmrec repair`.

use std::fs;

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, recorded};

#[test]
fn a_whole_file_comes_out_as_it_was() {
    let bench = recorded(3);
    bench.run(&["mark", "middle", "--at", "#2"]);
    let said = bench.run(&["repair", "test.db", "-o", "new.db"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(said.output.ends_with("\nnothing was lost\n"), "{said:?}");
    let export = |db| bench.out(&["export", "--json", "--at", "#3", "--db", db]);
    assert_eq!(export("test.db"), export("new.db"));
    assert_eq!(bench.out(&["info", "--db", "test.db"]), bench.out(&["info", "--db", "new.db"]));
}

#[test]
fn lost_samples_are_reported_and_become_missed() {
    let bench = recorded(9);
    let counts = |db| {
        let info = bench.json(&["info", "--json", "--db", db]);
        ["samples", "missed_ticks"].map(|key| info[key].as_u64().unwrap())
    };
    // Missed ones too, of which a busy machine may have some.
    let all = bench.json(&["info", "--json"])["last"]["sample"].as_u64().unwrap();
    let mut bytes = fs::read(bench.path("test.db")).unwrap();
    // Inside all that is compressed: the groups of its chunk, and evidence.
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let places: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter_map(|(place, window)| (window == magic).then_some(place))
        .collect();
    places.into_iter().for_each(|place| bytes[place + 20] ^= 1);
    fs::write(bench.path("test.db"), bytes).unwrap();
    let said = bench.run(&["repair", "test.db", "-o", "new.db", "--json"]);
    assert_eq!(said.status, Some(1), "{said:?}");
    let report: serde_json::Value = serde_json::from_str(&said.output).unwrap();
    let lost = report["recordings"][0]["samples_lost"].as_u64().unwrap();
    assert!(report["lost_something"] == true, "{report:#}");
    // All of its samples were in one chunk.
    assert_eq!((lost, counts("new.db")), (all, [0, all]));
    assert_eq!(bench.run(&["info", "--verify", "--db", "new.db"]).status, Some(0));
    let said = bench.run(&["chart", "-o", "c.svg", "--db", "new.db"]);
    assert!(said.status != Some(0) && said.error.contains("no sample"), "{said:?}");
}

#[test]
fn files_that_cannot_be_repaired_are_refused() {
    let bench = Bench::new();
    fs::write(bench.path("notes.txt"), "notes\n").unwrap();
    assert_snapshot!(bench.run(&["repair", "notes.txt", "-o", "new.db"]).failure(), @r"
    vmrec: notes.txt is not a recording: it is a text file
    hint: name a file that `vmrec record` made; this one was left as it is
    [exit status: Some(4)]
    ");
    let workload = Workload::start();
    bench.run(&["record", &workload.pid_text(), "--samples", "1"]);
    assert_snapshot!(bench.run(&["repair", "test.db", "-o", "notes.txt"]).failure(), @r"
    vmrec: DIR/notes.txt exists already
    hint: name a new file with -o; this one was left as it is
    [exit status: Some(2)]
    ");
    assert_eq!(fs::read_to_string(bench.path("notes.txt")).unwrap(), "notes\n");
    assert!(!bench.path("new.db").exists());
}
