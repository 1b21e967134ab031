//! The library that `vmrec record --allocs` preloads into a command: it counts the bytes that each
//! thread allocates, and hands one block in so many bytes, with its stack, to the recorder.
//!
//! It is no part of the crate: its build script compiles it, alone, with the compiler that compiles the
//! crate. It needs no library but the allocator that it finds behind it, takes no lock, and unwinds no
//! stack.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]

mod begin;
#[path = "../src/stacks/draw.rs"]
mod draw;
mod hooks;
#[allow(dead_code, reason = "the recorder's part of it")]
#[path = "../src/stacks/layout.rs"]
mod layout;
mod next;
mod ring;
mod sample;
mod system;

/// Ends the process: nothing here is meant to panic.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        // SAFETY: an instruction that ends a process.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            core::arch::asm!("ud2")
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            core::arch::asm!("brk 1")
        }
    }
}
