//! The memory that is shared with the recorder, as the process writes it. Nothing here waits or locks.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::layout::{
    ALLOCATED, EVENT_WORDS, FREED, HEAD, HEADER_BYTES, HELD, LOST, LOST_FREES, MAX_STACK_BYTES,
    PADDING, RING_BYTES, SLOTS, TABLE_BYTES, TAIL,
};
use crate::system::{first_stack_end, is_readable, now_ns, registers, thread_pointer};

/// How far from its first slot an address may be.
const PROBES: usize = 64;
/// The unit in which memory is known to be readable or not.
const PAGE_BYTES: usize = 4096;

/// The shared memory.
#[derive(Clone, Copy)]
pub(crate) struct Ring(*mut u8);

/// A sampled block whose slot is held.
pub(crate) struct Slot {
    index: usize,
    id: u64,
}

/// A place in the ring that is reserved for a record.
struct Place {
    at: usize,
    words: usize,
}

impl Ring {
    /// Takes memory of the layout's size.
    pub(crate) const fn new(base: *mut u8) -> Self {
        Self(base)
    }

    pub(crate) const fn base(self) -> *mut u8 {
        self.0
    }

    fn word(self, index: usize) -> &'static AtomicU64 {
        // SAFETY: callers stay within the memory, which is never unmapped.
        unsafe { AtomicU64::from_ptr(self.0.cast::<u64>().add(index)) }
    }

    /// Returns a slot's word: that of its address, or of its block's number.
    fn slot(self, index: usize, part: usize) -> &'static AtomicU64 {
        self.word(HEADER_BYTES / 8 + index * 2 + part)
    }

    fn ring_word(self, index: usize) -> &'static AtomicU64 {
        self.word((HEADER_BYTES + TABLE_BYTES) / 8 + index)
    }

    /// Adds a sampled block to the table and reports it; returns whether there was room for both.
    #[inline(never)]
    pub(crate) fn allocated(self, address: usize, bytes: usize, id: u64) -> bool {
        let first = hash(address);
        let held = (0..PROBES).map(|step| (first + step) % SLOTS).find(|index| {
            let slot = self.slot(*index, 0);
            slot.compare_exchange(0, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
        });
        let Some(index) = held else {
            self.word(LOST).fetch_add(1, Ordering::Relaxed);
            return false;
        };
        self.slot(index, 1).store(id, Ordering::Relaxed);
        let event = [address as u64, bytes as u64, (index as u64) << 48 | id];
        if self.report(ALLOCATED, event, address, index) {
            return true;
        }
        self.slot(index, 0).store(0, Ordering::Release);
        self.word(LOST).fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Takes a block out of the table, if it is there; it stays held.
    pub(crate) fn take(self, address: usize) -> Option<Slot> {
        let first = hash(address);
        let index = (0..PROBES).map(|step| (first + step) % SLOTS).find(|index| {
            let slot = self.slot(*index, 0);
            slot.load(Ordering::Relaxed) == address as u64
                && slot
                    .compare_exchange(address as u64, HELD, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
        })?;
        Some(Slot { index, id: self.slot(index, 1).load(Ordering::Relaxed) })
    }

    /// Puts a block back that was not freed after all.
    pub(crate) fn put_back(self, slot: &Slot, address: usize) {
        self.slot(slot.index, 0).store(address as u64, Ordering::Release);
    }

    /// Reports the end of a block and makes its slot free.
    #[inline(never)]
    pub(crate) fn freed(self, slot: &Slot, address: usize) {
        self.slot(slot.index, 0).store(0, Ordering::Release);
        let event = [address as u64, 0, (slot.index as u64) << 48 | slot.id];
        if !self.report(FREED, event, 0, 0) {
            self.word(LOST_FREES).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes a record with the caller's registers and stack; `address` is put into the slot, unless
    /// it is 0, before the record counts. Returns whether there was room.
    #[inline(always)]
    fn report(self, kind: u64, event: [u64; 3], address: usize, slot: usize) -> bool {
        let registers = registers();
        let stack_bytes = stack_bytes(registers.sp);
        let words = EVENT_WORDS + stack_bytes / 8;
        let Some(place) = self.reserve(words) else { return false };
        let [one, two, three] = event;
        let of_registers = [registers.pc, registers.sp, registers.fp, registers.lr];
        let [pc, sp, fp, lr] = of_registers.map(|value| value as u64);
        for (index, value) in [now_ns(), one, two, three, pc, sp, fp, lr].into_iter().enumerate() {
            self.ring_word(place.at + 1 + index).store(value, Ordering::Relaxed);
        }
        let stack = registers.sp as *const u64;
        for index in 0..stack_bytes / 8 {
            // SAFETY: these words were found readable, and are above the stack's pointer.
            let value = unsafe { stack.add(index).read_volatile() };
            self.ring_word(place.at + EVENT_WORDS + index).store(value, Ordering::Relaxed);
        }
        if address != 0 {
            self.slot(slot, 0).store(address as u64, Ordering::Release);
        }
        self.commit(&place, kind);
        true
    }

    /// Reserves room for a record, in one piece.
    fn reserve(self, words: usize) -> Option<Place> {
        let all = RING_BYTES / 8;
        let mut head = self.word(HEAD).load(Ordering::Relaxed);
        loop {
            let tail = self.word(TAIL).load(Ordering::Acquire);
            let at = head as usize % all;
            let padding = if at + words > all { all - at } else { 0 };
            let used = head.wrapping_sub(tail);
            // A tail that others wrote to may be anything.
            if used > all as u64 || used as usize + padding + words > all {
                return None;
            }
            let next = head + (padding + words) as u64;
            match self.word(HEAD).compare_exchange_weak(
                head,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) if padding > 0 => {
                    self.commit(&Place { at, words: padding }, PADDING);
                    return Some(Place { at: 0, words });
                }
                Ok(_) => return Some(Place { at, words }),
                Err(current) => head = current,
            }
        }
    }

    fn commit(self, place: &Place, kind: u64) {
        let header = kind << 32 | (place.words * 8) as u64;
        self.ring_word(place.at).store(header, Ordering::Release);
    }
}

/// Returns the first slot of an address, and its place in the filter.
pub(crate) fn hash(address: usize) -> usize {
    ((address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}

/// Returns how many bytes of a stack can be read, at most those that are wanted. It may be any memory:
/// a program may have stacks of its own making.
fn stack_bytes(sp: usize) -> usize {
    let mut end = sp + MAX_STACK_BYTES;
    for above in [thread_pointer(), first_stack_end()] {
        if sp < above && above < end {
            end = above;
        }
    }
    let mut known = (sp | (PAGE_BYTES - 1)) + 1;
    while known < end && is_readable(known) {
        known += PAGE_BYTES;
    }
    (known.min(end) - sp) / 8 * 8
}
