//! What a system itself says a process's memory sums to, to compare the sums of a snapshot with.
//!
//! Each operating system's folder has `system_sums(&ProcessId)`, which asks
//! the kernel afresh, by other calls than a sample goes by where there are
//! such: Linux reads `smaps_rollup` and `statm`; macOS has `TASK_VM_INFO`
//! (virtual, resident, `phys_footprint`).

use crate::quantity::Quantity;

/// What is summed over all regions of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumOf {
    /// The sizes of the address ranges.
    Virtual,
    /// The same without Linux's vsyscall page, which is listed with the regions and counted for no process.
    VirtualButVsyscall,
    /// A measured size.
    Measured(Quantity),
    /// What the process alone is charged for.
    Footprint,
}

impl SumOf {
    /// Returns the name used in columns and JSON keys, with its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Virtual | Self::VirtualButVsyscall => "virtual_bytes",
            Self::Measured(quantity) => quantity.name(),
            Self::Footprint => "footprint_bytes",
        }
    }
}

/// One figure of the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemSum {
    /// Where it is from, as its manual calls it: `smaps_rollup`.
    pub source: &'static str,
    /// What it sums.
    pub of: SumOf,
    /// How much.
    pub bytes: u64,
    /// By how much the source itself may be off, for it rounds or lags; 0 if it is exact.
    pub slack_bytes: u64,
}
