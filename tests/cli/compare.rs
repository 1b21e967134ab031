//! `vmrec compare` on two runs of a process, and on names that processes and files gave.

use std::fs;

use crate::fixture::fixed;
use crate::harness::{Bench, Workload};

/// A file with three recordings of a process, and one of it with 40 MiB of heap more.
fn grown() -> Bench {
    let bench = Bench::new();
    let record = |workload: &Workload| {
        bench.out(&["record", &workload.pid_text(), "--samples", "3", "--every", "50ms"]);
    };
    for _ in 0..3 {
        record(&Workload::start());
    }
    let mut workload = Workload::start();
    workload.order("heap 41943040");
    record(&workload);
    bench
}

#[test]
fn the_type_that_grew_is_named_whatever_its_address() {
    let bench = grown();
    let said = bench.out(&["compare", "1", "4"]);
    assert!(said.starts_with("highest resident rose "), "{said}");
    assert!(said.contains("MALLOC (brk heap) +40.0M"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    let same = bench.json(&["compare", "1", "1", "--json"]);
    assert_eq!(same["figures"][0]["total"]["difference"], "same");
    let more = bench.json(&["compare", "1,2,3", "4", "--json", "--by", "object"]);
    let total = &more["figures"][0]["total"];
    assert_eq!((&total["difference"], &more["by"]), (&"differs".into(), &"object".into()));
    let parts = more["figures"][0]["parts"].as_array().unwrap();
    let gone = |part: &&serde_json::Value| part["after"]["median"] == 0.0;
    let moved = |part: &&serde_json::Value| part["before"]["median"] != 0.0 && gone(part);
    assert_eq!(parts.iter().find(moved), None, "all libraries are matched by their names");
    let within = bench.out(&["compare", "1,2", "3", "--md"]);
    assert!(within.starts_with("### highest resident"), "{within}");
    assert_eq!(bench.run(&["compare", "1", "9"]).status, Some(4));
}

#[test]
fn the_figures_are_those_of_the_samples() {
    let bench = grown();
    let highest = |recording: u32| {
        let sql = format!(
            "SELECT max(value) AS highest FROM (SELECT number, sum(value) AS value \
             FROM series('private', 'type', {recording}) GROUP BY 1)"
        );
        bench.json(&["sql", "--json", &sql])[0]["highest"].as_f64()
    };
    let json = bench.json(&["compare", "1,2,3", "4", "--json", "--metric", "private"]);
    let total = &json["figures"][0]["total"];
    let each: Vec<_> = [1, 2, 3].map(highest).into();
    assert_eq!(total["before"]["each"], serde_json::json!(each));
    assert_eq!(total["after"]["median"].as_f64(), highest(4));
    for side in ["before", "after"] {
        let parts = json["figures"][1]["parts"].as_array().unwrap();
        let sum: f64 = parts.iter().map(|part| part[side]["median"].as_f64().unwrap()).sum();
        let rest = json["figures"][1][format!("remainder_{side}")].as_f64().unwrap();
        assert_eq!(Some(sum + rest), json["figures"][1]["total"][side]["median"].as_f64());
    }
}

#[test]
fn runs_are_named_by_file_number_name_and_time() {
    let bench = fixed();
    fs::copy(bench.path("test.db"), bench.path("a:b@c.db")).unwrap();
    for (before, after) in [
        ("1", "a:b@c.db"),
        ("load test", "a:b@c.db:1"),
        ("#1@@cache", "a:b@c.db#1@peak"),
        ("server@start", "a:b@c.db:load test@@model"),
        ("a:b@c.db:1,2", "worker"),
    ] {
        bench.out(&["compare", before, after]);
    }
    insta::assert_snapshot!(bench.session(&[
        &["compare", "1", "2"],
        &["compare", "1@start", "1@peak", "--by", "object"],
        &["compare", "1", "1", "--align", "@cache", "--md"],
        &["compare", "1", "2", "--align", "@cache"],
        &["compare", "1", "none.db:1"],
        &["compare", "1", ","],
        &["compare", "1", "2", "--align", "middle"],
    ]));
}
