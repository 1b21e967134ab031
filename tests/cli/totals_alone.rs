//! Each command on a recording of a process whose regions may not be read: what is unknown is said to
//! be, and never 0.

use insta::assert_snapshot;

use crate::fixture::refused;

#[test]
fn lists_and_facts_count_samples_of_totals() {
    assert_snapshot!(refused().session(&[
        &["list"],
        &["info"],
        &["info", "--json"],
        &["info", "--verify"],
        &["sql", "SELECT number, state, reason, regions, footprint_bytes FROM samples()"],
        &["sql", "SELECT * FROM series('resident', 'family')"],
        &["sql", "SELECT count(*) AS rows FROM rollup"],
    ]));
}

#[test]
fn a_diff_compares_totals() {
    assert_snapshot!(refused().session(&[
        &["diff"],
        &["diff", "#1", "#2", "--md"],
        &["diff", "--by", "region"],
        &["diff", "--csv"],
        &["diff", "--json"],
        &["diff", "--session", "1"],
        &["diff", "--session", "1", "--csv"],
    ]));
}

#[test]
fn regions_are_unknown() {
    assert_snapshot!(refused().session(&[
        &["map", "--at", "end"],
        &["map", "--at", "peak", "--json"],
        &["map", "--at", "end", "--svg"],
        &["map", "--at", "end", "--svg", "--against", "start"],
        &["export", "--json"],
        &["export", "--csv"],
        &["export", "--csv", "--series", "type"],
    ]));
}

#[test]
fn no_figure_over_time_is_made_up() {
    assert_snapshot!(refused().session(&[
        &["chart"],
        &["chart", "--metric", "regions"],
        &["chart", "--rollups"],
        &["trend"],
        &["check", "--max", "1G", "--growth", "regions=1000", "--min-samples", "2"],
        &["compare", "1", "1"],
        &["compare", "1", "1", "--metric", "regions", "--by", "object"],
    ]));
}

#[test]
fn the_page_says_so() {
    let bench = refused();
    let said = bench.run(&["report", "-o", "page.html"]);
    assert_eq!(said.status, Some(4), "{}", said.error);
    assert!(said.error.contains("may not be read"), "{}", said.error);
}
