//! `vmrec export`.

use crate::harness::recorded;

#[test]
fn a_snapshot_has_every_region_in_both_formats() {
    let bench = recorded(3);
    let snapshot = bench.json(&["export", "--json", "--at", "#2"]);
    let regions = snapshot["regions"].as_array().unwrap();
    let sum: u64 = regions.iter().map(|region| region["resident_bytes"].as_u64().unwrap()).sum();
    assert_eq!(snapshot["total"]["resident_bytes"], sum);
    let csv = bench.out(&["export", "--csv", "--at", "#2"]);
    assert_eq!(csv.lines().count(), regions.len() + 1);
}

#[test]
fn a_series_has_every_sample() {
    let bench = recorded(3);
    let series = bench.json(&["export", "--json", "--series", "family"]);
    let images: Vec<_> = series
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["key"] == "image" && row["quantity"] == "resident_bytes")
        .collect();
    // A loaded machine may miss samples, which have rows without a value.
    let known: Vec<u64> = images.iter().filter_map(|row| row["value"].as_u64()).collect();
    assert_eq!(known.len(), 3, "{images:?}");
    assert!(known.iter().all(|value| *value > 0), "{images:?}");
    bench.out(&["export", "--csv", "--series", "type", "--from", "#2", "-o", "series.csv"]);
    let csv = std::fs::read_to_string(bench.path("series.csv")).unwrap();
    assert!(csv.lines().any(|line| line.contains("__TEXT")), "{csv}");
}

#[test]
fn json_is_written_where_no_format_is_asked_for() {
    let bench = recorded(3);
    assert_eq!(bench.out(&["export"]), bench.out(&["export", "--json"]));
    assert_eq!(bench.run(&["export", "--json", "--csv"]).status, Some(2));
}
