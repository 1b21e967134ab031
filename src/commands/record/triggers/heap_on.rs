//! `--heap-on`: a report on the heap of a process whenever a mark of a name is set, by whoever sets it.
//!
//! `vmrec heap --save` is run for it, a process of its own: the recorder goes on meanwhile, keeps the
//! rights and the children it has, and no watchdog ends it.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use vmrec_report::escape;
use vmrec_report::units::counted;
use vmrec_store::{Mark, RecordingId};

use crate::commands::record::triggers::beside::Ends;

/// How long reports are waited for that are being made as the recording ends: longer than a process
/// may be stopped.
const PATIENCE: Duration = Duration::from_secs(15);
/// The maximum bytes shown of why one failed.
const MAX_WHY: usize = 400;

/// The names of marks, and the reports that are being made.
pub(crate) struct HeapOn {
    names: Vec<String>,
    /// The number of the last mark that was seen.
    last: i64,
    /// The processes whose reports are being made.
    running: Vec<u32>,
    ends: Ends<End>,
    saved: u64,
    failed: u64,
    left_out: u64,
}

/// The end of a report.
struct End {
    pid: u32,
    output: io::Result<Output>,
}

impl HeapOn {
    /// Waits for marks of these names.
    pub(crate) fn new(names: &[String]) -> Self {
        let (names, running, ends) = (names.to_vec(), Vec::new(), Ends::new());
        Self { names, last: 0, running, ends, saved: 0, failed: 0, left_out: 0 }
    }

    /// Returns the number of the last mark that was seen; `None` if none is waited for.
    pub(crate) fn last_mark(&self) -> Option<i64> {
        (!self.names.is_empty()).then_some(self.last)
    }

    /// Starts reports for marks that were set since; `pid_of` returns the process of a recording that
    /// is being made. Returns notes for the user. Not escaped.
    pub(crate) fn see(
        &mut self,
        (last, marks): (i64, &[Mark]),
        path: &Path,
        pid_of: impl Fn(RecordingId) -> Option<u32>,
    ) -> Vec<String> {
        self.last = last;
        let mut notes = self.take_ends(Instant::now());
        for mark in marks {
            let Some(pid) = pid_of(mark.recording).filter(|_| self.is_meant(&mark.text)) else {
                continue;
            };
            if self.running.contains(&pid) {
                self.left_out += 1;
                continue;
            }
            match self.start(pid, path) {
                Ok(()) => self.running.push(pid),
                Err(error) => {
                    self.failed += 1;
                    notes.push(format!("no report on the heap of process {pid}: {error}"));
                }
            }
        }
        notes
    }

    /// Returns whether a mark has one of the names; those that triggers set again have a number after it.
    fn is_meant(&self, text: &str) -> bool {
        self.names.iter().any(|name| {
            let Some(rest) = text.strip_prefix(name.as_str()) else { return false };
            let number = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
            rest.is_empty() || number.is_some_and(|number| number.parse::<u64>().is_ok())
        })
    }

    fn start(&self, pid: u32, path: &Path) -> io::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["heap", "--save", "--json", "--db"]).arg(path).arg(pid.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let end = move |child: Child| End { pid, output: child.wait_with_output() };
        self.ends.start(&mut command, end).map(drop)
    }

    /// Takes the ends of reports that come until `deadline`; returns notes for the user.
    fn take_ends(&mut self, deadline: Instant) -> Vec<String> {
        let mut notes = Vec::new();
        while !self.running.is_empty() {
            let Some(End { pid, output }) = self.ends.next(deadline) else { break };
            self.running.retain(|running| *running != pid);
            let why = match output {
                Ok(output) if output.status.success() => {
                    self.saved += 1;
                    continue;
                }
                Ok(output) => shortened(&String::from_utf8_lossy(&output.stderr), output.status),
                Err(error) => error.to_string(),
            };
            self.failed += 1;
            notes.push(format!("no report on the heap of process {pid}: {why}"));
        }
        notes
    }

    /// Returns lines on the reports, at the end of the recording.
    pub(crate) fn summary(&mut self) -> Vec<String> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let mut lines: Vec<String> = self
            .take_ends(Instant::now() + PATIENCE)
            .iter()
            .map(|note| escape::terminal(note).into_owned())
            .collect();
        let mut line = format!("heap     {} saved", counted(self.saved, "report", "reports"));
        for (number, what) in [
            (self.failed, "failed"),
            (self.left_out, "left out while another was made"),
            (self.running.len() as u64, "still being made"),
        ] {
            if number > 0 {
                let _ = write!(line, ", {number} {what}");
            }
        }
        lines.push(line);
        lines
    }
}

/// Returns the error that vmrec wrote, without the text before it.
fn shortened(said: &str, status: std::process::ExitStatus) -> String {
    let error = said.lines().find_map(|line| line.split_once("error: ").map(|(_, why)| why));
    let why = error.or_else(|| said.lines().next()).filter(|why| !why.is_empty());
    let why = why.map_or_else(|| status.to_string(), str::to_owned);
    why.chars().take(MAX_WHY).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_meant_by_their_name_and_by_that_of_a_trigger_that_fired_again() {
        let on = HeapOn::new(&["full".to_owned(), "private > 2G".to_owned()]);
        for meant in ["full", "full (2)", "private > 2G", "private > 2G (17)"] {
            assert!(on.is_meant(meant), "{meant}");
        }
        for other in ["", "ful", "fuller", "full (two)", "full ()", "full (2) ", "private"] {
            assert!(!on.is_meant(other), "{other}");
        }
        assert_eq!((on.last_mark(), HeapOn::new(&[]).last_mark()), (Some(0), None));
    }

    #[test]
    fn a_process_that_is_gone_is_a_failure_that_is_counted() {
        let mut on = HeapOn::new(&["now".to_owned()]);
        let mark = Mark { recording: RecordingId(3), utc_ns: 1, text: "now".to_owned() };
        let other = Mark { recording: RecordingId(4), ..mark.clone() };
        let pid_of = |id| (id == RecordingId(3)).then_some(7);
        // The test's own program stands for vmrec: it knows none of these options.
        let notes = on.see((9, &[mark.clone(), other, mark]), Path::new("/nonexistent"), pid_of);
        assert!(notes.is_empty(), "{notes:?}");
        let lines = on.summary();
        assert!(lines[0].starts_with("no report on the heap of process 7: "), "{lines:?}");
        assert_eq!(
            lines[1],
            "heap     0 reports saved, 1 failed, 1 left out while another was made"
        );
        assert_eq!(on.last_mark(), Some(9));
    }
}
