//! Takes snapshots of a process's memory regions from the kernel and classifies
//! each region.
//!
//! Parsing and classification are pure and compile on every system; only the
//! folder of an operating system calls its kernel.

mod alloc_refusal;
mod classify;
#[cfg_attr(
    not(target_os = "macos"),
    allow(dead_code, reason = "pure logic of macOS, which every system tests")
)]
mod darwin;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod demangle;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod elf;
mod error;
mod find;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod governor;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod heap;
mod label;
#[cfg(target_os = "linux")]
mod linux;
mod listing;
mod loaded;
#[cfg(target_os = "macos")]
mod macos;
mod named;
mod naming;
mod order;
mod pasted;
mod posix;
mod process;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod procfs;
mod program;
mod quantity;
mod region;
#[cfg_attr(
    not(target_os = "macos"),
    allow(dead_code, reason = "pure logic of macOS, which every system tests")
)]
mod region_pages;
mod rights_needed;
mod rule;
mod snapshot;
mod stable_hash;
mod stack_refusal;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod stacks;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod stop_refusal;
mod system_sum;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "pure logic of Linux, which every system tests")
)]
mod tracker;
mod vocabulary;
#[cfg_attr(
    not(target_os = "macos"),
    allow(dead_code, reason = "pure logic of macOS, which every system tests")
)]
mod zones;

pub use crate::alloc_refusal::AllocRefusal;
pub use crate::classify::classify;
pub use crate::classify::facts::{
    Evidence, Facts, GlibcStack, Image, Jvm, Segment, Thread, TrackedRange,
};
pub use crate::classify::piece::{Piece, Process};
pub use crate::classify::rebuild::{Rebuilt, label_of};
pub use crate::classify::switches::{Switch, switches};
pub use crate::classify::user::UserRule;
pub use crate::darwin::regions::labels as darwin_labels;
pub use crate::error::Error;
pub use crate::find::matching;
pub use crate::governor::{Limits, Sharers};
pub use crate::heap::block::{Block, Tally};
pub use crate::heap::leaks::Leak;
pub use crate::heap::snapshot::{
    Heap, HeapProblem, HeapRange, HeapRequest, PoolGroup, Pools, RangeKind, StoppedHeap,
};
pub use crate::heap::texts::Copies;
pub use crate::label::{Confidence, Detail, Label};
#[cfg(target_os = "linux")]
pub use crate::linux::heap::inspect_heap;
#[cfg(target_os = "linux")]
pub use crate::linux::{
    allocs::AllocRecorder,
    capabilities::give_up_rights,
    executable::working_folder,
    facts::FactReader,
    files::PERMISSION_HINT,
    own_code::release_own_code,
    process::{
        check_proc, hides_processes, host, process_info, processes, program_name, resident_bytes,
    },
    process_list::ProcessList,
    sampler::Sampler,
    stacks::StackRecorder,
    sums::system_sums,
    system::{adopt_orphans, count_as_footprint, program, share_one_arena},
    watch::ExitWatch,
};
pub use crate::listing::{ListChanges, ListedProcess};
pub use crate::loaded::{LoadedImage, LoadedImages, LoadedSegment};
#[cfg(target_os = "macos")]
pub use crate::macos::heap::{check_stoppable, heap_bytes, read_heap};
#[cfg(target_os = "macos")]
pub use crate::macos::{
    PERMISSION_HINT,
    allocs::AllocRecorder,
    footprint::count_as_footprint,
    process::{
        adopt_orphans, check_proc, give_up_rights, hides_processes, host, process_info, processes,
        program_name, release_own_code, resident_bytes, share_one_arena, working_folder,
    },
    process_list::ProcessList,
    program::program,
    sampler::Sampler,
    stacks::StackRecorder,
    sums::system_sums,
    watch::ExitWatch,
    zones::zone_lines,
};
pub use crate::naming::Naming;
pub use crate::order::{sort_by, sort_by_key};
pub use crate::pasted::model::{
    BadPaste, MAX_PASTE_BYTES, PasteFormat, Pasted, PastedProcess, PastedSnapshot, Remark,
};
pub use crate::pasted::parse_paste;
pub use crate::posix::{
    begin_session, discard_stream, ignores_signal, max_file_bytes, now, own_user_id, process_group,
    raise_open_files, reap, send_signal,
};
pub use crate::process::{Host, IMPORTED_BOOT, ProcessId, ProcessInfo};
pub use crate::procfs::mapping::Mapping;
pub use crate::procfs::sizes::Field;
pub use crate::procfs::smaps::{BadSmaps, Record, SmapsParser};
pub use crate::procfs::status::parse_status;
pub use crate::program::Program;
pub use crate::quantity::{Quantities, Quantity};
pub use crate::region::{
    AddressRange, Identity, Object, Protection, Provenance, Region, ShareMode, StandIn,
};
pub use crate::region_pages::RegionPages;
pub use crate::rights_needed::RightsNeeded;
pub use crate::rule::Rule;
pub use crate::snapshot::{Consistency, Cost, ProcessTotals, Snapshot, Timestamp};
pub use crate::stable_hash::stable_hash;
pub use crate::stack_refusal::StackRefusal;
pub use crate::stacks::metric::StackMetric;
pub use crate::stacks::model::{
    AllocCounts, AllocOptions, BlockBegin, BlockChanges, BlockEnd, LiveStack, StackCounts,
    StackFrame, StackNode, StackOptions, StackTick,
};
pub use crate::stop_refusal::StopRefusal;
pub use crate::system_sum::{SumOf, SystemSum};
pub use crate::tracker::RegionTracker;
pub use crate::vocabulary::{Family, RegionType, types};
pub use crate::zones::{MallocZone, parse_zones};
