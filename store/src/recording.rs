//! The data types of a recording that callers write and read, without SQL.

use vmrec_sampler::{
    Consistency, Cost, Host, Label, ProcessInfo, ProcessTotals, Snapshot, Timestamp,
};

/// The number of a recording within its file; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordingId(pub i64);

/// A new label for a region: from a sample on, for as long as the region is in every snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLabel {
    /// The number of the first sample.
    pub sample: u64,
    /// The index of the region among those of that sample.
    pub region: usize,
    /// The label.
    pub label: Label,
}

/// The number of a session, one run of the recorder, within its file; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub i64);

/// The properties of a new session.
#[derive(Clone, Copy, Debug)]
pub struct SessionStart<'a> {
    /// The requested targets, as on the command line.
    pub targets: &'a str,
    /// The machine.
    pub host: &'a Host,
    /// The boot id of the machine.
    pub boot_id: &'a str,
    /// Planned time between samples, in nanoseconds.
    pub interval_ns: u64,
}

/// One run of the recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number in this file.
    pub id: SessionId,
    /// The requested targets, as on the command line.
    pub targets: String,
    /// The machine.
    pub host: Host,
    /// The boot id of the machine.
    pub boot_id: String,
    /// Planned time between samples, in nanoseconds.
    pub interval_ns: u64,
    /// When it began, on both clocks.
    pub begun: Timestamp,
}

/// One target over one time range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its number in this file.
    pub id: RecordingId,
    /// The run of the recorder it belongs to.
    pub session: SessionId,
    /// The process recorded.
    pub process: ProcessInfo,
    /// The machine it ran on.
    pub host: Host,
    /// The user's own name for the recording.
    pub name: Option<String>,
    /// Where it was imported from; `None` if it was recorded.
    pub imported_from: Option<String>,
    /// Planned time between samples, in nanoseconds; 0 if it was imported.
    pub interval_ns: u64,
    /// When recording began, on both clocks: the anchor that relates them.
    pub begun: Timestamp,
    /// When it ended; `None` while it runs, or if its recorder was killed.
    pub ended: Option<Timestamp>,
    /// Why it ended; `None` while it runs, or if its recorder was killed.
    pub why_ended: Option<WhyEnded>,
}

/// A recording with the totals of its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingSummary {
    /// The recording.
    pub recording: Recording,
    /// How many samples were taken.
    pub samples: u64,
    /// How many of those have the regions of an earlier one, since the process had not run.
    pub unchanged: u64,
    /// How many of them have carried sizes besides their mappings and resident pages.
    pub cheap: u64,
    /// How many of them are torn.
    pub torn: u64,
    /// How many of those hold the totals of the process alone.
    pub totals_alone: u64,
    /// Ticks of the schedule that passed without a sample.
    pub missed_ticks: u64,
    /// The processor time of all samples, nanoseconds.
    pub cost_cpu_ns: u64,
    /// When the first sample was taken (or due, if missed); `None` if there is none.
    pub first: Option<Timestamp>,
    /// When the last one was.
    pub last: Option<Timestamp>,
    /// Its resident sizes.
    pub resident: ResidentSizes,
}

/// Resident sizes of a process over a recording, by the kernel's totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResidentSizes {
    /// That of the first sample that was taken.
    pub first_bytes: Option<u64>,
    /// That of the last one.
    pub last_bytes: Option<u64>,
    /// The largest of all: of torn samples only if it is known in no other.
    pub peak_bytes: Option<u64>,
}

impl ResidentSizes {
    /// Returns those of samples, of which missed ones have none.
    pub fn of(samples: &[Sample]) -> Self {
        let resident = |sample: &Sample| sample.totals.resident_bytes;
        let taken = || samples.iter().filter(|sample| sample.is_taken());
        let peak = taken().fold(None, |peak, next| next.higher(peak, resident));
        Self {
            first_bytes: taken().next().and_then(resident),
            last_bytes: taken().next_back().and_then(resident),
            peak_bytes: peak.and_then(resident),
        }
    }

    /// Returns the change from the first sample to the last.
    pub fn growth_bytes(&self) -> Option<i64> {
        Some(self.last_bytes?.wrapping_sub(self.first_bytes?).cast_signed())
    }
}

/// Why a recording ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyEnded {
    /// The user interrupted it (SIGINT, SIGTERM or SIGHUP).
    Interrupted,
    /// The requested time or number of samples was reached.
    Finished,
    /// The target exited, with its wait status where the recorder was its parent: exit code, or 128 + signal.
    TargetExited(Option<i32>),
    /// The target replaced its program (exec); the recording of its new program follows.
    TargetReplaced,
    /// The recorder was killed or the machine stopped; found by the next recorder.
    RecorderLost,
    /// Recording failed; the text describes the error.
    Failed(String),
}

