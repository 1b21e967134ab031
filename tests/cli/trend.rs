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

/// Sets soft limits of a running process; `false` if there is no prlimit.
#[cfg(target_os = "linux")]
fn limited(pid: &str, limits: &[String]) -> bool {
    match std::process::Command::new("prlimit").args(["--pid", pid]).args(limits).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => {
            crate::harness::skipped(&format!("no prlimit: {error}"));
            return false;
        }
    }
    true
}

/// A size of `/proc/PID/status` in bytes.
#[cfg(target_os = "linux")]
fn status(pid: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kibibytes = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().unwrap() << 10
}

#[test]
#[cfg(target_os = "linux")]
fn limits_of_the_process_have_a_time_left_and_a_line() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let pid = workload.pid_text();
    let limit = status(&pid, "VmSize") * 3 / 2;
    if !limited(&pid, &[format!("--as={limit}:"), "--data=1073741824:".to_owned()]) {
        return;
    }
    bench.out(&["record", &pid, "--every", "50ms", "--samples", "3"]);
    let json = bench.json(&["trend", "--min-samples", "3", "--json"]);
    let of = |kind: &str| {
        let all = json["limits"].as_array().unwrap();
        all.iter().find(|limit| limit["recorded"] == kind).unwrap_or_else(|| panic!("{json}"))
    };
    let (space, data, mappings) = (of("address_space"), of("data"), of("mappings"));
    assert_eq!((&space["limit"], &data["limit"]), (&limit.into(), &(1_u64 << 30).into()));
    assert_eq!(space["used"].as_u64(), Some(status(&pid, "VmSize")));
    assert_eq!(data["used"].as_u64(), Some(status(&pid, "VmData")), "as the kernel counts it");
    assert!(mappings["limit"].as_u64().unwrap() > mappings["used"].as_u64().unwrap());
    let text = bench.out(&["trend"]);
    assert!(text.contains("1.0G of private writable memory (RLIMIT_DATA), "), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");

    let drawn = |arguments: &[&str]| bench.out(&[&["chart"], arguments, &["-o", "-"]].concat());
    let chart = drawn(&["--metric", "virtual", "--reserved"]);
    assert!(chart.contains(">\nRLIMIT_AS ") && chart.contains("stroke-dasharray:80 40"), "{chart}");
    let far = drawn(&["--metric", "regions"]);
    assert!(far.contains("limit vm.max_map_count ") && far.contains(" times the highest"), "{far}");
    assert!(!far.contains("stroke-dasharray:80 40"));
    let info = bench.out(&["info"]);
    assert!(info.contains("RLIMIT_DATA 1.0G, vm.max_map_count "), "{info}");
}
