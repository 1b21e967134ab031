//! Calls of the kernel, the thread's own memory and its registers, without a C library: the shim acts
//! before that is ready, and leaves `errno` alone.

use core::arch::{asm, global_asm};

/// State of a thread.
#[repr(C)]
pub(crate) struct Thread {
    /// Bytes to allocate until the next sample.
    pub(crate) left: i64,
    /// The state of its random numbers; 0 before the first.
    pub(crate) random: u64,
    /// Whether it is in the shim's own work.
    pub(crate) inside: bool,
    /// Whether it is looking for a function of the allocator, which may allocate.
    pub(crate) looking: bool,
}

global_asm!(
    ".section .tbss,\"awT\",%nobits",
    ".balign 16",
    ".local vmrec_thread",
    ".type vmrec_thread, %object",
    "vmrec_thread:",
    ".zero 32",
    ".size vmrec_thread, 32",
    ".text",
    // A program may have neither.
    ".weak dlsym",
    ".weak __libc_stack_end",
    ".weak __libc_malloc",
    ".weak __libc_calloc",
    ".weak __libc_realloc",
    ".weak __libc_free",
    ".weak __libc_memalign",
);

/// Loads the address of a symbol that may not be there.
macro_rules! weak {
    ($name:literal) => {{
        let at: usize;
        // SAFETY: reads the table of addresses of this library.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            core::arch::asm!(
                concat!("mov {at}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                at = out(reg) at,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            core::arch::asm!(
                concat!("adrp {at}, :got:", $name),
                concat!("ldr {at}, [{at}, :got_lo12:", $name, "]"),
                at = out(reg) at,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        at
    }};
}
pub(crate) use weak;

/// Returns the state of this thread, which is at a fixed distance from its thread pointer.
#[inline(always)]
pub(crate) fn thread() -> *mut Thread {
    let at: *mut Thread;
    // SAFETY: reads where this library's memory of the thread is; the loader made it before the thread.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "mov {at}, qword ptr fs:[0]",
            "add {at}, qword ptr [rip + vmrec_thread@GOTTPOFF]",
            at = out(reg) at,
            options(pure, readonly, nostack),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "mrs {at}, tpidr_el0",
            "adrp {offset}, :gottprel:vmrec_thread",
            "ldr {offset}, [{offset}, :gottprel_lo12:vmrec_thread]",
            "add {at}, {at}, {offset}",
            at = out(reg) at,
            offset = out(reg) _,
            options(pure, readonly, nostack),
        );
    }
    at
}

/// Returns the address above which a thread's stack has no frames, if its stack is below it: a C library
/// puts the thread's own data there.
pub(crate) fn thread_pointer() -> usize {
    let at: usize;
    // SAFETY: reads a register, or the word that it points to.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov {at}, qword ptr fs:[0]", at = out(reg) at, options(pure, readonly, nostack));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("mrs {at}, tpidr_el0", at = out(reg) at, options(pure, readonly, nostack));
    }
    at
}

/// Returns the address above which the first thread's stack has no frames; 0 if it is unknown.
pub(crate) fn first_stack_end() -> usize {
    let variable = weak!("__libc_stack_end") as *const usize;
    // SAFETY: where there is such a variable, the loader has set it.
    unsafe { variable.as_ref() }.copied().unwrap_or(0)
}

/// The registers that an unwinder begins with.
pub(crate) struct Registers {
    pub(crate) pc: usize,
    pub(crate) sp: usize,
    pub(crate) fp: usize,
    pub(crate) lr: usize,
}

/// Returns those of the caller.
#[inline(always)]
pub(crate) fn registers() -> Registers {
    let (pc, sp, fp, lr);
    // SAFETY: copies registers.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "lea {pc}, [rip]",
            "mov {sp}, rsp",
            "mov {fp}, rbp",
            pc = out(reg) pc,
            sp = out(reg) sp,
            fp = out(reg) fp,
            options(nomem, nostack, preserves_flags),
        );
        lr = 0;
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "adr {pc}, .",
            "mov {sp}, sp",
            "mov {fp}, x29",
            "mov {lr}, x30",
            pc = out(reg) pc,
            sp = out(reg) sp,
            fp = out(reg) fp,
            lr = out(reg) lr,
            options(nomem, nostack, preserves_flags),
        );
    }
    Registers { pc, sp, fp, lr }
}

