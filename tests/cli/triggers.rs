//! `vmrec record --when`: marks, commands and bursts as conditions become true, on real processes.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::harness::{Bench, Workload, signal};
use crate::recorder::{samples, wait_until_stored};

/// Waits until a condition holds.
#[track_caller]
fn wait_for(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a loop of the shell that waits for a file, though not for ever.
fn until(file: &str) -> String {
    format!("n=0; until [ -e {file} ] || [ $n -gt 600 ]; do sleep 0.05; n=$((n+1)); done")
}

/// Returns process, text and sample of each mark, in their order.
fn marks(bench: &Bench) -> Vec<(i64, String, i64)> {
    let connection = Connection::open(bench.path("test.db")).unwrap();
    let Ok(mut query) =
        connection.prepare("SELECT m.recording, m.text, m.utc_ns FROM mark AS m ORDER BY m.id")
    else {
        return Vec::new(); // the file is only just being made
    };
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.filter_map(Result::ok).collect()
}

fn texts(bench: &Bench) -> Vec<String> {
    marks(bench).into_iter().map(|(_, text, _)| text).collect()
}

/// Starts a recorder of a workload, every 50 ms.
fn recording(bench: &Bench, workload: &Workload, options: &[&str]) -> Child {
    let pid = workload.pid_text();
    let mut arguments = vec!["record", &pid, "--every", "50ms"];
    arguments.extend(options);
    bench.command(&arguments).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ends a recorder as Ctrl-C does, and returns its standard error.
fn ended(recorder: Child) -> String {
    signal(recorder.id(), libc::SIGINT);
    let output = recorder.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{error}");
    error
}

#[test]
fn each_rise_above_a_size_is_marked_and_runs_a_command_that_knows_of_it() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let script = "env | grep ^VMREC_ | sort > env.new; vmrec=$0; \
                  mv env.new \"env.$VMREC_SAMPLE\"; echo said by the command; exit 3";
    let options = ["--when", "private:malloc > 40M", "--when", "private > 1T", "--run", script];
    let recorder = recording(&bench, &workload, &options);
    workload.order("heap 60000000");
    wait_for("the first mark", || marks(&bench).len() == 1);
    workload.order("free-half");
    workload.order("free-half");
    // At least one sample begins after that.
    wait_until_stored(&bench, samples(&bench) + 2);
    workload.order("heap 60000000");
    wait_for("the second mark", || marks(&bench).len() == 2);
    let files = || {
        let names = fs::read_dir(bench.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.starts_with("env.") && name != "env.new");
        names
    };
    wait_for("both commands", || files().len() == 2);
    let error = ended(recorder);
    assert_eq!(texts(&bench), ["private:malloc > 40M", "private:malloc > 40M (2)"]);
    assert!(error.contains("said by the command"), "{error}");
    let summary = "when private:malloc > 40M: 2 times; --run 2 times, 2 failed (status 3)";
    assert!(error.contains(summary) && error.contains("when private > 1T: never\n"), "{error}");
    for file in files() {
        let number = file.strip_prefix("env.").unwrap();
        let text = fs::read_to_string(bench.path(&file)).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
            line.unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
        };
        // The figures are those of the sample that is stored.
        let of_sample = format!(
            "SELECT sum(private_bytes) FROM region_at('#{number}') WHERE family = 'malloc'"
        );
        let stored = bench.out(&["sql", "--csv", &of_sample]);
        assert_eq!(stored.lines().nth(1), Some(&*value("VMREC_VALUE_BYTES")));
        assert!(value("VMREC_VALUE_BYTES").parse::<u64>().unwrap() > 40 << 20);
        assert_eq!(value("VMREC_FILE"), bench.path("test.db").display().to_string());
        assert_eq!(value("VMREC_DB"), value("VMREC_FILE"));
        assert_eq!(
            (value("VMREC_PID"), value("VMREC_SAMPLE")),
            (workload.pid_text(), number.into())
        );
        assert_eq!((value("VMREC_RECORDING"), value("VMREC_SESSION")), ("1".into(), "1".into()));
        assert_eq!(value("VMREC_WHEN"), "private:malloc > 40M");
        assert_eq!(
            (value("VMREC_METRIC"), value("VMREC_TYPE")),
            ("private".into(), "malloc".into())
        );
        assert!(!text.contains("VMREC_GROWTH"), "{text}");
    }
    // Each mark is a time: that of the sample that fired.
    for mark in ["@private:malloc > 40M", "@private:malloc > 40M (2)"] {
        let here = bench.json(&["diff", "start", mark, "--json"]);
        assert!(files().contains(&format!("env.{}", here["to"]["sample"])), "{here}");
    }
    assert!(bench.out(&["info"]).contains("private:malloc > 40M"));
}

