//! What to do next after a failure.

use vmrec_sampler::{AllocRefusal, StackRefusal, StopRefusal};

/// The hint for a file in a folder that does not exist.
pub(crate) const FOLDER_MISSING: &str = "the folder must exist: create it, or name another file";

/// The hint for changing a file while it is recorded to.
pub(crate) const RECORDER_FIRST: &str =
    "end that recorder first, or look with --dry-run at what would change";

/// The hint for pruning a file while it is recorded to.
pub(crate) const PRUNE_WHILE_RECORDING: &str =
    "end that recorder first, or let it prune while it records: `vmrec record --keep 7d …`";

/// The hint for a system without procfs, such as a bare chroot.
pub(super) const NO_PROC: &str =
    "mount it: `mount -t proc proc /proc`, in a container or chroot too";
/// The hint for processes that procfs hides.
pub(crate) const HIDDEN: &str = "run vmrec as its owner or with sudo, or mount /proc again without hiding:\n\
     `mount -o remount,hidepid=0 /proc`";
/// The hint for memory of glibc's malloc that only its shape identifies.
pub(crate) const DECORATE_MAPS: &str = "many types are guesses: where the kernel names memory, start it with\n\
     GLIBC_TUNABLES=glibc.mem.decorate_maps=1 (glibc 2.40 or later) for malloc to name its own";

/// The hint for root whom the kernel refuses a process.
pub(super) const ROOT_REFUSED: &str = "root lacks the right to it here: in a container start it with\n\
     --cap-add SYS_PTRACE, or run vmrec on the host; a security module may forbid it too";

/// The hint for the owner of a process that shut itself off.
pub(super) const OWNER_REFUSED: &str = "it is yours, but has rights that vmrec lacks, or shut itself off (PR_SET_DUMPABLE):\n\
     run vmrec with sudo, or give it the rights:\n\
     sudo setcap cap_sys_ptrace,cap_dac_read_search=ep \"$(which vmrec)\"";

/// The hint for a process without a heap of glibc's.
pub(super) const NO_HEAP: &str = "heaps of glibc's malloc, and of musl's since 1.2.1, can be read on 64-bit Linux; of other allocators `vmrec map`\n\
     shows the regions, and `vmrec record` how they grow";

/// The hint for sizes that no sample has.
pub(super) const CHEAP_HINT: &str =
    "record with --reread, or a longer --max-stall, to read all sizes";

/// The hint for a recording without regions.
pub(super) const TOTALS_HINT: &str = "`vmrec diff` compares the totals of two times, and `vmrec sql` lists them:\n\
     vmrec sql \"SELECT taken_utc_ns, footprint_bytes, resident_bytes FROM samples()\"";

/// Returns the remedy for a process that may not be stopped.
pub(super) const fn stop_hint(why: &StopRefusal) -> &'static str {
    match why {
        StopRefusal::Itself => "name another process",
        StopRefusal::Traced { .. } => "only one can trace a process: end that one first",
        StopRefusal::YamaNobody => {
            "only a boot with another kernel.yama.ptrace_scope changes that; `vmrec map` needs no ptrace"
        }
        StopRefusal::YamaAdmin | StopRefusal::YamaParents => {
            "run vmrec with sudo, or give it the right: sudo setcap cap_sys_ptrace=ep \"$(which vmrec)\",\n\
             or permit it to all of your processes: sudo sysctl kernel.yama.ptrace_scope=0"
        }
        StopRefusal::OtherUser { .. } | StopRefusal::ShutOff => vmrec_sampler::PERMISSION_HINT,
        StopRefusal::Forbidden => {
            "in a container start it with --cap-add SYS_PTRACE, or run vmrec on the host"
        }
    }
}

/// Returns the remedy for a process of a user that another one may not read.
pub(super) const fn permission_hint(own: u32, user_id: Option<u32>) -> &'static str {
    match (own, user_id) {
        // On macOS neither root nor an owner reads all.
        _ if cfg!(target_os = "macos") => vmrec_sampler::PERMISSION_HINT,
        (0, _) => ROOT_REFUSED,
        (own, Some(user)) if own == user => OWNER_REFUSED,
        _ => vmrec_sampler::PERMISSION_HINT,
    }
}

/// Returns the remedy for blocks that cannot be recorded.
pub(super) const fn alloc_hint(why: &AllocRefusal) -> Option<&'static str> {
    match why {
        AllocRefusal::Static
        | AllocRefusal::OtherRights
        | AllocRefusal::Go
        | AllocRefusal::OwnAllocator
        | AllocRefusal::OtherMachine => Some(
            "record the page faults instead: vmrec record --stacks -- COMMAND shows which code touches\n\
             fresh memory, of any program",
        ),
        AllocRefusal::NoLibrary { .. } | AllocRefusal::NoExecution { .. } => {
            Some("name another folder for vmrec's data: XDG_DATA_HOME=/some/folder")
        }
        AllocRefusal::NotHere(_) => Some("leave out --allocs"),
        AllocRefusal::Other(_) => None,
    }
}

/// Returns the remedy for page faults that may not be recorded.
pub(super) const fn stack_hint(why: &StackRefusal) -> Option<&'static str> {
    match why {
        StackRefusal::Paranoid { .. } => Some(
            "sudo sysctl kernel.perf_event_paranoid=1, or run vmrec with sudo, or give it the right:\n\
             sudo setcap cap_perfmon,cap_sys_ptrace=ep \"$(which vmrec)\"",
        ),
        StackRefusal::NotPermitted { .. } => Some(
            "run vmrec as the owner of the process or with sudo, or give it the right:\n\
             sudo setcap cap_perfmon,cap_sys_ptrace=ep \"$(which vmrec)\";\n\
             in a container start it with --cap-add PERFMON, or run vmrec on the host",
        ),
        StackRefusal::NoEvents => {
            Some("leave out --stacks, or use a kernel with CONFIG_PERF_EVENTS")
        }
        StackRefusal::TooManyThreads { .. } => {
            Some("raise the limit: `ulimit -n 65536`, or LimitNOFILE of systemd")
        }
        StackRefusal::NoBuffer => {
            Some("raise kernel.perf_event_mlock_kb or `ulimit -l`, or run vmrec with sudo")
        }
        StackRefusal::TracefsNotMounted { .. } => Some(
            "sudo mount -t tracefs none /sys/kernel/tracing; in a container run vmrec on the host;\n\
             --stacks without =all records page faults alone and does not need it",
        ),
        StackRefusal::TracefsUnreadable { .. } => Some(
            "run vmrec with sudo, or let your group read it:\n\
             sudo mount -o remount,gid=$(id -g),mode=750 /sys/kernel/tracing;\n\
             --stacks without =all records page faults alone and does not need it",
        ),
        StackRefusal::CallsNotPermitted { .. } => Some(
            "run vmrec with sudo, or sudo sysctl kernel.perf_event_paranoid=1, or give it the right:\n\
             sudo setcap cap_perfmon,cap_sys_ptrace=ep \"$(which vmrec)\";\n\
             --stacks without =all records page faults alone and does not need it",
        ),
        StackRefusal::NoCalls => Some(
            "use a kernel with CONFIG_FTRACE_SYSCALLS; --stacks without =all records page faults alone",
        ),
        StackRefusal::NotHere(_) => Some("leave out --stacks"),
        StackRefusal::Other(_) => None,
    }
}
