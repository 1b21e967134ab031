//! Several recorders of one file at once: each writes a file of its own, and commands read all.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Bench, Workload, signal};

fn record(bench: &Bench, workload: &Workload) -> Child {
    bench
        .command(&["record", &workload.pid_text(), "--every", "50ms"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns the rows of the list, once there are so many and each has these samples at least.
fn list(bench: &Bench, recordings: usize, samples: u64) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let said = bench.run(&["list", "--json"]);
        let rows: Vec<Value> = serde_json::from_str(&said.output).unwrap_or_default();
        let has = |row: &Value| row["samples"].as_u64().unwrap() >= samples;
        if rows.len() == recordings && rows.iter().all(has) {
            return rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{said:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn row(rows: &[Value], workload: &Workload) -> Value {
    rows.iter().find(|row| row["pid"] == workload.pid()).unwrap().clone()
}

#[test]
fn nobody_is_refused_and_no_sample_is_lost_when_one_recorder_is_killed() {
    let bench = Bench::new();
    let workloads = [(); 3].map(|()| Workload::start());
    let mut first = record(&bench, &workloads[0]);
    list(&bench, 1, 1);
    let mut second = record(&bench, &workloads[1]);
    list(&bench, 2, 1);
    let third = record(&bench, &workloads[2]);
    let rows = list(&bench, 3, 5);
    let files: Vec<Value> = workloads.iter().map(|one| row(&rows, one)["file"].clone()).collect();
    assert_eq!(files, [Value::Null, 2.into(), 3.into()]);
    assert!(rows.iter().all(|row| row["running"] == true), "{rows:#?}");

    // All that was listed before the kill is there after it.
    let before = list(&bench, 3, 10);
    signal(second.id(), libc::SIGKILL);
    second.wait().unwrap();
    let after = list(&bench, 3, 10);
    let samples = |rows: &[Value], of| row(rows, of)["samples"].as_u64().unwrap();
    assert!(samples(&after, &workloads[1]) >= samples(&before, &workloads[1]));
    assert_eq!(row(&after, &workloads[1])["running"], false);

    // The next recorder takes the free file, and ends what was lost there.
    let again = record(&bench, &workloads[1]);
    let begun = Instant::now();
    let rows = loop {
        let rows = list(&bench, 4, 1);
        if rows.iter().filter(|row| row["file"] == 2).count() == 2 {
            break rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{rows:#?}");
    };
    assert!(rows.iter().any(|row| row["why_ended"] == "recorder_lost"), "{rows:#?}");

    // Each file has recordings, sessions, marks, retention and repair of its own.
    bench.out(&["mark", "here", "-r", "2.2"]);
    let info = bench.json(&["info", "-r", "2.2", "--json"]);
    assert_eq!(info["marks"][0]["text"], "here");
    for (arguments, pid) in [
        (&["info", "-r", "1", "--json"][..], workloads[0].pid()),
        (&["info", "-r", "2.1", "--json"], workloads[1].pid()),
        (&["info", "-r", "3.1", "--json"], workloads[2].pid()),
        // The newest of all.
        (&["info", "--json"], workloads[1].pid()),
    ] {
        assert_eq!(bench.json(arguments)["pid"], pid, "{arguments:?}");
    }
    assert_eq!(bench.json(&["info", "-s", "3.1", "--json"])["processes"], 1);
    let sessions = bench.out(&["list", "--sessions"]);
    assert!(sessions.contains("2.1 ") && sessions.contains("3.1 "), "{sessions}");
    bench.out(&["diff", "-r", "3.1"]);
    bench.out(&["chart", "-s", "2.2", "-o", "-"]);

    for recorder in [first.id(), third.id(), again.id()] {
        signal(recorder, libc::SIGINT);
    }
    first.wait().unwrap();
    for (recorder, number) in [(third, 3), (again, 2)] {
        let output = recorder.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let busy = "test.db is being recorded to: this goes to ";
        let beside = format!("test.{number}.db, which commands read with it");
        assert!(said.contains(busy) && said.contains(&beside), "{said}");
    }
    let paths = ["test.db", "test.2.db", "test.3.db"].map(|name| bench.path(name));
    let samples_of = |db: &str| {
        let said = bench.out(&["info", "--verify", "--json", "--db", db]);
        let verified: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(verified["problems"], Value::Array(Vec::new()), "{db}");
        verified["samples"].as_u64().unwrap()
    };
    for path in &paths {
        assert!(samples_of(path.to_str().unwrap()) >= 5);
    }
    let rows = list(&bench, 4, 1);
    let kept: u64 = rows.iter().map(|row| row["samples"].as_u64().unwrap()).sum();
    bench.out(&["prune", "--all", "--older-than", "365d"]);
    bench.out(&["repair", "test.2.db", "-o", "saved.db"]);
    bench.out(&["backup", "copy.db", "--db", "test.3.db"]);
    assert_eq!(samples_of("saved.db"), samples_of("test.2.db"));
    assert_eq!(samples_of("copy.db"), samples_of("test.3.db"));
    let rows = list(&bench, 4, 1);
    assert_eq!(rows.iter().map(|row| row["samples"].as_u64().unwrap()).sum::<u64>(), kept);
}

#[test]
fn files_of_other_programs_are_left_as_they_are() {
    let (bench, workload) = (Bench::new(), Workload::start());
    fs::write(bench.path("test.2.db"), "notes\n").unwrap();
    let first = record(&bench, &workload);
    list(&bench, 1, 1);
    let second = record(&bench, &workload);
    let rows = list(&bench, 2, 2);
    assert!(rows.iter().any(|row| row["file"] == 3), "{rows:#?}");
    for recorder in [first, second] {
        signal(recorder.id(), libc::SIGINT);
        assert!(recorder.wait_with_output().unwrap().status.success());
    }
    assert_eq!(fs::read_to_string(bench.path("test.2.db")).unwrap(), "notes\n");
}
