//! `vmrec diff --by stack` and `vmrec map --by stack` as JSON.

use serde::Serialize;
use vmrec_sampler::{AllocCounts, StackCounts, StackFrame};
use vmrec_store::{RecordingId, SessionId};

use crate::export::json::Moment;
use crate::export::json::diff::End;
use crate::stacks::{StackDiff, StackRow, frame_name};
use crate::time::spec::Resolved;

/// `diff --by stack --json`.
#[derive(Serialize)]
pub struct StackDocument<'a> {
    recording: i64,
    from: End<'a>,
    to: End<'a>,
    #[serde(flatten)]
    changes: Changes<'a>,
}

#[derive(Serialize)]
struct Changes<'a> {
    metric: &'static str,
    region_type: Option<&'a str>,
    delta_bytes: i64,
    stacks: Vec<Row<'a>>,
    few_samples: Few,
    unattributed_bytes: i64,
    sampling: [Sampling; 2],
}

#[derive(Serialize)]
struct Row<'a> {
    delta_bytes: i64,
    standard_error_bytes: u64,
    bytes: [u64; 2],
    samples: [u64; 2],
    /// Innermost first.
    frames: Vec<Frame<'a>>,
}

/// `diff --by stack --session N --json`.
#[derive(Serialize)]
pub struct SessionStackDocument<'a> {
    session: i64,
    from: Moment,
    to: Moment,
    #[serde(flatten)]
    changes: Changes<'a>,
}

/// `map --by stack --json`.
#[derive(Serialize)]
pub struct StackMapDocument<'a> {
    recording: i64,
    at: End<'a>,
    metric: &'static str,
    region_type: Option<&'a str>,
    bytes: i64,
    stacks: Vec<MapRow<'a>>,
    few_samples: MapFew,
    unattributed_bytes: i64,
    sampling: Sampling,
}

#[derive(Serialize)]
struct MapRow<'a> {
    bytes: u64,
    standard_error_bytes: u64,
    samples: u64,
    /// Innermost first.
    frames: Vec<Frame<'a>>,
}

#[derive(Serialize)]
struct MapFew {
    stacks: u64,
    bytes: i64,
}

/// A frame of a stack.
#[derive(Serialize)]
pub(crate) struct Frame<'a> {
    name: String,
    function: Option<&'a str>,
    module: Option<&'a str>,
    offset: Option<u64>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(frame: &'a StackFrame) -> Self {
        Self {
            name: frame_name(frame),
            function: frame.function.as_deref(),
            module: frame.module.as_deref(),
            offset: frame.offset,
        }
    }
}

#[derive(Serialize)]
struct Few {
    stacks: u64,
    delta_bytes: i64,
}

#[derive(Serialize)]
struct Sampling {
    period: Option<u64>,
    faults: Option<u64>,
    sampled_faults: Option<u64>,
    lost_faults: Option<u64>,
    sees_kernel: Option<bool>,
    lost_calls: Option<u64>,
    blocks: Option<OfBlocks>,
}

#[derive(Serialize)]
struct OfBlocks {
    mean_bytes: u64,
    lost_samples: u64,
    lost_ends: u64,
    is_whole: bool,
}

impl From<StackCounts> for Sampling {
    fn from(counts: StackCounts) -> Self {
        let blocks = counts.allocs.map(|allocs| {
            let AllocCounts { mean_bytes, lost_samples, lost_ends, is_whole } = allocs;
            OfBlocks { mean_bytes, lost_samples, lost_ends, is_whole }
        });
        // Where blocks are sampled, page faults are not.
        let of_faults = |number: u64| blocks.is_none().then_some(number);
        Self {
            period: of_faults(counts.period),
            faults: counts.faults,
            sampled_faults: of_faults(counts.sampled_faults),
            lost_faults: of_faults(counts.lost_faults),
            sees_kernel: blocks.is_none().then_some(counts.sees_kernel),
            lost_calls: counts.lost_calls,
            blocks,
        }
    }
}

impl<'a> Changes<'a> {
    fn of(region_type: Option<&'a str>, diff: &'a StackDiff) -> Self {
        let rows = diff.rows.iter().map(|row| Row {
            delta_bytes: fit(row.delta()),
            standard_error_bytes: row.error_bytes(),
            bytes: row.bytes,
            samples: row.samples,
            frames: frames(diff, row),
        });
        Self {
            metric: diff.metric.name(),
            region_type,
            delta_bytes: fit(diff.total),
            stacks: rows.collect(),
            few_samples: Few { stacks: diff.few.0, delta_bytes: fit(diff.few.1) },
            unattributed_bytes: fit(diff.unattributed),
            sampling: diff.counts.map(Sampling::from),
        }
    }
}

impl<'a> StackDocument<'a> {
    /// Creates the document.
    pub fn new(
        recording: RecordingId,
        from: End<'a>,
        to: End<'a>,
        region_type: Option<&'a str>,
        diff: &'a StackDiff,
    ) -> Self {
        Self { recording: recording.0, from, to, changes: Changes::of(region_type, diff) }
    }
}

impl<'a> SessionStackDocument<'a> {
    /// Creates the document of a session, whose stacks each end with their process.
    pub fn new(
        session: SessionId,
        [from, to]: [&Resolved; 2],
        region_type: Option<&'a str>,
        diff: &'a StackDiff,
    ) -> Self {
        let [from, to] = [from, to].map(|at| Moment::of(at.taken.utc_ns));
        Self { session: session.0, from, to, changes: Changes::of(region_type, diff) }
    }
}

impl<'a> StackMapDocument<'a> {
    /// Creates the document of the stacks of one sample, which `diff` compares with none.
    pub fn new(
        recording: RecordingId,
        at: End<'a>,
        region_type: Option<&'a str>,
        diff: &'a StackDiff,
    ) -> Self {
        let rows = diff.rows.iter().map(|row| MapRow {
            bytes: row.bytes[1],
            standard_error_bytes: row.error_bytes(),
            samples: row.samples[1],
            frames: frames(diff, row),
        });
        Self {
            recording: recording.0,
            at,
            metric: diff.metric.name(),
            region_type,
            bytes: fit(diff.total),
            stacks: rows.collect(),
            few_samples: MapFew { stacks: diff.few.0, bytes: fit(diff.few.1) },
            unattributed_bytes: fit(diff.unattributed),
            sampling: diff.counts[1].into(),
        }
    }
}

fn frames<'a>(diff: &'a StackDiff, row: &StackRow) -> Vec<Frame<'a>> {
    diff.frames(row.stack).into_iter().map(Frame::new).collect()
}

/// Clamps a change to what JSON's readers take.
fn fit(bytes: i128) -> i64 {
    i64::try_from(bytes).unwrap_or(if bytes < 0 { i64::MIN } else { i64::MAX })
}
