//! The display while several processes are recorded: sums, and a summary of who grew.
//! All of it goes to standard error: standard output belongs to the command.

use std::path::Path;
use std::time::Instant;

use vmrec_report::ProcessSizes;
use vmrec_report::units::{counted, duration, size};
use vmrec_store::{SessionId, WhyEnded};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::family::members::Members;
use crate::commands::record::family::outcome::Leader;
use crate::commands::record::live_line::LiveLine;
use crate::commands::record::progress::{change, ended_words};
use crate::failure::Failure;
use crate::file;

/// How many names are shown of processes without a sample.
const SHOWN_NAMES: usize = 5;

/// The display of a running session.
pub(crate) struct FamilyProgress {
    begun: Instant,
    first: Option<ProcessSizes>,
    last: ProcessSizes,
    peak: ProcessSizes,
    ticks: u64,
    samples: u64,
    missed: u64,
    lost: u64,
    cpu_ns: u64,
    file_bytes: u64,
    grown: Option<String>,
    largest: Option<(u64, String)>,
    line: LiveLine,
}

/// A tick that was written.
pub(crate) struct TickFigures<'a> {
    pub(crate) processes: usize,
    /// The sums as the session began.
    pub(crate) first: ProcessSizes,
    pub(crate) sizes: ProcessSizes,
    /// Processor time of its samples.
    pub(crate) cpu_ns: u64,
    pub(crate) file_bytes: u64,
    /// The process that grew most.
    pub(crate) grown: Option<Leader<'a>>,
    /// The largest process.
    pub(crate) largest: Option<Leader<'a>>,
}

impl FamilyProgress {
    /// Says what is being recorded.
    pub(crate) fn start(args: &RecordArgs, path: &Path) -> Self {
        Self {
            begun: Instant::now(),
            first: None,
            last: ProcessSizes::ZERO,
            peak: ProcessSizes::ZERO,
            ticks: 0,
            samples: 0,
            missed: 0,
            lost: 0,
            cpu_ns: 0,
            file_bytes: 0,
            grown: None,
            largest: None,
            line: LiveLine::start(args, path, &args.targets()),
        }
    }

    /// Says something.
    pub(crate) fn say(&self, text: &str) {
        self.line.say(text);
    }

    /// Says that conditions became true.
    pub(crate) fn fired(&mut self, notes: &[String]) {
        self.line.end();
        notes.iter().for_each(|note| self.line.say(note));
    }

    /// Counts samples that were kept.
    pub(crate) const fn kept(&mut self, samples: u64) {
        self.samples += samples;
    }

    /// Shows a tick that was written.
    pub(crate) fn tick(&mut self, figures: &TickFigures<'_>) {
        let TickFigures { processes, first, sizes, cpu_ns, file_bytes, grown, largest } = *figures;
        self.ticks += 1;
        self.first = Some(first);
        self.last = sizes;
        self.peak = ProcessSizes {
            own_bytes: self.peak.own_bytes.max(sizes.own_bytes),
            pss_bytes: self.peak.pss_bytes.max(sizes.pss_bytes),
            resident_bytes: self.peak.resident_bytes.max(sizes.resident_bytes),
        };
        self.grown = grown.map(|Leader { name, pid, first, last }| {
            let change = change(last, first);
            format!("grew most: {name} (pid {pid}) {change}, {} -> {}", size(first), size(last))
        });
        if let Some(Leader { name, pid, last, .. }) = largest
            && self.largest.as_ref().is_none_or(|(bytes, _)| last > *bytes)
        {
            self.largest = Some((last, format!("largest: {name} (pid {pid}) {}", size(last))));
        }
        self.cpu_ns += cpu_ns;
        self.file_bytes = file_bytes;
        let elapsed_ns = self.elapsed_ns();
        self.line.show(|| {
            format!(
                "{} {} private+swapped {} pss {} cost {} file {}",
                duration(elapsed_ns),
                counted(processes as u64, "process", "processes"),
                with_growth(sizes.own_bytes, first.own_bytes),
                with_growth(sizes.pss_bytes, first.pss_bytes),
                duration(cpu_ns),
                size(file_bytes),
            )
        });
    }

    /// Says that samples could not be written.
    pub(crate) fn lost(&mut self, failure: &Failure) {
        self.lost += 1;
        if self.lost == 1 {
            self.line.lost(failure);
        }
    }