/// Numbers of system calls.
#[cfg(target_arch = "x86_64")]
pub(crate) mod number {
    pub(crate) const READ: usize = 0;
    pub(crate) const CLOSE: usize = 3;
    pub(crate) const MMAP: usize = 9;
    pub(crate) const MUNMAP: usize = 11;
    pub(crate) const RT_SIGPROCMASK: usize = 14;
    pub(crate) const MADVISE: usize = 28;
    pub(crate) const SOCKET: usize = 41;
    pub(crate) const CONNECT: usize = 42;
    pub(crate) const SENDMSG: usize = 46;
    pub(crate) const FCNTL: usize = 72;
    pub(crate) const FTRUNCATE: usize = 77;
    pub(crate) const GETPPID: usize = 110;
    pub(crate) const PRCTL: usize = 157;
    pub(crate) const CLOCK_GETTIME: usize = 228;
    pub(crate) const OPENAT: usize = 257;
    pub(crate) const MEMFD_CREATE: usize = 319;
}
/// Numbers of system calls.
#[cfg(target_arch = "aarch64")]
pub(crate) mod number {
    pub(crate) const READ: usize = 63;
    pub(crate) const CLOSE: usize = 57;
    pub(crate) const MMAP: usize = 222;
    pub(crate) const MUNMAP: usize = 215;
    pub(crate) const RT_SIGPROCMASK: usize = 135;
    pub(crate) const MADVISE: usize = 233;
    pub(crate) const SOCKET: usize = 198;
    pub(crate) const CONNECT: usize = 203;
    pub(crate) const SENDMSG: usize = 211;
    pub(crate) const FCNTL: usize = 25;
    pub(crate) const FTRUNCATE: usize = 46;
    pub(crate) const GETPPID: usize = 173;
    pub(crate) const PRCTL: usize = 167;
    pub(crate) const CLOCK_GETTIME: usize = 113;
    pub(crate) const OPENAT: usize = 56;
    pub(crate) const MEMFD_CREATE: usize = 279;
}

/// Calls the kernel; returns its result, or minus the number of the error.
///
/// # Safety
///
/// The arguments must be those of the call.
pub(crate) unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let [one, two, three, four, five, six] = arguments;
    let result: isize;
    // SAFETY: the caller answers for the arguments.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") one, in("rsi") two, in("rdx") three, in("r10") four, in("r8") five, in("r9") six,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") one => result,
            in("x1") two, in("x2") three, in("x3") four, in("x4") five, in("x5") six,
            options(nostack),
        );
    }
    result
}

/// Returns the time on the clock that samples have.
pub(crate) fn now_ns() -> u64 {
    const CLOCK_BOOTTIME: usize = 7;
    let mut time = [0_i64; 2];
    // SAFETY: `time` is room for the structure.
    unsafe {
        call(number::CLOCK_GETTIME, [CLOCK_BOOTTIME, time.as_mut_ptr() as usize, 0, 0, 0, 0]);
    }
    let [seconds, nanoseconds] = time;
    seconds as u64 * 1_000_000_000 + nanoseconds as u64
}

/// Returns whether 8 bytes at an address can be read: the kernel reads them before it refuses a call
/// that is none.
pub(crate) fn is_readable(address: usize) -> bool {
    const NO_SUCH_CHANGE: usize = usize::MAX;
    const FAULT: isize = -14;
    // SAFETY: nothing is changed, since there is no such change.
    unsafe { call(number::RT_SIGPROCMASK, [NO_SUCH_CHANGE, address, 0, 8, 0, 0]) != FAULT }
}

/// Maps memory; `None` if there is none.
pub(crate) fn map(bytes: usize, flags: usize, file: usize) -> Option<*mut u8> {
    const READ_WRITE: usize = 3;
    // SAFETY: a new mapping where the kernel wants it.
    let at = unsafe { call(number::MMAP, [0, bytes, READ_WRITE, flags, file, 0]) };
    (!(-4095..0).contains(&at)).then_some(at as *mut u8)
}
