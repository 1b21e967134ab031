//! The line that shows how a recording goes: one that is written over on a terminal, a new one
//! now and then elsewhere. It goes to standard error, as all that is said beside it.

use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use vmrec_report::units::duration;

use crate::commands::record::args::RecordArgs;
use crate::commands::record::detach::Starter;
use crate::commands::record::note_writer::NoteWriter;
use crate::failure::Failure;
use crate::terminal;

/// How often a plain line is printed where there is no terminal.
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(10);

/// The live line, and notes that end it first.
pub(crate) struct LiveLine {
    quiet: bool,
    manner: Manner,
    /// When the last line was shown, and its text if it may be written over.
    last: Option<(Instant, String)>,
    /// Waits for the first sample.
    starter: Option<Starter>,
    out: NoteWriter,
}

/// How figures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// On one line, which is written over.
    Over,
    /// On a line of their own, now and then.
    Plain,
    /// Not at all: the terminal is the command's.
    Silent,
}

impl Manner {
    fn of(is_terminal: bool, is_dumb: bool, runs_command: bool) -> Self {
        match (is_terminal, is_dumb) {
            (true, _) if runs_command => Self::Silent,
            (true, false) => Self::Over,
            _ => Self::Plain,
        }
    }
}

impl LiveLine {
    /// Says which `targets` are recorded, how often and where.
    pub(crate) fn start(args: &RecordArgs, path: &Path, targets: &str) -> Self {
        let (is_terminal, is_dumb) = (io::stderr().is_terminal(), terminal::is_dumb());
        let manner = Manner::of(is_terminal && !args.detached, is_dumb, !args.launch.is_empty());
        let out = NoteWriter::start(manner == Manner::Over && !args.quiet);
        let starter = Starter::take(args);
        let line = Self { quiet: args.quiet, manner, last: None, starter, out };
        let every = duration(u64::try_from(args.interval().as_nanos()).unwrap_or(u64::MAX));
        line.say(&format!("recording {targets} every {every}"));
        line.say(&format!("in {}", path.display()));
        line
    }

    /// Says something, unless nothing but errors is wanted.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.out.note(text);
        }
    }

    /// Returns whether nothing but errors is wanted.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Shows the line, if one is due.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        if let Some(starter) = self.starter.take() {
            // The one before writes all lines up to here.
            self.out = NoteWriter::start(false);
            starter.begun();
            self.out = NoteWriter::start(false);
        }
        let waits = self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < PLAIN_LINE_EVERY);
        match self.manner {
            _ if self.quiet => {}
            Manner::Over => {
                let width = terminal_size::terminal_size_of(io::stderr())
                    .map_or(80, |(width, _)| usize::from(width.0));
                let text = fitting(&line(), width.saturating_sub(1)).to_owned();
                self.out.raw(format!("\r\x1b[K{text}"));
                self.last = Some((Instant::now(), text));
            }
            Manner::Plain if !waits => {
                self.out.note(&line());
                self.last = Some((Instant::now(), String::new()));
            }
            Manner::Plain | Manner::Silent => {}
        }
    }

    /// Ends the live line, so that what is said next stands below it. It is written once more, since the
    /// terminal may have added `^C`.
    pub(crate) fn end(&mut self) {
        if self.manner == Manner::Over
            && let Some((_, text)) = self.last.take()
        {
            self.out.raw(format!("\r\x1b[K{text}\n"));
        }
    }

    /// Says that samples could not be written.
    pub(crate) fn lost(&mut self, failure: &Failure) {
        self.end();
        self.out.raw(failure.text());
        self.say("still watching: samples are kept again once there is space, for a minute");
    }

    /// Says that old samples stay from now on.
    pub(crate) fn not_pruned(&mut self, failure: &Failure) {
        self.end();
        self.out.raw(failure.text());
        self.say("still recording: nothing more is pruned");
    }

    /// Says that regions are not stored, and why.
    pub(crate) fn left_out(&mut self, why: &str) {
        self.end();
        self.say(&format!("only totals are kept of samples whose regions are too many: {why}"));
        self.say("hint: give a larger --max-size");
    }
}

/// Returns as many parts of a line, which two spaces part, as fit into some columns, and never a part
/// of a number.
fn fitting(line: &str, columns: usize) -> &str {
    let end = line.char_indices().nth(columns).map_or(line.len(), |(at, _)| at);
    match line[..end].rfind("  ") {
        Some(cut) if end < line.len() && !line[end..].starts_with("  ") => &line[..cut],
        _ => &line[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_over_where_nobody_else_writes() {
        assert_eq!(Manner::of(true, false, false), Manner::Over);
        assert_eq!(Manner::of(true, true, false), Manner::Plain);
        assert_eq!(Manner::of(false, false, false), Manner::Plain);
        assert_eq!(Manner::of(true, false, true), Manner::Silent);
        assert_eq!(Manner::of(false, false, true), Manner::Plain);
    }

    #[test]
    fn a_line_ends_with_a_whole_part() {
        let line = "43s #87  resident 181.8M +139.3M  cost 4.6ms  db 486K";
        assert_eq!(fitting(line, 80), line);
        assert_eq!(fitting(line, line.len() - 1), "43s #87  resident 181.8M +139.3M  cost 4.6ms");
        assert_eq!(fitting(line, 32), "43s #87  resident 181.8M +139.3M");
        assert_eq!(fitting(line, 31), "43s #87");
        assert_eq!((fitting(line, 5), fitting("", 5)), ("43s #", ""));
    }
}