    /// Says that regions are not stored, and why.
    pub(crate) fn regions_left_out(&mut self, why: &str) {
        self.line.left_out(why);
    }

    /// Says that old samples stay from now on.
    pub(crate) fn not_pruned(&mut self, failure: &Failure) {
        self.line.not_pruned(failure);
    }

    /// Counts ticks that went by without samples.
    pub(crate) const fn missed(&mut self, ticks: u64) {
        self.missed += ticks;
    }

    /// Returns how many ticks were written.
    pub(crate) const fn ticks(&self) -> u64 {
        self.ticks
    }

    fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// Says what was recorded, why it ended and what to type next, with `lines` of what else is to be
    /// known. Not escaped.
    pub(crate) fn summary(
        &mut self,
        why: &WhyEnded,
        members: &Members,
        path: &Path,
        session: Option<SessionId>,
        lines: &[String],
    ) {
        if self.line.is_quiet() {
            return;
        }
        self.line.end();
        let why = ended_words(why);
        let (Some(session), Some(first)) = (session, self.first) else {
            self.line.say(&format!("{why} before the first sample: nothing was recorded"));
            self.left_out(members);
            return;
        };
        self.line.say(&format!(
            "{why}: recorded {} in {}",
            counted(members.recorded, "process", "processes"),
            counted(self.samples, "sample", "samples")
        ));
        let counts = [(self.missed, "missed"), (self.lost, "lost: disk full")];
        let blemishes = counts.into_iter().filter(|(count, _)| *count > 0);
        let blemishes: String =
            blemishes.map(|(count, what)| format!(", {count} ticks {what}")).collect();
        self.line.say(&format!(
            "as session {} in {}{blemishes}",
            session.0,
            duration(self.elapsed_ns())
        ));
        let rows = [
            ("private+swapped", self.last.own_bytes, first.own_bytes, self.peak.own_bytes),
            ("pss", self.last.pss_bytes, first.pss_bytes, self.peak.pss_bytes),
            ("resident", self.last.resident_bytes, first.resident_bytes, self.peak.resident_bytes),
        ];
        let notes = ["shared pages left out", "shared pages divided", "shared pages in each"];
        for ((name, last, first, peak), note) in rows.into_iter().zip(notes) {
            let known = last.zip(first).zip(peak);
            let figures = known.map_or("-".to_owned(), |((last, first), peak)| {
                let change = change(last, first);
                format!("{} -> {} ({change}), peak {}", size(first), size(last), size(peak))
            });
            self.line.say(&format!("{name:<15} {figures}; {note}"));
        }
        let leaders = self.grown.iter().chain(self.largest.as_ref().map(|(_, words)| words));
        leaders.for_each(|words| self.line.say(&format!("{words} private+swapped")));
        self.left_out(members);
        lines.iter().for_each(|line| self.line.say(line));
        self.line.say(&format!(
            "cost            {} a tick, {:.2}% of one CPU; file {}",
            duration(self.cpu_ns / self.ticks.max(1)),
            self.cpu_ns as f64 / self.elapsed_ns() as f64 * 100.0,
            size(self.file_bytes)
        ));
        let db = file::db_option(path);
        self.line.say(&format!("next: vmrec diff{db} --session {} start end", session.0));
        self.line.say(&format!("      vmrec list{db} --session {}", session.0));
    }

    /// Names the processes that were seen and not recorded.
    fn left_out(&self, members: &Members) {
        for (counts, what) in [
            (&members.too_short, "ended before a sample could be taken"),
            (&members.refused, "could not be read"),
            (&members.without_stacks, "had no stacks: not permitted, or too many threads"),
        ] {
            if counts.total() > 0 {
                let processes = counted(counts.total(), "process", "processes");
                self.line.say(&format!("{processes} {what}: {}", counts.words(SHOWN_NAMES)));
            }
        }
        if members.too_short.total() > 0 {
            self.line.say("others may have ended between two looks, unseen: how many is not known");
        }
    }
}

fn with_growth(now: Option<u64>, then: Option<u64>) -> String {
    match now.zip(then) {
        Some((now, then)) => format!("{} ({})", size(now), change(now, then)),
        None => "-".to_owned(),
    }
}
