//! Asks a kernel for snapshots of a process's memory regions and names each
//! region's type.
//!
//! Parsing and deciding are pure and compile on every system; only the folder
//! of an operating system touches its kernel.

pub mod apportion;
pub mod classify;
pub mod consistency;
pub mod darwin;
pub mod elf;
pub mod error;
pub mod find;
pub mod layout;
#[cfg(target_os = "linux")]
pub mod linux;
pub mod mach_tags;
#[cfg(target_os = "macos")]
pub mod macos;
pub mod mapping;
pub mod process;
pub mod procfs;
pub mod quantity;
pub mod rebuild;
pub mod region;
pub mod share;
pub mod snapshot;
pub mod system_sum;
pub mod vocabulary;

pub use error::Error;
pub use find::matching;
#[cfg(target_os = "linux")]
pub use linux::{
    ExitWatch, PERMISSION_HINT, Sampler, host, now, process_info, processes, send_signal,
    system_sums,
};
#[cfg(target_os = "macos")]
pub use macos::{
    ExitWatch, PERMISSION_HINT, Sampler, host, now, process_info, processes, send_signal,
    system_sums,
};
pub use process::{Host, ProcessId, ProcessInfo};
pub use quantity::{Quantities, Quantity};
pub use region::{
    AddressRange, Confidence, Identity, Label, Object, Protection, Provenance, Region, ShareMode,
};
pub use snapshot::{Consistency, Cost, ProcessTotals, Snapshot, Timestamp};
pub use system_sum::{SumOf, SystemSum};
pub use vocabulary::{Family, RegionType, types};
