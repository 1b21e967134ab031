//! Which of Linux's capabilities a recorder needs once it runs, by their bits.

/// The work that a recorder has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RightsNeeded {
    /// It writes files of other users, or its own against their mode.
    pub writes_others_files: bool,
    /// It records page faults.
    pub stacks: bool,
}

const CAP_CHOWN: u32 = 0;
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_FOWNER: u32 = 3;
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_PTRACE: u32 = 19;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_CHECKPOINT_RESTORE: u32 = 40;

impl RightsNeeded {
    /// Returns the set of capabilities on a kernel that knows those up to `last`.
    pub(crate) fn mask(self, last: u32) -> u64 {
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
