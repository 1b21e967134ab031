//! Runs vmrec as a user would, beside targets that the test controls.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// Copies a program, or a script with its mark. A file that this process writes may be inherited by
/// a child that another test starts meanwhile, and cannot be run until that child executes.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success(), "{}", to.display());
}

/// Writes a script that can be run.
pub(crate) fn write_script(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
    copy_program(&draft, path);
    fs::remove_file(draft).unwrap();
}

/// A folder of its own with a file to record into, and vmrec run with nothing of the user's settings.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns vmrec with `arguments`, yet to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vmrec"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("VMREC_DB", self.path("test.db"))
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .env_remove("XDG_DATA_HOME");
        heeding_signals(&mut command);
        command
    }

    /// Runs vmrec and returns its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        Said::new(
            self.command(arguments).stdin(Stdio::null()).output().unwrap(),
            self.folder.path(),
        )
    }

    /// Runs each command and returns all it shows, as a terminal would, for snapshots.
    pub(crate) fn session(&self, commands: &[&[&str]]) -> String {
        commands.iter().map(|arguments| self.run(arguments).whole(arguments)).collect()
    }

    /// Runs vmrec, expects success and returns its standard output.
    pub(crate) fn out(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.status, Some(0), "vmrec {arguments:?}: {}", said.error);
        said.output
    }

    /// Runs vmrec, expects success and returns its standard output as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.out(arguments)).unwrap()
    }
}

/// Makes a command heed the signals that end a recording, though the tests may run where they are
/// ignored: under nohup, or behind a shell's `&`.
#[allow(unsafe_code)]
pub(crate) fn heeding_signals(command: &mut Command) {
    let heed = || {
        for heeded in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
            // SAFETY: the default action is a constant, no handler of ours.
            if unsafe { libc::signal(heeded, libc::SIG_DFL) } == libc::SIG_ERR {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(heed) };
}

/// Records a workload that does nothing, some samples 50 ms apart, and ends.
pub(crate) fn recorded(samples: u64) -> Bench {
    let (bench, workload) = (Bench::new(), Workload::start());
    let samples = samples.to_string();
    bench.out(&["record", &workload.pid_text(), "--samples", &samples, "--every", "50ms"]);
    bench
}

/// The output of a run of vmrec, with the test's own folder written as `DIR`.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    pub(crate) error: String,
}

impl Said {
    fn new(output: Output, folder: &Path) -> Self {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&folder.display().to_string(), "DIR")
        };
        Self {
            status: output.status.code(),
            output: text(output.stdout),
            error: text(output.stderr),
        }
    }

    /// Returns the command with its output, its error and its exit status under it.
    fn whole(&self, arguments: &[&str]) -> String {
        let word = |argument: &&str| match argument {
            plain if plain.chars().all(|c| c.is_alphanumeric() || "-./=:".contains(c)) => {
                (*plain).to_owned()
            }
            quoted => format!("\"{quoted}\""),
        };
        let typed: Vec<_> = arguments.iter().map(word).collect();
        let mut whole = format!("$ vmrec {}\n{}", typed.join(" "), self.output);
        if !self.error.is_empty() {
            whole += &format!("--- standard error ---\n{}", self.error);
        }
        let status = self.status.map_or("none: a signal".to_owned(), |status| status.to_string());
        whole + &format!("[exit status: {status}]\n\n")
    }

    /// Returns the error with the exit status under it, for snapshots.
    pub(crate) fn failure(&self) -> String {
        assert_eq!(self.output, "");
        format!("{}[exit status: {:?}]", self.error, self.status)
    }
}

/// A process that changes its memory as the test orders: see `tests/workload`.
pub(crate) struct Workload {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Workload {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(Self::program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the workload example, built by `cargo test`");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut workload = Self { child, stdin, stdout };
        assert_eq!(workload.answer(), format!("pid {}", workload.pid()));
        workload
    }

    /// Returns the path of the workload program, which cargo puts beside the tests.
    pub(crate) fn program() -> PathBuf {
        Path::new(env!("CARGO_BIN_EXE_vmrec")).with_file_name("examples").join("workload")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn pid_text(&self) -> String {
        self.pid().to_string()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends a line and waits until it is done.
    pub(crate) fn order(&mut self, line: &str) {
        self.send(line);
        assert_eq!(self.answer(), "ok", "{line}");
    }

    /// Sends a line that is not answered.
    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Returns the kernel's own sum of a field over all its mappings, in bytes.
    pub(crate) fn smaps_sum(&self, field: &str) -> u64 {
        smaps_sum(self.pid(), field)
    }

    /// Waits for it to end.
    pub(crate) fn wait(mut self) {
        self.stdin = None;
        self.child.wait().unwrap();
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sums a field of /proc/PID/smaps, in bytes, without any of vmrec's code.
pub(crate) fn smaps_sum(pid: u32, field: &str) -> u64 {
    fs::read_to_string(format!("/proc/{pid}/smaps"))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix(field)?.strip_prefix(':')?.strip_suffix("kB"))
        .map(|kilobytes| kilobytes.trim().parse::<u64>().unwrap() * 1024)
        .sum()
}

/// Sends a signal to a process.
#[allow(unsafe_code)]
pub(crate) fn signal(pid: u32, signal: i32) {
    // SAFETY: kill(2) takes two numbers and touches no memory of ours.
    let sent = unsafe { libc::kill(pid.try_into().unwrap(), signal) };
    assert_eq!(sent, 0, "{}", std::io::Error::last_os_error());
}

/// Prints that a test proved nothing here, past the capture of passing tests' output.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
