//! The families that types belong to.

use std::fmt;

use crate::named::named;

named! {
    /// A group of types, the first level of a chart.
    Family {
        /// Executables and libraries.
        Image = "image",
        /// Memory that malloc hands out.
        Malloc = "malloc",
        /// Stacks of threads.
        Stack = "stack",
        /// Heaps of language runtimes.
        RuntimeHeap = "runtime heap",
        /// Code made while running.
        Jit = "JIT",
        /// Files mapped as data.
        MappedFile = "mapped file",
        /// Memory shared between processes.
        SharedMemory = "shared memory",
        /// Pages of the kernel or of a device.
        Kernel = "kernel/device",
        /// The program's own mappings, and unexplained memory.
        VmAllocate = "VM_ALLOCATE",
        /// Address space without memory: reservations, guards, gaps.
        Reserved = "reserved",
    }
}

impl Family {
    /// Returns the family of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Returns one line on what memory of this family is, for legends.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Image => "executables and libraries: code, constants, data",
            Self::Malloc => "memory that malloc hands out",
            Self::Stack => "stacks of threads",
            Self::RuntimeHeap => "heaps of language runtimes",
            Self::Jit => "code made while running",
            Self::MappedFile => "files mapped as data",
            Self::SharedMemory => "memory shared between processes",
            Self::Kernel => "pages of the kernel or of a device",
            Self::VmAllocate => "the program's own mappings, and unexplained memory",
            Self::Reserved => "address space without memory: reservations and guards",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
