//! The memory and registers that a process itself holds pointers in.

use crate::heap::leaks::Reach;
use crate::heap::mapped::without;
use crate::heap::maps::{Maps, range_of};
use crate::heap::space::Space;
use crate::heap::target::{Late, Pages, Target};
use crate::region::AddressRange;

/// The bytes below the stack pointer that a function may use.
const RED_ZONE_BYTES: u64 = 128;

/// The programs and libraries that are known to keep pointers in a form that does not look like one.
pub(crate) const PACKING: [&str; 8] =
    ["node", "chrom", "electron", "deno", "libv8", "libmozjs", "libxul", "libjvm"];

/// A thread as it stands still.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadRoots {
    /// Its registers.
    pub(crate) registers: Vec<u64>,
    /// Its stack pointer, where known.
    pub(crate) stack_pointer: Option<u64>,
    /// The address of its own block, where known.
    pub(crate) thread_pointer: Option<u64>,
}

/// Marks all that the registers of threads and the process's own memory point to, without the memory
/// of the `heap` and what the allocator describes it in, its `own`.
pub(crate) fn mark(
    target: &mut Target<'_>,
    maps: &Maps,
    threads: &[ThreadRoots],
    space: &Space,
    heap: &[AddressRange],
    own: &[AddressRange],
    reach: &mut Reach,
) -> Result<(), Late> {
    for word in threads.iter().flat_map(|thread| &thread.registers) {
        space.number(*word).into_iter().for_each(|number| reach.root(number));
    }
    let mut excluded = heap.to_vec();
    excluded.extend_from_slice(own);
    excluded.extend(unused_stacks(maps, threads));
    excluded.sort_unstable();
    let excluded = joined(&excluded);
    let mut take = |bytes: &[u8]| {
        for word in bytes.as_chunks().0 {
            let number = space.number(u64::from_ne_bytes(*word));
            number.into_iter().for_each(|number| reach.root(number));
        }
    };
    for range in without(&maps.images, &excluded) {
        // Memory that is as in the file holds no address of a heap.
        target.stream(range, Pages::Anonymous, &mut |_, bytes| take(bytes))?;
    }
    let other = maps.anonymous.iter().chain(&maps.other).chain(&maps.brk).chain(&maps.stack);
    let mut other: Vec<AddressRange> = other.copied().collect();
    other.sort_unstable();
    let mut excluded: Vec<AddressRange> = excluded.into_iter().chain(maps.images.clone()).collect();
    excluded.sort_unstable();
    for range in without(&joined(&other), &joined(&excluded)) {
        target.stream(range, Pages::Any, &mut |_, bytes| take(bytes))?;
    }
    Ok(())
}

/// Returns the parts of stacks below their threads' stack pointers, which hold stale words.
fn unused_stacks(maps: &Maps, threads: &[ThreadRoots]) -> Vec<AddressRange> {
    let mut unused: Vec<AddressRange> = Vec::new();
    for thread in threads {
        let Some(pointer) = thread.stack_pointer else { continue };
        let is_in = |range: &AddressRange| range.holds(pointer);
        let first = maps.stack.filter(is_in);
        // A stack of the threads' library: above a guard, and below the thread's own block.
        let own = || {
            let range = range_of(&maps.anonymous, pointer)?;
            let block = thread.thread_pointer?;
            let sound = pointer < block && block < range.end;
            (sound && maps.guard_ends.contains(&range.start)).then_some(range)
        };
        let Some(stack) = first.or_else(own) else { continue };
        let end = (pointer - pointer % 8).saturating_sub(RED_ZONE_BYTES);
        unused.push(AddressRange::new(stack.start, end));
    }
    // Where several threads are on one, the lowest decides.
    unused.sort_unstable();
    unused.dedup_by_key(|range| range.start);
    unused
}

/// Joins ascending ranges that overlap or touch.
fn joined(ranges: &[AddressRange]) -> Vec<AddressRange> {
    let mut joined: Vec<AddressRange> = Vec::new();
    for range in ranges.iter().filter(|range| range.virtual_bytes() > 0) {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(*range),
        }
    }
    joined
}
