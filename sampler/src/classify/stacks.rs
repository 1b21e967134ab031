//! Stacks without a known thread (R15): cached ones, those of fibers, and those
//! of signal handlers.

use std::collections::{BTreeMap, BTreeSet};

use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none, is_writable};
use crate::classify::reader::PAGE;
use crate::classify::signs::Runtime;
use crate::classify::threads::CACHED;
use crate::classify::work::Work;
use crate::label::{Confidence, Label};
use crate::rule::Rule;
use crate::vocabulary::types;

/// The maximum size of guards and signal stacks.
const SMALL_BYTES: u64 = 64 << 10;
/// The most that glibc keeps of stacks without a thread.
const CACHED_BYTES: u64 = 40 << 20;
/// The minimum number of stacks of fibers, which are all of one size.
const ALIKE: u64 = 3;

/// R15: since Linux 6.7 the flag `nh` shows MAP_STACK; before, the guard below identifies a stack.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    if work.profile.has(Runtime::Go) {
        return;
    }
    let cached = label(types::STACK_THREAD, Confidence::Likely, Rule::R15);
    let cached = Label { detail: Some(CACHED.into()), ..cached };
    let fiber = label(types::STACK_FIBER, Confidence::Likely, Rule::R15);
    let fibers = fiber_sizes(work);
    let signal = label(types::STACK_SIGNAL, Confidence::Likely, Rule::R15);
    let guessed = label(types::STACK_SIGNAL, Confidence::Guess, Rule::R15);
    let guard = label(types::STACK_GUARD, Confidence::Likely, Rule::R15);
    let own_malloc = work.profile.malloc.is_none() && !work.profile.has(Runtime::Jvm);
    for index in work.indices(|mapping| is_anonymous(mapping) && is_writable(mapping)) {
        if !work.claims.is_whole(index) {
            continue;
        }
        let mapping = &work.mappings[index];
        let below = work.below(index).filter(|below| is_guard(work, *below, SMALL_BYTES));
        let small = mapping.range.virtual_bytes() <= SMALL_BYTES;
        if mapping.has_flag("nh") && (small || below.is_some()) {
            let found = if small {
                &signal
            } else if fibers.contains(&mapping.range.virtual_bytes()) {
                &fiber
            } else {
                &cached
            };
            work.claims.claim_mapping(index, found);
            if let Some(below) = below {
                work.claims.claim_mapping(below, &guard);
            }
        } else if small
            && own_malloc
            && let Some(below) = below.filter(|below| is_guard(work, *below, PAGE))
        {
            work.claims.claim_mapping(index, &guessed);
            work.claims.claim_mapping(below, &guard);
            if let Some(above) = work.above(index).filter(|above| is_guard(work, *above, PAGE)) {
                work.claims.claim_mapping(above, &guard);
            }
        }
    }
}

/// Returns the sizes of stacks that are no threads': glibc lists all of these, or keeps no more
/// than [`CACHED_BYTES`] for the next threads.
fn fiber_sizes(work: &Work<'_, '_>) -> BTreeSet<u64> {
    let mut bytes_of = BTreeMap::<u64, u64>::new();
    for index in work.indices(|mapping| is_writable(mapping) && mapping.has_flag("nh")) {
        let below = work.below(index).is_some_and(|below| is_guard(work, below, SMALL_BYTES));
        if below && work.claims.is_whole(index) {
            let bytes = work.mappings[index].range.virtual_bytes();
            *bytes_of.entry(bytes).or_default() += bytes;
        }
    }
    // An emulated program's threads are in no list of the emulator's.
    let listed = work.facts.glibc_stacks.is_some() && !work.profile.has(Runtime::Qemu);
    // A stack of a thread whose start the list missed stands alone.
    let many = |(bytes, all): &(u64, u64)| all / bytes >= ALIKE && (listed || *all > CACHED_BYTES);
    bytes_of
        .into_iter()
        .filter(|(bytes, _)| *bytes > 0)
        .filter(many)
        .map(|(bytes, _)| bytes)
        .collect()
}

/// Returns whether the mapping at `index` may be a guard of at most `bytes`.
fn is_guard(work: &Work<'_, '_>, index: usize, bytes: u64) -> bool {
    let mapping = &work.mappings[index];
    is_none(mapping) && is_anonymous(mapping) && mapping.range.virtual_bytes() <= bytes
}
