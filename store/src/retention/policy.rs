//! The retention policy of recordings, and the limits of a step.

use std::time::Duration;

/// The retention policy.
///
/// It is applied to whole chunks of up to 900 samples: one is deleted, or thinned, once all its
/// samples are older. Samples of an active recording that are in no chunk yet always stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Samples older than that, in wall-clock time, are deleted.
    pub older_than: Option<Duration>,
    /// Of samples older than that, one a minute and all missed ones stay.
    pub thin_after: Option<Duration>,
    /// The oldest samples are deleted, chunk by chunk, those of ended recordings first, while the
    /// file, with its log while it is recorded to, is larger than that. The newest chunk stays.
    pub max_bytes: Option<u64>,
    /// Samples within a minute of a mark stay, unless the file would be too large with them.
    pub keep_marks: bool,
}

/// The result of pruning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Samples, missed ones included.
    pub samples: u64,
    /// Recordings without remaining samples.
    pub recordings: u64,
    /// Kinds of regions that no sample refers to any more.
    pub kinds: u64,
    /// Bytes of the file and its log before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
}

/// The time kept on either side of a mark, nanoseconds.
pub(crate) const MARK_NS: i64 = 60_000_000_000;

/// Rows deleted in one step.
pub(crate) const BATCH: u32 = 500;

/// Pages returned to the file system in one step.
pub(crate) const VACUUM_PAGES: u64 = 256;

/// Pages returned in one step while nothing is recorded.
pub(crate) const VACUUM_PAGES_AT_ONCE: u64 = 16 * VACUUM_PAGES;

/// Free pages that an active recording keeps for later samples.
pub(crate) const SLACK_PAGES: u64 = 1024;

/// The maximum bytes of the write-ahead log that count: it is larger only while a reader keeps it,
/// and deleting samples would not shrink it.
pub(crate) const MAX_LOG_BYTES: u64 = 1 << 20;

/// The fraction of a limit of the file that is left to the write-ahead log.
const LOG_PART: u64 = 16;
/// The bounds of that room.
const LOG_ROOM: std::ops::RangeInclusive<u64> = 64 << 10..=256 << 10;

/// Returns the bytes of a file of at most `max_bytes` that are left to its log.
pub(crate) fn log_room(max_bytes: u64) -> u64 {
    (max_bytes / LOG_PART).clamp(*LOG_ROOM.start(), *LOG_ROOM.end())
}

/// Returns the bytes that a log of `bytes` counts for: while recording there is always room for one.
pub(crate) fn log_counted(bytes: u64, max_bytes: u64) -> u64 {
    bytes.clamp(log_room(max_bytes), MAX_LOG_BYTES)
}

/// Returns the largest sample of a file of at most `max_bytes`: while it is moved from the log to the
/// file it is in both, beside the one before, which goes only then.
pub(crate) fn max_sample_bytes(max_bytes: u64) -> u64 {
    (max_bytes / 2).saturating_sub(log_room(max_bytes))
}

/// How long a plan holds unless a chunk was made.
pub(crate) const PLAN_INTERVAL_NS: u64 = 60_000_000_000;

/// How many times as long as it took a plan, or a list of what may go, holds at least.
pub(crate) const REST: u32 = 100;

/// The fraction of chunks that must be reduced before a search for unreferenced kinds, which reads
/// the kinds of all remaining chunks.
pub(crate) const SWEEP_PART: u64 = 8;
