//! Gives up the capabilities that a recorder does not need. They are those of the calling thread and
//! of threads that it starts later.
#![allow(unsafe_code)]

use std::fs;

use crate::rights_needed::RightsNeeded;

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
