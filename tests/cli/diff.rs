//! `vmrec diff`.

use insta::assert_snapshot;

use crate::fixture::fixed;
use crate::harness::{Bench, Workload};
use crate::recorder::Recorder;

/// Records a heap that grows by 8 MiB.
fn growing_heap() -> Bench {
    let bench = Bench::new();
    let mut workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    recorder.wait_for_samples(1);
    workload.order(&format!("heap {}", 8 << 20));
    recorder.wait_for_samples(2);
    recorder.interrupt();
    bench
}

#[test]
fn every_view_sums_to_the_total_and_fits_80_columns() {
    let bench = growing_heap();
    let diff = bench.json(&["diff", "start", "end", "--json"]);
    for quantity in ["virtual_bytes", "resident_bytes", "private_bytes", "dirty_bytes"] {
        let total = diff["total"][quantity]["delta"].as_i64().unwrap();
        for view in ["families", "types", "objects", "regions"] {
            let rows = diff[view].as_array().unwrap();
            let sum: i64 = rows.iter().map(|row| row[quantity]["delta"].as_i64().unwrap()).sum();
            assert_eq!(sum, total, "{view} {quantity}");
        }
    }
    for view in ["family", "type", "object", "region"] {
        let table = bench.out(&["diff", "start", "end", "--by", view]);
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(table.contains("TOTAL"), "{table}");
        let csv = bench.out(&["diff", "start", "end", "--by", view, "--csv"]);
        assert!(csv.lines().next().unwrap().contains("resident_bytes_delta"), "{csv}");
    }
}

#[test]
fn a_library_is_one_object_with_its_zero_filled_data() {
    let bench = growing_heap();
    let snapshot = bench.json(&["export", "--json"]);
    let regions = snapshot["regions"].as_array().unwrap();
    let libc = |region: &serde_json::Value| {
        [&region["object"], &region["detail"]]
            .iter()
            .any(|name| name.as_str().is_some_and(|name| name.contains("/libc.so.6")))
    };
    let bytes = |region: &serde_json::Value| region["resident_bytes"].as_u64().unwrap();
    let whole: u64 = regions.iter().filter(|region| libc(region)).map(bytes).sum();
    let types: Vec<_> =
        regions.iter().filter(|region| libc(region)).map(|region| &region["type"]).collect();
    assert!(types.contains(&&"__TEXT".into()) && types.contains(&&"__BSS".into()), "{types:?}");
    let text = regions.iter().find(|region| region["type"] == "__TEXT").unwrap();
    assert_eq!(
        ["label", "family", "family_label"].map(|key| text[key].as_str().unwrap()),
        [".text", "image", "program + libraries"]
    );
    let diff = bench.json(&["diff", "start", "end", "--json"]);
    let objects = diff["objects"].as_array().unwrap();
    let rows: Vec<_> = objects.iter().filter(|row| row["object"] == "libc.so.6").collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["resident_bytes"]["to"], whole);
}

#[test]
fn wrong_arguments_are_explained() {
    let bench = fixed();
    let failure =
        |from: &str, to: &str| bench.run(&["diff", "--recording", "1", from, to]).failure();
    assert_snapshot!(failure("yesterday", "end"), @r#"
    vmrec: time "yesterday" is not understood: it is neither a time nor a word known here
    hint: a mark is @TEXT; `vmrec help` lists all forms of times
    [exit status: Some(2)]
    "#);
    assert_snapshot!(failure("30s", "end"), @r#"
    vmrec: time "30s" is not understood: a length of time needs the end that it counts from
    hint: did you mean +30s, -30s, '30s ago'?
    hint: a mark is @TEXT; `vmrec help` lists all forms of times
    [exit status: Some(2)]
    "#);
    assert_snapshot!(failure("#999999", "end"), @"
    vmrec: no sample #999999; the recording has #1 to #5
    hint: `vmrec info --recording 1` shows its span, samples and marks
    [exit status: Some(2)]
    ");
    assert_snapshot!(failure("1999-01-01T00:00:00Z", "end"), @"
    vmrec: 1999-01-01 00:00:00 +00:00 is before the recording, which spans 2024-03-01 14:00:00 +00:00 to 2024-03-01 14:00:10 +00:00
    hint: `vmrec info --recording 1` shows its span, samples and marks
    [exit status: Some(2)]
    ");
    assert_snapshot!(failure("start", "2099-01-01T00:00:00Z"), @"
    vmrec: 2099-01-01 00:00:00 +00:00 is after the recording, which spans 2024-03-01 14:00:00 +00:00 to 2024-03-01 14:00:10 +00:00
    hint: `vmrec info --recording 1` shows its span, samples and marks
    [exit status: Some(2)]
    ");
    assert_snapshot!(failure("@model loaded", "#1"), @"
    vmrec: `@model loaded` is later than `#1`
    hint: swap them: vmrec diff --recording 1 '#1' '@model loaded'
    [exit status: Some(2)]
    ");
    bench.run(&["backup", "a b.db"]);
    assert_snapshot!(bench.run(&["diff", "--db", "a b.db", "--recording", "1", "end", "start"]).failure(), @"
    vmrec: `end` is later than `start`
    hint: swap them: vmrec diff --db 'a b.db' --recording 1 start end
    [exit status: Some(2)]
    ");
    let same = bench.run(&["diff", "--recording", "1", "end", "end"]);
    assert_eq!(same.status, Some(0));
    assert!(same.error.contains("are the same sample"), "{}", same.error);
}
