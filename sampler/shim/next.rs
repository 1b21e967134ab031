//! The allocator behind the shim: that which the program would have without it. Before it is found, and
//! while the loader looks for it, blocks come from a few pages of the shim's own.

use core::ffi::{c_char, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::system::{thread, weak};

type Block = *mut u8;

/// A function of the allocator.
pub(crate) struct Next {
    address: AtomicUsize,
    name: &'static core::ffi::CStr,
}

impl Next {
    const fn of(name: &'static core::ffi::CStr) -> Self {
        Self { address: AtomicUsize::new(0), name }
    }

    /// Returns its address; 0 while it is not known.
    #[inline(always)]
    pub(crate) fn address(&self) -> usize {
        let address = self.address.load(Ordering::Relaxed);
        if address == 0 { self.find() } else { address }
    }

    #[cold]
    #[inline(never)]
    fn find(&self) -> usize {
        /// The library after the one that asks.
        const RTLD_NEXT: *mut c_void = usize::MAX as *mut c_void;
        let thread = thread();
        // SAFETY: it is this thread's own.
        if unsafe { core::mem::replace(&mut (*thread).looking, true) } {
            return 0;
        }
        let look = weak!("dlsym");
        let mut address = 0;
        if look != 0 {
            // SAFETY: it is `dlsym`.
            unsafe {
                let look: extern "C" fn(*mut c_void, *const c_char) -> usize = transmute(look);
                address = look(RTLD_NEXT, self.name.as_ptr());
            }
        }
        if address == 0 {
            // glibc before 2.34 has `dlsym` in a library that not all programs load.
            address = match self.name.to_bytes() {
                b"malloc" => weak!("__libc_malloc"),
                b"calloc" => weak!("__libc_calloc"),
                b"realloc" => weak!("__libc_realloc"),
                b"free" => weak!("__libc_free"),
                b"memalign" | b"aligned_alloc" => weak!("__libc_memalign"),
                _ => 0,
            };
        }
        self.address.store(address, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { (*thread).looking = false };
        address
    }
}

pub(crate) static MALLOC: Next = Next::of(c"malloc");
pub(crate) static CALLOC: Next = Next::of(c"calloc");
pub(crate) static REALLOC: Next = Next::of(c"realloc");
pub(crate) static REALLOCARRAY: Next = Next::of(c"reallocarray");
pub(crate) static FREE: Next = Next::of(c"free");
pub(crate) static POSIX_MEMALIGN: Next = Next::of(c"posix_memalign");
pub(crate) static ALIGNED_ALLOC: Next = Next::of(c"aligned_alloc");
pub(crate) static MEMALIGN: Next = Next::of(c"memalign");
pub(crate) static VALLOC: Next = Next::of(c"valloc");
pub(crate) static PVALLOC: Next = Next::of(c"pvalloc");

/// The bytes of the pages for early blocks, each of which begins with its size.
const EARLY_BYTES: usize = 64 << 10;
const UNIT_BYTES: usize = 16;

#[repr(C, align(16))]
struct Early([u8; EARLY_BYTES]);

static mut EARLY: Early = Early([0; EARLY_BYTES]);
static EARLY_USED: AtomicUsize = AtomicUsize::new(0);

/// Returns an early block, empty; none when there is no more room.
pub(crate) fn early(bytes: usize) -> Block {
    let Some(all) = bytes.checked_next_multiple_of(UNIT_BYTES) else { return null_mut() };
    let Some(all) = all.checked_add(UNIT_BYTES).filter(|all| *all <= EARLY_BYTES) else {
        return null_mut();
    };
    let at = EARLY_USED.fetch_add(all, Ordering::Relaxed);
    if at > EARLY_BYTES - all {
        return null_mut();
    }
    // SAFETY: these bytes are handed out once, and lie within the pages.
    unsafe {
        let block = (&raw mut EARLY).cast::<u8>().add(at);
        block.cast::<usize>().write(bytes);
        block.add(UNIT_BYTES)
    }
}

/// Returns the bytes of an early block; `None` if it is none.
#[inline(always)]
pub(crate) fn early_bytes(block: Block) -> Option<usize> {
    let begin = (&raw const EARLY) as usize;
    if (block as usize).wrapping_sub(begin) >= EARLY_BYTES {
        return None;
    }
    // SAFETY: an early block has its size before it.
    Some(unsafe { block.sub(UNIT_BYTES).cast::<usize>().read() })
}
