//! `vmrec reclassify`: present rules for an old recording.

use std::fs;

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, recorded};
use crate::recorder::Recorder;

/// A recording without evidence, and a type of the user's that some of its regions get.
fn without_evidence() -> Bench {
    let bench = recorded(3);
    let file = rusqlite::Connection::open(bench.path("test.db")).unwrap();
    file.execute_batch("DELETE FROM evidence").unwrap();
    fs::write(
        bench.path("types.toml"),
        "[[type]]\nname = \"C library\"\nfamily = \"mapped file\"\nobject = \"*/libc.so.6\"\n",
    )
    .unwrap();
    bench
}

fn figures(bench: &Bench) -> Vec<serde_json::Value> {
    let mut map = bench.json(&["map", "--json", "--at", "end"]);
    let regions = map["regions"].as_array_mut().unwrap();
    for region in regions.iter_mut() {
        let region = region.as_object_mut().unwrap();
        for key in ["type", "label", "family", "family_label", "detail", "confidence", "rule"] {
            region.remove(key);
        }
    }
    regions.clone()
}

#[test]
fn a_recording_without_evidence_gets_types_and_keeps_its_figures() {
    let bench = without_evidence();
    let before = figures(&bench);
    let listed = bench.json(&["list", "--json"]);
    let whole = fs::read(bench.path("test.db")).unwrap();

    let arguments = ["reclassify", "--types", "types.toml", "--json"];
    let dry = bench.json(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry["dry_run"], true);
    assert!(whole == fs::read(bench.path("test.db")).unwrap(), "a dry run writes nothing");

    let said = bench.run(&arguments);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert_snapshot!(said.error, @"
    note: the recording lacks evidence for some samples:
    note: their types are derived from names and flags only
    ");
    let done: serde_json::Value = serde_json::from_str(&said.output).unwrap();
    assert_eq!(done["changes"], dry["changes"]);
    let library =
        done["changes"].as_array().unwrap().iter().find(|row| row["to"]["type"] == "C library");
    assert_eq!(library.unwrap()["from"]["family"], "image");

    assert_eq!(figures(&bench), before);
    assert_eq!(bench.json(&["list", "--json"]), listed);
    let map = bench.json(&["map", "--json", "--at", "start"]);
    let types = map["regions"].as_array().unwrap().iter();
    assert!(types.filter(|region| region["type"] == "C library").count() > 3);
    let again = bench.json(&arguments);
    assert_eq!(again["changes"], serde_json::json!([]), "done twice is done once");
    assert_eq!(fs::read_dir(bench.path(".")).unwrap().count(), 2, "no log is left");
}

#[test]
fn the_table_shows_the_changes() {
    let bench = without_evidence();
    let table = bench.out(&["reclassify", "--dry-run", "--types", "types.toml"]);
    let library = table.lines().find(|line| line.contains("C library")).unwrap();
    assert!(library.starts_with(".text "), "{table}");
    assert!(table.contains("regions of recording 1 would get another type\n"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    bench.out(&["reclassify", "--types", "types.toml"]);
    let said = bench.run(&["reclassify", "--dry-run"]);
    assert!(said.error.contains("regions had types of your own\n"), "{}", said.error);
}

#[test]
fn reclassifying_a_fresh_recording_changes_nothing() {
    let bench = Bench::new();
    let mut workload = Workload::start();
    workload.order("threads 2");
    workload.order(&format!("heap {}", 4 << 20));
    bench.run(&["record", &workload.pid_text(), "--samples", "3", "--every", "50ms"]);
    let said = bench.run(&["reclassify", "--json"]);
    assert_eq!((said.status, &*said.error), (Some(0), ""));
    let done: serde_json::Value = serde_json::from_str(&said.output).unwrap();
    assert_eq!(done["without_evidence"], 0);
    assert_eq!(done["changes"], serde_json::json!([]), "{done:#}");
}

#[test]
fn a_recorder_is_not_disturbed() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    let said = bench.run(&["reclassify"]);
    assert_snapshot!(said.failure().replace(&recorder.pid().to_string(), "PID"), @"
    vmrec: DIR/test.db is being recorded to by another vmrec (pid PID)
    hint: end that recorder first, or look with --dry-run at what would change
    [exit status: Some(4)]
    ");
    bench.out(&["reclassify", "--dry-run"]);
    recorder.interrupt();
}

#[test]
fn no_file_is_made_where_there_is_none() {
    let bench = Bench::new();
    assert_snapshot!(bench.run(&["reclassify"]).failure(), @"
    vmrec: DIR/test.db does not exist
    hint: record something first: `vmrec record TARGET`; or name the file with --db FILE
    [exit status: Some(4)]
    ");
    assert!(!bench.path("test.db").exists());
}
