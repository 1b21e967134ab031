//! Processor time, user and system. The kernel brings a thread's clock up to
//! date as it is read; its counters in rusage and /proc lag by up to a tick.

#![allow(
    unsafe_code,
    dead_code,
    reason = "libc has no safe calls for it, and each program asks for some of these only"
)]

/// Whose processor time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// The thread that asks.
    Thread,
    /// Every thread of this process, those that have ended included.
    Process,
    /// Every child that was waited for.
    Children,
}

/// Returns the processor time spent so far, in nanoseconds.
pub(crate) fn spent_ns(of: Of) -> u64 {
    match of {
        Of::Thread => clock_ns(libc::CLOCK_THREAD_CPUTIME_ID),
        Of::Process => clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID),
        Of::Children => children_ns(),
    }
}

/// Returns the processor time of all threads of another process, in nanoseconds.
pub(crate) fn of_process_ns(pid: u32) -> u64 {
    let mut clock = 0;
    // SAFETY: the call writes one value, to the variable given.
    unsafe { libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) };
    clock_ns(clock)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours that outlives the call.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn children_ns() -> u64 {
    // SAFETY: all-zero is a valid rusage, which the call fills in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    ns(usage.ru_utime) + ns(usage.ru_stime)
}