#[test]
fn growth_fires_and_a_process_that_does_not_grow_does_not() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let options =
        ["--when", "private grows > 1M/s", "--when", "regions grows > 1000/s", "--mark", "grows"];
    let recorder = recording(&bench, &workload, &options);
    let begun = Instant::now();
    while marks(&bench).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it grew unseen");
        workload.order("heap 2000000");
        thread::sleep(Duration::from_millis(50));
    }
    let error = ended(recorder);
    assert_eq!(texts(&bench), ["grows"]);
    assert!(error.contains("when private grows > 1M/s: once"), "{error}");
    assert!(error.contains("when regions grows > 1000/s: never"), "{error}");
    assert!(error.contains("private grows > 1M/s: +"), "{error}");
}

#[test]
fn a_burst_is_dense_for_a_while() {
    let (bench, workload) = (Bench::new(), Workload::start());
    // Without the burst the sixth sample would come after an hour.
    let options = ["--when", "regions > 3", "--burst=50ms,1m", "--samples", "6", "--quiet"];
    let mut arguments = vec!["record", "--every", "12m"];
    let pid = workload.pid_text();
    arguments.extend(options);
    arguments.push(&pid);
    bench.out(&arguments);
    assert_eq!(texts(&bench), ["regions > 3"]);
    let info = bench.json(&["info", "--json"]);
    assert_eq!(
        (info["samples"].as_u64(), info["missed_ticks"].as_u64()),
        (Some(6), Some(0)),
        "{info}"
    );
}

#[test]
fn a_command_outlives_the_recording_and_runs_once_at_a_time() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let script = format!("{}; echo > done", until("go"));
    let pid = workload.pid_text();
    let arguments = ["record", &pid, "--samples", "3", "--every", "50ms"];
    // It has standard error too: a pipe would stay open.
    let said = fs::File::create(bench.path("said")).unwrap();
    let status = bench
        .command(&arguments)
        .args(["--when", "regions > 3", "--run", &script])
        .stderr(said)
        .status()
        .unwrap();
    let said = fs::read_to_string(bench.path("said")).unwrap();
    assert!(status.success(), "{said}");
    assert!(said.contains("when regions > 3: once; --run 1 time, still running\n"), "{said}");
    fs::write(bench.path("go"), "").unwrap();
    wait_for("its end", || bench.path("done").exists());
}

#[test]
fn of_a_tree_each_process_is_judged_and_those_of_the_command_are_none_of_it() {
    let bench = Bench::new();
    let workload = Workload::program();
    let workload = workload.display();
    let wait = until("ran");
    // One that grows, one that does not; both until the command has run.
    let script = format!(
        "(echo heap 60000000; {wait}; sleep 1) | {workload} & ({wait}; sleep 1) | {workload} & wait"
    );
    let run = "echo $VMREC_PID $VMREC_RECORDING > pid; sleep 2 & echo > ran; sleep 1";
    let said = bench.run(&[
        "record",
        "--tree",
        "--every",
        "100ms",
        "--when",
        "private > 40M",
        "--run",
        run,
        "--",
        "sh",
        "-c",
        &script,
    ]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    let [(recording, text, _)] = &marks(&bench)[..] else { panic!("{}", said.error) };
    assert_eq!(text, "private > 40M");
    let pid = fs::read_to_string(bench.path("pid")).unwrap();
    let info = bench.json(&["info", "-r", &recording.to_string(), "--json"]);
    assert_eq!(pid.trim(), format!("{} {recording}", info["pid"]));
    assert_eq!(info["name"], "workload");
    // The target's own `sleep`s have its shells as parents, those of the command would have vmrec.
    let orphans = "SELECT count(*) FROM recording WHERE parent IS NULL";
    assert!(bench.out(&["sql", "--csv", orphans]).ends_with("\n1\n"), "{}", bench.out(&["list"]));
}

#[test]
fn wrong_conditions_are_refused_before_anything_starts() {
    let bench = Bench::new();
    let refused = |options: &[&str]| {
        let mut arguments = vec!["record"];
        arguments.extend(options);
        arguments.extend(["--", "touch", "started"]);
        let said = bench.run(&arguments);
        assert_eq!((said.status, said.output.as_str()), (Some(2), ""), "{options:?}");
        assert!(!bench.path("started").exists() && !bench.path("test.db").exists());
        said.error.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n") + "\n"
    };
    let all = [
        refused(&["--when", "private"]),
        refused(&["--when", "V9 heap > 1G"]),
        refused(&["--when", "private > 2G", "--every", "100ms", "--burst"]),
        refused(&["--when", "private > 2G", "--burst=1s,10ms"]),
        refused(&["--when", "private > 2G", "--run", " "]),
        refused(&["--burst"]),
    ];
    insta::assert_snapshot!(all.concat());
}
