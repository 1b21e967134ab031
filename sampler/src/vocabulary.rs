//! The region types and their families: one vocabulary on every platform,
//! modelled on vmmap's names.
//!
//! A new type is one line in [`types`]. Types that are not in the list (a
//! user's own, or of a newer version's file) are made with [`RegionType::named`].

use std::borrow::Cow;
use std::fmt;

/// A group of types, what a chart shows first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// Executables and libraries.
    Image = 0,
    /// What malloc hands out.
    Malloc = 1,
    /// Stacks of threads.
    Stack = 2,
    /// Heaps of language runtimes.
    RuntimeHeap = 3,
    /// Code made while running.
    Jit = 4,
    /// Files mapped as data.
    MappedFile = 5,
    /// Memory shared between processes.
    SharedMemory = 6,
    /// What the kernel or a device put there.
    Kernel = 7,
    /// The program's own mappings, and what nothing explains.
    VmAllocate = 8,
    /// Address space without memory: reservations, guards, gaps.
    Reserved = 9,
}

impl Family {
    /// Every family, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Image,
        Self::Malloc,
        Self::Stack,
        Self::RuntimeHeap,
        Self::Jit,
        Self::MappedFile,
        Self::SharedMemory,
        Self::Kernel,
        Self::VmAllocate,
        Self::Reserved,
    ];

    /// Returns the name shown to users and stored in recordings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Malloc => "malloc",
            Self::Stack => "stack",
            Self::RuntimeHeap => "runtime heap",
            Self::Jit => "JIT",
            Self::MappedFile => "mapped file",
            Self::SharedMemory => "shared memory",
            Self::Kernel => "kernel/device",
            Self::VmAllocate => "VM_ALLOCATE",
            Self::Reserved => "reserved",
        }
    }

    /// Returns the family of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Returns one line on what memory of this family is, for legends.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Image => "executables and libraries: code, constants, data",
            Self::Malloc => "what malloc hands out",
            Self::Stack => "stacks of threads",
            Self::RuntimeHeap => "heaps of language runtimes",
            Self::Jit => "code made while running",
            Self::MappedFile => "files mapped as data",
            Self::SharedMemory => "memory shared between processes",
            Self::Kernel => "pages of the kernel or of a device",
            Self::VmAllocate => "the program's own mappings, and what nothing explains",
            Self::Reserved => "address space without memory: reservations and guards",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a region is for: a name and the family it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionType {
    name: Cow<'static, str>,
    family: Family,
}

impl RegionType {
    const fn known(name: &'static str, family: Family) -> Self {
        Self { name: Cow::Borrowed(name), family }
    }

    /// Returns the type of that name in that family, borrowing the name where [`types`] lists it.
    pub fn named(name: &str, family: Family) -> Self {
        types::ALL
            .iter()
            .find(|known| known.name == name && known.family == family)
            .cloned()
            .unwrap_or_else(|| Self { name: Cow::Owned(name.to_owned()), family })
    }

    /// Returns the name shown to users and stored in recordings.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns one sentence on memory of this type; `None` for a type vmrec does not know.
    pub fn meaning(&self) -> Option<&'static str> {
        let mut meanings = types::ALL.iter().zip(types::MEANINGS);
        meanings.find(|(known, _)| *known == self).map(|(_, meaning)| meaning.trim_start())
    }

    /// Returns the family it belongs to.
    pub const fn family(&self) -> Family {
        self.family
    }
}

impl fmt::Display for RegionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// The types vmrec knows.
pub mod types {
    use crate::vocabulary::{Family, RegionType};

