//! Which blocks are sampled, and how their ends are noticed.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering};

use crate::begin;
use crate::draw;
use crate::ring::{Ring, Slot, hash};
use crate::system::{call, map, now_ns, number, thread};

/// How many sampled blocks have an address of a hash: most addresses have none.
static FILTER: [AtomicU8; 1 << 16] = [const { AtomicU8::new(0) }; 1 << 16];
/// The number of the last sampled block.
static LAST: AtomicU64 = AtomicU64::new(0);
/// The state of the process: a page that is empty again in a process that is forked.
static STATE: AtomicPtr<State> = AtomicPtr::new(null_mut());

/// The numbers of blocks take so many bits.
const ID_MASK: u64 = (1 << 48) - 1;
/// How often a thread of a process that is not recorded comes here.
const NEVER: i64 = i64::MAX / 2;

#[repr(C)]
struct State {
    phase: AtomicU8,
    /// The shared memory, where the phase is `ON`.
    ring: AtomicPtr<u8>,
}

const NEW: u8 = 0;
const BEGINS: u8 = 1;
const ON: u8 = 2;
const OFF: u8 = 3;

/// Counts a block that was allocated.
#[inline(always)]
pub(crate) fn allocated(block: *mut u8, bytes: usize) {
    if block.is_null() {
        return;
    }
    let thread = thread();
    // SAFETY: it is this thread's own, and lives as long; a signal's handler that changes it meanwhile
    // makes a distance wrong, at most.
    unsafe {
        let left = (*thread).left - bytes as i64;
        (*thread).left = left;
        if left <= 0 {
            hit(block, bytes);
        }
    }
}

/// Takes a block that will be freed out of the table, if it was sampled.
#[inline(always)]
pub(crate) fn take(block: *mut u8) -> Option<Slot> {
    let is_rare = FILTER[hash(block as usize) & 0xffff].load(Ordering::Relaxed) != 0;
    if is_rare { take_sampled(block) } else { None }
}

#[cold]
#[inline(never)]
fn take_sampled(block: *mut u8) -> Option<Slot> {
    current()?.take(block as usize)
}

/// Reports that a block was freed.
#[cold]
#[inline(never)]
pub(crate) fn freed(slot: &Slot, block: *mut u8) {
    lessen(block);
    if let Some(ring) = current() {
        ring.freed(slot, block as usize);
    }
}

/// Takes note that a block is still there.
#[cold]
pub(crate) fn put_back(slot: &Slot, block: *mut u8) {
    if let Some(ring) = current() {
        ring.put_back(slot, block as usize);
    }
}

/// A full count stays: it is not known any more.
fn lessen(block: *mut u8) {
    let less = |count: u8| (count > 0 && count < u8::MAX).then(|| count - 1);
    let filter = &FILTER[hash(block as usize) & 0xffff];
    let _ = filter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
}

/// Samples a block, unless the thread or the process just begins, or is not recorded.
#[cold]
#[inline(never)]
fn hit(block: *mut u8, bytes: usize) {
    let thread = thread();
    // SAFETY: as in `allocated`.
    let thread = unsafe { &mut *thread };
    if thread.inside {
        return;
    }
    thread.inside = true;
    match ring() {
        None => thread.left = NEVER,
        Some(ring) => {
            let mean = begin::MEAN.load(Ordering::Relaxed);
            if thread.random == 0 {
                let own = core::ptr::from_ref(thread) as u64;
                thread.random = draw::seed(now_ns() ^ own.rotate_left(24));
                thread.left += draw::distance(&mut thread.random, mean);
            }
            if thread.left <= 0 && bytes > 0 {
                sample(ring, block, bytes);
            }
            if thread.left <= 0 {
                thread.left = draw::distance(&mut thread.random, mean);
            }
        }
    }
    thread.inside = false;
}

fn sample(ring: Ring, block: *mut u8, bytes: usize) {
    let id = (LAST.fetch_add(1, Ordering::Relaxed) + 1) & ID_MASK;
    if ring.allocated(block as usize, bytes, id) {
        let more = |count: u8| count.checked_add(1);
        let filter = &FILTER[hash(block as usize) & 0xffff];
        let _ = filter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

/// Returns the shared memory, if the process has some.
fn current() -> Option<Ring> {
    let state = STATE.load(Ordering::Acquire);
    // SAFETY: it is never unmapped.
    let state = unsafe { state.as_ref()? };
    let is_on = state.phase.load(Ordering::Acquire) == ON;
    is_on.then(|| Ring::new(state.ring.load(Ordering::Relaxed)))
}

/// Returns the shared memory; the first to ask begins the process.
fn ring() -> Option<Ring> {
    let (state, is_forked) = match STATE.load(Ordering::Acquire) {
        state if !state.is_null() => (state, true),
        _ => (new_state()?, false),
    };
    // SAFETY: it is never unmapped.
    let state = unsafe { &*state };
    match state.phase.compare_exchange(NEW, BEGINS, Ordering::AcqRel, Ordering::Acquire) {
        Err(ON) => Some(Ring::new(state.ring.load(Ordering::Relaxed))),
        Err(_) => None,
        Ok(_) => {
            let made = if is_forked { forked() } else { begin::program() };
            state.ring.store(made.map_or(null_mut(), Ring::base), Ordering::Relaxed);
            state.phase.store(if made.is_some() { ON } else { OFF }, Ordering::Release);
            made
        }
    }
}

/// Begins a process that was forked: the blocks that it has are its parent's samples.
fn forked() -> Option<Ring> {
    FILTER.iter().filter(|it| it.load(Ordering::Relaxed) != 0).for_each(|it| {
        it.store(0, Ordering::Relaxed);
    });
    begin::forked()
}

/// Maps the page of the state; `None` if another thread was first, or if there is none.
fn new_state() -> Option<*mut State> {
    const PRIVATE_ANONYMOUS: usize = 0x22;
    const MADV_WIPEONFORK: usize = 18;
    const BYTES: usize = 4096;
    let page = map(BYTES, PRIVATE_ANONYMOUS, usize::MAX)?;
    // SAFETY: the page is new.
    let is_wiped =
        unsafe { call(number::MADVISE, [page as usize, BYTES, MADV_WIPEONFORK, 0, 0, 0]) == 0 };
    let state: *mut State = page.cast();
    let is_ours = is_wiped
        && STATE.compare_exchange(null_mut(), state, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if !is_ours {
        // SAFETY: nobody knows the page.
        unsafe { call(number::MUNMAP, [page as usize, BYTES, 0, 0, 0, 0]) };
    }
    is_ours.then_some(state)
}
