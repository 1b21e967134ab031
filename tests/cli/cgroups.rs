//! `record --cgroup`, `--unit` and `--container`, on control groups that the test makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Bench, Workload, skipped};

/// A control group in every hierarchy that can be written; removed with the test.
struct Group {
    folders: Vec<PathBuf>,
}

impl Group {
    /// Makes the group `path`; `None` if that is not permitted.
    fn new(path: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let of_groups = mounts.lines().filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (folder, kind) = (words.next()?, words.next()?);
            (kind.starts_with("cgroup") && !folder.ends_with("/cpuset")).then_some(folder)
        });
        let made = of_groups.map(|folder| Path::new(folder).join(path));
        let folders: Vec<_> = made.filter(|made| fs::create_dir_all(made).is_ok()).collect();
        if folders.is_empty() {
            skipped("no control group can be made");
            return None;
        }
        Some(Self { folders })
    }

    fn take(&self, pid: u32) {
        for folder in &self.folders {
            fs::write(folder.join("cgroup.procs"), pid.to_string()).unwrap();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            // The kernel may not have forgotten its last process yet.
            let begun = Instant::now();
            while fs::remove_dir(folder).is_err() && begun.elapsed() < Duration::from_secs(5) {
                sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Returns the pids of a session, ascending.
fn pids(bench: &Bench, session: &str) -> Vec<u64> {
    let list: Value = bench.json(&["list", "--session", session, "--json"]);
    let recordings = list["recordings"].as_array().unwrap_or_else(|| list.as_array().unwrap());
    let mut pids: Vec<u64> = recordings.iter().map(|it| it["pid"].as_u64().unwrap()).collect();
    pids.sort_unstable();
    pids
}

#[test]
fn the_processes_of_a_group_are_recorded_and_no_others() {
    let own = std::process::id();
    let container = format!("{own:064x}");
    let unit = format!("vmrec-test-{own}");
    let paths = [format!("{unit}.service"), format!("docker-{container}.scope")];
    let [Some(service), Some(scope)] = paths.each_ref().map(|path| Group::new(path)) else {
        return;
    };
    let workloads = [(); 3].map(|()| Workload::start());
    let [first, second, other] = workloads.each_ref().map(Workload::pid);
    service.take(first);
    service.take(second);
    scope.take(other);
    let bench = Bench::new();
    let record = |options: &[&str]| {
        let all = [&["record", "-q", "--every", "100ms", "--samples", "2"], options].concat();
        bench.out(&all);
    };
    record(&["--cgroup", &format!("/{}", paths[0])]);
    record(&["--unit", &unit]);
    record(&["--container", &container]);
    let mut both = [first, second].map(u64::from);
    both.sort_unstable();
    assert_eq!(pids(&bench, "1"), both);
    assert_eq!(pids(&bench, "2"), both);
    assert_eq!(pids(&bench, "3"), [u64::from(other)]);
    // A beginning of the number is enough if no other container has it.
    let shown = bench.run(&["record", "-q", "--samples", "1", "--container", &container[..60]]);
    assert_eq!(shown.error, "");
    drop(workloads);
    drop((service, scope));
    let said = bench.run(&["record", "--unit", &unit]);
    assert!(said.failure().contains("has a control group"), "{said:?}");
}
