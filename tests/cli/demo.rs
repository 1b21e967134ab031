//! `vmrec demo`: the first thing a newcomer sees must work.

use std::fs;

use crate::harness::Bench;

#[test]
fn it_records_prints_a_diff_and_draws_three_charts() {
    let bench = Bench::new();
    let diff = bench.out(&["demo", "--dir", "shown"]);
    assert!(diff.contains("MALLOC (brk heap)"), "{diff}");
    for chart in ["virtual.svg", "resident.svg", "private.svg"] {
        let svg = fs::read_to_string(bench.path("shown").join(chart)).unwrap();
        assert!(svg.trim_end().ends_with("</svg>"), "{chart}");
    }
}