    macro_rules! vocabulary {
        ($($(#[doc = $meaning:literal])+ $constant:ident = $name:literal in $family:ident;)+) => {
            $($(#[doc = $meaning])+ pub const $constant: RegionType = RegionType::known($name, Family::$family);)+
            /// Every type vmrec knows.
            pub const ALL: &[RegionType] = &[$($constant),+];
            /// The meaning of each of [`ALL`].
            pub(super) const MEANINGS: &[&str] = &[$(concat!($($meaning),+)),+];
        };
    }

    vocabulary! {
        /// Executable segment of an image.
        TEXT = "__TEXT" in Image;
        /// Read-only segment of an image.
        RODATA = "__RODATA" in Image;
        /// First read-only segment of an image: headers, symbols, relocations.
        LINKEDIT = "__LINKEDIT" in Image;
        /// Data of an image made read-only after relocation.
        DATA_CONST = "__DATA_CONST" in Image;
        /// Writable data of an image.
        DATA = "__DATA" in Image;
        /// Zero-filled data of an image.
        BSS = "__BSS" in Image;
        /// Inaccessible hole between the segments of an image.
        ELF_GAP = "ELF gap" in Reserved;
        /// What the loader allocates for itself, and the main thread's TLS.
        LOADER_DATA = "ld.so data" in Image;
        /// The brk heap.
        MALLOC_BRK = "MALLOC (brk heap)" in Malloc;
        /// A glibc arena, the part in use.
        MALLOC_ARENA = "MALLOC (arena)" in Malloc;
        /// One allocation large enough for a mapping of its own.
        MALLOC_LARGE = "MALLOC_LARGE" in Malloc;
        /// Memory of jemalloc.
        MALLOC_JEMALLOC = "MALLOC (jemalloc)" in Malloc;
        /// Memory of tcmalloc.
        MALLOC_TCMALLOC = "MALLOC (tcmalloc)" in Malloc;
        /// Memory of mimalloc.
        MALLOC_MIMALLOC = "MALLOC (mimalloc)" in Malloc;
        /// Memory of musl's malloc.
        MALLOC_MUSL = "MALLOC (musl)" in Malloc;
        /// Memory of Firefox's malloc.
        MALLOC_MOZJEMALLOC = "MALLOC (mozjemalloc)" in Malloc;
        /// Memory of Chromium's malloc.
        MALLOC_PARTITION = "MALLOC (PartitionAlloc)" in Malloc;
        /// Memory of AddressSanitizer's malloc.
        MALLOC_ASAN = "MALLOC (asan)" in Malloc;
        /// Memory of Scudo, Android's malloc.
        MALLOC_SCUDO = "MALLOC (scudo)" in Malloc;
        /// Inaccessible part of what a malloc reserved.
        MALLOC_RESERVED = "MALLOC (reserved)" in Reserved;
        /// Stack of the main thread, or of a thread not told apart.
        STACK = "Stack" in Stack;
        /// Stack of another thread; which one is in the detail.
        STACK_THREAD = "Stack (thread)" in Stack;
        /// Stack that signal handlers run on.
        STACK_SIGNAL = "Stack (alt signal)" in Stack;
        /// Inaccessible pages below a stack.
        STACK_GUARD = "STACK GUARD" in Reserved;
        /// Inaccessible pages elsewhere.
        GUARD = "guard" in Reserved;
        /// Code made while running.
        JIT_CODE = "JIT code" in Jit;
        /// Code compiled by a JVM.
        JIT_JVM = "JIT code (JVM)" in Jit;
        /// Code compiled by V8.
        JIT_V8 = "JIT code (V8)" in Jit;
        /// Heap of V8, JavaScript's objects.
        V8_HEAP = "V8 heap" in RuntimeHeap;
        /// Heap of Blink's and Node's garbage-collected C++ objects.
        V8_CPPGC = "V8 cppgc heap" in RuntimeHeap;
        /// Linear memory of WebAssembly.
        WASM_MEMORY = "WASM memory" in RuntimeHeap;
        /// Heap of Firefox's JavaScript.
        SPIDERMONKEY_HEAP = "SpiderMonkey heap" in RuntimeHeap;
        /// Heap of Java objects.
        JVM_HEAP = "JVM heap" in RuntimeHeap;
        /// Classes a JVM loaded.
        JVM_METASPACE = "JVM metaspace" in RuntimeHeap;
        /// Tables of a JVM's garbage collector.
        JVM_GC = "JVM GC data" in RuntimeHeap;
        /// Classes prepared ahead of time.
        JVM_CDS = "JVM CDS archive" in RuntimeHeap;
        /// Counters that jstat reads.
        JVM_PERF = "JVM perf data" in RuntimeHeap;
        /// Whatever else a JVM names.
        JVM_OTHER = "JVM other" in RuntimeHeap;
        /// Heap of the Android runtime.
        ART_HEAP = "ART heap" in RuntimeHeap;
        /// Heap of Go.
        GO_HEAP = "Go heap" in RuntimeHeap;
        /// Tables of Go's runtime.
        GO_RUNTIME = "Go runtime" in RuntimeHeap;
        /// Heap of CPython's small objects.
        PYTHON_HEAP = "Python heap" in RuntimeHeap;
        /// Heap of Ruby.
        RUBY_HEAP = "Ruby heap" in RuntimeHeap;
        /// Heap of PHP.
        PHP_HEAP = "PHP heap" in RuntimeHeap;
        /// Heaps of Erlang's processes.
        ERLANG_HEAP = "Erlang heap" in RuntimeHeap;
        /// Heap of LuaJIT.
        LUA_HEAP = "Lua heap" in RuntimeHeap;
        /// Heap of Lisp.
        LISP_HEAP = "Lisp heap" in RuntimeHeap;
        /// Heap of the Boehm collector.
        LIBGC_HEAP = "GC heap (libgc)" in RuntimeHeap;
        /// Memory of an emulated program.
        GUEST_MEMORY = "Guest memory" in RuntimeHeap;
        /// Memory of Valgrind and of the program it runs.
        VALGRIND = "Valgrind" in RuntimeHeap;
        /// A sanitizer's record of the program's memory.
        SANITIZER_SHADOW = "sanitizer shadow" in RuntimeHeap;
        /// A file mapped as data.
        MAPPED_FILE = "mapped file" in MappedFile;
        /// memfd, shm_open, SysV, or MAP_SHARED | MAP_ANONYMOUS.
        SHARED_MEMORY = "shared memory" in SharedMemory;
        /// io_uring, perf_event and other rings shared with the kernel.
        KERNEL_RING = "kernel ring" in Kernel;
        /// Memory of a device.
        DEVICE = "device" in Kernel;
        /// System call code the kernel maps.
        VDSO = "vdso" in Kernel;
        /// Data of the vdso.
        VVAR = "vvar" in Kernel;
        /// System call page of old.
        VSYSCALL = "vsyscall" in Kernel;
        /// The program's own mmap, or unexplained.
        VM_ALLOCATE = "VM_ALLOCATE" in VmAllocate;
        /// Reserved address space.
        RESERVED = "reserved" in Reserved;
        /// Address space a JVM reserved.
        RESERVED_JVM = "reserved (JVM)" in Reserved;
        /// Address space V8 reserved.
        RESERVED_V8 = "reserved (V8)" in Reserved;
        /// Address space Go reserved.
        RESERVED_GO = "reserved (Go)" in Reserved;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for (place, known) in types::ALL.iter().enumerate() {
            assert!(
                types::ALL[..place].iter().all(|other| other.name() != known.name()),
                "{known}"
            );
            assert_eq!(&RegionType::named(known.name(), known.family()), known);
        }
        for family in Family::ALL {
            assert_eq!(Family::from_name(family.name()), Some(family));
        }
    }

    #[test]
    fn a_type_of_a_newer_file_keeps_its_name_and_family() {
        let newer = RegionType::named("Quantum heap", Family::RuntimeHeap);
        assert_eq!((newer.name(), newer.family()), ("Quantum heap", Family::RuntimeHeap));
    }
}
