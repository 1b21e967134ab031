//! Reads the kernel's own sums of a process's memory.

use std::path::Path;
use std::thread::available_parallelism;

use crate::error::Error;
use crate::linux::files::{OpenFile, PROC, Refusal, read};
use crate::linux::process::{process_info, refused};
use crate::linux::sampler::totals::resident_bytes;
use crate::linux::system::page_size_bytes;
use crate::process::ProcessId;
use crate::procfs::rollup::parse_rollup;
use crate::quantity::Quantity;
use crate::system_sum::{SumOf, SystemSum};

/// The number of counters in the resident size: anonymous, file and shmem pages.
const RESIDENT_COUNTERS: u64 = 3;

/// Returns the kernel's own sums of the process: those of statm and, if the kernel has it (4.14),
/// smaps_rollup.
///
/// # Errors
///
/// Fails if the process has ended, or if it may not be read.
pub fn system_sums(process: &ProcessId) -> Result<Vec<SystemSum>, Error> {
    let folder = Path::new(PROC).join(process.pid.to_string());
    let failed = |refusal| refused(refusal, process.pid);
    let mut sums = from_statm(&folder).map_err(failed)?;
    match read(folder.join("smaps_rollup")) {
        Ok(text) => sums.extend(from_rollup(&text)),
        // The process exists: older kernels have no such file.
        Err(Refusal::Gone) => {}
        Err(refusal) => return Err(failed(refusal)),
    }
    if process_info(process.pid)?.id == *process {
        Ok(sums)
    } else {
        Err(Error::Reused { pid: process.pid })
    }
}

fn from_statm(folder: &Path) -> Result<Vec<SystemSum>, Refusal> {
    let page = page_size_bytes();
    let statm = OpenFile::open(folder.join("statm"))?.statm()?;
    let status = OpenFile::open(folder.join("status"))?.status()?;
    Ok(vec![
        SystemSum {
            source: "statm",
            of: SumOf::VirtualButVsyscall,
            bytes: statm.size.saturating_mul(page),
            slack_bytes: 0,
        },
        SystemSum {
            source: "statm",
            of: SumOf::Measured(Quantity::Resident),
            bytes: resident_bytes(&statm, &status),
            slack_bytes: held_back_pages() * page,
        },
    ])
}

/// Returns the maximum number of resident pages that processors have not added to the process's
/// counters yet: on each less than a batch of each counter. Linux 6.17 and later add them up on
/// each read.
fn held_back_pages() -> u64 {
    let processors = available_parallelism().map_or(1, |count| count.get() as u64);
    RESIDENT_COUNTERS * processors * 32.max(2 * processors)
}

fn from_rollup(text: &[u8]) -> Vec<SystemSum> {
    let quantities = parse_rollup(text).quantities();
    Quantity::ALL
        .into_iter()
        .filter_map(|quantity| Some((SumOf::Measured(quantity), quantities.get(quantity)?)))
        .map(|(of, bytes)| SystemSum { source: "smaps_rollup", of, bytes, slack_bytes: 0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_this_process_are_reported() {
        let own = process_info(std::process::id()).unwrap().id;
        let sums = system_sums(&own).unwrap();
        let of = |source, of| sums.iter().find(|sum| sum.source == source && sum.of == of);
        assert!(of("statm", SumOf::VirtualButVsyscall).unwrap().bytes > 1 << 20);
        assert!(of("smaps_rollup", SumOf::Measured(Quantity::PrivateDirty)).unwrap().bytes > 4096);
    }

    #[test]
    fn another_process_of_the_same_pid_has_other_sums() {
        let mut other = process_info(std::process::id()).unwrap().id;
        other.start_ticks += 1;
        assert!(matches!(system_sums(&other), Err(Error::Reused { .. })));
    }
}
