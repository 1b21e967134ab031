//! The display while several processes are recorded: sums, and a summary of who grew.
//! All of it goes to standard error: standard output belongs to the command.

use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;

use vmrec_report::ProcessSizes;
use vmrec_report::units::{counted, duration, size};
use vmrec_store::{SessionId, WhyEnded};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::family::members::{Leader, Members};
use crate::commands::record::note_writer::NoteWriter;
use crate::commands::record::progress::{PLAIN_LINE_EVERY, change, ended_words};
use crate::failure::Failure;
use crate::file;

/// How many names are shown of processes without a sample.
const SHOWN_NAMES: usize = 5;

/// The display of a running session.
pub(crate) struct FamilyProgress {
    quiet: bool,
    live: bool,
    last_line: Option<Instant>,
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
    out: NoteWriter,
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
        let progress = Self {
            quiet: args.quiet,
            live: io::stderr().is_terminal(),
            last_line: None,
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
            out: NoteWriter::start(),
        };
        let every = duration(u64::try_from(args.every.as_nanos()).unwrap_or(u64::MAX));
        progress.say(&format!("recording {} every {every}", args.targets()));
        progress.say(&format!("in {}", path.display()));
        progress
    }

    /// Says something.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.out.note(text);
        }
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
        let due = self.live || self.last_line.is_none_or(|at| at.elapsed() >= PLAIN_LINE_EVERY);
        if self.quiet || !due {
            return;
        }
        self.last_line = Some(Instant::now());
        let line = self.line(processes, cpu_ns);
        if self.live {
            let width = terminal_size::terminal_size_of(io::stderr())
                .map_or(80, |(width, _)| usize::from(width.0));
            let line: String = line.chars().take(width.saturating_sub(1)).collect();
            self.out.raw(format!("\r\x1b[K{line}"));
        } else {
            self.out.note(&line);
        }
    }

    fn line(&self, processes: usize, cpu_ns: u64) -> String {
        let first = self.first.unwrap_or(self.last);
        format!(
            "{} {} private+swapped {} pss {} cost {} file {}",
            duration(self.elapsed_ns()),
            counted(processes as u64, "process", "processes"),
            with_growth(self.last.own_bytes, first.own_bytes),
            with_growth(self.last.pss_bytes, first.pss_bytes),
            duration(cpu_ns),
            size(self.file_bytes),
        )
    }

    /// Says that samples could not be written.
    pub(crate) fn lost(&mut self, failure: &Failure) {
        self.lost += 1;
        if self.lost == 1 {
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

    fn end_live_line(&mut self) {
        if self.live && !self.quiet && self.last_line.take().is_some() {
            self.out.raw("\n".to_owned());
        }
    }

    /// Says what was recorded, why it ended and what to type next. `living` are the names of
    /// processes that go on without being recorded.
    pub(crate) fn summary(
        &mut self,
        why: &WhyEnded,
        members: &Members,
        path: &Path,
        session: Option<SessionId>,
        living: Option<String>,
    ) {
        if self.quiet {
            return;
        }
        self.end_live_line();
        let why = ended_words(why);
        let (Some(session), Some(first)) = (session, self.first) else {
            self.out.note(&format!("{why} before the first sample: nothing was recorded"));
            self.left_out(members);
            return;
        };
        self.out.note(&format!(
            "{why}: recorded {} in {}",
            counted(members.recorded, "process", "processes"),
            counted(self.samples, "sample", "samples")
        ));
        let counts = [(self.missed, "missed"), (self.lost, "lost: disk full")];
        let blemishes = counts.into_iter().filter(|(count, _)| *count > 0);
        let blemishes: String =
            blemishes.map(|(count, what)| format!(", {count} ticks {what}")).collect();
        self.out.note(&format!(
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
            self.out.note(&format!("{name:<15} {figures}; {note}"));
        }
        let leaders = self.grown.iter().chain(self.largest.as_ref().map(|(_, words)| words));
        leaders.for_each(|words| self.out.note(&format!("{words} private+swapped")));
        self.left_out(members);
        if let Some(living) = living {
            self.out.note(&format!("still running, not recorded any more: {living}"));
        }
        self.out.note(&format!(
            "cost            {} a tick, {:.2}% of one CPU; file {}",
            duration(self.cpu_ns / self.ticks.max(1)),
            self.cpu_ns as f64 / self.elapsed_ns() as f64 * 100.0,
            size(self.file_bytes)
        ));
        let db = file::db_option(path);
        self.out.note(&format!("next: vmrec diff{db} --session {} start end", session.0));
        self.out.note(&format!("      vmrec list{db} --session {}", session.0));
    }

    /// Names the processes that were seen and not recorded.
    fn left_out(&self, members: &Members) {
        for (counts, what) in [
            (&members.too_short, "ended before a sample could be taken"),
            (&members.refused, "could not be read"),
        ] {
            if counts.total() > 0 {
                let processes = counted(counts.total(), "process", "processes");
                self.out.note(&format!("{processes} {what}: {}", counts.words(SHOWN_NAMES)));
            }
        }
    }
}

fn with_growth(now: Option<u64>, then: Option<u64>) -> String {
    match now.zip(then) {
        Some((now, then)) => format!("{} ({})", size(now), change(now, then)),
        None => "-".to_owned(),
    }
}
