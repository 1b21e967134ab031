//! What may be deleted of recordings, and by how much at a time.

use std::time::Duration;

/// What is kept of recordings.
///
/// It is applied chunk by chunk, which are some 300 samples each: one goes, or is thinned, once all
/// of it is older. Samples of a recording under way that are in no chunk yet always stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Samples older than that go, by the wall clock.
    pub older_than: Option<Duration>,
    /// Of samples older than that one a minute stays; missed ones all do.
    pub thin_after: Option<Duration>,
    /// The oldest samples go while the file, as it is with free pages given back, has more bytes,
    /// those of recordings that have ended first.
    pub max_bytes: Option<u64>,
    /// Samples within a minute of a mark stay, unless the file cannot be small enough without.
    pub keep_marks: bool,
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Samples, missed ones included.
    pub samples: u64,
    /// Recordings of which nothing was left.
    pub recordings: u64,
    /// Kinds of regions that no sample has any longer.
    pub kinds: u64,
    /// Bytes of the file and its log before.
    pub bytes_before: u64,
    /// Bytes after; not known of what was not done.
    pub bytes_after: u64,
    /// Whether the file is larger than it should be, with nothing left that may go.
    pub too_large: bool,
}

/// What is kept on either side of a mark, nanoseconds.
pub(crate) const MARK_NS: i64 = 60_000_000_000;

/// Rows deleted in one step.
pub(crate) const BATCH: u32 = 500;

/// Pages given back to the file system in one step.
pub(crate) const VACUUM_PAGES: u64 = 256;

/// Free pages that a recording under way keeps for the samples to come.
pub(crate) const SLACK_PAGES: u64 = 1024;

/// Bytes of the write-ahead log that count: more is there only while a reader holds on to it, and
/// no sample that goes would make it smaller.
pub(crate) const MAX_LOG_BYTES: u64 = 1 << 20;

/// How long nothing is planned anew unless a chunk was made.
pub(crate) const PLAN_EVERY_NS: u64 = 60_000_000_000;

/// Chunks reduced, as a part of those left, before kinds that nothing names are looked for:
/// that reads those of all that is left.
pub(crate) const SWEEP_PART: u64 = 8;
