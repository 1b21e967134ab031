//! All that is known of a session: when it ran, its processes, its sums.

use jiff::tz::TimeZone;
use vmrec_store::{Mark, RecordingSummary, Session};

use crate::recordings::table::machine;
use crate::recordings::{Listed, overhead};
use crate::session::sizes::ProcessSizes;
use crate::text::table::{Align, Cell, Column, Table, cut_middle};
use crate::text::{clock, escape, units};

/// A session with its recordings.
#[derive(Clone, Debug)]
pub struct SessionOverview<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its recordings, in the order they began.
    pub recordings: &'a [RecordingSummary],
    /// How many processes they are of.
    pub processes: u64,
    /// Its named moments.
    pub marks: &'a [Mark],
    /// Whether it is still being recorded.
    pub running: bool,
    /// The sums at its first and its last moment, and how many processes there were.
    pub ends: Option<[(u64, ProcessSizes); 2]>,
}

impl SessionOverview<'_> {
    /// Returns how long it took so far.
    pub(crate) fn length_ns(&self) -> u64 {
        let end = |one: &RecordingSummary| one.recording.ended.or(one.last);
        let end = self.recordings.iter().filter_map(end).map(|at| at.monotonic_ns).max();
        end.map_or(0, |end| end.saturating_sub(self.session.begun.monotonic_ns))
    }

    /// Returns the sum of a number of all recordings.
    pub(crate) fn sum(&self, of: impl Fn(&RecordingSummary) -> u64) -> u64 {
        self.recordings.iter().map(of).fold(0, u64::saturating_add)
    }

    /// Returns the processor time of all samples as a part of one processor.
    pub(crate) fn overhead(&self) -> Option<f64> {
        let first = self.recordings.iter().filter_map(|one| one.first);
        let last = self.recordings.iter().filter_map(|one| one.last);
        let ends =
            (first.min_by_key(|at| at.monotonic_ns)?, last.max_by_key(|at| at.monotonic_ns)?);
        overhead(self.sum(|one| one.cost_cpu_ns), ends.0, ends.1)
    }
}

/// Returns the facts of a session as names and values.
pub(crate) fn facts(
    overview: &SessionOverview<'_>,
    zone: &TimeZone,
) -> Vec<(&'static str, String)> {
    let session = overview.session;
    let recordings = overview.recordings.len() as u64;
    let mut facts = vec![
        ("session", session.id.0.to_string()),
        ("targets", session.targets.clone()),
        ("machine", machine(&session.host)),
        ("from", clock::local(session.begun.utc_ns, zone)),
        (
            "length",
            format!(
                "{}, {}",
                units::duration(overview.length_ns()),
                if overview.running { "being recorded" } else { "ended" }
            ),
        ),
        (
            "processes",
            format!(
                "{}, in {}",
                units::counted(overview.processes, "process", "processes"),
                units::counted(recordings, "recording", "recordings")
            ),
        ),
        (
            "samples",
            format!(
                "{} every {}, {} torn{}, {} missed",
                units::counted(overview.sum(|one| one.samples), "sample", "samples"),
                units::duration(session.interval_ns),
                units::count(overview.sum(|one| one.torn)),
                units::carried(overview.sum(|one| one.unchanged), overview.sum(|one| one.cheap)),
                units::count(overview.sum(|one| one.missed_ticks)),
            ),
        ),
        (
            "overhead",
            overview
                .overhead()
                .map_or("-".to_owned(), |part| format!("{:.2}% of one CPU", part * 100.0)),
        ),
    ];
    if let Some([(before, first), (after, last)]) = overview.ends {
        let shown = |bytes: Option<u64>| bytes.map_or("-".to_owned(), units::size);
        let ends = |of: fn(&ProcessSizes) -> Option<u64>| {
            format!("{} → {}", shown(of(&first)), shown(of(&last)))
        };
        facts.push(("at both ends", format!("{before} → {after} processes")));
        facts.push(("private+swapped", ends(|sizes| sizes.own_bytes)));
        facts.push(("PSS", ends(|sizes| sizes.pss_bytes)));
        facts.push(("resident", ends(|sizes| sizes.resident_bytes)));
    }
    for mark in overview.marks {
        facts.push(("mark", format!("{} {}", clock::local(mark.utc_ns, zone), mark.text)));
    }
    facts
}

/// Returns the facts of a session and its recordings as text.
pub fn session_text(
    overview: &SessionOverview<'_>,
    zone: &TimeZone,
    width: usize,
    color: bool,
) -> String {
    let mut text = String::new();
    for (name, fact) in facts(overview, zone) {
        let line = format!("{name:<16}{}", escape::terminal(&fact));
        text += &cut_middle(line.trim_end(), width);
        text.push('\n');
    }
    text +=
        "\nprivate+swapped leaves shared pages out, PSS divides them, resident repeats them\n\n";
    let columns = vec![
        Column::new("NO", Align::Right),
        Column::new("PROCESS", Align::Left),
        Column::new("PID", Align::Right),
        Column::new("FROM", Align::Left).droppable(1),
        Column::new("LENGTH", Align::Right),
        Column::new("SAMPLES", Align::Right).droppable(2),
        Column::new("STATE", Align::Left),
    ];
    let mut table = Table::new(columns, 1, 12);
    for summary in overview.recordings {
        let recording = &summary.recording;
        let running = overview.running && recording.ended.is_none();
        let listed = Listed::of(summary, running, None);
        table.row(vec![
            Cell::new(&recording.id.0.to_string()),
            Cell::new(recording.process.name()),
            Cell::new(&recording.process.id.pid_text()),
            Cell::new(&clock::local_short(recording.begun.utc_ns, zone)),
            Cell::new(&units::duration(listed.length_ns())),
            Cell::new(&summary.samples.to_string()),
            Cell::new(&listed.state()).toned(listed.tone()),
        ]);
    }
    text + &table.render(width, color)
}
