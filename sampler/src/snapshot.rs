//! A sample: one full snapshot of a process's regions, with what it cost.

use crate::loaded::LoadedImages;
use crate::region::{Provenance, Region};

/// A moment, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Wall clock: nanoseconds since 1970-01-01 UTC. May step back.
    pub utc_ns: i64,
    /// Monotonic clock of this boot, in nanoseconds. Linux: `CLOCK_BOOTTIME`, which counts suspended time.
    pub monotonic_ns: u64,
}

/// The cost of taking a sample, for the sampling thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Processor time, in nanoseconds.
    pub cpu_ns: u64,
    /// Wall clock time, in nanoseconds.
    pub wall_ns: u64,
}

/// Whether the regions of a sample are known, and of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Order, overlap and the sum of sizes agree with the process totals read before and after.
    Complete,
    /// The mappings and their resident, private and swapped pages are of this moment, private ones up to a
    /// minute before it; a full read would have kept the process waiting too long. Other sizes are those
    /// of the last one, adapted, or unknown.
    Cheap,
    /// The process has not run, nor have its totals moved, since its regions were read, a minute ago at
    /// most: they are those of then. Others may have changed which of its pages are private, shared,
    /// dirty or swapped, and their proportional sizes.
    Unchanged,
    /// The regions changed while they were read, twice in a row. The text names the failed check
    /// and the difference.
    Torn(String),
    /// There are none: the regions may not be read, for the reason named, and the totals are all that
    /// is known.
    TotalsAlone(String),
}

impl Consistency {
    /// Returns why the regions are unknown, if they are.
    pub fn totals_alone(&self) -> Option<&str> {
        match self {
            Self::TotalsAlone(why) => Some(why),
            Self::Complete | Self::Cheap | Self::Unchanged | Self::Torn(_) => None,
        }
    }

    /// Returns which check failed, if the regions are torn.
    pub fn torn(&self) -> Option<&str> {
        match self {
            Self::Torn(why) => Some(why),
            Self::Complete | Self::Cheap | Self::Unchanged | Self::TotalsAlone(_) => None,
        }
    }

    /// Returns whether the regions are those of an earlier sample, since the process has not run.
    pub const fn is_unchanged(&self) -> bool {
        matches!(self, Self::Unchanged)
    }

    /// Returns whether only mappings and pages are of the sample's moment.
    pub const fn is_cheap(&self) -> bool {
        matches!(self, Self::Cheap)
    }
}

