//! The system's own sums of a process's memory, for comparison with the sums of
//! a snapshot.
//!
//! Each operating system's folder has `system_sums(&ProcessId)`, which asks the
//! kernel again, if possible with other calls than those of a sample: Linux
//! reads `smaps_rollup` and `statm`; macOS has `TASK_VM_INFO` (virtual, resident,
//! `phys_footprint`), whose virtual size counts submaps whole.

use crate::quantity::Quantity;

/// A measure summed over all regions of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumOf {
    /// The sizes of the address ranges.
    Virtual,
    /// The same without Linux's vsyscall page, which is listed with the regions and counted for no process.
    VirtualButVsyscall,
    /// The sizes of the ranges outside of macOS's submaps, whose content this process maps in part.
    VirtualButSubmaps,
    /// A measured size.
    Measured(Quantity),
    /// The bytes charged to the process alone.
    Footprint,
}

impl SumOf {
    /// Returns the name used in columns and JSON keys, with its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Virtual | Self::VirtualButVsyscall | Self::VirtualButSubmaps => "virtual_bytes",
            Self::Measured(quantity) => quantity.name(),
            Self::Footprint => "footprint_bytes",
        }
    }
}

/// One sum reported by the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemSum {
    /// Its source, as in the system's manual: `smaps_rollup`.
    pub source: &'static str,
    /// Its measure.
    pub of: SumOf,
    /// The value.
    pub bytes: u64,
    /// The possible error of the source, because it rounds or lags; 0 if it is exact.
    pub slack_bytes: u64,
}
