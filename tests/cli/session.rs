//! Sessions in every command that reads: a real tree of processes of which one leaks.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::harness::{Bench, Workload, copy_program};

/// A shell with 48 workers that do nothing, and a child that grows its heap.
struct Tree {
    root: Child,
}

impl Tree {
    fn start(bench: &Bench) -> Self {
        let program = |from: &str, name: &str| {
            let path = bench.path(name);
            copy_program(from.as_ref(), &path);
            path.display().to_string()
        };
        let worker = program("/bin/sleep", "worker");
        let leaky = program(Workload::program().to_str().unwrap(), "leaky");
        let script = format!(
            "for n in $(seq 48); do {worker} 120 & done; \
             while :; do echo heap 4194304; sleep 0.1; done | {leaky} >/dev/null"
        );
        let root = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { root }
    }
}

impl Drop for Tree {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let group = i32::try_from(self.root.id()).unwrap();
        // SAFETY: kill(2) takes two numbers and touches no memory of ours.
        unsafe { libc::kill(-group, libc::SIGKILL) };
        let _ = self.root.wait();
    }
}

/// Records the tree until its leak is large.
fn recorded() -> Bench {
    let bench = Bench::new();
    let tree = Tree::start(&bench);
    let pid = tree.root.id().to_string();
    bench.out(&["record", "--tree", &pid, "--every", "250ms", "--samples", "12"]);
    bench
}

#[test]
fn the_leak_of_one_of_fifty_processes_is_named_in_the_first_line() {
    let bench = recorded();
    let sessions = bench.json(&["list", "--sessions", "--json"]);
    assert!(sessions[0]["processes"].as_u64().unwrap() >= 50, "{sessions}");
    let list = bench.json(&["list", "--json"]);
    let leaky = list.as_array().unwrap().iter().find(|row| row["name"] == "leaky").unwrap();
    let named = format!("leaky ({}) ▸ MALLOC (brk heap)", leaky["pid"]);

    let diff = bench.out(&["diff", "-s", "1"]);
    let first = diff.lines().next().unwrap();
    assert!(first.contains(&named) && first.contains("grew"), "{first}");

    bench.out(&["report", "-s", "1", "-o", "page.html"]);
    let page = std::fs::read_to_string(bench.path("page.html")).unwrap();
    let begin = page.find("<h1>").unwrap();
    let title = &page[begin..begin + page[begin..].find("</h1>").unwrap()];
    assert!(title.contains(&named), "{title}");
    assert!(page.contains("What changed: processes ▸ types"));

    // Every command has the sums of the same moments.
    let info = bench.json(&["info", "-s", "1", "--json"]);
    let changes = bench.json(&["diff", "-s", "1", "--json"]);
    for sum in ["private_and_swapped_bytes", "pss_bytes", "resident_bytes"] {
        for (end, of) in [("first", "from"), ("last", "to")] {
            assert_eq!(info[end][sum], changes["total"][sum][of], "{sum} at {end}");
        }
    }
    let chart =
        |arguments: &[&str]| bench.out(&[&["chart", "-s", "1", "-o", "-"], arguments].concat());
    let svg = chart(&[]);
    assert!(svg.contains("Private + swapped memory by process"), "{svg}");
    assert!(svg.contains("leaky ("), "{svg}");
    for arguments in [
        &["--by", "type"][..],
        &["--by", "name", "--metric", "pss"],
        &["--by", "process-type", "--growth"],
        &["--by", "family", "--metric", "virtual"],
    ] {
        assert!(chart(arguments).starts_with("<svg"), "{arguments:?}");
    }
    assert!(bench.out(&["chart", "-s", "1", "--terminal"]).contains("leaky ("));

    // All metrics have a panel each, and means are drawn in place of samples.
    let all = bench.out(&["chart", "-s", "1", "--metric", "all", "-o", "-"]);
    for words in ["private + swapped +", "pss +", "regions", "CPU"] {
        assert!(all.contains(words), "{words}: {all}");
    }
    let means = bench.out(&["chart", "-s", "1", "--rollups", "-o", "-"]);
    let exact = bench.out(&["chart", "-s", "1", "-o", "-"]);
    assert!(means.contains("means of about ") && means.contains("leaky ("), "{means}");
    // The ends are those of samples, though a first tick may be longer than the time between two.
    let ends = |svg: &str| {
        let line = svg.lines().find(|line| !line.starts_with("<desc") && line.contains(" → "));
        let (ends, _) = line.unwrap().split_once("M (").unwrap();
        let (first, last) = ends.trim().split_once("M → ").unwrap();
        [first, last].map(|megabytes| megabytes.parse::<f64>().unwrap())
    };
    let near =
        ends(&means).iter().zip(ends(&exact)).all(|(mean, exact)| (mean - exact).abs() < 0.5);
    assert!(near, "{:?} {:?}", ends(&means), ends(&exact));

    let kept = bench.run(&["check", "-s", "1", "--max", "private-and-swapped=10G"]);
    assert_eq!(kept.status, Some(0), "{}{}", kept.output, kept.error);
    let exceeded = bench.run(&["check", "-s", "1", "--growth", "pss=1M"]);
    assert_eq!(exceeded.status, Some(1), "{}{}", exceeded.output, exceeded.error);

    let csv = bench.out(&["export", "-s", "1", "--series", "type", "--csv"]);
    assert!(csv.starts_with("recording,pid,process,time,"), "{csv}");
    assert!(csv.contains(",leaky,"));
    let json = bench.json(&["export", "-s", "1", "--json"]);
    assert!(json.as_array().unwrap().len() >= 50);
    let csv = bench.out(&["export", "-s", "1", "--csv"]);
    assert!(csv.starts_with("recording,pid,process,start,"), "{csv}");
    bench.out(&["export", "-s", "1", "--perfetto", "-o", "trace.pftrace"]);
    let trace = std::fs::read(bench.path("trace.pftrace")).unwrap();
    let count = |name: &[u8]| trace.windows(name.len()).filter(|at| at == &name).count();
    assert!(count(b"worker") >= 48 && count(b"leaky") >= 1);
}

