//! `vmrec record` whose surroundings change: its terminal, its signals, its file.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bench, Workload, signal};
use crate::recorder::Recorder;

const PATIENCE: Duration = Duration::from_secs(30);

fn samples(bench: &Bench) -> u64 {
    bench.json(&["info", "--json"])["complete_samples"].as_u64().unwrap()
}

#[test]
fn a_standard_error_that_is_gone_or_full_does_not_end_a_recording() {
    let workload = Workload::start();
    let pid = workload.pid_text();
    let arguments = ["record", &pid, "--samples", "5", "--every", "50ms"];
    let bench = Bench::new();
    let mut gone = bench.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    drop(gone.stderr.take());
    assert_eq!(gone.wait().unwrap().code(), Some(0));
    assert_eq!(samples(&bench), 5);

    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = bench.command(&arguments).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(samples(&bench), 5);
}

#[test]
fn an_error_keeps_its_status_where_it_cannot_be_printed() {
    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(bench.command(&["list"]).stderr(full).status().unwrap().code(), Some(4));
}

/// Runs vmrec by a shell that does `before` first.
fn by_shell(bench: &Bench, before: &str, arguments: &[&str]) -> Command {
    let vmrec = bench.command(arguments);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{before}; exec \"$@\"")).arg("sh").arg(vmrec.get_program());
    shell.args(vmrec.get_args()).stderr(Stdio::piped());
    shell.current_dir(bench.path(""));
    vmrec.get_envs().for_each(|(name, value)| match value {
        Some(value) => _ = shell.env(name, value),
        None => _ = shell.env_remove(name),
    });
    shell
}

#[test]
fn a_signal_ignored_from_the_start_stays_ignored() {
    let bench = Bench::new();
    let workload = Workload::start();
    let pid = workload.pid_text();
    let mut recorder =
        by_shell(&bench, "trap '' HUP", &["record", &pid, "--every", "50ms"]).spawn().unwrap();
    let begun = Instant::now();
    let mut hung_up_at = None;
    loop {
        assert!(begun.elapsed() < PATIENCE, "no sample came");
        assert_eq!(recorder.try_wait().unwrap(), None, "it ended");
        thread::sleep(Duration::from_millis(50));
        let said = bench.run(&["info", "--json"]);
        let info: serde_json::Value = serde_json::from_str(&said.output).unwrap_or_default();
        let samples = info["samples"].as_u64().unwrap_or(0);
        match hung_up_at {
            None if samples > 0 => {
                signal(recorder.id(), libc::SIGHUP);
                hung_up_at = Some(samples);
            }
            // It goes on after the signal.
            Some(before) if samples > before + 3 => break,
            _ => {}
        }
    }
    signal(recorder.id(), libc::SIGINT);
    assert_eq!(recorder.wait().unwrap().code(), Some(0));
    assert_eq!(bench.json(&["list", "--json"])[0]["why_ended"], "interrupted");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_loses_nothing() {
    let bench = Bench::new();
    let workload = Workload::start();
    let pid = workload.pid_text();
    // In units of 512 bytes: room for the empty file and some samples.
    let arguments = ["record", &pid, "--every", "50ms", "--for", "20s"];
    let output = by_shell(&bench, "ulimit -f 300", &arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_ne!(output.status.code(), None, "no signal killed it: {error}");
    bench.out(&["info", "--verify"]);
}

#[test]
fn a_deleted_file_ends_a_recording_at_once() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    fs::remove_file(bench.path("test.db")).unwrap();
    let (status, error) = recorder.finish();
    assert_eq!(status, Some(4), "{error}");
    assert!(error.contains("test.db was deleted, moved or replaced"), "{error}");
    assert!(error.contains("\nhint: "), "{error}");
}
