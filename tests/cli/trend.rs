//! `vmrec trend` on processes that grow, and on a recording whose figures are known.

use crate::fixture::fixed;
use crate::harness::{Bench, Workload};

#[test]
fn a_process_that_grows_evenly_has_a_slope_and_a_time_left() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let pid = workload.pid_text();
    let record = ["record", &pid, "--every", "50ms", "--samples", "30"];
    let mut recorder = bench.command(&record).spawn().unwrap();
    let mut size = 0;
    while recorder.try_wait().unwrap().is_none() {
        size += 1 << 20;
        workload.order(&format!("heap {size}"));
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    let json = bench.json(&["trend", "--whole", "--json", "--limit", "1T"]);
    assert!(json["total"]["slope"].as_f64().is_some_and(|slope| slope > 0.0), "{json}");
    let sum: i64 =
        json["parts"].as_array().unwrap().iter().map(|part| part["change"].as_i64().unwrap()).sum();
    assert_eq!(Some(sum), json["total"]["change"].as_i64());
    let limit = &json["limits"][0];
    let [soonest, left] = ["soonest_ns", "left_ns"].map(|key| limit[key].as_u64().unwrap());
    assert!(soonest <= left, "{limit}");
    let text = bench.out(&["trend", "--whole", "--limit", "1T"]);
    assert!(text.starts_with("resident rises by "), "{text}");
    let few = bench.json(&["trend", "--json", "--min-samples", "50"]);
    assert_eq!(few["total"]["course"], "too_few_samples");
}

#[test]
fn the_window_and_what_is_missing_are_named() {
    insta::assert_snapshot!(fixed().session(&[
        &["trend", "--recording", "1"],
        &[
            "trend",
            "--recording",
            "1",
            "--min-samples",
            "3",
            "--limit",
            "64M",
            "--limit",
            "regions=8"
        ],
        &[
            "trend",
            "--recording",
            "1",
            "@cache",
            "end",
            "--min-samples",
            "3",
            "--by",
            "family",
            "--json"
        ],
        &["trend", "--recording", "2", "--metric", "regions", "--limit", "max_map_count"],
        &["trend", "--recording", "1", "end", "start"],
        &["trend", "--limit", "colour=4G"],
    ]));
}
