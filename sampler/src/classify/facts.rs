//! The facts that the rules use besides the list of mappings.
//!
//! Readers fill this in: `linux/` from a live process, tests and the evaluation
//! from captures. Unreadable facts are `None` or empty, and the rules that need
//! them do not apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::region::{AddressRange, Protection};

/// Reads the target's memory at an address into a buffer; returns the bytes read, 0 where
/// it may not be read or the page is not present. Never crosses into the next page.
pub(crate) type Peek<'a> = dyn FnMut(u64, &mut [u8]) -> usize + 'a;

/// Facts about one process at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Path of the executable, as in the mappings.
    pub executable: Option<Arc<str>>,
    /// Start of the main thread's stack. Linux: stat field 28.
    pub start_stack: Option<u64>,
    /// Start of the brk heap. Linux: stat field 47.
    pub start_brk: Option<u64>,
    /// The pid of the process, which is also the id of its main thread.
    pub pid: u32,
    /// Its threads, by ascending number.
    pub threads: Vec<Thread>,
    /// The mapped ELF files, by their names in the mappings.
    pub images: BTreeMap<Arc<str>, Arc<Image>>,
    /// glibc's own list of stacks, from `_rtld_global`; `None` if it cannot be found or read.
    pub glibc_stacks: Option<Vec<GlibcStack>>,
    /// Where the file that the process keeps for perf names code, ascending and disjoint.
    pub listed_code: Vec<AddressRange>,
    /// What a JVM lists that tracks its native memory, ascending and disjoint.
    pub native_memory: Vec<TrackedRange>,
    /// The contents of HotSpot's `gHotSpotVMStructs`; `None` if it cannot be found or read.
    pub jvm: Option<Jvm>,
    /// Whether the target's memory may be read: if not, the rules use shapes.
    pub memory_readable: bool,
}

/// A thread of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number.
    pub tid: u32,
    /// Its name, as it set it.
    pub name: Arc<str>,
    /// Head of its robust futex list: glibc keeps it in the thread's descriptor, at the top of its stack.
    pub robust_list: Option<u64>,
    /// Its stack pointer, where it is blocked in a system call.
    pub stack_pointer: Option<u64>,
}

/// A mapped ELF file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Whether it is at fixed addresses (ET_EXEC).
    pub fixed: bool,
    /// Whether it names an interpreter (PT_INTERP): a dynamic executable.
    pub has_interpreter: bool,
    /// Its PT_LOAD segments, in the file's order.
    pub segments: Vec<Segment>,
    /// Its PT_GNU_RELRO ranges, relative to the load base.
    pub relro: Vec<AddressRange>,
    /// Names of `crate::classify::markers::MARKERS` found in it.
    pub markers: Vec<Arc<str>>,
}

/// A PT_LOAD segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its rights.
    pub protection: Protection,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Address relative to the load base.
    pub address: u64,
    /// Bytes from the file.
    pub file_bytes: u64,
    /// Bytes in memory; those beyond `file_bytes` are zero-filled.
    pub memory_bytes: u64,
}

/// A stack that glibc keeps in its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlibcStack {
    /// Its thread; `None` for a stack kept for the next thread.
    pub tid: Option<u32>,
    /// The whole block, guard included.
    pub range: AddressRange,
    /// Bytes of the guard at its low end.
    pub guard_bytes: u64,
}

/// A range that a JVM reserved, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedRange {
    /// The range, its committed and its other parts.
    pub range: AddressRange,
    /// The JVM's name of its purpose, such as `Java Heap`.
    pub category: Arc<str>,
}

/// The facts that a HotSpot JVM publishes about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jvm {
    /// Reserved ranges of the Java heap.
    pub heap: Vec<AddressRange>,
    /// Reserved ranges of compiled code, their segment maps included.
    pub code: Vec<AddressRange>,
    /// The base of compressed class pointers.
    pub narrow_klass_base: Option<u64>,
}

/// The input of one classification, enough to repeat it with newer rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The facts.
    pub facts: Facts,
    /// The bytes read from the target's memory, by address; empty if nothing could be read.
    pub peeks: BTreeMap<u64, Box<[u8]>>,
}
