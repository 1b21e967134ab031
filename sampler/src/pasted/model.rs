//! The contents of a paste, and why one cannot be read.

use crate::named::named;
use crate::pasted::text::Line;
use crate::region::Region;
use crate::snapshot::{Consistency, ProcessTotals};

/// The maximum length of a paste, in bytes.
pub const MAX_PASTE_BYTES: u64 = 256 << 20;

named! {
    /// The tool whose output a paste is, by the name it has on the command line.
    PasteFormat {
        /// `/proc/PID/smaps` or `/proc/PID/maps`.
        Smaps = "smaps",
        /// pmap(1), with any options.
        Pmap = "pmap",
        /// vmmap(1), whole pages or parts of them.
        Vmmap = "vmmap",
        /// footprint(1).
        Footprint = "footprint",
        /// A crash report of macOS: the regions near an address, the sums by type.
        Crash = "crash",
    }
}

/// One process in a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// The tool.
    pub format: PasteFormat,
    /// The paste's facts about the process.
    pub process: PastedProcess,
    /// The system's kind: `linux` or `macos`.
    pub os: &'static str,
    /// The system's name and version, such as `macOS 14.0 (23A344)`.
    pub os_version: Option<String>,
    /// Bytes of a page.
    pub page_size_bytes: Option<u64>,
    /// Its snapshots, in the order of the paste: one or more.
    pub snapshots: Vec<PastedSnapshot>,
    /// Notes for the reader: parts that are missing, cut or do not add up.
    pub remarks: Vec<Remark>,
}

/// The facts of a paste about a process besides its memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastedProcess {
    /// Its name.
    pub name: Option<String>,
    /// Its number.
    pub pid: Option<u32>,
    /// The process that started it.
    pub parent_pid: Option<u32>,
    /// The path of its executable.
    pub executable: Option<String>,
    /// Its command line.
    pub arguments: Vec<String>,
    /// The machine its program was built for.
    pub architecture: Option<String>,
    /// When it started, nanoseconds since 1970-01-01 UTC.
    pub started_utc_ns: Option<i64>,
}

/// A snapshot in a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastedSnapshot {
    /// When it was taken, nanoseconds since 1970-01-01 UTC.
    pub taken_utc_ns: Option<i64>,
    /// Whether its regions are in order and disjoint.
    pub consistency: Consistency,
    /// The totals that the paste states.
    pub totals: ProcessTotals,
    /// Its regions, ascending.
    pub regions: Vec<Region>,
}

/// A remark on a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line it is about, from 1.
    pub line: Option<usize>,
    /// The note.
    pub text: String,
}

impl Remark {
    pub(crate) fn at(line: usize, text: impl Into<String>) -> Self {
        Self { line: Some(line), text: text.into() }
    }

    pub(crate) fn of_all(text: impl Into<String>) -> Self {
        Self { line: None, text: text.into() }
    }
}

/// Why a paste cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPaste {
    /// Nothing but blanks.
    #[error("the text is empty")]
    Empty,
    /// No tool's output is recognised.
    #[error("line {line}, `{text}`: this is the output of no tool that vmrec reads")]
    Unknown {
        /// The first line.
        line: usize,
        /// Its text, cut to a sane length.
        text: String,
    },
    /// A tool's message of failure.
    #[error("line {line}: {tool} failed and printed no memory: `{text}`")]
    Failed {
        /// The line of the message.
        line: usize,
        /// The tool.
        tool: &'static str,
        /// The message.
        text: String,
    },
    /// A line of the format that cannot be read.
    #[error("line {line}, `{text}`: {problem}")]
    Line {
        /// Its number.
        line: usize,
        /// Its text, cut to a sane length.
        text: String,
        /// The fault.
        problem: &'static str,
    },
    /// The format has no region and no sum.
    #[error("the text has no {what}, which {} prints", format.name())]
    Missing {
        /// The format.
        format: PasteFormat,
        /// The missing part.
        what: &'static str,
    },
}

impl BadPaste {
    pub(crate) fn line(line: &Line, problem: &'static str) -> Self {
        Self::Line { line: line.number, text: shortened(&line.text), problem }
    }

    pub(crate) fn unknown(line: &Line) -> Self {
        Self::Unknown { line: line.number, text: shortened(&line.text) }
    }
}

/// Returns a line for an error: cut where it is long.
pub(crate) fn shortened(text: &str) -> String {
    const MAX_CHARACTERS: usize = 80;
    let text = text.trim();
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
