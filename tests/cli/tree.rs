//! `vmrec record --tree` and several targets: real trees of processes, as they come and go.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::harness::{Bench, Workload, copy_program, signal};

/// What a recording of a session holds: name, parent's name, end, status, samples.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    parent: Option<String>,
    why_ended: String,
    status: Option<i64>,
}

/// Returns the recordings of the newest session, in their order.
fn rows(bench: &Bench) -> Vec<Row> {
    let connection = Connection::open(bench.path("test.db")).unwrap();
    connection
        .prepare(
            "SELECT r.short_name, p.short_name, r.why_ended, r.exit_status FROM recording AS r \
             LEFT JOIN recording AS p ON p.id = r.parent \
             WHERE r.session = (SELECT max(id) FROM session) ORDER BY r.id",
        )
        .unwrap()
        .query_map([], |row| {
            Ok(Row {
                name: row.get(0)?,
                parent: row.get(1)?,
                why_ended: row.get(2)?,
                status: row.get(3)?,
            })
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn row(name: &str, parent: Option<&str>, why_ended: &str, status: Option<i64>) -> Row {
    let (name, parent) = (name.to_owned(), parent.map(str::to_owned));
    Row { name, parent, why_ended: why_ended.to_owned(), status }
}

/// Copies a program under a name that the tests know again.
fn program(bench: &Bench, from: &str, name: &str) -> String {
    let path = bench.path(name);
    copy_program(from.as_ref(), &path);
    path.display().to_string()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_command_is_recorded_with_all_that_descends_from_it() {
    let bench = Bench::new();
    let (napper, orphan) =
        (program(&bench, "/bin/sleep", "napper"), program(&bench, "/bin/sleep", "orphan"));
    // One child, one that becomes another program, and one whose parent ends at once.
    let script = format!(
        "{napper} 4 & sh -c 'sleep 1; exec {napper} 4; :' & ({orphan} 3 &) ; wait; sleep 1; exit 7"
    );
    let said = bench.run(&["record", "--tree", "--every", "200ms", "--", "sh", "-c", &script]);
    assert_eq!(said.status, Some(7), "{}", said.error);
    let rows = rows(&bench);
    assert_eq!(rows[0].parent, None);
    assert_eq!((&*rows[0].why_ended, rows[0].status), ("target exited", Some(7)));
    let root = Some(rows[0].name.as_str());
    assert!(rows.contains(&row("napper", root, "target exited", None)), "{rows:#?}");
    // vmrec becomes the orphan's parent, and so knows how it ended.
    let orphan = rows.iter().find(|row| row.name == "orphan");
    let orphan = orphan.unwrap_or_else(|| panic!("no orphan among {rows:#?}\n{}", said.error));
    assert_eq!((&*orphan.why_ended, orphan.status), ("target exited", Some(0)));
    // The one that became another program has a recording as either.
    let replaced = rows.iter().find(|row| row.why_ended == "target replaced").unwrap();
    assert_ne!(replaced.name, "napper");
    assert_eq!(rows.iter().filter(|row| row.name == "napper").count(), 2, "{rows:#?}");
    assert!(said.error.contains("as session 1 in"), "{}", said.error);
    assert!(said.error.contains("the command ended with status 7: recorded"), "{}", said.error);
    assert_eq!(bench.run(&["info", "--verify"]).status, Some(0));
}

#[test]
fn several_targets_are_recorded_until_all_have_ended() {
    let bench = Bench::new();
    let mut workloads = [Workload::start(), Workload::start()];
    let pids = [workloads[0].pid_text(), workloads[1].pid_text()];
    // The first one twice: it is one process all the same.
    let child = bench
        .command(&["record", &pids[0], &pids[1], &pids[0], "--every", "50ms", "--name", "pair"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("no sample came", || {
        let said = bench.run(&["list", "--json"]);
        said.status == Some(0) && said.output.matches("\"recording\":").count() == 2
    });
    workloads[0].order(&format!("heap {}", 16 << 20));
    thread::sleep(Duration::from_millis(300));
    workloads[0].send("exit 0");
    thread::sleep(Duration::from_millis(300));
    workloads[1].send("exit 0");
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    let list = bench.json(&["list", "--json"]);
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2);
    let length = |place: usize| list[place]["length_ns"].as_u64().unwrap();
    assert!(length(1) >= length(0), "the second one went on: {list:#?}");
    assert!(list.iter().all(|one| one["why_ended"] == "target_exited"), "{list:#?}");
    assert!(list.iter().all(|one| one["recording_name"] == "pair"), "{list:#?}");
    assert!(error.contains("recorded 2 processes"), "{error}");
    // Each is a recording like any other.
    let diff = bench.json(&["diff", "--recording", "1", "--json"]);
    assert!(diff["total"]["resident_bytes"]["delta"].as_i64().unwrap() >= 16 << 20);
}

#[test]
fn a_running_process_is_recorded_with_its_children() {
    let bench = Bench::new();
    let napper = program(&bench, "/bin/sleep", "napper");
    let script = format!("{napper} 60 & sleep 1; {napper} 60 & wait");
    let mut root = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    let pid = root.id().to_string();
    let recorder = bench
        .command(&["record", "--tree", &pid, "--every", "100ms"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let nappers = || {
        let said = bench.run(&["list", "--json"]);
        said.output.matches("\"napper\"").count()
    };
    wait_until("the second child was not found", || nappers() >= 2);
    // Killed by their names, so that the shell's children end too.
    let list = bench.json(&["list", "--json"]);
    for one in list.as_array().unwrap() {
        if one["name"] == "napper" {
            signal(one["pid"].as_u64().unwrap().try_into().unwrap(), libc::SIGKILL);
        }
    }
    root.wait().unwrap();
    let output = recorder.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(error.contains("the target exited: recorded"), "{error}");
    let rows = rows(&bench);
    let root = Some(rows[0].name.clone());
    let nappers: Vec<_> = rows.iter().filter(|row| row.name == "napper").collect();
    assert!(nappers.len() >= 2 && nappers.iter().all(|row| row.parent == root), "{rows:#?}");
}

#[test]
fn names_of_processes_are_escaped() {
    let bench = Bench::new();
    let hostile = program(&bench, "/bin/sleep", "a) S 1\u{1b}[2J");
    let script = format!("'{hostile}' 0.6 & '{hostile}' 0.01; wait");
    let said = bench.run(&["record", "--tree", "--every", "100ms", "--", "sh", "-c", &script]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(!said.error.contains('\u{1b}'), "{:?}", said.error);
    assert!(rows(&bench).iter().any(|row| row.name.starts_with("a) S 1")), "{:#?}", rows(&bench));
}

#[test]
fn processes_that_end_while_they_are_sampled_cost_nobody_a_sample() {
    let bench = Bench::new();
    let script = "i=0; while [ $i -lt 60 ]; do sleep 0.05 & sleep 0.02; i=$((i + 1)); done; wait";
    let said = bench.run(&["record", "--tree", "--every", "50ms", "--", "sh", "-c", script]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    let root = &bench.json(&["list", "--json"])[0];
    assert!(root["samples"].as_u64().unwrap() >= 2, "{root}");
    let every_one_ended = rows(&bench).iter().all(|row| row.why_ended != "recorder lost");
    assert!(every_one_ended);
    assert_eq!(bench.run(&["info", "--verify"]).status, Some(0));
}

#[test]
fn a_target_that_is_not_there_is_named_before_anything_is_recorded() {
    let bench = Bench::new();
    let workload = Workload::start();
    let said = bench.run(&["record", &workload.pid_text(), "4194999", "--samples", "1"]);
    insta::assert_snapshot!(said.failure(), @"
    vmrec: no process with pid 4194999
    hint: look for it with `ps -e`; give a pid or a full or partial executable name
    [exit status: Some(3)]
    ");
    assert!(!bench.path("test.db").exists());
    let said = bench.run(&["record", "--tree", "--", "no-such-program"]);
    assert_eq!(said.status, Some(3), "{}", said.error);
    assert!(!bench.path("test.db").exists());
    fs::write(bench.path("limits.toml"), "[limits]\nmax = \"1G\"\n").unwrap();
    let said = bench.run(&["record", "--tree", "--check", "limits.toml", "--", "true"]);
    assert_eq!(said.status, Some(2), "{}", said.error);
}

#[test]
fn a_session_is_listed_and_compared_by_process_and_type() {
    let bench = Bench::new();
    let mut workload = Workload::start();
    let napper = program(&bench, "/bin/sleep", "napper");
    let mut naps = Command::new(&napper).arg("60").spawn().unwrap();
    let pids = [workload.pid_text(), naps.id().to_string()];
    let recorder = bench
        .command(&["record", &pids[0], &pids[1], "--every", "100ms"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let samples = |at_least: u64| {
        let list = bench.run(&["list", "--json"]);
        let Ok(list) = serde_json::from_str::<serde_json::Value>(&list.output) else {
            return false;
        };
        list[0]["samples"].as_u64().is_some_and(|samples| samples >= at_least)
    };
    wait_until("no sample came", || samples(2));
    workload.order(&format!("heap {}", 32 << 20));
    naps.kill().unwrap();
    naps.wait().unwrap();
    wait_until("no sample came", || samples(8));
    signal(recorder.id(), libc::SIGINT);
    assert!(recorder.wait_with_output().unwrap().status.success());

    let sessions = bench.json(&["list", "--sessions", "--json"]);
    assert_eq!(sessions[0]["processes"], 2);
    assert_eq!(sessions[0]["targets"], format!("{} {}", pids[0], pids[1]));
    assert_eq!(bench.json(&["list", "--session", "1", "--json"]).as_array().unwrap().len(), 2);
    assert!(bench.out(&["list", "--sessions"]).contains("PROCESSES"));
    assert!(bench.out(&["list", "--sessions", "--csv"]).starts_with("session,targets,"));

    let diff = bench.json(&["diff", "--session", "1", "start", "end", "--json"]);
    let processes = diff["processes"].as_array().unwrap();
    let (grew, went) = (&processes[0], &processes[1]);
    assert_eq!((&grew["change"], &went["change"]), (&"stayed".into(), &"went".into()));
    assert_eq!(
        (diff["from"]["processes"].as_u64(), diff["to"]["processes"].as_u64()),
        (Some(2), Some(1))
    );
    assert_eq!(grew["pid"].to_string(), pids[0]);
    let delta = |of: &serde_json::Value, key: &str| of[key]["delta"].as_i64().unwrap();
    let own = "private_and_swapped_bytes";
    assert!(delta(grew, own) >= 30 << 20, "{grew:#}");
    assert!(delta(went, "resident_bytes") < 0);
    for key in [own, "pss_bytes", "resident_bytes", "regions"] {
        let sum: i64 = processes.iter().map(|process| delta(process, key)).sum();
        assert_eq!(sum, delta(&diff["total"], key), "{key}");
        let types = diff["types"].as_array().unwrap();
        assert_eq!(types.iter().map(|row| delta(row, key)).sum::<i64>(), sum, "{key}");
    }
    let table = bench.out(&["diff", "--session", "1"]);
    assert!(table.contains("1 went") && table.contains("MALLOC (brk heap)"), "{table}");
    assert!(bench.out(&["diff", "--session", "1", "--csv"]).starts_with("pid,process,change,"));
    assert!(
        bench.out(&["diff", "--session", "1", "start", "peak", "--by", "type"]).contains("TYPE")
    );
}

#[test]
fn the_end_of_a_command_names_children_that_were_not_recorded() {
    let bench = Bench::new();
    let napper = program(&bench, "/bin/sleep", "napper");
    let script = format!("{napper} 1.5 & {napper} 1.2; wait");
    let said = bench.run(&["record", "--every", "100ms", "--", "sh", "-c", &script]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(
        said.error.contains("not recorded: 2 processes that the command started: largest napper"),
        "{}",
        said.error
    );
    assert!(said.error.contains("hint: add --tree to record them too"), "{}", said.error);
    for arguments in
        [&["record", "--", "sleep", "0.3"][..], &["record", "--quiet", "--", "sh", "-c", &script]]
    {
        let said = bench.run(arguments);
        assert!(!said.error.contains("not recorded"), "{}", said.error);
    }
}

#[test]
fn all_processes_of_a_name_are_recorded_and_those_that_start_later() {
    let bench = Bench::new();
    let twin = program(&bench, "/bin/sleep", "twin-of-all");
    let mut twins = [(); 2].map(|()| Command::new(&twin).arg("60").spawn().unwrap());
    let said = bench.run(&["record", "--all", "twin-of-all", "--every", "50ms", "--samples", "2"]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(said.error.contains("recorded 2 processes"), "{}", said.error);
    for twin in &mut twins {
        twin.kill().unwrap();
        twin.wait().unwrap();
    }
    let said = bench.run(&["record", "--all", "twin-of-all"]);
    insta::assert_snapshot!(said.failure(), @r"
    vmrec: no process has an executable named like `twin-of-all`
    hint: `ps -e` lists the processes; -f looks in whole command lines, --wait waits for one;
    hint: start one with `vmrec record -- COMMAND`
    [exit status: Some(3)]
    ");

    // None runs now: it is waited for, again and again.
    let recorder = bench
        .command(&["record", "--follow", "twin-of-all", "--every", "100ms"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let recorded = |count: usize| {
        let list = bench.run(&["list", "--session", "2", "--json"]);
        list.output.matches("\"twin-of-all\"").count() >= count
    };
    for turn in 1..=2 {
        let mut twin = Command::new(&twin).arg("60").spawn().unwrap();
        wait_until("a start was not seen", || recorded(turn));
        twin.kill().unwrap();
        twin.wait().unwrap();
    }
    signal(recorder.id(), libc::SIGINT);
    let output = recorder.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && error.contains("recorded 2 processes"), "{error}");
}

#[test]
fn a_host_is_every_process_but_the_recorder() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = bench
        .command(&["record", "--host", "--every", "500ms"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let list = || bench.run(&["list", "--session", "1", "--json"]).output;
    let has = |pid: u32| list().contains(&format!("\"pid\": {pid},"));
    wait_until("not every process was recorded", || has(workload.pid()) && has(std::process::id()));
    assert!(!has(recorder.id()), "{}", list());
    signal(recorder.id(), libc::SIGINT);
    assert!(recorder.wait_with_output().unwrap().status.success());
    let said = bench.run(&["record", "--cgroup", "/no/such/group"]);
    insta::assert_snapshot!(said.failure(), @r"
    vmrec: /no/such/group is no control group
    hint: `cat /proc/PID/cgroup` shows that of a process, such as /system.slice/x.service
    [exit status: Some(3)]
    ");
}

#[test]
fn a_session_ends_with_its_page_its_chart_and_its_verdicts() {
    let bench = Bench::new();
    let leaky = program(&bench, Workload::program().to_str().unwrap(), "leaky");
    let script = format!("(echo heap 33554432; sleep 1) | {leaky} >/dev/null; exit 3");
    let budget = |limit: &str| {
        let text = format!("[[limit]]\nmetric = \"private-and-swapped\"\nmax = \"{limit}\"\n");
        fs::write(bench.path("limits.toml"), text).unwrap();
    };
    let record = |script: &str| {
        let outputs =
            ["--report", "page.html", "--chart", "chart.svg", "--check", "limits.toml", "--"];
        let command = ["record", "--tree", "--every", "100ms"];
        bench.run(&[&command[..], &outputs[..], &["sh", "-c", script][..]].concat())
    };
    budget("1G");
    let said = record(&script);
    assert_eq!(said.status, Some(3), "the command's own: {}", said.error);
    for words in ["page.html (", "chart.svg: session 1", "ok       total: private + swapped"] {
        assert!(said.error.contains(words), "{words}: {}", said.error);
    }
    let page = fs::read_to_string(bench.path("page.html")).unwrap();
    assert!(page.contains("leaky") && page.contains("<h1>"));
    let chart = fs::read_to_string(bench.path("chart.svg")).unwrap();
    assert!(chart.contains("leaky"), "{chart}");
    budget("4K");
    let said = record("sleep 0.5; exit 0");
    assert_eq!(said.status, Some(1), "{}", said.error);
    assert!(said.error.contains("FAIL     total: private + swapped"), "{}", said.error);
    // A limit that no session can have costs no run.
    fs::write(bench.path("limits.toml"), "[[limit]]\nobject = \"a\"\nmax = \"1M\"\n").unwrap();
    let said = record("touch ran");
    assert_eq!((said.status, bench.path("ran").exists()), (Some(2), false), "{}", said.error);
    assert!(said.error.contains("a session has no limits on objects"), "{}", said.error);
}
