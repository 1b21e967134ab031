//! Plans deletions from the headers of chunks alone, without SQL.

use std::collections::HashSet;

use vmrec_sampler::Timestamp;

use crate::codec::chunk::header::ChunkHeader;
use crate::codec::chunk::ticks::Tick;
use crate::recording::RecordingId;
use crate::retention::policy::{MARK_NS, Retention};

const MINUTE_NS: u64 = 60_000_000_000;

/// The facts about a recording that retention needs.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: RecordingId,
    /// When it began, on both clocks.
    pub(crate) begun: Timestamp,
    pub(crate) interval_ns: u64,
    /// Whether it is being recorded.
    pub(crate) running: bool,
    /// Whether it has samples that are still rows.
    pub(crate) tail: bool,
    /// The time ranges kept around its marks; empty unless requested.
    pub(crate) marked: Windows,
    pub(crate) chunks: Vec<ChunkHeader>,
}

/// The part of a chunk that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keep {
    Nothing,
    NearMarks,
    /// One sample a minute, samples near marks, and all missed ones.
    OneAMinute,
}

/// One small change, which leaves a consistent file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PruneStep {
    /// Reduces the chunk that ends with sample `last` to `keep`.
    Reduce { recording: RecordingId, last: u64, keep: Keep },
    /// Deletes evidence and stacks that only deleted samples of the chunk that ends with sample `last`
    /// needed.
    Between { recording: RecordingId, last: u64 },
    /// Deletes evidence and stacks older than the first sample of a recording.
    Cascade(RecordingId),
    /// Deletes a recording that has no samples left.
    Delete(RecordingId),
}

/// Steps that changed nothing, or failed, which need not be repeated: headers do not show that.
pub(crate) type Tried = HashSet<(RecordingId, u64, Keep)>;

/// Ranges of wall-clock time near marks, ascending and disjoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows(Vec<(i64, i64)>);

impl Windows {
    /// Returns the ranges near marks at these times, which ascend.
    pub(crate) fn around(marks: impl IntoIterator<Item = i64>) -> Self {
        let mut windows: Vec<(i64, i64)> = Vec::new();
        for mark in marks {
            let (from, to) = (mark.saturating_sub(MARK_NS), mark.saturating_add(MARK_NS));
            match windows.last_mut() {
                Some((_, end)) if *end >= from => *end = to,
                _ => windows.push((from, to)),
            }
        }
        Self(windows)
    }

    fn near(&self, utc_ns: i64) -> Option<usize> {
        let after = self.0.partition_point(|(from, _)| *from <= utc_ns);
        let index = after.checked_sub(1)?;
        (utc_ns <= self.0.get(index)?.1).then_some(index)
    }

    /// Returns the maximum number of samples near marks between two times, at `interval_ns`.
    fn room(&self, (min, max): (i64, i64), interval_ns: u64) -> u64 {
        let shared = self.0.iter().map(|(from, to)| (*from.max(&min), *to.min(&max)));
        shared.filter(|(from, to)| from <= to).fold(0, |sum: u64, (from, to)| {
            sum.saturating_add(to.abs_diff(from) / interval_ns.max(1) + 2)
        })
    }
}

impl Known {
    fn minute(&self, taken: Timestamp) -> u64 {
        taken.monotonic_ns.saturating_sub(self.begun.monotonic_ns) / MINUTE_NS
    }

    fn room(&self, header: &ChunkHeader) -> u64 {
        header.utc_ns.map_or(0, |span| self.marked.room(span, self.interval_ns))
    }

    /// Returns the part of a deleted chunk that stays, `None` if it has only that already.
    pub(crate) fn without(&self, header: &ChunkHeader) -> Option<Keep> {
        let (min, max) = header.utc_ns?;
        if self.room(header) == 0 {
            return Some(Keep::Nothing);
        }
        let (first, last) = (self.marked.near(min), self.marked.near(max));
        // Between the ranges of two marks there may be samples that are near neither.
        let only_marked = first.is_some() && first == last;
        (!only_marked).then_some(Keep::NearMarks)
    }

