//! `vmrec record` whose surroundings change: its terminal, its signals, its file.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bench, Workload, heeding_signals, signal};
use crate::recorder::Recorder;
use crate::terminal::{in_terminal, terminal};

const PATIENCE: Duration = Duration::from_secs(30);

/// Returns how many samples were taken, torn ones too.
fn taken(bench: &Bench) -> u64 {
    let info = bench.json(&["info", "--json"]);
    let states = ["complete_samples", "unchanged_samples", "torn_samples"];
    states.map(|state| info[state].as_u64().unwrap()).iter().sum()
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
    assert_eq!(taken(&bench), 5);

    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = bench.command(&arguments).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(taken(&bench), 5);
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
    heeding_signals(&mut shell);
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
fn a_limit_on_the_size_of_files_is_waited_for_like_a_full_disk() {
    let bench = Bench::new();
    let workload = Workload::start();
    let pid = workload.pid_text();
    // In units of 512 bytes: room for the empty file and some samples.
    let mut recorder =
        by_shell(&bench, "ulimit -f 300", &["record", &pid, "--every", "50ms"]).spawn().unwrap();
    let (said, mut lines) = (BufReader::new(recorder.stderr.take().unwrap()), Vec::new());
    for line in said.lines().map_while(Result::ok) {
        lines.push(line);
        if lines.last().unwrap().starts_with("still watching") {
            break;
        }
    }
    let shown = lines.join("\n");
    assert!(
        shown.contains(": files are limited to 153600 bytes\nhint: raise the limit"),
        "{shown}"
    );
    assert_eq!(recorder.try_wait().unwrap(), None, "it goes on");
    signal(recorder.id(), libc::SIGKILL);
    recorder.wait().unwrap();
    assert!(taken(&bench) > 0);
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

#[test]
fn a_file_moved_or_replaced_ends_a_recording_and_keeps_its_samples() {
    for replaced in [false, true] {
        let bench = Bench::new();
        let workload = Workload::start();
        let recorder = Recorder::start(&bench, &workload);
        recorder.wait_for_samples(3);
        fs::rename(bench.path("test.db"), bench.path("moved.db")).unwrap();
        if replaced {
            fs::write(bench.path("test.db"), "something else").unwrap();
        }
        let (status, error) = recorder.finish();
        assert_eq!(status, Some(4), "{error}");
        assert!(error.contains("test.db was deleted, moved or replaced"), "{error}");
        let moved = bench.path("moved.db");
        let moved = moved.to_str().unwrap();
        let kept = bench.json(&["info", "--json", "--db", moved]);
        assert!(kept["samples"].as_u64().unwrap() >= 3, "{kept:#}");
        bench.out(&["info", "--verify", "--db", moved]);
        if replaced {
            assert_eq!(fs::read(bench.path("test.db")).unwrap(), b"something else");
        }
    }
}

#[test]
fn a_stopped_recorder_goes_on_and_counts_what_it_missed() {
    const STOPPED: Duration = Duration::from_secs(1);
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    // As Ctrl-Z does, which a process without a terminal of its own may ignore.
    signal(recorder.pid(), libc::SIGSTOP);
    let stat = format!("/proc/{}/stat", recorder.pid());
    let begun = Instant::now();
    while !fs::read_to_string(&stat).unwrap().contains(") T ") {
        assert!(begun.elapsed() < PATIENCE, "it does not stop");
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(STOPPED);
    signal(recorder.pid(), libc::SIGCONT);
    recorder.wait_for_samples(3);
    let (status, error) = recorder.interrupt();
    assert_eq!(status, Some(0), "{error}");
    let info = bench.json(&["info", "--json"]);
    // Of 20 ticks the first may be taken late, and the last one is.
    assert!(info["missed_ticks"].as_u64().unwrap() >= 18, "{info:#}");
    bench.out(&["info", "--verify"]);
}

#[test]
fn a_closed_terminal_ends_a_recording_whole_or_not_at_all() {
    for ignored in [false, true] {
        let bench = Bench::new();
        let workload = Workload::start();
        let pid = workload.pid_text();
        let (program, window) = terminal();
        let before = if ignored { "trap '' HUP" } else { ":" };
        let mut command = by_shell(&bench, before, &["record", &pid, "--every", "50ms"]);
        let mut recorder = in_terminal(&mut command, &program);
        drop((command, program));
        let (mut reader, mut shown) = (&window, Vec::new());
        while !String::from_utf8_lossy(&shown).contains("#3 ") {
            let mut bytes = [0; 4096];
            let count = reader.read(&mut bytes).unwrap();
            shown.extend_from_slice(&bytes[..count]);
        }
        drop(window);
        if ignored {
            let (before, begun) = (taken(&bench), Instant::now());
            while taken(&bench) < before + 3 {
                assert!(begun.elapsed() < PATIENCE, "no sample came");
                thread::sleep(Duration::from_millis(50));
            }
            signal(recorder.id(), libc::SIGINT);
        }
        assert_eq!(recorder.wait().unwrap().code(), Some(0));
        assert_eq!(bench.json(&["list", "--json"])[0]["why_ended"], "interrupted");
        bench.out(&["info", "--verify"]);
    }
}

/// Runs vmrec in a terminal of this kind; Ctrl-C is typed once the third sample is shown. Returns all that
/// the terminal was sent.
fn shown_in_terminal(mut command: Command, kind: &str) -> String {
    let (program, mut window) = terminal();
    let mut recorder = in_terminal(command.env("TERM", kind), &program);
    drop((command, program));
    let (mut shown, mut typed) = (Vec::new(), false);
    let mut bytes = [0; 4096];
    // The system reports an error once nobody holds the other end.
    while let Ok(count @ 1..) = window.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..count]);
        if !typed && String::from_utf8_lossy(&shown).contains("#3 ") {
            window.write_all(b"\x03").unwrap();
            typed = true;
        }
    }
    assert_eq!(recorder.wait().unwrap().code(), Some(0));
    String::from_utf8(shown).unwrap()
}

