//! Memory whose owner leaves a header at its start (R14), walked from block to block.

use std::collections::BTreeSet;

use crate::classify::claims::FreePart;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_writable};
use crate::classify::profile::{Malloc, Runtime};
use crate::classify::reader::PAGE;
use crate::classify::work::Work;
use crate::classify::{glibc, musl, python};
use crate::label::{Confidence, Label};
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::types;

/// The maximum number of pages of one run that are tried without success.
const PAGES_IN_VAIN: usize = 256;

/// The labels of blocks.
struct Labels {
    chunk: Label,
    group: Label,
    arena: Label,
    frames: Label,
}

/// R14: walks every run of adjacent writable memory; a run continues where madvise split a mapping.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    let owners = work.profile.glibc_malloc()
        || work.profile.has(Runtime::Musl)
        || work.profile.has(Runtime::Python);
    if !owners || work.reader.is_spent() {
        return;
    }
    let labels = Labels {
        chunk: label(types::MALLOC_LARGE, Confidence::Sure, Rule::R14a),
        group: label(types::MALLOC_MUSL, Confidence::Sure, Rule::R14b),
        arena: label(types::PYTHON_HEAP, Confidence::Sure, Rule::R14c),
        frames: label(types::PYTHON_HEAP, Confidence::Likely, Rule::R14d),
    };
    let parts = work.claims.parts(|mapping| is_anonymous(mapping) && is_writable(mapping));
    for run in parts.chunk_by(|low, high| low.range.end == high.range.start) {
        if run.iter().any(|part| work.is_occupied(part.index)) {
            walk(work, run, &labels);
        }
    }
}

/// Walks one run from its start: after an unrecognised block it tries again one page later.
fn walk(work: &mut Work<'_, '_>, run: &[FreePart], labels: &Labels) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    let end = last.range.end;
    let starts: BTreeSet<u64> = run.iter().map(|part| part.range.start).collect();
    let scans = work.profile.has(Runtime::Python)
        || work.profile.malloc.is_none_or(|malloc| malloc == Malloc::Musl);
    let (mut at, mut in_vain) = (first.range.start, 0);
    // Whether a mapping begins here, or a recognised block ended.
    let mut trusted = true;
    while at < end && in_vain < PAGES_IN_VAIN && !work.reader.is_spent() {
        if let Some((bytes, found)) = block_at(work, at, end, &starts, trusted, labels) {
            let after = at.saturating_add(bytes).min(end);
            let fits = |mapping: &_| is_anonymous(mapping) && is_writable(mapping);
            work.claims.claim_across(AddressRange::new(at, after), found, fits);
            at = after;
            trusted = true;
        } else if scans {
            at = at.saturating_add(PAGE);
            in_vain += 1;
            trusted = starts.contains(&at);
        } else {
            // Memory of another allocator: only blocks at the start of their own mappings may be
            // glibc's.
            break;
        }
    }
}

/// Returns the size and the label of the block at `at`.
fn block_at<'l>(
    work: &mut Work<'_, '_>,
    at: u64,
    end: u64,
    starts: &BTreeSet<u64>,
    trusted: bool,
    labels: &'l Labels,
) -> Option<(u64, &'l Label)> {
    if work.profile.glibc_malloc()
        && let Some(bytes) = glibc::mapped_chunk(work, at, end)
        // Data may look like a header: the next block must be recognisable too.
        && (trusted || is_recognisable(work, at.saturating_add(bytes), end, starts))
    {
        return Some((bytes, &labels.chunk));
    }
    if work.profile.has(Runtime::Python) {
        if let Some(bytes) = python::arena_at(work, at, end) {
            return Some((bytes, &labels.arena));
        }
        if let Some(bytes) = python::frame_chunk_at(work, at, end) {
            return Some((bytes, &labels.frames));
        }
    }
    if work.profile.has(Runtime::Musl) {
        return Some((musl::group_at(work, at)?, &labels.group));
    }
    None
}

fn is_recognisable(work: &mut Work<'_, '_>, at: u64, end: u64, starts: &BTreeSet<u64>) -> bool {
    at == end
        || starts.contains(&at)
        || glibc::mapped_chunk(work, at, end).is_some()
        || work.profile.has(Runtime::Python)
            && (python::arena_at(work, at, end).is_some()
                || python::frame_chunk_at(work, at, end).is_some())
        || work.profile.has(Runtime::Musl) && musl::group_at(work, at).is_some()
}