#[test]
fn commands_on_sessions_explain_what_they_cannot_do() {
    let bench = crate::fixture::fixed();
    let failures: String = [
        &["chart", "--by", "process", "-o", "-"][..],
        &["chart", "-s", "1", "--metric", "all", "--by", "process", "-o", "-"],
        &["chart", "-s", "1", "--by", "object", "-o", "-"],
        &["chart", "-s", "9", "-o", "-"],
        &["export", "-s", "1", "--series", "type", "--csv", "--from", "+1s"],
    ]
    .iter()
    .map(|arguments| bench.run(arguments).failure() + "\n")
    .collect();
    insta::assert_snapshot!(failures, @r"
    vmrec: a recording is of one process: sums by process are of a session
    hint: name one with --session N; `vmrec list --sessions` shows them
    [exit status: Some(2)]
    vmrec: all metrics are drawn by family: their panels share one legend
    hint: leave out --by, or draw one metric: --metric private --by type
    [exit status: Some(2)]
    vmrec: sums by object are of one process
    hint: name it with --recording N, or take another kind, such as process-type
    [exit status: Some(2)]
    vmrec: there is no session 9 in DIR/test.db
    hint: `vmrec list --sessions` shows the sessions of the file
    [exit status: Some(4)]
    vmrec: a session is exported as a whole, since its recordings have times of their own
    hint: leave --from and --to out, or export one recording with --recording N
    [exit status: Some(2)]
    ");
}

#[test]
fn mistakes_about_sessions_are_explained() {
    let bench = crate::fixture::fixed();
    let failures: String = [
        &["list", "--session", "9"][..],
        &["diff", "--session", "9"],
        &["diff", "--session", "1", "#1", "end"],
        &["diff", "--session", "1", "--by", "region"],
        &["diff", "--by", "process"],
    ]
    .iter()
    .map(|arguments| bench.run(arguments).failure() + "\n")
    .collect();
    insta::assert_snapshot!(failures, @"
    vmrec: there is no session 9 in DIR/test.db
    hint: `vmrec list --sessions` shows the sessions of the file
    [exit status: Some(4)]
    vmrec: there is no session 9 in DIR/test.db
    hint: `vmrec list --sessions` shows the sessions of the file
    [exit status: Some(4)]
    vmrec: the samples of a session have no numbers: each recording has its own
    hint: give a time, or name one process with --recording N
    [exit status: Some(2)]
    vmrec: a session is compared by process, type or stack
    hint: leave --by out for both; --recording N compares one process by anything
    [exit status: Some(2)]
    note: `start` and `end` are the same sample, #1: nothing can differ
    vmrec: --by process compares the processes of a session
    hint: name one with --session N; `vmrec list --sessions` shows them
    [exit status: Some(2)]
    ");
}
