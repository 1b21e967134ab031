//! What is shown while recording: one live line on a terminal, a plain line
//! now and then elsewhere, and a summary that says what to type next.
//! All of it goes to standard error: standard output belongs to the command.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use vmrec_report::amounts::Amounts;
use vmrec_report::escape;
use vmrec_report::metric::Metric;
use vmrec_report::units::{duration, signed_size, size};
use vmrec_sampler::{Consistency, ProcessInfo, Snapshot};
use vmrec_store::{RecordingId, WhyEnded};

use super::RecordArgs;
use crate::failure::Failure;
use crate::file;
use crate::output::note;

/// How often a plain line is printed where there is no terminal.
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(10);

/// The sizes a user follows: sums over all regions.
#[derive(Clone, Copy, Default)]
struct Sizes {
    resident: u64,
    private: Option<u64>,
}

impl Sizes {
    fn of(snapshot: &Snapshot) -> Self {
        let sums: Amounts = snapshot.regions.iter().collect();
        let private = sums.get(Metric::PRIVATE);
        Self { resident: sums.get(Metric::RESIDENT).unwrap_or(0), private }
    }
}

/// The display of a running recording.
pub(super) struct Progress {
    quiet: bool,
    live: bool,
    begun: Instant,
    last_line: Option<Instant>,
    name: String,
    first: Option<Sizes>,
    last: Sizes,
    peak_resident: u64,
    kept: u64,
    torn: u64,
    missed: u64,
    lost: u64,
    cpu_ns: u64,
    file_bytes: u64,
}

impl Progress {
    /// Says what is being recorded.
    pub(super) fn start(
        args: &RecordArgs,
        path: &Path,
        recording: RecordingId,
        process: &ProcessInfo,
    ) -> Self {
        let progress = Self {
            quiet: args.quiet,
            live: io::stderr().is_terminal(),
            begun: Instant::now(),
            last_line: None,
            name: process_name(process),
            first: None,
            last: Sizes::default(),
            peak_resident: 0,
            kept: 0,
            torn: 0,
            missed: 0,
            lost: 0,
            cpu_ns: 0,
            file_bytes: 0,
        };
        let every = duration(u64::try_from(args.every.as_nanos()).unwrap_or(u64::MAX));
        progress.say(&format!(
            "recording {} every {every}, as recording {}",
            progress.name, recording.0
        ));
        progress.say(&format!("in {}", path.display()));
        progress
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            note(text);
        }
    }

    /// Shows a sample that was kept.
    pub(super) fn sample(&mut self, _number: u64, snapshot: &Snapshot, file_bytes: u64) {
        let sizes = Sizes::of(snapshot);
        let first = *self.first.get_or_insert(sizes);
        self.last = sizes;
        self.kept += 1;
        self.torn += u64::from(snapshot.consistency != Consistency::Complete);
        let peak = snapshot.totals.peak_resident_bytes.unwrap_or(0).max(sizes.resident);
        self.peak_resident = self.peak_resident.max(peak);
        self.cpu_ns += snapshot.cost.cpu_ns;
        self.file_bytes = file_bytes;
        let due = self.live || self.last_line.is_none_or(|at| at.elapsed() >= PLAIN_LINE_EVERY);
        if self.quiet || !due {
            return;
        }
        self.last_line = Some(Instant::now());
        let line = self.line(first, snapshot.cost.cpu_ns);
        if self.live {
            let width = terminal_size::terminal_size_of(io::stderr())
                .map_or(80, |(width, _)| usize::from(width.0));
            let line: String = line.chars().take(width.saturating_sub(1)).collect();
            // A status line that cannot be shown is no reason to stop recording.
            let _ =
                write!(io::stderr().lock(), "\r\x1b[K{line}").and_then(|()| io::stderr().flush());
        } else {
            note(&line);
        }
    }

    fn line(&self, first: Sizes, cpu_ns: u64) -> String {
        let with_growth = |now: u64, then: u64| {
            format!("{} ({})", size(now), signed_size(i128::from(now) - i128::from(then)))
        };
        let private = match (self.last.private, first.private) {
            (Some(now), Some(then)) => with_growth(now, then),
            _ => "-".to_owned(),
        };
        let elapsed = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        format!(
            "{} #{} resident {} private {private} cost {} file {}",
            duration(elapsed),
            self.kept + self.missed,
            with_growth(self.last.resident, first.resident),
            duration(cpu_ns),
            size(self.file_bytes),
        )
    }

    /// Says that a sample could not be written.
    pub(super) fn lost(&mut self, failure: &Failure) {
        self.lost += 1;
        if self.lost == 1 {
            self.end_live_line();
            failure.report();
            self.say("still watching; samples are kept again once there is space (given up after a minute)");
        }
    }

    /// Counts ticks that went by without a sample.
    pub(super) fn missed(&mut self, ticks: u64) {
        self.missed += ticks;
    }

    /// Says that the target runs another program now.
    pub(super) fn replaced(&mut self, recording: RecordingId, process: &ProcessInfo) {
        self.end_live_line();
        self.name = process_name(process);
        self.first = None;
        self.peak_resident = 0;
        self.say(&format!(
            "the target runs {} now: going on as recording {}",
            self.name, recording.0
        ));
    }

    fn end_live_line(&self) {
        if self.live && !self.quiet && self.last_line.is_some() {
            let _ = writeln!(io::stderr().lock());
        }
    }

    /// Says what was recorded, why it ended and what to type next.
    pub(super) fn summary(&self, why: &WhyEnded, path: &Path, recording: RecordingId) {
        if self.quiet {
            return;
        }
        self.end_live_line();
        let elapsed_ns = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
        let why = match why {
            WhyEnded::TargetExited(Some(status)) => {
                format!("the command ended with status {status}")
            }
            WhyEnded::TargetExited(None) => "the target exited".to_owned(),
            WhyEnded::Interrupted => "interrupted".to_owned(),
            WhyEnded::Failed(error) => error.clone(),
            WhyEnded::Finished | WhyEnded::TargetReplaced | WhyEnded::RecorderLost => {
                "done".to_owned()
            }
        };
        note(&format!(
            "{why}: recorded {} in {} of {}{}",
            counted(self.kept, "sample"),
            duration(elapsed_ns),
            self.name,
            self.blemishes()
        ));
        let Some(first) = self.first else {
            note("hint: it was gone before the first sample; nothing can be shown of it");
            return;
        };
        let change = |now: u64, then: u64| {
            format!(
                "{} -> {} ({})",
                size(then),
                size(now),
                signed_size(i128::from(now) - i128::from(then))
            )
        };
        note(&format!(
            "resident {}, peak {}",
            change(self.last.resident, first.resident),
            size(self.peak_resident)
        ));
        if let (Some(now), Some(then)) = (self.last.private, first.private) {
            note(&format!("private  {}", change(now, then)));
        }
        note(&format!(
            "cost     {} a sample, {:.2}% of one CPU; file {}",
            duration(self.cpu_ns / self.kept.max(1)),
            self.cpu_ns as f64 / elapsed_ns as f64 * 100.0,
            size(self.file_bytes)
        ));
        let db = file::db_option(path);
        note(&format!("next: vmrec diff{db} --recording {} start end", recording.0));
        note(&format!("      vmrec chart{db} --recording {} -o growth.svg", recording.0));
    }

    fn blemishes(&self) -> String {
        let mut text = String::new();
        for (count, what) in
            [(self.torn, "torn"), (self.missed, "missed"), (self.lost, "lost: disk full")]
        {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn process_name(process: &ProcessInfo) -> String {
    format!("{} (pid {})", escape::terminal(process.name()), process.id.pid)
}
