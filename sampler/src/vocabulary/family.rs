//! The families that types belong to.

use std::fmt;

/// A group of types, the first level of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// Executables and libraries.
    Image = 0,
    /// Memory that malloc hands out.
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
    /// Pages of the kernel or of a device.
    Kernel = 7,
    /// The program's own mappings, and unexplained memory.
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
