//! The display while recording: one live line on a terminal, a plain line
//! now and then elsewhere, and a summary that says what to type next.
//! All of it goes to standard error: standard output belongs to the command.

use std::path::Path;

use vmrec_report::units::{duration, signed_size, size};
use vmrec_report::{escape, signal_name};
use vmrec_sampler::ProcessInfo;
use vmrec_store::{RecordingId, WhyEnded};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::live_line::LiveLine;
use crate::commands::record::tally::{Figures, Tally};
use crate::failure::Failure;
use crate::{file, zone};

/// The display of a running recording.
pub(crate) struct Progress {
    process: String,
    file_bytes: u64,
    tally: Tally,
    line: LiveLine,
}

impl Progress {
    /// Says what is being recorded.
    pub(crate) fn start(args: &RecordArgs, path: &Path, process: &ProcessInfo) -> Self {
        let process_name = process_name(process);
        let line = LiveLine::start(args, path, &process_name);
        Self { process: process_name, file_bytes: 0, tally: Tally::new(process), line }
    }

    /// Says what the sampler could not look at, and what follows for the types.
    pub(crate) fn notes(&self, notes: &[String]) {
        notes.iter().for_each(|note| self.line.say(&format!("note: {note}")));
    }

    /// Shows a sample that was kept.
    pub(crate) fn sample(&mut self, number: u64, figures: &Figures, file_bytes: u64) {
        self.tally.add(figures);
        self.file_bytes = file_bytes;
        let tally = &self.tally;
        self.line.show(|| line(tally, number, figures.cpu_ns, file_bytes));
    }

    /// Says that a sample could not be written.
    pub(crate) fn lost(&mut self, failure: &Failure) {
        self.tally.lost += 1;
        if self.tally.lost == 1 {
            self.line.lost(failure);
        }
    }

    /// Says that old samples stay from now on.
    pub(crate) fn not_pruned(&mut self, failure: &Failure) {
        self.line.not_pruned(failure);
    }

    /// Says that regions are not stored, and why.
    pub(crate) fn left_out(&mut self, why: &str) {
        self.line.left_out(why);
    }

    /// Counts ticks that went by without a sample.
    pub(crate) fn missed(&mut self, ticks: u64) {
        self.tally.missed += ticks;
    }

    /// Says that the target runs another program now, which is counted anew.
    pub(crate) fn replaced(&mut self, process: &ProcessInfo) {
        self.line.end();
        self.process = process_name(process);
        self.tally = Tally::new(process);
        self.line.say(&format!("the target runs {} now, recorded by itself", self.process));
    }

    /// Says that conditions became true.
    pub(crate) fn fired(&mut self, notes: &[String]) {
        self.line.end();
        notes.iter().for_each(|note| self.line.say(note));
    }

    /// Says which processes were left out.
    pub(crate) fn unrecorded(&self, words: &str) {
        self.line.say(words);
        self.line.say("hint: add --tree to record them too");
    }

    /// Says what was recorded, why it ended, what became of `conditions` and what to type next.
    pub(crate) fn summary(
        &mut self,
        why: &WhyEnded,
        path: &Path,
        recording: Option<RecordingId>,
        conditions: &[String],
    ) {
        if self.line.is_quiet() {
            return;
        }
        self.line.end();
        let tally = &self.tally;
        let why = ended_words(why);
        let (Some(recording), Some([first, last, peak])) = (recording, tally.ends()) else {
            self.line.say(&format!("{why} before the first sample: nothing was recorded"));
            return;
        };
        let samples = if tally.kept == 1 { "sample" } else { "samples" };
        self.line.say(&format!("{why}: recorded {} {samples} of {}", tally.kept, self.process));
        self.line.say(&format!(
            "as recording {} in {}{}",
            recording.0,
            duration(tally.elapsed_ns()),
            tally.blemishes()
        ));
        for line in tally.finding(zone::local()) {
            self.line.say(&line);
        }
        let from_to =
            |now, then| format!("{} -> {} ({})", size(then), size(now), change(now, then));
        self.line.say(&format!(
            "resident {}, peak {}",
            from_to(last.resident, first.resident),
            size(peak.resident)
        ));
        if let Some(peak) = tally.kernel_peak.filter(|of| *of > peak.resident) {
            self.line.say(&format!("kernel's peak {}, since the process began", size(peak)));
        }
        if let (Some(now), Some(then)) = (last.private, first.private) {
            self.line.say(&format!("private  {}", from_to(now, then)));
        }
        conditions.iter().for_each(|line| self.line.say(line));
        self.line.say(&format!(
            "cost     {} a sample, {:.2}% of one CPU; file {}",
            duration(tally.cpu_ns / tally.kept.max(1)),
            tally.cpu_ns as f64 / tally.elapsed_ns() as f64 * 100.0,
            size(self.file_bytes)
        ));
        let db = file::db_option(path);
        self.line.say(&format!("next: vmrec diff{db} --recording {} start end", recording.0));
        self.line.say(&format!("      vmrec chart{db} --recording {} -o growth.svg", recording.0));
    }
}

/// Returns the live line of a sample: sizes with their growth since the first one, if they grew.
fn line(tally: &Tally, number: u64, cpu_ns: u64, file_bytes: u64) -> String {
    let Tally { first, last, .. } = tally;
    let first = first.as_ref().unwrap_or(last);
    let with_growth = |now: u64, then: u64| match now == then {
        true => size(now),
        false => format!("{} {}", size(now), change(now, then)),
    };
    let private = match (last.private, first.private) {
        (Some(now), Some(then)) => with_growth(now, then),
        _ => "-".to_owned(),
    };
    format!(
        "{} #{number}  resident {}  private {private}  cost {}  db {}",
        duration(tally.elapsed_ns()),
        with_growth(last.resident, first.resident),
        duration(cpu_ns),
        size(file_bytes),
    )
}

/// Returns why recording ended, in words.
pub(crate) fn ended_words(why: &WhyEnded) -> String {
    match why {
        WhyEnded::TargetExited(Some(status)) => {
            let signal = signal_name(*status).map(|name| format!(" ({name})")).unwrap_or_default();
            format!("the command ended with status {status}{signal}")
        }
        WhyEnded::TargetExited(None) => "the target exited".to_owned(),
        WhyEnded::Interrupted => "stopped".to_owned(),
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