    /// Returns whether a chunk has more than a sample a minute.
    fn is_dense(&self, header: &ChunkHeader, before: Option<&ChunkHeader>) -> bool {
        let Some((begin, end)) = header.span else { return false };
        let first = self.minute(begin);
        let shares_minute = before
            .filter(|before| before.taken() > 0)
            .and_then(|before| before.span)
            .is_some_and(|(_, end)| self.minute(end) == first);
        let minutes = self.minute(end).saturating_sub(first) + 1 - u64::from(shares_minute);
        header.taken() > minutes.saturating_add(self.room(header))
    }

    fn is_empty(&self) -> bool {
        !self.running && !self.tail && self.chunks.iter().all(|chunk| chunk.samples == 0)
    }
}

/// Returns the moments of the wall clock before which samples are deleted, and thinned.
pub(crate) fn limits(policy: &Retention, now_utc_ns: i64) -> (Option<i64>, Option<i64>) {
    let before = |age: Option<std::time::Duration>| {
        let age = i64::try_from(age?.as_nanos()).unwrap_or(i64::MAX);
        Some(now_utc_ns.saturating_sub(age))
    };
    (before(policy.older_than), before(policy.thin_after))
}

/// Returns the next steps for the age of samples.
///
/// Their result may require more: the work is complete once it returns no step.
pub(crate) fn plan(
    recordings: &[Known],
    policy: &Retention,
    now_utc_ns: i64,
    tried: &Tried,
) -> Vec<PruneStep> {
    let (drop_before, thin_before) = limits(policy, now_utc_ns);
    let older = |header: &ChunkHeader, limit: Option<i64>| {
        header.utc_ns.zip(limit).is_some_and(|((_, max), limit)| max < limit)
    };
    let mut steps = Vec::new();
    for known in recordings {
        let old_name = drop_before.is_some_and(|limit| known.begun.utc_ns < limit);
        if known.is_empty() && (!known.chunks.is_empty() || old_name) {
            steps.push(PruneStep::Delete(known.id));
            continue;
        }
        let mut dropped = false;
        let mut earlier: Option<&ChunkHeader> = None;
        for header in known.chunks.iter().filter(|header| header.samples > 0) {
            let keep = if older(header, drop_before) {
                known.without(header)
            } else {
                let thin = older(header, thin_before) && known.is_dense(header, earlier);
                thin.then_some(Keep::OneAMinute)
            };
            earlier = Some(header);
            let Some(keep) = keep.filter(|keep| !tried.contains(&(known.id, header.last, *keep)))
            else {
                continue;
            };
            steps.push(PruneStep::Reduce { recording: known.id, last: header.last, keep });
            dropped |= keep != Keep::OneAMinute;
        }
        if dropped {
            steps.push(PruneStep::Cascade(known.id));
        }
    }
    steps
}

/// Returns for each sample of a chunk whether it stays; `before` are those of the chunk before.
pub(crate) fn kept(known: &Known, ticks: &[Tick], before: &[Tick], keep: Keep) -> Vec<bool> {
    let marked = |tick: &Tick| known.marked.near(tick.taken.utc_ns).is_some();
    let mut stay: Vec<bool> = ticks
        .iter()
        .map(|tick| match keep {
            Keep::Nothing => false,
            Keep::NearMarks => marked(tick),
            Keep::OneAMinute => !tick.is_taken() || marked(tick),
        })
        .collect();
    if keep != Keep::OneAMinute {
        return stay;
    }
    let complete = |tick: &Tick| tick.is_taken() && !tick.state.is_torn();
    let minute_of = |tick: &Tick| known.minute(tick.taken);
    let covered: HashSet<u64> =
        before.iter().filter(|tick| complete(tick)).map(minute_of).collect();
    let mut from = 0;
    for minute in ticks.chunk_by(|a, b| minute_of(a) == minute_of(b)) {
        let is_covered = minute.first().is_some_and(|tick| covered.contains(&minute_of(tick)));
        let best = minute
            .iter()
            .position(complete)
            .or_else(|| minute.iter().position(Tick::is_taken))
            .filter(|_| !is_covered);
        if let Some(best) = best {
            stay[from + best] = true;
        }
        from += minute.len();
    }
    stay
}
