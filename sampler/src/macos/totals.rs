//! The kernel's totals of a process.

use mach2::task_info::task_vm_info;

use crate::error::Error;
use crate::macos::ffi::{libproc, unix};
use crate::macos::process::native;
use crate::snapshot::ProcessTotals;

/// The number of words of TASK_VM_INFO up to `phys_footprint`, which older kernels leave out.
pub(crate) const WORDS_TO_FOOTPRINT: usize = std::mem::offset_of!(task_vm_info, min_address) / 4;

/// Returns the totals of the task of `pid`, whose TASK_VM_INFO is `figures`, of `words` words.
pub(crate) fn of_task(pid: u32, figures: &task_vm_info, words: usize) -> ProcessTotals {
    let footprint = (words >= WORDS_TO_FOOTPRINT).then_some(figures.phys_footprint);
    ProcessTotals {
        virtual_bytes: Some(figures.virtual_size),
        resident_bytes: Some(figures.resident_size),
        peak_resident_bytes: Some(figures.resident_size_peak),
        anonymous_resident_bytes: Some(figures.internal),
        file_resident_bytes: Some(figures.external),
        swapped_bytes: Some(figures.compressed),
        footprint_bytes: footprint,
        ..counts(pid)
    }
}

/// Returns the totals of the resources that `pid` uses.
///
/// # Errors
///
/// Fails if they may not be read, or if the process has ended.
pub(crate) fn of_resources(pid: u32) -> Result<ProcessTotals, Error> {
    let usage = libproc::resources(native(pid)?).map_err(|error| match error.raw_os_error() {
        Some(libc::ESRCH) => Error::Exited { pid },
        _ => Error::Kernel { pid, call: "proc_pid_rusage", reason: error.to_string() },
    })?;
    let counts = counts(pid);
    let cpu_ns = unix::ticks_to_ns(usage.ri_user_time.saturating_add(usage.ri_system_time));
    Ok(ProcessTotals {
        resident_bytes: Some(usage.ri_resident_size),
        footprint_bytes: Some(usage.ri_phys_footprint),
        major_faults: counts.major_faults.or(Some(usage.ri_pageins)),
        cpu_ns: counts.cpu_ns.or(Some(cpu_ns)),
        ..counts
    })
}

/// Returns the virtual size and what is no memory: threads, faults, processor time.
fn counts(pid: u32) -> ProcessTotals {
    let Some(task) = native(pid).ok().and_then(|pid| libproc::task_figures(pid).ok()) else {
        return ProcessTotals::default();
    };
    let count = |number: i32| u64::from(number.cast_unsigned());
    ProcessTotals {
        virtual_bytes: Some(task.pti_virtual_size),
        threads: Some(count(task.pti_threadnum)),
        minor_faults: Some(count(task.pti_faults).saturating_sub(count(task.pti_pageins))),
        major_faults: Some(count(task.pti_pageins)),
        cpu_ns: Some(unix::ticks_to_ns(task.pti_total_user.saturating_add(task.pti_total_system))),
        ..ProcessTotals::default()
    }
}
