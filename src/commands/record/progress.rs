//! The display while recording: one live line on a terminal, a plain line
//! now and then elsewhere, and a summary that says what to type next.
//! All of it goes to standard error: standard output belongs to the command.

use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use vmrec_report::escape;
use vmrec_report::units::{duration, signed_size, size};
use vmrec_sampler::ProcessInfo;
use vmrec_store::{RecordingId, WhyEnded};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::note_writer::NoteWriter;
use crate::commands::record::tally::{Figures, Tally};
use crate::failure::Failure;
use crate::{file, zone};

/// How often a plain line is printed where there is no terminal.
pub(crate) const PLAIN_LINE_EVERY: Duration = Duration::from_secs(10);

/// The display of a running recording.
pub(crate) struct Progress {
    quiet: bool,
    live: bool,
    last_line: Option<Instant>,
    process: String,
    file_bytes: u64,
    tally: Tally,
    out: NoteWriter,
}

impl Progress {
    /// Says what is being recorded.
    pub(crate) fn start(args: &RecordArgs, path: &Path, process: &ProcessInfo) -> Self {
        let progress = Self {
            quiet: args.quiet,
            live: io::stderr().is_terminal(),
            last_line: None,
            process: process_name(process),
            file_bytes: 0,
            tally: Tally::new(process),
            out: NoteWriter::start(),
        };
        let every = duration(u64::try_from(args.every.as_nanos()).unwrap_or(u64::MAX));
        progress.say(&format!("recording {} every {every}", progress.process));
        progress.say(&format!("in {}", path.display()));
        progress
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.out.note(text);
        }
    }

    /// Says what the sampler could not look at, and what follows for the types.
    pub(crate) fn notes(&self, notes: &[String]) {
        notes.iter().for_each(|note| self.say(&format!("note: {note}")));
    }

    /// Shows a sample that was kept.
    pub(crate) fn sample(&mut self, number: u64, figures: &Figures, file_bytes: u64) {
        self.tally.add(figures);
        self.file_bytes = file_bytes;
        let due = self.live || self.last_line.is_none_or(|at| at.elapsed() >= PLAIN_LINE_EVERY);
        if self.quiet || !due {
            return;
        }
        self.last_line = Some(Instant::now());
        let line = self.line(number, figures.cpu_ns);
        if self.live {
            let width = terminal_size::terminal_size_of(io::stderr())
                .map_or(80, |(width, _)| usize::from(width.0));
            let line: String = line.chars().take(width.saturating_sub(1)).collect();
            self.out.raw(format!("\r\x1b[K{line}"));
        } else {
            self.out.note(&line);
        }
    }

    fn line(&self, number: u64, cpu_ns: u64) -> String {
        let Tally { first, last, .. } = &self.tally;
        let first = first.as_ref().unwrap_or(last);
        let with_growth = |now: u64, then: u64| format!("{} ({})", size(now), change(now, then));
        let private = match (last.private, first.private) {
            (Some(now), Some(then)) => with_growth(now, then),
            _ => "-".to_owned(),
        };
        format!(
            "{} #{number} resident {} private {private} cost {} file {}",
            duration(self.tally.elapsed_ns()),
            with_growth(last.resident, first.resident),
            duration(cpu_ns),
            size(self.file_bytes),
        )
    }

    /// Says that a sample could not be written.
    pub(crate) fn lost(&mut self, failure: &Failure) {
        self.tally.lost += 1;
        if self.tally.lost == 1 {
            self.end_live_line();
            self.out.raw(failure.text());
            self.say("still watching: samples are kept again once there is space, for a minute");
        }
    }

    /// Says that old samples stay from now on.
    pub(crate) fn not_pruned(&mut self, failure: &Failure) {
        self.end_live_line();
        self.out.raw(failure.text());
        self.say("still recording: nothing more is pruned");
    }

    /// Counts ticks that went by without a sample.
    pub(crate) fn missed(&mut self, ticks: u64) {
        self.tally.missed += ticks;
    }

    /// Says that the target runs another program now, which is counted anew.
    pub(crate) fn replaced(&mut self, process: &ProcessInfo) {
        self.end_live_line();
        self.process = process_name(process);
        self.tally = Tally::new(process);
        self.say(&format!("the target runs {} now, recorded by itself", self.process));
    }

    /// Says which processes were left out.
    pub(crate) fn unrecorded(&self, words: &str) {
        self.say(words);
        self.say("hint: add --tree to record them too");
    }

    fn end_live_line(&mut self) {
        if self.live && !self.quiet && self.last_line.take().is_some() {
            self.out.raw("\n".to_owned());
        }
    }

    /// Says what was recorded, why it ended and what to type next.
    pub(crate) fn summary(&mut self, why: &WhyEnded, path: &Path, recording: Option<RecordingId>) {
        if self.quiet {
            return;
        }
        self.end_live_line();
        let tally = &self.tally;
        let why = ended_words(why);
        let (Some(recording), Some(first)) = (recording, &tally.first) else {
            self.out.note(&format!("{why} before the first sample: nothing was recorded"));
            return;
        };
        let samples = if tally.kept == 1 { "sample" } else { "samples" };
        self.out.note(&format!("{why}: recorded {} {samples} of {}", tally.kept, self.process));
        self.out.note(&format!(
            "as recording {} in {}{}",
            recording.0,
            duration(tally.elapsed_ns()),
            tally.blemishes()
        ));
        for line in tally.finding(zone::local()) {
            self.out.note(&line);
        }
        let from_to =
            |now, then| format!("{} -> {} ({})", size(then), size(now), change(now, then));
        self.out.note(&format!(
            "resident {}, peak {}",
            from_to(tally.last.resident, first.resident),
            size(tally.peak_resident())
        ));
        if let Some(peak) = tally.kernel_peak.filter(|peak| *peak > tally.peak_resident()) {
            self.out.note(&format!("kernel's peak {}, since the process began", size(peak)));
        }
        if let (Some(now), Some(then)) = (tally.last.private, first.private) {
            self.out.note(&format!("private  {}", from_to(now, then)));
        }
        self.out.note(&format!(
            "cost     {} a sample, {:.2}% of one CPU; file {}",
            duration(tally.cpu_ns / tally.kept.max(1)),
            tally.cpu_ns as f64 / tally.elapsed_ns() as f64 * 100.0,
            size(self.file_bytes)
        ));
        let db = file::db_option(path);
        self.out.note(&format!("next: vmrec diff{db} --recording {} start end", recording.0));
        self.out.note(&format!("      vmrec chart{db} --recording {} -o growth.svg", recording.0));
    }
}

/// Returns why recording ended, in words.
pub(crate) fn ended_words(why: &WhyEnded) -> String {
    match why {
        WhyEnded::TargetExited(Some(status)) => {
            format!("the command ended with status {status}")
        }
        WhyEnded::TargetExited(None) => "the target exited".to_owned(),
        WhyEnded::Interrupted => "interrupted".to_owned(),
        WhyEnded::Failed(error) => error.clone(),
        WhyEnded::Finished | WhyEnded::TargetReplaced | WhyEnded::RecorderLost => "done".to_owned(),
    }
}

pub(crate) fn change(now: u64, then: u64) -> String {
    signed_size(i128::from(now) - i128::from(then))
}

fn process_name(process: &ProcessInfo) -> String {
    format!("{} (pid {})", escape::terminal(process.name()), process.id.pid)
}