/// Whether a sample has regions, and how far they can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleState {
    /// Consistent.
    Complete,
    /// The mappings and their resident pages are of its moment; other sizes are carried over, or unknown.
    Cheap,
    /// The process had not run since its regions were read, a minute before at most: they are those.
    Unchanged,
    /// The regions changed while they were read; the text names the failed check.
    Torn(String),
    /// The regions may not be read, for the reason named: it has the totals of the process alone.
    TotalsAlone(String),
    /// Not taken: this many ticks in a row, and why. It has no regions, cost or totals.
    Missed {
        /// The number of missed ticks.
        ticks: u64,
        /// The reason.
        reason: String,
    },
}

impl SampleState {
    /// Returns whether the regions of such a sample changed while they were read.
    pub const fn is_torn(&self) -> bool {
        matches!(self, Self::Torn(_))
    }

    /// Returns whether the regions of such a sample are those of an earlier one.
    pub const fn is_unchanged(&self) -> bool {
        matches!(self, Self::Unchanged)
    }

    /// Returns whether sizes of the regions of such a sample are those of an earlier one.
    pub const fn is_carried(&self) -> bool {
        matches!(self, Self::Cheap | Self::Unchanged)
    }

    /// Returns whether sizes of such a sample are carried over, though the process may have run.
    pub const fn is_cheap(&self) -> bool {
        matches!(self, Self::Cheap)
    }

    /// Returns whether such a sample has regions.
    pub const fn has_regions(&self) -> bool {
        matches!(self, Self::Complete | Self::Cheap | Self::Unchanged | Self::Torn(_))
    }

    /// Returns whether such a sample was taken, with or without regions.
    pub const fn is_taken(&self) -> bool {
        !matches!(self, Self::Missed { .. })
    }
}

/// One sample without its regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its number in the recording, from 1, without holes; missed ticks have a number too.
    pub number: u64,
    /// When it was taken, or was due if missed.
    pub taken: Timestamp,
    /// Whether it has regions.
    pub state: SampleState,
    /// The cost of taking it; zero if missed.
    pub cost: Cost,
    /// The kernel's totals of the process; unknown if missed.
    pub totals: ProcessTotals,
    /// How many regions it has; `None` if that is unknown, or if it was missed.
    pub regions: Option<u64>,
}

impl Sample {
    /// Returns the peak of a figure among this sample and `before`, that of the samples before it:
    /// the earlier of equals, and a torn one only while the figure is known in no other.
    pub fn higher<'a>(
        &'a self,
        before: Option<&'a Self>,
        figure: impl Fn(&Self) -> Option<u64>,
    ) -> Option<&'a Self> {
        let rank = |sample: &Self| Some((!sample.state.is_torn(), figure(sample)?));
        // None is less than any figure, so that an unknown one is never the peak.
        if rank(self) > before.and_then(rank) { Some(self) } else { before }
    }

    /// Returns a snapshot as sample `number`, without its regions.
    pub(crate) fn of(number: u64, snapshot: &Snapshot) -> Self {
        Self {
            number,
            taken: snapshot.taken,
            state: match &snapshot.consistency {
                Consistency::Complete => SampleState::Complete,
                Consistency::Cheap => SampleState::Cheap,
                Consistency::Unchanged => SampleState::Unchanged,
                Consistency::Torn(reason) => SampleState::Torn(reason.clone()),
                Consistency::TotalsAlone(reason) => SampleState::TotalsAlone(reason.clone()),
            },
            cost: snapshot.cost,
            totals: snapshot.totals,
            regions: match snapshot.consistency {
                Consistency::TotalsAlone(_) => None,
                _ => Some(snapshot.regions.len() as u64),
            },
        }
    }

    /// Returns the sample of missed ticks.
    pub(crate) fn missed(number: u64, due: Timestamp, ticks: u64, reason: &str) -> Self {
        Self {
            number,
            taken: due,
            state: SampleState::Missed { ticks, reason: reason.to_owned() },
            cost: Cost::default(),
            totals: ProcessTotals::default(),
            regions: None,
        }
    }

    /// Returns whether it has regions: neither was it missed, nor are its totals alone.
    pub const fn has_regions(&self) -> bool {
        self.state.has_regions()
    }

    /// Returns whether it was taken, with or without regions.
    pub const fn is_taken(&self) -> bool {
        self.state.is_taken()
    }
}

/// A named moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The recording it belongs to.
    pub recording: RecordingId,
    /// When: nanoseconds since 1970-01-01 UTC.
    pub utc_ns: i64,
    /// The user's text.
    pub text: String,
}

/// The kind of a report on a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapReportKind {
    /// All blocks in use.
    Heap,
    /// Blocks that nothing reaches.
    Leaks,
}

impl HeapReportKind {
    /// Returns its name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Leaks => "leaks",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Heap, Self::Leaks].into_iter().find(|kind| kind.name() == name)
    }
}

/// A report on the heap of a recording's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapReport {
    /// The recording it belongs to.
    pub recording: RecordingId,
    /// When the process stood still: nanoseconds since 1970-01-01 UTC.
    pub utc_ns: i64,
    /// Its kind.
    pub kind: HeapReportKind,
    /// The report as JSON.
    pub document: String,
}
