//! Stacks without a known thread (R15): cached ones, and those of signal
//! handlers.

use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none, is_writable};
use crate::classify::profile::Runtime;
use crate::classify::reader::PAGE;
use crate::classify::threads::CACHED;
use crate::classify::work::Work;
use crate::label::{Confidence, Label};
use crate::rule::Rule;
use crate::vocabulary::types;

/// The maximum size of guards and signal stacks.
const SMALL_BYTES: u64 = 64 << 10;

/// R15: since Linux 6.7 the flag `nh` shows MAP_STACK; before, the guard below identifies a stack.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    if work.profile.has(Runtime::Go) {
        return;
    }
    let cached = label(types::STACK_THREAD, Confidence::Likely, Rule::R15);
    let cached = Label { detail: Some(CACHED.into()), ..cached };
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
            work.claims.claim_mapping(index, if small { &signal } else { &cached });
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

/// Returns whether the mapping at `index` may be a guard of at most `bytes`.
fn is_guard(work: &Work<'_, '_>, index: usize, bytes: u64) -> bool {
    let mapping = &work.mappings[index];
    is_none(mapping) && is_anonymous(mapping) && mapping.range.virtual_bytes() <= bytes
}
