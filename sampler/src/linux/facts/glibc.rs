//! glibc's lists of stacks, found as its debugger library finds threads.
//!
//! libc describes the fields of its structures in constants called
//! `_thread_db_…`; ld.so keeps the lists in `_rtld_global` (glibc 2.34 and later).

use crate::classify::facts::{GlibcStack, Image};
use crate::elf::offset_of;
use crate::elf::read_at::{ReadAt, fill, u32_at};
use crate::elf::symbols::Symbols;
use crate::linux::facts::memory::Memory;
use crate::region::AddressRange;

/// ld.so's state.
pub(crate) const STATE: &str = "_rtld_global";
/// The size of a thread's descriptor.
pub(crate) const SIZE: &str = "_thread_db_sizeof_pthread";
/// The constants that are read.
pub(crate) const DESCRIPTORS: [&str; 5] = [
    SIZE,
    "_thread_db_pthread_list",
    "_thread_db_pthread_tid",
    "_thread_db_rtld_global__dl_stack_used",
    "_thread_db_rtld_global__dl_stack_user",
];

/// The maximum number of stacks of one list.
const MAX_STACKS: usize = 1 << 15;
/// A thread's descriptor takes some 2 KiB; a larger one is invalid.
const MAX_DESCRIPTOR_BYTES: u64 = 16 << 10;
/// A larger stack is invalid.
const MAX_STACK_BYTES: u64 = 1 << 40;
/// The number of descriptors that must agree on the offset of the stack.
const WITNESSES: usize = 8;

/// The offsets in ld.so's state and in a thread's descriptor, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadTable {
    used: u64,
    user: u64,
    list: u64,
    tid: u64,
    bytes: u64,
}

impl ThreadTable {
    /// Reads the constants from the file of libc.
    pub(crate) fn read(image: &Image, symbols: &Symbols, read_at: &mut ReadAt<'_>) -> Option<Self> {
        let mut read = |name, field| {
            let mut bytes = [0; 12];
            let offset = offset_of(image, *symbols.get(name)?)?;
            fill(read_at, offset, &mut bytes).ok()?;
            u32_at(&bytes, field).map(u64::from)
        };
        // A field is described by bits, count and offset.
        let table = Self {
            used: read("_thread_db_rtld_global__dl_stack_used", 8)?,
            user: read("_thread_db_rtld_global__dl_stack_user", 8)?,
            list: read("_thread_db_pthread_list", 8)?,
            tid: read("_thread_db_pthread_tid", 8)?,
            bytes: read(SIZE, 0)?,
        };
        let inside = table.list.max(table.tid) < table.bytes;
        (inside && table.bytes <= MAX_DESCRIPTOR_BYTES).then_some(table)
    }
}

/// Reads the lists from ld.so's state at `state`; `offset` is that of the stack in descriptors, if
/// it is known.
pub(crate) fn stacks(
    memory: &mut Memory,
    table: &ThreadTable,
    state: u64,
    offset: &mut Option<u64>,
) -> Option<Vec<GlibcStack>> {
    let mut list = |offset| walk(memory, table, state.checked_add(offset)?);
    let used = list(table.used)?;
    let user = list(table.user)?;
    // Stacks kept for later are listed after those in use.
    let cached = list(table.user.checked_add(16)?).unwrap_or_default();
    if offset.is_none() {
        let witnesses: Vec<u64> = used.iter().chain(&cached).copied().take(WITNESSES).collect();
        *offset = find_offset(memory, table, &witnesses);
    }
    let Some(offset) = *offset else {
        return (used.is_empty() && cached.is_empty()).then(Vec::new);
    };
    let mut stacks = Vec::new();
    for (list, lives) in [(used, true), (user, true), (cached, false)] {
        for descriptor in list {
            let Some((range, guard_bytes)) = stack(memory, descriptor, offset) else { continue };
            let tid = if lives { tid(memory, descriptor, table) } else { None };
            if lives && tid.is_none() {
                continue;
            }
            stacks.push(GlibcStack { tid, range, guard_bytes });
        }
    }
    Some(stacks)
}

/// Returns the descriptors of the list with its head at `head`, up to the first unreadable one.
fn walk(memory: &mut Memory, table: &ThreadTable, head: u64) -> Option<Vec<u64>> {
    let mut descriptors = Vec::new();
    let mut at = memory.word(head)?;
    if at == 0 {
        return None;
    }
    while at != head && at % 8 == 0 && descriptors.len() < MAX_STACKS {
        // The list changes while it is read: an unreadable entry ends it.
        let Some(next) = memory.word(at) else { break };
        descriptors.extend(at.checked_sub(table.list));
        at = next;
    }
    // A list with a cycle yields each of its members once.
    descriptors.sort_unstable();
    descriptors.dedup();
    Some(descriptors)
}

fn tid(memory: &mut Memory, descriptor: u64, table: &ThreadTable) -> Option<u32> {
    let mut bytes = [0; 4];
    let read = memory.read(descriptor.checked_add(table.tid)?, &mut bytes);
    u32::try_from(i32::from_ne_bytes(bytes)).ok().filter(|tid| read && *tid != 0)
}

/// Finds the offset in a descriptor of the block, its size and its guard's size.
fn find_offset(memory: &mut Memory, table: &ThreadTable, descriptors: &[u64]) -> Option<u64> {
    let mut offsets: Option<Vec<u64>> = None;
    for descriptor in descriptors {
        let mut bytes = vec![0; usize::try_from(table.bytes).ok()?];
        if !memory.read(*descriptor, &mut bytes) {
            continue;
        }
        let words: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|word| word.try_into().map_or(0, u64::from_ne_bytes))
            .collect();
        let fits = |offset: &u64| {
            let from = usize::try_from(offset / 8).unwrap_or(usize::MAX);
            let fields = words.get(from..).and_then(<[u64]>::first_chunk);
            fields.is_some_and(|fields| {
                fields[0].is_multiple_of(4096) && checked(*descriptor, *fields).is_some()
            })
        };
        offsets = Some(match offsets {
            Some(offsets) => offsets.into_iter().filter(fits).collect(),
            None => (0..words.len() as u64).map(|word| word * 8).filter(fits).collect(),
        });
    }
    offsets?.first().copied()
}

fn stack(memory: &mut Memory, descriptor: u64, offset: u64) -> Option<(AddressRange, u64)> {
    let mut bytes = [0; 24];
    memory.read(descriptor.checked_add(offset)?, &mut bytes).then_some(())?;
    let word =
        |offset: usize| bytes[offset..].first_chunk().map_or(0, |it| u64::from_ne_bytes(*it));
    checked(descriptor, [word(0), word(8), word(16)])
}

/// Returns block and guard if they are plausible for the thread of `descriptor`.
fn checked(descriptor: u64, [start, bytes, guard_bytes]: [u64; 3]) -> Option<(AddressRange, u64)> {
    let end = start.checked_add(bytes)?;
    let fits = start != 0
        && start < descriptor
        && descriptor < end
        && bytes <= MAX_STACK_BYTES
        && guard_bytes < bytes
        && guard_bytes.is_multiple_of(4096);
    fits.then_some((AddressRange::new(start, end), guard_bytes))
}
