//! The facts that lists and overviews give of a recording, before they are text or JSON.

pub(crate) mod table;

use vmrec_sampler::Timestamp;
use vmrec_store::{
    Mark, Recording, RecordingSummary, ResidentSizes, Sample, SampleState, WhyEnded,
};

use crate::text::table::Tone;

/// One recording as a list shows it.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The recording.
    pub recording: &'a Recording,
    /// How many of its samples were taken: missed ones are not counted.
    pub samples: u64,
    /// When its last sample was taken.
    pub last: Option<Timestamp>,
    /// Its resident sizes.
    pub resident: ResidentSizes,
    /// Whether it is still being made.
    pub running: bool,
    /// The number of its file among those that belong together, unless it is in the first.
    pub file: Option<u32>,
}

/// Returns the number of a recording or session as it is typed: `5`, or `2.5` of the second file.
pub(crate) fn typed(file: Option<u32>, number: i64) -> String {
    file.map_or_else(|| number.to_string(), |file| format!("{file}.{number}"))
}

impl<'a> Listed<'a> {
    /// Returns a recording as its file sums it up.
    pub const fn of(summary: &'a RecordingSummary, running: bool, file: Option<u32>) -> Self {
        let RecordingSummary { recording, samples, last, resident, .. } = summary;
        Self { recording, samples: *samples, last: *last, resident: *resident, running, file }
    }
}

impl Listed<'_> {
    /// Returns how long it covers, on the monotonic clock.
    pub fn length_ns(&self) -> u64 {
        let begun = self.recording.begun.monotonic_ns;
        let end = self.recording.ended.or(self.last);
        end.map_or(0, |end| end.monotonic_ns.saturating_sub(begun))
    }

    /// Returns the tone of its state: whether it ended as it should.
    pub(crate) fn tone(&self) -> Tone {
        match &self.recording.why_ended {
            _ if self.recording.imported_from.is_some() => Tone::Plain,
            None if !self.running => Tone::Bad,
            Some(WhyEnded::RecorderLost | WhyEnded::Failed(_)) => Tone::Bad,
            Some(WhyEnded::TargetExited(Some(status))) if *status != 0 => Tone::Bad,
            _ => Tone::Plain,
        }
    }

    /// Returns `recording`, or why it ended, in words for people. Not escaped.
    pub fn state(&self) -> String {
        if self.recording.imported_from.is_some() {
            return "imported".to_owned();
        }
        match &self.recording.why_ended {
            None if self.running => "recording".to_owned(),
            None => "recorder lost".to_owned(),
            Some(WhyEnded::Interrupted) => "stopped".to_owned(),
            Some(WhyEnded::Finished) => "finished".to_owned(),
            Some(WhyEnded::TargetExited(None)) => "target exited".to_owned(),
            Some(WhyEnded::TargetExited(Some(status))) => match signal_name(*status) {
                None => format!("exited ({status})"),
                Some(signal) => format!("{signal} ({status})"),
            },
            Some(WhyEnded::TargetReplaced) => "target replaced".to_owned(),
            Some(WhyEnded::RecorderLost) => "recorder lost".to_owned(),
            Some(WhyEnded::Failed(why)) => format!("failed: {why}"),
        }
    }
}

/// Returns the name of the signal that an exit status stands for, as shells and vmrec count them: 128 + its
/// number. Those whose numbers differ between systems have no name here.
pub fn signal_name(status: i32) -> Option<&'static str> {
    Some(match status - 128 {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return None,
    })
}

/// Returns the stable word for why a recording ended, as JSON and CSV have it.
pub(crate) const fn why_ended_name(why: &WhyEnded) -> &'static str {
    match why {
        WhyEnded::Interrupted => "interrupted",
        WhyEnded::Finished => "finished",
        WhyEnded::TargetExited(_) => "target_exited",
        WhyEnded::TargetReplaced => "target_replaced",
        WhyEnded::RecorderLost => "recorder_lost",
        WhyEnded::Failed(_) => "failed",
    }
}

/// Everything an overview of one recording is made of.
#[derive(Clone, Copy, Debug)]
pub struct Overview<'a> {
    /// The recording.
    pub recording: &'a Recording,
    /// Its samples, by ascending number.
    pub samples: &'a [Sample],
    /// Its marks.
    pub marks: &'a [Mark],
    /// Whether it is still being made.
    pub running: bool,
    /// The private bytes of all regions in the first and last sample; shown where there is no footprint.
    pub private_at_ends: [Option<u64>; 2],
}

