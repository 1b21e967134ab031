//! The kernel's totals of a process.

use mach2::task_info::task_vm_info;

use crate::darwin::totals::owned;
use crate::error::Error;
use crate::macos::ffi::{libproc, unix};
use crate::macos::process::native;
use crate::snapshot::ProcessTotals;

/// The number of words of TASK_VM_INFO up to `phys_footprint`, which older kernels leave out.
pub(crate) const WORDS_TO_FOOTPRINT: usize = std::mem::offset_of!(task_vm_info, min_address) / 4;

/// The number of words up to those that revision 4 of the structure added: the ledgers are whole.
const WORDS_TO_LEDGERS: usize = std::mem::offset_of!(task_vm_info, limit_bytes_remaining) / 4;

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
        ..ledgers(figures, words, counts(pid))
    }
}

/// Adds the parts of the footprint that newer kernels keep ledgers of.
fn ledgers(figures: &task_vm_info, words: usize, totals: ProcessTotals) -> ProcessTotals {
    if words < WORDS_TO_LEDGERS {
        return totals;
    }
    ProcessTotals {
        peak_footprint_bytes: owned([figures.ledger_phys_footprint_peak]),
        purgeable_footprint_bytes: owned([
            figures.ledger_purgeable_nonvolatile,
            figures.ledger_purgeable_novolatile_compressed,
        ]),
        network_footprint_bytes: owned([
            figures.ledger_tag_network_nonvolatile,
            figures.ledger_tag_network_nonvolatile_compressed,
        ]),
        media_footprint_bytes: owned([
            figures.ledger_tag_media_footprint,
            figures.ledger_tag_media_footprint_compressed,
        ]),
        graphics_footprint_bytes: owned([
            figures.ledger_tag_graphics_footprint,
            figures.ledger_tag_graphics_footprint_compressed,
        ]),
        neural_footprint_bytes: owned([
            figures.ledger_tag_neural_footprint,
            figures.ledger_tag_neural_footprint_compressed,
        ]),
        ..totals
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
        peak_footprint_bytes: Some(usage.ri_lifetime_max_phys_footprint),
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
