//! The functions that programs call in the place of their allocator's.

use core::mem::transmute;
use core::ptr::null_mut;

use crate::next;
use crate::next::{early, early_bytes};
use crate::sample::{allocated, freed, put_back, take};

type Block = *mut u8;
type OfSize = extern "C" fn(usize) -> Block;
type OfTwo = extern "C" fn(usize, usize) -> Block;

const OUT_OF_MEMORY: i32 = 12;

/// Calls a function of the allocator; the fallback is for when it is not known.
macro_rules! call {
    ($next:ident as $kind:ty, ($($argument:expr),*), else $fallback:expr) => {
        match next::$next.address() {
            0 => $fallback,
            // SAFETY: the function of that name has this type, and the caller answers for the arguments.
            address => unsafe { transmute::<usize, $kind>(address)($($argument),*) },
        }
    };
}

#[unsafe(no_mangle)]
extern "C" fn malloc(bytes: usize) -> Block {
    let block = call!(MALLOC as OfSize, (bytes), else return early(bytes));
    allocated(block, bytes);
    block
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, bytes: usize) -> Block {
    let all = count.saturating_mul(bytes);
    let block = call!(CALLOC as OfTwo, (count, bytes), else return early(all));
    allocated(block, all);
    block
}

#[unsafe(no_mangle)]
extern "C" fn free(block: Block) {
    if early_bytes(block).is_some() {
        return;
    }
    if let Some(slot) = take(block) {
        freed(&slot, block);
    }
    call!(FREE as extern "C" fn(Block), (block), else ());
}

#[unsafe(no_mangle)]
extern "C" fn realloc(block: Block, bytes: usize) -> Block {
    type Function = extern "C" fn(Block, usize) -> Block;
    if let Some(before) = early_bytes(block) {
        return grown(block, before, bytes);
    }
    moved(block, bytes, || call!(REALLOC as Function, (block, bytes), else null_mut()))
}

#[unsafe(no_mangle)]
extern "C" fn reallocarray(block: Block, count: usize, bytes: usize) -> Block {
    type Function = extern "C" fn(Block, usize, usize) -> Block;
    match count.checked_mul(bytes) {
        // That of a C library may call `realloc`, which would count it twice.
        Some(all) => realloc(block, all),
        // It refuses that.
        None => call!(REALLOCARRAY as Function, (block, count, bytes), else null_mut()),
    }
}

/// Changes the size of a block: its sample ends, and another may begin.
#[inline(always)]
fn moved(block: Block, bytes: usize, change: impl FnOnce() -> Block) -> Block {
    let slot = if block.is_null() { None } else { take(block) };
    let new = change();
    if let Some(slot) = slot {
        // Of no bytes, it was freed.
        match new.is_null() && bytes > 0 {
            true => put_back(&slot, block),
            false => freed(&slot, block),
        }
    }
    allocated(new, bytes);
    new
}

/// Moves an early block to the allocator.
#[cold]
fn grown(block: Block, before: usize, bytes: usize) -> Block {
    let new = malloc(bytes);
    if !new.is_null() {
        // SAFETY: both are of at least so many bytes, and are two.
        unsafe { new.copy_from_nonoverlapping(block, before.min(bytes)) };
    }
    new
}

#[unsafe(no_mangle)]
extern "C" fn posix_memalign(to: *mut Block, alignment: usize, bytes: usize) -> i32 {
    type Function = extern "C" fn(*mut Block, usize, usize) -> i32;
    let result =
        call!(POSIX_MEMALIGN as Function, (to, alignment, bytes), else return OUT_OF_MEMORY);
    if result == 0 {
        // SAFETY: the allocator just wrote to it.
        allocated(unsafe { to.read() }, bytes);
    }
    result
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(alignment: usize, bytes: usize) -> Block {
    let block = call!(ALIGNED_ALLOC as OfTwo, (alignment, bytes), else null_mut());
    allocated(block, bytes);
    block
}

#[unsafe(no_mangle)]
extern "C" fn memalign(alignment: usize, bytes: usize) -> Block {
    let block = call!(MEMALIGN as OfTwo, (alignment, bytes), else null_mut());
    allocated(block, bytes);
    block
}

#[unsafe(no_mangle)]
extern "C" fn valloc(bytes: usize) -> Block {
    let block = call!(VALLOC as OfSize, (bytes), else null_mut());
    allocated(block, bytes);
    block
}

#[unsafe(no_mangle)]
extern "C" fn pvalloc(bytes: usize) -> Block {
    let block = call!(PVALLOC as OfSize, (bytes), else null_mut());
    allocated(block, bytes);
    block
}
