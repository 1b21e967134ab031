//! `vmrec info`.

use crate::fixture::fixed;
use crate::harness::{Bench, Workload};

#[test]
fn it_shows_the_process_and_a_cost_of_the_recorder() {
    let bench = Bench::new();
    let workload = Workload::start();
    bench.run(&["record", &workload.pid_text(), "--samples", "3", "--every", "50ms"]);
    let info = bench.json(&["info", "--json"]);
    assert_eq!(info["pid"], workload.pid());
    // A busy machine may miss some beside those that were asked for.
    let states = ["complete_samples", "unchanged_samples", "torn_samples"];
    assert_eq!(states.map(|state| info[state].as_u64().unwrap()).iter().sum::<u64>(), 3);
    assert!(info["cost"]["mean_cpu_ns"].as_u64().unwrap() > 0, "{info:#}");
}

#[test]
fn a_long_mark_keeps_its_time_and_its_beginning() {
    let bench = fixed();
    let text = "push and reload of configuration from etcd, the long way round, and more";
    bench.out(&["mark", "-r", "1", "--at", "end", text]);
    let info = bench.out(&["info", "-r", "1"]);
    let line = info.lines().find(|line| line.contains("push")).unwrap();
    assert!(
        line.starts_with("mark            2024-03-01 14:00:10 +00:00 push and reload"),
        "{line}"
    );
    assert!(line.ends_with('…') && line.chars().count() == 80, "{line}");
}
