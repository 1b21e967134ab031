//! Reads the kernel's own sums of a process's memory.

use crate::error::Error;
use crate::macos::process::info;
use crate::macos::task::Task;
use crate::macos::totals::WORDS_TO_FOOTPRINT;
use crate::process::ProcessId;
use crate::quantity::Quantity;
use crate::system_sum::{SumOf, SystemSum};

/// Returns the sums of TASK_VM_INFO: `virtual_size` without submaps, `resident_size` and, where the
/// kernel has it, `phys_footprint`.
///
/// # Errors
///
/// Fails if the process has ended, or if it may not be read.
pub fn system_sums(process: &ProcessId) -> Result<Vec<SystemSum>, Error> {
    let pid = process.pid;
    let (found, _) = info(pid)?;
    if found.id != *process {
        return Err(Error::Reused { pid });
    }
    let task = Task::open(&found)?;
    let (figures, words) = task.figures().map_err(|code| Error::Kernel {
        pid,
        call: "task_info",
        reason: Task::reason(code),
    })?;
    let sum = |of, bytes| SystemSum { source: "TASK_VM_INFO", of, bytes, slack_bytes: 0 };
    let mut sums = Vec::new();
    // Its `virtual_size` has each submap as a whole, of which this process maps a part.
    if let Some(submaps) = task.submap_bytes() {
        let bytes = figures.virtual_size.saturating_sub(submaps);
        sums.push(sum(SumOf::VirtualButSubmaps, bytes));
    }
    sums.push(sum(SumOf::Measured(Quantity::Resident), figures.resident_size));
    if words >= WORDS_TO_FOOTPRINT {
        sums.push(sum(SumOf::Footprint, figures.phys_footprint));
    }
    Ok(sums)
}
