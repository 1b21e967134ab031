//! Sessions as JSON: the list, and the changes between two moments of one.

use serde::Serialize;
use vmrec_sampler::{Naming, RegionType};
use vmrec_store::{RecordingId, SessionId};

use crate::amounts::Change;
use crate::diff::group::GroupChange;
use crate::export::json::{Changes, DeltaValue, Moment, regions_delta};
use crate::session::diff::{ProcessChange, SessionDiff, SessionMetric};
use crate::session::list::ListedSession;
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
            private_and_swapped_bytes: SessionMetric::Own.of(change).into(),
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