/// The kernel's totals of the process. Sizes in bytes; unknown is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessTotals {
    /// Linux: statm `size`.
    pub virtual_bytes: Option<u64>,
    /// Linux: statm `resident` + status `HugetlbPages` (may lag the regions by a few pages a CPU).
    pub resident_bytes: Option<u64>,
    /// The maximum of `resident_bytes` so far, as far as it is known. Linux: status `VmHWM`, which leaves out
    /// hugetlb, or a larger `resident_bytes` that was sampled.
    pub peak_resident_bytes: Option<u64>,
    /// Linux: status `RssAnon`.
    pub anonymous_resident_bytes: Option<u64>,
    /// Linux: status `RssFile`.
    pub file_resident_bytes: Option<u64>,
    /// Linux: status `RssShmem`.
    pub shmem_resident_bytes: Option<u64>,
    /// Linux: sum of the regions' `Swap`, derived: `VmSwap` leaves out shared memory.
    pub swapped_bytes: Option<u64>,
    /// Linux: status `VmPTE`.
    pub page_table_bytes: Option<u64>,
    /// The bytes charged to the process alone. Linux: sum of `Region::footprint_bytes`, derived; macOS: `phys_footprint`.
    pub footprint_bytes: Option<u64>,
    /// The maximum of `footprint_bytes` so far. macOS: `ledger_phys_footprint_peak`.
    pub peak_footprint_bytes: Option<u64>,
    /// Of the footprint: memory that may become purgeable and must be kept now. macOS, as all below
    /// up to the threads: ledgers of TASK_VM_INFO, compressed pages included.
    pub purgeable_footprint_bytes: Option<u64>,
    /// Of the footprint: what the network's frameworks own.
    pub network_footprint_bytes: Option<u64>,
    /// Of the footprint: what audio and video own.
    pub media_footprint_bytes: Option<u64>,
    /// Of the footprint: what graphics own, mapped or not.
    pub graphics_footprint_bytes: Option<u64>,
    /// Of the footprint: what the neural engine owns.
    pub neural_footprint_bytes: Option<u64>,
    /// Linux: status `Threads`.
    pub threads: Option<u64>,
    /// Page faults served without I/O since its start. Linux: stat `minflt`.
    pub minor_faults: Option<u64>,
    /// Page faults that needed I/O since its start. Linux: stat `majflt`.
    pub major_faults: Option<u64>,
    /// Processor time used since its start, user + system, in nanoseconds. Linux: stat `utime + stime`.
    pub cpu_ns: Option<u64>,
    /// How many mappings the process may have. Linux: `vm.max_map_count`.
    pub max_mappings: Option<u64>,
    /// The limit of its address space, if it has one. Linux: `Max address space` of limits.
    pub address_space_limit_bytes: Option<u64>,
    /// The limit of its private writable memory, if it has one. Linux: `Max data size` of limits.
    pub data_limit_bytes: Option<u64>,
    /// Memory charged to its control group and those below. Linux: `memory.current`.
    pub cgroup_bytes: Option<u64>,
    /// The most that was. Linux: `memory.peak`.
    pub cgroup_peak_bytes: Option<u64>,
    /// The lowest limit of its control group and of those above it that are visible. Linux: `memory.max`.
    pub cgroup_max_bytes: Option<u64>,
    /// Memory of no file. Linux: `anon` of `memory.stat`.
    pub cgroup_anonymous_bytes: Option<u64>,
    /// Memory of files, their cache included. Linux: `file` of `memory.stat`.
    pub cgroup_file_bytes: Option<u64>,
    /// Memory of the kernel. Linux: `kernel` of `memory.stat`.
    pub cgroup_kernel_bytes: Option<u64>,
    /// Memory of the kernel in slabs. Linux: `slab` of `memory.stat`.
    pub cgroup_slab_bytes: Option<u64>,
    /// Memory of network buffers. Linux: `sock` of `memory.stat`.
    pub cgroup_socket_bytes: Option<u64>,
    /// Processes killed for want of memory. Linux: `oom_kill` of `memory.events`.
    pub cgroup_oom_kills: Option<u64>,
    /// Time in which a process of the group waited for memory. Linux: `some` of `memory.pressure`.
    pub cgroup_some_stalled_ns: Option<u64>,
    /// Time in which all that could run waited for memory. Linux: `full` of `memory.pressure`.
    pub cgroup_all_stalled_ns: Option<u64>,
}

/// One full snapshot of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was taken: as its regions began to be read.
    pub taken: Timestamp,
    /// The cost of taking it.
    pub cost: Cost,
    /// Whether it is of one moment.
    pub consistency: Consistency,
    /// The kernel's totals.
    pub totals: ProcessTotals,
    /// The regions in ascending order of start address; disjoint if complete, perhaps overlapping if
    /// torn, unknown (and empty) if the totals are all that is known.
    pub regions: Vec<Region>,
    /// The images that the dynamic linker lists; `None` where no list is read or there is none to read.
    /// A file keeps them beside its samples, so that those read from it have none here.
    pub images: Option<LoadedImages>,
}

impl Snapshot {
    /// Returns the source of the quantities of one of its regions.
    pub fn provenance_of(&self, region: &Region) -> Provenance {
        match self.consistency {
            Consistency::Cheap | Consistency::Unchanged => Provenance::Carried,
            _ => region.provenance,
        }
    }
}
