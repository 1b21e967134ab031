//! The recorder that a view of a TARGET starts: a `vmrec record` of its own.

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use vmrec_store::{RecordingId, Store};

use crate::failure::{Failure, Status};
use crate::output;

/// A `vmrec record` that runs beside the view.
pub(crate) struct Recorder {
    child: Child,
    /// The lines of its standard error.
    lines: Receiver<String>,
    newest_before: Option<RecordingId>,
    ended: Option<ExitStatus>,
}

/// How often a recorder is asked whether it has a sample, or has ended.
const ASK_EVERY: Duration = Duration::from_millis(20);

impl Recorder {
    /// Starts recording.
    pub(crate) fn start(target: &str, every: Duration, path: &Path) -> Result<Self, Failure> {
        let newest_before = newest(path);
        let mut command = command(target, every, path)?;
        // Keys that end the view are not for the recorder.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Failure::new(Status::Usage, error))?;
        let (sender, lines) = channel();
        if let Some(error) = child.stderr.take() {
            thread::spawn(move || {
                let lines = BufReader::new(error).lines().map_while(Result::ok);
                lines.map_while(|line| sender.send(line).ok()).for_each(drop);
            });
        }
        Ok(Self { child, lines, newest_before, ended: None })
    }

    /// Waits for the first sample and returns its recording, or the status of a recorder that ended without one.
    pub(crate) fn first_sample(
        &mut self,
        path: &Path,
    ) -> Result<Result<RecordingId, ExitCode>, Failure> {
        loop {
            let ended = self.has_ended();
            if let Some(id) = newest(path).filter(|id| Some(*id) != self.newest_before)
                && Store::open(path)?.extent(id)?.is_some()
            {
                return Ok(Ok(id));
            }
            if ended {
                return Ok(Err(self.end()));
            }
            thread::sleep(ASK_EVERY);
        }
    }

    /// Returns whether it has ended, as with its target.
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended.is_some()
    }

    /// Ends the recording as Ctrl-C does, shows its summary, or all that the recorder said if it had
    /// ended by itself, and returns its status.
    pub(crate) fn end(&mut self) -> ExitCode {
        if !self.has_ended() {
            self.lines.try_iter().for_each(drop);
            // One that has ended meanwhile cannot be reached, nor need it be.
            let _ = vmrec_sampler::send_signal(self.child.id(), SIGINT);
        }
        let status = self.ended.or_else(|| self.child.wait().ok());
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(1)) {
            output::note(&line);
        }
        exit_code(status)
    }
}

/// Becomes the recorder: where there is no terminal to show a view on.
pub(crate) fn in_place(target: &str, every: Duration, path: &Path) -> Result<ExitCode, Failure> {
    let error = command(target, every, path)?.exec();
    Err(Failure::new(Status::Usage, error))
}

/// Returns the command that records a target.
fn command(target: &str, every: Duration, path: &Path) -> Result<Command, Failure> {
    let vmrec = std::env::current_exe().map_err(|error| Failure::new(Status::Usage, error))?;
    let mut command = Command::new(vmrec);
    command.arg("record").arg("--every").arg(format!("{}ms", every.as_millis()));
    command.arg("--db").arg(path).arg(target);
    Ok(command)
}

fn newest(path: &Path) -> Option<RecordingId> {
    Store::open(path).ok()?.newest().ok()?
}

/// Passes on a recorder's status.
fn exit_code(status: Option<ExitStatus>) -> ExitCode {
    let code = status.and_then(|status| status.code().or_else(|| Some(128 + status.signal()?)));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