impl<'a> Overview<'a> {
    /// Returns it as a list shows it.
    pub fn listed(&self) -> Listed<'a> {
        Listed {
            recording: self.recording,
            samples: self.samples.iter().filter(|sample| sample.is_taken()).count() as u64,
            last: self.samples.last().map(|sample| sample.taken),
            resident: ResidentSizes::of(self.samples),
            running: self.running,
            file: None,
        }
    }

    /// Adds up its samples.
    pub fn summary(&self) -> Summary<'a> {
        let numbered = self.samples.last().map_or(0, |sample| sample.number);
        let deleted = numbered.saturating_sub(self.samples.len() as u64);
        let mut summary = Summary { deleted, ..Summary::default() };
        for sample in self.samples {
            match &sample.state {
                SampleState::Complete => summary.complete += 1,
                SampleState::Cheap => summary.cheap += 1,
                SampleState::Unchanged => summary.unchanged += 1,
                SampleState::Torn(_) => summary.torn += 1,
                SampleState::TotalsAlone(_) => summary.totals_alone += 1,
                SampleState::Missed { ticks, .. } => {
                    summary.missed_ticks = summary.missed_ticks.saturating_add(*ticks);
                    continue;
                }
            }
            summary.add(sample);
        }
        summary
    }
}

/// The samples of a recording, added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary<'a> {
    /// Samples of one moment.
    pub complete: u64,
    /// Samples with the regions of an earlier one, since the process had not run.
    pub unchanged: u64,
    /// Samples with carried sizes besides their mappings and counted pages.
    pub cheap: u64,
    /// Samples whose regions moved while they were read.
    pub torn: u64,
    /// Samples that have the totals of the process alone, since its regions may not be read.
    pub totals_alone: u64,
    /// Ticks at which no sample was taken.
    pub missed_ticks: u64,
    /// The first sample that was taken.
    pub first: Option<&'a Sample>,
    /// The last sample that was taken.
    pub last: Option<&'a Sample>,
    /// The sample with the largest known footprint, the first of several; a torn one only where it
    /// is known in no other.
    pub peak: Option<&'a Sample>,
    /// The same of the resident size.
    pub peak_resident: Option<&'a Sample>,
    /// The largest resident size since the process began, by the kernel's own count at the last sample.
    pub kernel_peak_bytes: Option<u64>,
    /// How many samples were deleted since, to make room.
    pub deleted: u64,
    /// Processor time of all samples.
    pub cpu_ns: u64,
    /// The largest processor time of one sample.
    pub max_cpu_ns: u64,
    /// Time of all samples.
    pub wall_ns: u64,
    /// The largest time of one sample.
    pub max_wall_ns: u64,
}

impl<'a> Summary<'a> {
    fn add(&mut self, sample: &'a Sample) {
        self.first.get_or_insert(sample);
        self.last = Some(sample);
        self.peak = sample.higher(self.peak, |sample| sample.totals.footprint_bytes);
        self.peak_resident =
            sample.higher(self.peak_resident, |sample| sample.totals.resident_bytes);
        self.kernel_peak_bytes = sample.totals.peak_resident_bytes;
        self.cpu_ns = self.cpu_ns.saturating_add(sample.cost.cpu_ns);
        self.max_cpu_ns = self.max_cpu_ns.max(sample.cost.cpu_ns);
        self.wall_ns = self.wall_ns.saturating_add(sample.cost.wall_ns);
        self.max_wall_ns = self.max_wall_ns.max(sample.cost.wall_ns);
    }

    /// Returns how many samples were taken.
    pub const fn taken(&self) -> u64 {
        self.complete + self.cheap + self.unchanged + self.torn + self.totals_alone
    }

    /// Returns the mean processor time of a sample.
    pub fn mean_cpu_ns(&self) -> Option<u64> {
        self.cpu_ns.checked_div(self.taken())
    }

    /// Returns the mean time of a sample.
    pub fn mean_wall_ns(&self) -> Option<u64> {
        self.wall_ns.checked_div(self.taken())
    }

    /// Returns the part of one processor that sampling took, between the first sample and the last.
    pub fn overhead(&self) -> Option<f64> {
        overhead(self.cpu_ns, self.first?.taken, self.last?.taken)
    }
}

/// Returns the part of one processor that `cpu_ns` were, from the first sample to the last.
pub fn overhead(cpu_ns: u64, first: Timestamp, last: Timestamp) -> Option<f64> {
    let span = last.monotonic_ns.saturating_sub(first.monotonic_ns);
    (span > 0).then(|| cpu_ns as f64 / span as f64)
}
