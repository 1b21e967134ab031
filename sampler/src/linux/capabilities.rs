//! Gives up the capabilities that a recorder does not need. They are those of the calling thread and
//! of threads that it starts later.
#![allow(unsafe_code)]

use std::fs;

use crate::rights_needed::RightsNeeded;

const CAP_CHOWN: u32 = 0;
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_FOWNER: u32 = 3;
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_PTRACE: u32 = 19;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_CHECKPOINT_RESTORE: u32 = 40;

/// The third version of the kernel's structures, of two words a set.
const VERSION: u32 = 0x2008_0522;

/// Who is asked about: 0 is the calling thread.
#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

/// One word of each set.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Words {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Gives up all capabilities but those needed, if there are any; to be called before threads start.
///
/// No program may be started later: root's would have them again and, as one that gained rights, would
/// leave no core and not be seen by perf.
pub fn give_up_rights(needed: RightsNeeded) {
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap");
    let Some(last) = last.ok().and_then(|text| text.trim().parse().ok()) else { return };
    let keep = needed.mask(last);
    let Some(mut words) = held() else { return };
    if words.iter().all(|words| words.permitted == 0) {
        return;
    }
    for capability in (0..=last).filter(|of| keep >> of & 1 == 0) {
        // SAFETY: prctl takes numbers here. It fails without CAP_SETPCAP, and then the set stays.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) };
    }
    for (index, words) in words.iter_mut().enumerate() {
        let keep = (keep >> (32 * index) & u64::from(u32::MAX)) as u32;
        words.permitted &= keep;
        words.effective &= keep;
        words.inheritable &= keep;
    }
    let header = Header { version: VERSION, pid: 0 };
    // SAFETY: the structures are laid out as the kernel's of this version, which only reads them.
    // To give up is always permitted; if it failed, all would stay as it was.
    unsafe { libc::syscall(libc::SYS_capset, &raw const header, words.as_ptr()) };
}

/// Returns the sets of the calling thread.
fn held() -> Option<[Words; 2]> {
    let mut header = Header { version: VERSION, pid: 0 };
    let mut words = [Words::default(); 2];
    // SAFETY: the kernel writes two words of each set for this version, and the version if it knows
    // another one.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, words.as_mut_ptr()) };
    (done == 0).then_some(words)
}

impl RightsNeeded {
    /// Returns the set of capabilities on a kernel that knows those up to `last`.
    fn mask(self, last: u32) -> u64 {
        // Regions and sizes; memory, page maps and files of other users; mapped files by their range.
        let mut all = vec![CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE];
        if last < CAP_CHECKPOINT_RESTORE {
            all.push(CAP_SYS_ADMIN);
        }
        if self.writes_others_files {
            all.extend([CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER]);
        }
        if self.stacks {
            all.extend([CAP_PERFMON, CAP_IPC_LOCK]);
        }
        all.into_iter().filter(|of| *of <= last).fold(0, |mask, of| mask | 1 << of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_that_only_reads_keeps_three() {
        let none = RightsNeeded::default();
        assert_eq!(none.mask(40), 1 << 2 | 1 << 19 | 1 << 40);
        assert_eq!(none.mask(37), 1 << 2 | 1 << 19 | 1 << 21, "an older kernel");
        let all = RightsNeeded { writes_others_files: true, stacks: true };
        assert_eq!(all.mask(40), 1 << 40 | 1 << 38 | 1 << 19 | 1 << 14 | 0b1111);
        assert_eq!(all.mask(40) & 1 << 21, 0, "never that of the administrator");
    }
}
