//! Sessions as JSON: the list, and the changes between two moments of one.

use serde::Serialize;
use vmrec_sampler::{Naming, RegionType};
use vmrec_store::{RecordingId, RecordingSummary, SessionId};

use crate::amounts::Change;
use crate::diff::group::GroupChange;
use crate::export::json::recording::ListRow;
use crate::export::json::{Changes, DeltaValue, Moment, regions_delta};
use crate::metric::Metric;
use crate::recordings::Listed;
use crate::session::diff::{ProcessChange, SessionDiff};
use crate::session::list::ListedSession;
use crate::session::overview::SessionOverview;
use crate::text::clock;
use crate::time::spec::Resolved;

/// One element of `list --sessions --json`, which is an array.
#[derive(Serialize)]
pub struct SessionRow<'a> {
    session: i64,
    targets: &'a str,
    started: String,
    started_utc_ns: i64,
    length_ns: u64,
    interval_ns: u64,
    processes: u64,
    recordings: u64,
    running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<u32>,
}

impl<'a> SessionRow<'a> {
    /// Creates it from one session.
    pub fn new(listed: &ListedSession<'a>) -> Self {
        let session = listed.session;
        Self {
            session: session.id.0,
            targets: &session.targets,
            started: clock::utc(session.begun.utc_ns),
            started_utc_ns: session.begun.utc_ns,
            length_ns: listed.length_ns,
            interval_ns: session.interval_ns,
            processes: listed.processes,
            recordings: listed.recordings,
            running: listed.running,
            file: listed.file,
        }
    }
}

/// `info --session N --json`.
#[derive(Serialize)]
pub struct SessionInfoDocument<'a> {
    session: i64,
    targets: &'a str,
    host: &'a str,
    os: &'a str,
    kernel: &'a str,
    started: String,
    started_utc_ns: i64,
    length_ns: u64,
    interval_ns: u64,
    running: bool,
    processes: u64,
    samples: u64,
    torn: u64,
    unchanged: u64,
    cheap: u64,
    missed: u64,
    cost_cpu_ns: u64,
    overhead: Option<f64>,
    first: Option<EndSizes>,
    last: Option<EndSizes>,
    recordings: Vec<ListRow<'a>>,
}

/// The sums over the processes at one end of a session.
#[derive(Serialize)]
struct EndSizes {
    processes: u64,
    private_and_swapped_bytes: Option<u64>,
    pss_bytes: Option<u64>,
    resident_bytes: Option<u64>,
}

impl<'a> SessionInfoDocument<'a> {
    /// Creates it from an overview.
    pub fn new(overview: &SessionOverview<'a>) -> Self {
        let session = overview.session;
        let end = |index: usize| {
            let (processes, sizes) = overview.ends?[index];
            Some(EndSizes {
                processes,
                private_and_swapped_bytes: sizes.own_bytes,
                pss_bytes: sizes.pss_bytes,
                resident_bytes: sizes.resident_bytes,
            })
        };
        let row = |summary: &'a RecordingSummary| {
            let running = overview.running && summary.recording.ended.is_none();
            ListRow::new(&Listed::of(summary, running, None))
        };
        Self {
            session: session.id.0,
            targets: &session.targets,
            host: &session.host.name,
            os: &session.host.os,
            kernel: &session.host.kernel,
            started: clock::utc(session.begun.utc_ns),
            started_utc_ns: session.begun.utc_ns,
            length_ns: overview.length_ns(),
            interval_ns: session.interval_ns,
            running: overview.running,
            processes: overview.processes,
            samples: overview.sum(|one| one.samples),
            torn: overview.sum(|one| one.torn),
            unchanged: overview.sum(|one| one.unchanged),
            cheap: overview.sum(|one| one.cheap),
            missed: overview.sum(|one| one.missed_ticks),
            cost_cpu_ns: overview.sum(|one| one.cost_cpu_ns),
            overhead: overview.overhead(),
            first: end(0),
            last: end(1),
            recordings: overview.recordings.iter().map(row).collect(),
        }
    }
}

/// `diff --session N --json`.
#[derive(Serialize)]
pub struct SessionDiffDocument<'a> {
    session: i64,
    from: End,
    to: End,
    total: Sums<'a>,
    processes: Vec<Process<'a>>,
    types: Vec<Type<'a>>,
}

#[derive(Serialize)]
struct End {
    #[serde(flatten)]
    taken: Moment,
    asked: String,
    off_by_ns: i64,
    processes: u64,
}

#[derive(Serialize)]
struct Sums<'a> {
    regions: DeltaValue<u64>,
    private_and_swapped_bytes: DeltaValue<u64>,
    #[serde(flatten)]
    changes: Changes<'a>,
}

#[derive(Serialize)]
struct Process<'a> {
    pid: Option<u32>,
    name: &'a str,
    change: &'static str,
    from_recording: Option<i64>,
    to_recording: Option<i64>,
    #[serde(flatten)]
    sums: Sums<'a>,
    types: Vec<Type<'a>>,
}

#[derive(Serialize)]
struct Type<'a> {
    #[serde(rename = "type")]
    region_type: &'a str,
    label: &'a str,
    family: &'a str,
    #[serde(flatten)]
    sums: Sums<'a>,
}

impl<'a> Sums<'a> {
    fn of(change: &'a Change) -> Self {
        Self {
            regions: regions_delta(change),
            private_and_swapped_bytes: change.get(Metric::Own).into(),
            changes: Changes(change),
        }
    }
}

impl<'a> SessionDiffDocument<'a> {
    /// Creates the document, with rows in the diff's order.
    pub fn new(
        session: SessionId,
        naming: Naming,
        from: &Resolved,
        to: &Resolved,
        diff: &'a SessionDiff,
    ) -> Self {
        let (before, after) = diff.counts();
        let end = |at: &Resolved, processes| End {
            taken: Moment::of(at.taken.utc_ns),
            asked: clock::utc(at.asked_utc_ns),
            off_by_ns: at.off_by_ns,
            processes,
        };
        let number = |recording: Option<RecordingId>| recording.map(|id| id.0);
        let process = |row: &'a ProcessChange| Process {
            pid: row.pid,
            name: &row.name,
            change: row.presence().name(),
            from_recording: number(row.from_recording),
            to_recording: number(row.to_recording),
            sums: Sums::of(&row.change),
            types: types(&row.types, naming),
        };
        Self {
            session: session.0,
            from: end(from, before),
            to: end(to, after),
            total: Sums::of(&diff.total),
            processes: diff.processes.iter().map(process).collect(),
            types: types(&diff.types, naming),
        }
    }
}

fn types(rows: &[GroupChange<RegionType>], naming: Naming) -> Vec<Type<'_>> {
    let mut types = Vec::with_capacity(rows.len());
    for GroupChange { key, change } in rows {
        types.push(Type {
            region_type: key.name(),
            label: key.label(naming),
            family: key.family().name(),
            sums: Sums::of(change),
        });
    }
    types
}
