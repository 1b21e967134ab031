//! Stacks of threads (R9), by glibc's lists, by robust lists and by stack pointers.

use std::collections::BTreeSet;

use crate::classify::facts::Thread;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none, is_writable};
use crate::classify::profile::GO_HEAP;
use crate::classify::reader::PAGE;
use crate::classify::signs::Runtime;
use crate::classify::work::{Work, page_after, page_of};
use crate::classify::{glibc, musl, tools};
use crate::label::{Confidence, Detail, Label};
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::types;

/// The maximum size of the guard of the stack above it.
const GUARD_BYTES: u64 = 1 << 20;
/// The maximum size of a stack without a guard.
const UNGUARDED_BYTES: u64 = 1 << 20;
/// A mapping of this size may be more than a stack of musl.
const MUSL_STACK_BYTES: u64 = 256 << 10;
/// How far above a stack pointer to search for the end of a stack of musl.
const MUSL_REACH: u64 = 16 << 20;
/// The size taken as a stack in a mapping that is too large to be one.
const HUGE_BYTES: u64 = 64 << 20;
const BELOW_POINTER: u64 = 1 << 20;
const STACK_BYTES: u64 = 8 << 20;

/// The detail of a stack without a thread, kept for the next one.
pub(crate) const CACHED: &str = "cached";

/// R9: stacks and the guards below them.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    main_stack_guard(work);
    let known = by_glibc(work);
    let main = work.main_thread();
    for thread in &work.facts.threads {
        if known.contains(&thread.tid) {
            continue;
        }
        let robust = thread.robust_list.filter(|_| thread.tid != main);
        let ways = [(robust, Rule::R9b), (thread.stack_pointer, Rule::R9c)];
        let mut ways = ways.into_iter().filter_map(|(address, rule)| Some((address?, rule)));
        // The first of these that leads to a stack.
        let _ = ways.any(|(address, rule)| by_address(work, thread, address, rule));
    }
}

fn guard_label() -> Label {
    label(types::STACK_GUARD, Confidence::Sure, Rule::R9)
}

/// Claims the guard that ends right at `address`.
fn guard_below(work: &mut Work<'_, '_>, index: usize) {
    let Some(below) = work.below(index) else { return };
    if is_guard(work, below) {
        work.claims.claim_mapping(below, &guard_label());
    }
}

/// Returns whether the mapping at `index` may be the guard of the stack above it.
fn is_guard(work: &Work<'_, '_>, index: usize) -> bool {
    let mapping = &work.mappings[index];
    is_none(mapping) && is_anonymous(mapping) && mapping.range.virtual_bytes() <= GUARD_BYTES
}

/// A runtime's guard below the main thread's stack.
fn main_stack_guard(work: &mut Work<'_, '_>) {
    let stack = work.mappings.iter().position(|mapping| mapping.name() == "[stack]");
    if let Some(index) = stack {
        guard_below(work, index);
    }
}

/// R9a: the blocks that glibc lists, including those kept for the next thread. Returns their
/// threads.
fn by_glibc(work: &mut Work<'_, '_>) -> BTreeSet<u32> {
    let mut known = BTreeSet::new();
    let main = work.main_thread();
    let mut stacks: Vec<_> = work.facts.glibc_stacks.iter().flatten().collect();
    stacks.sort_unstable_by_key(|stack| stack.range);
    let mut free_from = 1;
    for stack in stacks {
        // The lists are read from the target: overlapping entries are no list of stacks.
        if stack.tid == Some(main) || stack.range.start < free_from {
            continue;
        }
        free_from = stack.range.end;
        known.extend(stack.tid);
        let threads = &work.facts.threads;
        let index = stack.tid.map(|tid| threads.binary_search_by_key(&tid, |thread| thread.tid));
        let thread = index.and_then(Result::ok).and_then(|index| threads.get(index));
        let found = match (thread, stack.tid) {
            (Some(thread), _) => Detail::of_thread(thread.tid, Some(&thread.name)),
            (None, Some(tid)) => Detail::of_thread(tid, None),
            (None, None) => CACHED.into(),
        };
        let range = AddressRange::new(page_of(stack.range.start), page_after(stack.range.end));
        let stack = label(types::STACK_THREAD, Confidence::Sure, Rule::R9a);
        let stack = Label { detail: Some(found), ..stack };
        let guard = label(types::STACK_GUARD, Confidence::Sure, Rule::R9a);
        work.claim_anonymous(range, &stack, &guard);
    }
    known
}

/// R9b, R9c: the mapping that holds an address on the thread's stack, if it may be a stack.
fn by_address(work: &mut Work<'_, '_>, thread: &Thread, address: u64, rule: Rule) -> bool {
    let Some(index) = work.claims.at(address) else { return false };
    let mapping = &work.mappings[index];
    // Fibers and goroutines run on memory that is a heap first.
    let in_heap = work.profile.has(Runtime::Go)
        && GO_HEAP.start <= mapping.range.start
        && mapping.range.start < GO_HEAP.end
        || work.profile.has(Runtime::Qemu) && mapping.range.start < tools::GUEST.end;
    if in_heap
        || !is_anonymous(mapping)
        || !is_writable(mapping)
        || !work.claims.is_free(index, address)
        || work.profile.has(Runtime::Glibc) && glibc::arena_at(work, address).is_some()
    {
        return false;
    }
    // A pointer alone may be a fiber's, into a heap: a large stack is marked or guarded too.
    let guarded = || work.below(index).is_some_and(|below| is_guard(work, below));
    let small = mapping.range.virtual_bytes() <= UNGUARDED_BYTES;
    if rule == Rule::R9c && !small && !mapping.has_flag("nh") && !guarded() {
        return false;
    }
    let AddressRange { mut start, mut end } = mapping.range;
    if work.profile.has(Runtime::Musl) && end - start > MUSL_STACK_BYTES {
        // musl's stacks merge with the memory its malloc has above them.
        let mut above = (address | (PAGE - 1)).saturating_add(1);
        while above < end && above - address < MUSL_REACH && musl::group_at(work, above).is_none() {
            above += PAGE;
        }
        end = above.min(end);
    }
    if rule == Rule::R9c && end - start > HUGE_BYTES {
        start = start.max(page_of(address).saturating_sub(BELOW_POINTER));
        end = end.min(start.saturating_add(STACK_BYTES));
    }
    let whole = start == mapping.range.start;
    let found = label(types::STACK_THREAD, Confidence::Likely, rule);
    let detail = Detail::of_thread(thread.tid, Some(&thread.name));
    let found = Label { detail: Some(detail), ..found };
    work.claims.claim(index, AddressRange::new(start, end), &found);
    if whole {
        guard_below(work, index);
    }
    true
}
