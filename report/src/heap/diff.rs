//! The difference of two reports on a heap: which class grew.

use std::collections::HashMap;

use serde::Serialize;

use vmrec_sampler::sort_by;

use crate::export::json::Moment;
use crate::heap::document::Sum;
use crate::heap::saved::SavedHeap;

/// A report and when its process stood still.
#[derive(Clone, Copy, Debug)]
pub struct HeapAt<'a> {
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub utc_ns: i64,
    /// The report.
    pub heap: &'a SavedHeap,
}

/// A class in two reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassChange {
    pub(crate) class: Option<String>,
    pub(crate) max_bytes: Option<u64>,
    /// Its blocks before and after.
    pub(crate) ends: [Sum; 2],
}

impl ClassChange {
    /// Returns the change of its bytes.
    pub(crate) fn bytes(&self) -> i128 {
        change(self.ends.map(|end| end.bytes))
    }

    /// Returns the change of its number of blocks.
    pub(crate) fn blocks(&self) -> i128 {
        change(self.ends.map(|end| end.blocks))
    }
}

/// Returns the second number less the first.
pub(crate) fn change([before, after]: [u64; 2]) -> i128 {
    i128::from(after) - i128::from(before)
}

/// The difference of two reports. The classes sum to the change of what is in use, and that with
/// `rest` to the change of malloc's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapDiff {
    /// All classes, those that moved most first.
    pub(crate) rows: Vec<ClassChange>,
    pub(crate) in_use: [Sum; 2],
    /// Memory from the system that is not in blocks in use: free chunks, malloc's own, unwalked.
    pub(crate) rest: [u64; 2],
    pub(crate) from_system: [u64; 2],
    pub(crate) taken_utc_ns: [i64; 2],
}

impl HeapDiff {
    /// Compares two reports.
    pub fn new(ends: [HeapAt<'_>; 2]) -> Self {
        let mut rows: HashMap<(Option<&str>, Option<u64>), [Sum; 2]> = HashMap::new();
        for (index, end) in ends.iter().enumerate() {
            for group in &end.heap.classes {
                let row = rows.entry((group.class.as_deref(), group.max_bytes)).or_default();
                row[index].add(group.sum());
            }
        }
        let mut rows: Vec<ClassChange> = rows
            .into_iter()
            .map(|((class, max_bytes), ends)| ClassChange {
                class: class.map(str::to_owned),
                max_bytes,
                ends,
            })
            .collect();
        sort_by(&mut rows, |one, other| {
            let key = |row: &ClassChange| {
                let (moved, size) = (row.bytes().abs(), row.ends[1].bytes);
                std::cmp::Reverse((moved, row.blocks().abs(), size))
            };
            key(one)
                .cmp(&key(other))
                .then_with(|| (&one.class, one.max_bytes).cmp(&(&other.class, other.max_bytes)))
        });
        let from_system = ends.map(|end| end.heap.system_bytes());
        let in_use = ends.map(|end| end.heap.in_use);
        let rest = [0, 1].map(|at: usize| from_system[at].saturating_sub(in_use[at].bytes));
        let taken_utc_ns = ends.map(|end| end.utc_ns);
        Self { rows, in_use, rest, from_system, taken_utc_ns }
    }
}

/// `vmrec diff --by class --json`.
#[derive(Serialize)]
pub struct HeapDiffDocument<'a> {
    recording: i64,
    from: Moment,
    to: Moment,
    in_use: Change,
    classes: Vec<Row<'a>>,
    not_in_blocks: Bytes,
    from_system: Bytes,
}

#[derive(Serialize)]
struct Change {
    blocks: [u64; 2],
    bytes: [u64; 2],
    blocks_delta: i64,
    bytes_delta: i64,
}

#[derive(Serialize)]
struct Bytes {
    bytes: [u64; 2],
    bytes_delta: i64,
}

#[derive(Serialize)]
struct Row<'a> {
    class: Option<&'a str>,
    max_bytes: Option<u64>,
    #[serde(flatten)]
    change: Change,
}

impl From<[Sum; 2]> for Change {
    fn from(ends: [Sum; 2]) -> Self {
        let (blocks, bytes) = (ends.map(|end| end.blocks), ends.map(|end| end.bytes));
        let [blocks_delta, bytes_delta] = [blocks, bytes].map(|ends| number(change(ends)));
        Self { blocks, bytes, blocks_delta, bytes_delta }
    }
}

impl From<[u64; 2]> for Bytes {
    fn from(bytes: [u64; 2]) -> Self {
        Self { bytes, bytes_delta: number(change(bytes)) }
    }
}

fn number(change: i128) -> i64 {
    let limit = if change < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(change).unwrap_or(limit)
}

impl<'a> HeapDiffDocument<'a> {
    /// Creates the document of a difference.
    pub fn new(recording: i64, diff: &'a HeapDiff) -> Self {
        let [from, to] = diff.taken_utc_ns.map(Moment::of);
        let classes = diff.rows.iter().map(|row| Row {
            class: row.class.as_deref(),
            max_bytes: row.max_bytes,
            change: row.ends.into(),
        });
        Self {
            recording,
            from,
            to,
            in_use: diff.in_use.into(),
            classes: classes.collect(),
            not_in_blocks: diff.rest.into(),
            from_system: diff.from_system.into(),
        }
    }
}