#[test]
fn a_live_line_is_left_whole_and_only_where_it_may_be_written_over() {
    let bench = Bench::new();
    let workload = Workload::start();
    let pid = workload.pid_text();
    let record = || bench.command(&["record", &pid, "--every", "50ms", "--samples", "9"]);
    let shown = shown_in_terminal(record(), "xterm");
    let (_, after) = shown.split_once("^C").expect("the terminal shows what is typed");
    let last = after.split("\r\n").next().unwrap();
    assert!(last.contains("\r\x1b[K") && last.contains("  db "), "{last:?}");
    let shown = shown_in_terminal(record(), "dumb");
    assert!(!shown.contains('\x1b'), "{shown:?}");

    // The terminal of a command is the command's.
    let says = "sleep 0.5; echo one; sleep 0.5; echo two";
    let record = ["record", "--every", "50ms", "--", "sh", "-c", says];
    let shown = shown_in_terminal(bench.command(&record), "xterm");
    assert!(shown.contains("\r\none\r\ntwo\r\n") && !shown.contains('\x1b'), "{shown:?}");
    assert!(shown.contains("the command ended with status 0"), "{shown:?}");
}

/// Returns the state of a process as the kernel names it: `T` is stopped.
#[cfg(target_os = "linux")]
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
#[cfg(target_os = "linux")]
fn a_stopped_recorder_leaves_no_line_behind_and_goes_on() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let (program, mut window) = terminal();
    let pid = workload.pid_text();
    let mut command = bench.command(&["record", &pid, "--every", "50ms"]);
    let mut recorder = in_terminal(command.env("TERM", "xterm"), &program);
    drop((command, program));
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    let mut until = |window: &mut File, text: &str| {
        let begin = shown.len();
        while !String::from_utf8_lossy(&shown[begin..]).contains(text) {
            let count = window.read(&mut bytes).unwrap();
            shown.extend_from_slice(&bytes[..count]);
        }
        String::from_utf8_lossy(&shown[begin..]).into_owned()
    };
    until(&mut window, "#3 ");
    window.write_all(b"\x1a").unwrap();
    let begun = Instant::now();
    while state(recorder.id()) != Some('T') {
        assert!(begun.elapsed() < PATIENCE, "it is {:?}", state(recorder.id()));
        thread::sleep(Duration::from_millis(10));
    }
    // All that was shown before the stop is there to be read, and its end takes the line away.
    let line = until(&mut window, "^Z");
    let (_, after) = line.split_once("^Z").unwrap();
    let rest = if after.is_empty() { until(&mut window, "\x1b[K") } else { after.to_owned() };
    assert!(rest.ends_with("\r\x1b[K"), "{rest:?}");
    signal(recorder.id(), libc::SIGCONT);
    until(&mut window, "  db ");
    window.write_all(b"\x03").unwrap();
    while let Ok(1..) = window.read(&mut bytes) {}
    assert_eq!(recorder.wait().unwrap().code(), Some(0));
    bench.out(&["info", "--verify"]);
}

/// Returns a pipe that is full and that nobody reads.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn stalled_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    use std::os::fd::AsRawFd;

    let (reader, mut writer) = std::io::pipe().unwrap();
    // SAFETY: fcntl changes the size of a pipe and touches no memory of ours.
    let size = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    writer.write_all(&vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
    (reader, writer)
}

#[test]
#[cfg(target_os = "linux")]
fn a_standard_error_that_nobody_reads_keeps_no_sample_waiting() {
    let bench = Bench::new();
    let workload = Workload::start();
    let (reader, writer) = stalled_pipe();
    let arguments = ["record", &workload.pid_text(), "--samples", "5", "--every", "50ms"];
    let mut recorder = bench.command(&arguments).stderr(writer).spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = recorder.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            recorder.kill().unwrap();
            panic!("it waits for a reader: {:?}", recorder.wait());
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
    assert_eq!(taken(&bench), 5);
    drop(reader);
}

#[test]
fn a_recording_that_fails_leaves_no_file() {
    let bench = Bench::new();
    for arguments in
        [&["record", "no-such-program"][..], &["record", "4194999"], &["record", "--", "/no/such"]]
    {
        assert_eq!(bench.run(arguments).status, Some(3), "{arguments:?}");
        assert!(!bench.path("test.db").exists(), "{arguments:?}");
    }
    assert_eq!(bench.run(&["list"]).status, Some(4));
    // A file that is there stays.
    let recorded = crate::harness::recorded(2);
    assert_eq!(recorded.run(&["record", "--", "/no/such"]).status, Some(3));
    assert!(taken(&recorded) >= 1);
}
