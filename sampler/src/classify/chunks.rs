//! Memory whose owner leaves a header at its start (R14), walked from block to block.

use std::collections::BTreeSet;

use crate::classify::claims::FreePart;
use crate::classify::malloc::Malloc;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_writable};
use crate::classify::reader::PAGE;
use crate::classify::signs::Runtime;
use crate::classify::work::Work;
use crate::classify::{glibc, musl, python};
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::types;

/// The maximum number of present pages of one run that are tried without success.
const PAGES_IN_VAIN: usize = 1 << 14;
/// The maximum number of absent pages of one run that are passed over.
const ABSENT_PAGES: usize = 1 << 18;
/// glibc maps only blocks of this size by themselves, unless a program sets another.
const MAPPED_BYTES: u64 = 128 << 10;

/// The labels of blocks.
struct Labels {
    chunk: Label,
    /// A chunk that no neighbour confirms.
    lone: Label,
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
        lone: label(types::MALLOC_LARGE, Confidence::Likely, Rule::R14a),
        group: label(types::MALLOC_MUSL, Confidence::Sure, Rule::R14b),
        arena: label(types::PYTHON_HEAP, Confidence::Sure, Rule::R14c),
        frames: label(types::PYTHON_HEAP, Confidence::Likely, Rule::R14d),
    };
    // Memory that a malloc maps without reserving has none of these headers.
    let others = work.profile.mallocs().any(Malloc::does_not_reserve);
    let fits = |mapping: &Mapping| {
        is_anonymous(mapping) && is_writable(mapping) && !(others && mapping.has_flag("nr"))
    };
    // Blocks that begin mappings are cheap to find; then those that lie amid other memory, for
    // which each page is tried.
    let searches = work.profile.has(Runtime::Python)
        || work.profile.malloc.is_none_or(|it| it == Malloc::Musl || it.does_not_reserve());
    for pages in [false, true].into_iter().filter(|pages| searches || !*pages) {
        let parts = work.claims.parts(fits);
        for run in parts.chunk_by(|low, high| low.range.end == high.range.start) {
            if run.iter().any(|part| work.is_occupied(part.index)) {
                walk(work, run, &labels, pages);
            }
        }
    }
}

/// Walks one run from block to block: after an unrecognised one it goes on where the next mapping
/// begins, or tries each of the `pages`.
fn walk(work: &mut Work<'_, '_>, run: &[FreePart], labels: &Labels, pages: bool) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    let end = last.range.end;
    // Of memory left between blocks only the first part of a run may begin after one.
    let begins = |part: &&FreePart| work.mappings[part.index].range.start == part.range.start;
    let mut starts: BTreeSet<u64> =
        run.iter().filter(begins).map(|part| part.range.start).collect();
    starts.insert(first.range.start);
    let (mut at, mut in_vain, mut absent) = (first.range.start, 0, 0);
    // Whether a mapping begins here, or a recognised block ended.
    let mut trusted = true;
    while at < end && in_vain < PAGES_IN_VAIN && absent < ABSENT_PAGES && !work.reader.is_spent() {
        if let Some((bytes, found)) = block_at(work, at, end, &starts, trusted, labels) {
            let after = at.saturating_add(bytes).min(end);
            let fits = |mapping: &_| is_anonymous(mapping) && is_writable(mapping);
            work.claims.claim_across(AddressRange::new(at, after), found, fits);
            at = after;
            trusted = true;
            continue;
        }
        if pages {
            *if work.reader.was_absent() { &mut absent } else { &mut in_vain } += 1;
            at = at.saturating_add(PAGE);
        } else if let Some(next) = starts.range(at.saturating_add(1)..).next() {
            at = *next;
        } else {
            break;
        }
        trusted = starts.contains(&at);
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
    {
        // Data may look like a header: the next block should be recognisable too.
        if trusted || is_recognisable(work, at.saturating_add(bytes), end, starts) {
            return Some((bytes, &labels.chunk));
        }
        let plain = bytes >= MAPPED_BYTES && work.reader.words::<1>(at) == Some([0]);
        // A JVM's tables hold such data.
        if plain && !work.profile.has(Runtime::Jvm) {
            return Some((bytes, &labels.lone));
        }
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
