//! Recorders without a terminal: `record --detach`, `status`, `stop`.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bench, Workload, signal, skipped};

const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the recorder's process, once `status` has it with so many samples.
fn recorder(bench: &Bench, samples: u64) -> u32 {
    let begun = Instant::now();
    loop {
        let rows = bench.run(&["status", "--json"]);
        let rows: serde_json::Value = serde_json::from_str(&rows.output).unwrap();
        if rows[0]["samples"].as_u64() >= Some(samples) {
            return u32::try_from(rows[0]["recorder_pid"].as_u64().unwrap()).unwrap();
        }
        assert!(begun.elapsed() < PATIENCE, "{rows:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns whether a process runs, and is no zombie.
fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn masked(text: &str, pids: &[u32]) -> String {
    let mut text = text.to_owned();
    for (at, pid) in pids.iter().enumerate() {
        text = text.replace(&pid.to_string(), &format!("PID{at}"));
    }
    text
}

#[test]
fn a_detached_recorder_goes_on_without_its_terminal_until_it_is_stopped() {
    let bench = Bench::new();
    let workload = Workload::start();
    assert_eq!(bench.run(&["status"]).status, Some(1));
    // Whoever reads all that it says shall not wait for the end of the recording.
    let said = bench.run(&["record", &workload.pid_text(), "--every", "50ms", "--detach"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let pid = recorder(&bench, 3);
    insta::assert_snapshot!(masked(&said.error, &[pid, workload.pid()]), @r"
    recording workload (pid PID1) every 50ms
    in DIR/test.db
    goes on in the background, as process PID0
    hint: `vmrec status` shows it, `vmrec stop` ends it
    ");

    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Its session, and no terminal.
    assert_eq!((after[3], after[4]), (pid.to_string().as_str(), "0"));
    for stream in 0..3 {
        let to = fs::read_link(format!("/proc/{pid}/fd/{stream}")).unwrap();
        assert_eq!(to.to_str(), Some("/dev/null"), "{stream}");
    }

    let status = bench.out(&["status"]);
    assert!(status.starts_with(&format!("process {pid} records to ")), "{status}");
    assert!(status.contains("recording\n"), "{status}");

    let stopped = bench.run(&["stop"]);
    assert_eq!(stopped.status, Some(0), "{stopped:?}");
    let listed = bench.json(&["list", "--json"]);
    let samples = listed[0]["samples"].as_u64().unwrap();
    assert!(samples >= 3 && listed[0]["running"] == false, "{listed:#}");
    let text = masked(&stopped.error, &[pid]).replace(&samples.to_string(), "N");
    insta::assert_snapshot!(text, @"ended process PID0: N samples in 1 recording of DIR/test.db");
    assert!(!runs(pid));
    assert_eq!(bench.run(&["stop"]).status, Some(3));
    assert_eq!(bench.run(&["status"]).status, Some(1));
}

#[test]
fn what_fails_before_its_first_sample_is_returned() {
    let bench = Bench::new();
    let said = bench.run(&["record", "4194304", "--detach"]);
    assert_eq!(said.status, Some(3), "{said:?}");
    assert!(said.error.contains("4194304"), "{said:?}");
    let said = bench.run(&["record", "--detach", "--", "/no/such/program"]);
    assert_eq!(said.status, Some(3), "{said:?}");
    assert_eq!(bench.run(&["status"]).status, Some(1));
}

#[test]
fn stopping_a_recorder_ends_the_command_that_it_started() {
    let bench = Bench::new();
    let mut record = bench.command(&["record", "--every", "50ms", "--detach", "--"]);
    record.args(["sh", "-c", "echo $$ > pid; readlink /proc/self/fd/0 > input; exec sleep 1000"]);
    let output = record.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(output.code(), Some(0));
    recorder(&bench, 2);
    let read = |name| fs::read_to_string(bench.path(name)).unwrap();
    let command: u32 = read("pid").trim().parse().unwrap();
    assert_eq!(read("input").trim(), "/dev/null");
    assert!(runs(command));
    assert!(bench.run(&["stop"]).error.contains("ended process"));
    assert!(!runs(command));
}

#[test]
fn a_process_that_a_planted_lock_names_is_not_ended() {
    let bench = Bench::new();
    let workload = Workload::start();
    bench.run(&["record", &workload.pid_text(), "--every", "50ms", "--detach"]);
    let pid = recorder(&bench, 1);
    let mut victim = Command::new("sleep").arg("1000").spawn().unwrap();
    let lock = fs::read_dir(bench.path("")).unwrap().map(|entry| entry.unwrap().path());
    let lock = lock.into_iter().find(|path| path.to_string_lossy().ends_with("-lock")).unwrap();
    fs::write(&lock, format!("{}\n", victim.id())).unwrap();
    let said = bench.run(&["stop"]);
    assert_eq!(said.status, Some(3), "{said:?}");
    assert!(said.error.contains("`sleep`: nothing was ended"), "{said:?}");
    assert!(runs(victim.id()) && runs(pid));
    fs::write(&lock, "no number").unwrap();
    assert!(bench.run(&["stop"]).error.contains("does not say which process records"));
    signal(pid, libc::SIGTERM);
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[test]
fn of_several_recorders_one_is_named() {
    let bench = Bench::new();
    let workloads = [Workload::start(), Workload::start()];
    for workload in &workloads {
        let said = bench.run(&["record", &workload.pid_text(), "--every", "50ms", "--detach"]);
        assert_eq!(said.status, Some(0), "{said:?}");
    }
    let rows = bench.json(&["status", "--json"]);
    let pids: Vec<u64> =
        rows.as_array().unwrap().iter().map(|row| row["recorder_pid"].as_u64().unwrap()).collect();
    let refused = bench.run(&["stop"]);
    assert_eq!(refused.status, Some(2));
    assert!(refused.error.contains(&format!("2 recorders run: {}, {}", pids[0], pids[1])));
    assert_eq!(bench.run(&["stop", &pids[1].to_string()]).status, Some(0));
    let left = bench.json(&["status", "--json"]);
    assert_eq!(
        (left[0]["recorder_pid"].as_u64(), &left[1]),
        (Some(pids[0]), &serde_json::Value::Null)
    );
    assert_eq!(bench.run(&["stop", "--all"]).status, Some(0));
    assert_eq!(bench.run(&["status"]).status, Some(1));
}

#[test]
fn the_service_names_options_that_exist_and_keys_that_systemd_knows() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/vmrec.service");
    let unit = fs::read_to_string(unit).unwrap();
    let begun =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/vmrec ")).unwrap();
    let bench = Bench::new();
    let db = bench.path("host.db").display().to_string();
    let words = begun.replace("/var/lib/vmrec/vmrec.db", &db);
    let mut words: Vec<&str> = words.split(' ').collect();
    words.extend(["--samples", "1", "--quiet"]);
    let said = bench.run(&words);
    assert_eq!(said.status, Some(0), "{said:?}");

    let file = bench.path("vmrec.service");
    // Neither the program nor its manual is installed here.
    let unit = unit.replace("/usr/bin/vmrec", env!("CARGO_BIN_EXE_vmrec"));
    fs::write(&file, unit.replace("Documentation=man:vmrec(1)\n", "")).unwrap();
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&file).output() else {
        return skipped("the unit of systemd is not verified: there is no systemd-analyze");
    };
    let text = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !text.contains("vmrec.service"), "{text}");
}
