//! `vmrec record`: mistakes of a new user, and their explanations.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, copy_program, skipped};

#[allow(unsafe_code)]
fn is_root() -> bool {
    // SAFETY: geteuid(2) takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn no_such_process() {
    let bench = Bench::new();
    assert_snapshot!(bench.run(&["record", "4194999"]).failure(), @"
    vmrec: no process with pid 4194999
    hint: look for it with `ps -e`; give a pid or a full or partial executable name
    [exit status: Some(3)]
    ");
    assert_snapshot!(bench.run(&["record", "no-such-program"]).failure(), @"
    vmrec: no process has an executable named like `no-such-program`
    hint: `ps -e` lists the processes; -f looks in whole command lines, --wait waits for one;
    hint: start one with `vmrec record -- COMMAND`
    [exit status: Some(3)]
    ");
}

#[test]
fn an_ambiguous_name_lists_the_candidates() {
    let bench = Bench::new();
    let program = bench.path("twin-of-two");
    copy_program("/bin/sleep".as_ref(), &program);
    let mut twins = [(); 2].map(|()| Command::new(&program).arg("60").spawn().unwrap());
    let said = bench.run(&["record", "twin-of"]).failure();
    let chosen = bench.run(&["record", "twin-of", "--newest", "--samples", "1"]);
    for twin in &mut twins {
        twin.kill().unwrap();
        twin.wait().unwrap();
    }
    let said = twins.iter().fold(said, |said, twin| said.replace(&twin.id().to_string(), "PID"));
    // The column of a pid depends on its digits.
    let words = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let ["hint:", "PID", size, age, ..] = &mut words[..]
            && size.ends_with('K')
        {
            (*size, *age) = ("SIZE", "AGE");
        }
        words.join(" ")
    };
    let lines = said.lines().filter(|line| !line.contains("==="));
    let said = lines.map(words).collect::<Vec<_>>().join("\n");
    assert_snapshot!(said, @"
    vmrec: 2 processes match `twin-of`
    hint: PID RESIDENT AGE COMMAND
    hint: PID SIZE AGE DIR/twin-of-two 60
    hint: PID SIZE AGE DIR/twin-of-two 60
    hint: give a pid, or take one of them with --newest, --oldest or --largest
    [exit status: Some(3)]
    ");
    assert_eq!(chosen.status, Some(0));
    assert!(chosen.error.contains(&format!("pid {}", twins[1].id())), "{}", chosen.error);
}

#[test]
fn anothers_process() {
    if !is_root() {
        return skipped("only root can start a process as another user");
    }
    let bench = Bench::new();
    fs::set_permissions(bench.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let workload = Workload::start();
    let said = as_nobody(&bench, &["record", &workload.pid_text(), "--db", "nobody.db"]);
    assert_snapshot!(said.replace(&workload.pid_text(), "PID"), @r#"
    vmrec: not permitted to read the memory map of workload (pid PID)
    hint: run vmrec as the owner of the process or with sudo,
    hint: or give it the rights: sudo setcap cap_sys_ptrace,cap_dac_read_search=ep "$(which vmrec)"
    [exit status: Some(3)]
    "#);
}

/// Runs a copy of vmrec as a user without rights: a build folder may not be open to others.
fn as_nobody(bench: &Bench, arguments: &[&str]) -> String {
    let program = bench.path("vmrec");
    copy_program(env!("CARGO_BIN_EXE_vmrec").as_ref(), &program);
    let mode = fs::metadata(bench.path("")).unwrap().permissions().mode();
    fs::set_permissions(bench.path(""), fs::Permissions::from_mode(mode | 0o755)).unwrap();
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(bench.path("")).uid(65534).gid(65534);
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let error = error.replace(&bench.path("").display().to_string(), "DIR/");
    format!("{error}[exit status: {:?}]", output.status.code())
}

#[test]
fn a_target_that_exits_at_once() {
    let bench = Bench::new();
    let said = bench.run(&["record", "--", "true"]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    let said = bench.run(&["record", "--", "no-such-command"]);
    assert_snapshot!(said.failure(), @"
    vmrec: cannot start `no-such-command`: No such file or directory (os error 2)
    hint: check the name, or record a running process: `vmrec record TARGET`
    [exit status: Some(3)]
    ");
}

#[test]
fn a_zombie_and_a_kernel_thread() {
    let bench = Bench::new();
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    let mut end = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut end).unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    let begun = Instant::now();
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never became a zombie");
        thread::sleep(Duration::from_millis(1));
    }
    let said = bench.run(&["record", &child.id().to_string()]).failure();
    assert_snapshot!(said.replace(&child.id().to_string(), "PID"), @"
    vmrec: pid PID is a zombie: it has ended and has no memory
    hint: start it again, or let vmrec start it: `vmrec record -- COMMAND`
    [exit status: Some(3)]
    ");
    child.wait().unwrap();
    match fs::read_to_string("/proc/2/comm").as_deref() {
        Ok("kthreadd\n") => assert_snapshot!(bench.run(&["record", "2"]).failure(), @"
        vmrec: pid 2 (kthreadd) is a kernel thread: it has no memory map
        hint: only programs have memory regions to record
        [exit status: Some(3)]
        "),
        _ => skipped("no kernel thread is visible here"),
    }
}

#[test]
fn an_interval_out_of_bounds() {
    let bench = Bench::new();
    assert_snapshot!(bench.run(&["record", "1", "--every", "0"]).failure(), @"
    error: invalid value '0' for '--every <TIME>': samples need time between them
    hint: give 50ms to 24h, such as --every 2s

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["record", "1", "--every", "soon"]).failure(), @"
    error: invalid value 'soon' for '--every <TIME>': not a time span
    hint: write it like 500ms, 2s, 10m, 1h30m or 7d

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
}

#[test]
fn a_folder_that_is_missing_or_may_not_be_written() {
    let bench = Bench::new();
    let workload = Workload::start();
    let said = bench.run(&["record", &workload.pid_text(), "--db", "missing/x.db"]);
    assert_snapshot!(said.failure(), @"
    vmrec: missing does not exist
    hint: the folder must exist: create it, or name another file
    [exit status: Some(4)]
    ");
    if !is_root() {
        return skipped("only root can act as a user without rights here");
    }
    let said = as_nobody(&bench, &["record", &workload.pid_text(), "--db", "x.db"]);
    assert_snapshot!(said, @"
    vmrec: cannot access DIR/x.db-lock: Permission denied (os error 13)
    hint: name a file where you may write with --db FILE
    [exit status: Some(4)]
    ");
}

#[test]
fn a_file_that_is_no_recording_is_left_as_it_is() {
    let bench = Bench::new();
    let workload = Workload::start();
    let notes = bench.path("notes.txt");
    fs::write(&notes, "my notes, not a recording\n").unwrap();
    let said = bench.run(&["record", &workload.pid_text(), "--db", "notes.txt"]);
    assert_snapshot!(said.failure(), @"
    vmrec: notes.txt is not a recording: it is a text file
    hint: name another file with --db; this one was left as it is
    [exit status: Some(4)]
    ");
    let said = bench.run(&["list", "--db", "notes.txt"]);
    assert_snapshot!(said.failure(), @"
    vmrec: notes.txt is not a recording: it is a text file
    hint: name another file with --db; this one was left as it is
    [exit status: Some(4)]
    ");
    assert_eq!(fs::read_to_string(&notes).unwrap(), "my notes, not a recording\n");
}

#[test]
fn a_full_disk_keeps_what_was_recorded() {
    let bench = Bench::new();
    let disk = bench.path("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=320k", "vmrec-test"])
        .arg(&disk)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return skipped("mounting a small file system needs root");
    }
    let mut workload = Workload::start();
    let db = disk.join("full.db").display().to_string();
    let mut recorder = bench
        .command(&["record", &workload.pid_text(), "--db", &db, "--every", "50ms", "--for", "4s"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Every sample differs from the last, so that each needs space.
    while recorder.try_wait().unwrap().is_none() {
        workload.order(&format!("map {}", Workload::program().display()));
        thread::sleep(Duration::from_millis(20));
    }
    let output = recorder.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let kept = bench.run(&["info", "--json", "--db", &db]);
    let unmounted = Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("no room left to write to"), "{said}");
    assert!(said.contains("hint: free some space"), "{said}");
    let info: serde_json::Value = serde_json::from_str(&kept.output).unwrap();
    assert!(info["samples"].as_u64().unwrap() > 3, "{info}");
}

#[test]
fn a_target_is_found_by_its_command_line_its_path_and_its_size_and_is_waited_for() {
    let bench = Bench::new();
    let program = bench.path("sleeper");
    copy_program("/bin/sleep".as_ref(), &program);
    let start = |time: &str| Command::new(&program).arg(time).spawn().unwrap();
    let mut twins = [start("61.25"), start("62.25")];
    let one = ["--samples", "1", "--quiet"];
    let by = |target: &[&str]| bench.run(&[&["record"], target, &one].concat()).status;
    assert_eq!(by(&["-f", "sleeper 61\\.25$"]), Some(0));
    assert_eq!(by(&["./sleeper"]), Some(3), "two have that path");
    assert_eq!(by(&["./sleeper", "--largest"]), Some(0));
    assert_eq!(by(&["-f", "("]), Some(2));
    assert_eq!(by(&["-f", "sleeper 63"]), Some(3));
    assert_eq!(by(&["--wait", "--", "true"]), Some(2));
    let pids = bench.json(&["sql", "--json", "SELECT pid FROM recording ORDER BY id"]);
    assert_eq!(pids[0]["pid"], twins[0].id());
    let wait = ["record", "-f", "sleeper 64", "--wait", "--samples", "1"];
    let mut waiting = bench.command(&wait).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "there is none yet");
    let mut late = start("64.25");
    assert!(waiting.wait().unwrap().success());
    for child in twins.iter_mut().chain([&mut late]) {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
