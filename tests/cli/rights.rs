//! The rights that reading takes, and those that a recorder gives up: real users, capabilities and
//! namespaces, where the machine permits to make them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bench, copy_program, signal, skipped};

/// A user without rights or files.
const NOBODY: &str = "65534";

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `words` as nobody with these capabilities: `+sys_ptrace,+kill`.
pub(crate) fn as_nobody(capabilities: Option<&str>, words: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    if let Some(of) = capabilities {
        command.args(["--inh-caps", of, "--ambient-caps", of]);
    }
    command.args(words).stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("VMREC_DB");
    command
}

/// A bench that nobody may use, with a copy of vmrec; `None` if no other user can be made here.
pub(crate) fn shared() -> Option<(Bench, String)> {
    let made = as_nobody(Some("+sys_ptrace,+dac_read_search,+perfmon"), &["true"]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        skipped("only root, with setpriv, can try the rights of other users");
        return None;
    }
    let bench = Bench::new();
    fs::set_permissions(bench.path("."), fs::Permissions::from_mode(0o777)).unwrap();
    let program = bench.path("vmrec");
    copy_program(env!("CARGO_BIN_EXE_vmrec").as_ref(), &program);
    let program = program.display().to_string();
    Some((bench, program))
}

fn text(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Starts Python with a heap that only reading its memory identifies.
fn python(mut starter: Command) -> Running {
    let code = "x = [str(n) for n in range(200000)]\nprint('up', flush=True)\nimport time\ntime.sleep(300)";
    let child = starter.args(["-c", code]).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    let out = running.0.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    assert_eq!(line, "up\n");
    running
}

const PYTHON: &str = "/usr/bin/python3";

#[test]
fn each_right_reads_what_the_table_says_and_each_refusal_names_its_remedy() {
    let Some((_bench, vmrec)) = shared() else { return };
    let roots = python(Command::new(PYTHON));
    let pid = roots.0.id().to_string();
    let map = |capabilities: Option<&str>, pid: &str| {
        text(as_nobody(capabilities, &[&vmrec, "map", pid, "--json"]).output().unwrap())
    };
    let refused = |capabilities| {
        let (status, out, error) = map(capabilities, &pid);
        assert_eq!((status, &*out), (Some(3), ""), "{error}");
        error.replace(&pid, "PID")
    };
    insta::assert_snapshot!(refused(None), @r#"
    vmrec: not permitted to read the memory map of python3 (pid PID)
    hint: run vmrec as the owner of the process or with sudo,
    hint: or give it the rights: sudo setcap cap_sys_ptrace,cap_dac_read_search=ep "$(which vmrec)"
    "#);
    // Reading files of others is not reading their memory.
    assert_eq!(refused(Some("+dac_read_search")), refused(None));
    let types = |capabilities| {
        let (status, out, error) = map(Some(capabilities), &pid);
        assert_eq!(status, Some(0), "{error}");
        let page: serde_json::Value = serde_json::from_str(&out).unwrap();
        (types_of(&out), page["total"]["private_bytes"].as_u64(), error)
    };
    let (sizes_alone, private, note) = types("+sys_ptrace");
    assert!(private.is_some_and(|bytes| bytes > 1 << 20), "{private:?}");
    assert!(note.contains("cap_sys_ptrace and cap_dac_read_search read it"), "{note}");
    let (all, _, note) = types("+sys_ptrace,+dac_read_search");
    assert!(!note.contains("not readable"), "{note}");
    // The kernel merges heaps of Python's with others: only their memory distinguishes them.
    assert!(heaps(&all) > heaps(&sizes_alone), "{all:?}\n{sizes_alone:?}");
}

/// Returns how many regions are heaps of Python's.
fn heaps(types: &[String]) -> usize {
    types.iter().filter(|of| *of == "Python heap").count()
}

/// Returns the types of the regions on a page of `map --json`.
fn types_of(page: &str) -> Vec<String> {
    let page: serde_json::Value = serde_json::from_str(page).unwrap();
    let types = page["regions"].as_array().unwrap().iter();
    types.map(|of| of["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_process_of_the_same_user_that_shut_itself_off_is_not_said_to_be_anothers() {
    let Some((_bench, vmrec)) = shared() else { return };
    let mut off = as_nobody(None, &[PYTHON]);
    let code = "import ctypes, time\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nprint('up', flush=True)\ntime.sleep(300)";
    let mut off = Running(off.args(["-c", code]).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    let out = off.0.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    let pid = off.0.id().to_string();
    let (status, _, error) = text(as_nobody(None, &[&vmrec, "map", &pid]).output().unwrap());
    assert_eq!(status, Some(3));
    insta::assert_snapshot!(error.replace(&pid, "PID"), @r#"
    vmrec: not permitted to read the memory map of python3 (pid PID)
    hint: it is yours, but has rights that vmrec lacks, or shut itself off (PR_SET_DUMPABLE):
    hint: run vmrec with sudo, or give it the rights:
    hint: sudo setcap cap_sys_ptrace,cap_dac_read_search=ep "$(which vmrec)"
    "#);
}

#[test]
fn hidden_processes_and_other_namespaces_are_named_as_such() {
    let Some((_bench, vmrec)) = shared() else { return };
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (5, 8) {
        // A mount's option would be the whole machine's.
        return skipped("each mount of /proc has its own hidepid since Linux 5.8");
    }
    let sleeper = Running(Command::new("sleep").arg("300").spawn().unwrap());
    let pid = sleeper.0.id().to_string();
    let within = |namespaces: &[&str], script: &str| {
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["sh", "-c", script]).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).env_remove("VMREC_DB");
        text(command.output().unwrap())
    };
    let (made, ..) = within(&["-m"], "mount -t proc -o hidepid=2 proc /proc");
    if made != Some(0) {
        return skipped("this machine permits no mounts in a namespace of their own");
    }
    let nobody = format!("setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups");
    let hidden = format!("mount -t proc -o hidepid=2 proc /proc && {nobody} {vmrec} map {pid}");
    let (status, _, error) = within(&["-m"], &hidden);
    assert_eq!(status, Some(3), "{error}");
    insta::assert_snapshot!(error.replace(&pid, "PID"), @r#"
    vmrec: pid PID exists, but /proc hides it (mount option hidepid)
    hint: run vmrec as its owner or with sudo, or mount /proc again without hiding:
    hint: `mount -o remount,hidepid=0 /proc`
    "#);
    // In a namespace of pids its own processes are read, and others are not there.
    let own = format!("sleep 300 & {vmrec} map $! --json; kill $!; {vmrec} map {pid}9");
    let (_, out, error) = within(&["-p", "-f", "--mount-proc"], &own);
    assert!(out.contains("\"regions\""), "{out}{error}");
    assert!(error.contains("no process with pid"), "{error}");
    let (_, _, error) = within(&["-p", "-f"], &format!("{vmrec} map 1"));
    assert!(error.contains("another namespace of pids"), "{error}");
    // Root of a namespace of users is nobody outside it.
    let (status, out, error) = text(
        as_nobody(
            None,
            &[
                "unshare",
                "-Ur",
                "sh",
                "-c",
                &format!("sleep 300 & {vmrec} map $! --json; kill $!; {vmrec} map {pid}"),
            ],
        )
        .output()
        .unwrap(),
    );
    if error.contains("unshare failed") {
        return skipped("users may not make namespaces here");
    }
    assert!(status == Some(3) && out.contains("\"regions\""), "{out}{error}");
    insta::assert_snapshot!(error.replace(&pid, "PID"), @r#"
    vmrec: not permitted to read the memory map of sleep (pid PID)
    hint: root lacks the right to it here: in a container start it with
    hint: --cap-add SYS_PTRACE, or run vmrec on the host; a security module may forbid it too
    "#);
}

#[test]
fn a_user_records_stacks_of_its_own_process() {
    let Some((bench, vmrec)) = shared() else { return };
    let db = bench.path("stacks.db").display().to_string();
    let python = python(as_nobody(None, &[PYTHON]));
    let pid = python.0.id().to_string();
    let record =
        [&*vmrec, "record", "--stacks", &pid, "--samples", "2", "--every", "50ms", "--db", &db];
    let (status, _, error) = text(as_nobody(None, &record).output().unwrap());
    if status == Some(3) && error.contains("perf_event_paranoid") {
        let right = Some("+perfmon,+sys_ptrace");
        let (status, _, error) = text(as_nobody(right, &record).output().unwrap());
        assert_eq!(status, Some(0), "{error}");
        return;
    }
    assert_eq!(status, Some(0), "{error}");
}

/// Returns the capability sets of each thread of a process.
fn sets(pid: u32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let status = |thread: PathBuf| fs::read_to_string(thread.join("status")).unwrap_or_default();
    let lines = |text: String| {
        let lines = text.lines().filter(|line| line.starts_with("Cap"));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    threads.map(|entry| lines(status(entry.unwrap().path())).join("; ")).collect()
}

/// Waits until a file has so many recordings: each begins with a sample.
fn wait_for_sample(bench: &Bench, db: &str, recordings: usize) {
    let begun = Instant::now();
    loop {
        let said = bench.run(&["list", "--db", db]);
        if said.status == Some(0) && said.output.lines().count() == 2 + recordings {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", said.error);
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_recorder_of_root_keeps_the_rights_to_read_and_no_others() {
    let Some((bench, vmrec)) = shared() else { return };
    let own = tempfile::tempdir().unwrap();
    let theirs = python(as_nobody(None, &[PYTHON]));
    let pid = theirs.0.id().to_string();
    let all = sets(std::process::id());
    let record = |db: &str, recordings, more: &[&str]| {
        let mut command =
            bench.command(&["record", &pid, "--every", "50ms", "--quiet", "--db", db]);
        let recorder = Running(command.args(more).spawn().unwrap());
        wait_for_sample(&bench, db, recordings);
        recorder
    };
    let end = |mut recorder: Running| {
        signal(recorder.0.id(), libc::SIGINT);
        assert!(recorder.0.wait().unwrap().success());
    };
    let db = own.path().join("a.db").display().to_string();
    let recorder = record(&db, 1, &[]);
    // Those of reading: dac_read_search, sys_ptrace, checkpoint_restore.
    let reading: u64 = 1 << 2 | 1 << 19 | 1 << 40;
    let held = |set: &str, name: &str| {
        let words = set.split("; ").find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(words.trim(), 16).unwrap()
    };
    let before = held(&all[0], "CapPrm:");
    for set in sets(recorder.0.id()) {
        for name in ["CapPrm:", "CapEff:", "CapBnd:"] {
            assert_eq!(held(&set, name) & !reading, 0, "{name} {set}");
        }
        assert_eq!(held(&set, "CapEff:"), reading & before, "{set}");
    }
    end(recorder);
    // They suffice: another user's memory was looked into.
    let recorded = types_of(&bench.out(&["map", "--db", &db, "--at", "end", "--json"]));
    let now = types_of(&bench.out(&["map", &pid, "--json"]));
    assert_eq!((heaps(&recorded), recorded.len()), (heaps(&now), now.len()));
    assert!(!own.path().join("a.db-wal").exists());

    // A file of another user is still written, with its log, and left in one piece.
    let db = bench.path("theirs.db").display().to_string();
    let made = [&*vmrec, "record", &pid, "--samples", "1", "--quiet", "--db", &db];
    assert!(as_nobody(None, &made).status().unwrap().success());
    let closed = bench.path("closed");
    fs::create_dir(&closed).unwrap();
    let db = closed.join("theirs.db").display().to_string();
    fs::rename(bench.path("theirs.db"), &db).unwrap();
    assert!(
        Command::new("chown")
            .args([NOBODY, &*closed.display().to_string()])
            .status()
            .unwrap()
            .success()
    );
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let recorder = record(&db, 2, &[]);
    end(recorder);
    let said = bench.out(&["list", "--db", &db]);
    assert_eq!(said.lines().count(), 4, "{said}");
    assert!(!closed.join("theirs.db-wal").exists());

    // A command has the rights of the user who started vmrec, and is not cut off from cores and perf.
    let db = own.path().join("b.db").display().to_string();
    let seen = bench.path("seen").display().to_string();
    let run = format!("grep Cap /proc/self/status > {seen}.new; mv {seen}.new {seen}");
    let recorder = record(&db, 1, &["--when", "regions > 3", "--run", &run]);
    let begun = Instant::now();
    while !bench.path("seen").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the command did not run");
        thread::sleep(Duration::from_millis(20));
    }
    end(recorder);
    let seen = fs::read_to_string(seen).unwrap();
    let line = |text: &str| text.split_whitespace().collect::<String>();
    for name in ["CapEff:", "CapBnd:"] {
        let there = seen.lines().find(|line| line.starts_with(name)).unwrap();
        let ours = all[0].split("; ").find(|line| line.starts_with(name)).unwrap();
        assert_eq!(line(there), line(ours));
    }
}
