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
    use super::{Family, RegionType};

    macro_rules! vocabulary {
        ($($(#[doc = $meaning:literal])+ $constant:ident = $name:literal in $family:ident;)+) => {
            $($(#[doc = $meaning])+ pub const $constant: RegionType = RegionType::known($name, Family::$family);)+
            /// Every type vmrec knows.
            pub const ALL: &[RegionType] = &[$($constant),+];
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
        /// The brk heap.
        MALLOC_BRK = "MALLOC (brk heap)" in Malloc;
        /// Stack of the main thread, or of a thread not told apart.
        STACK = "Stack" in Stack;
        /// Inaccessible pages below a stack.
        STACK_GUARD = "STACK GUARD" in Reserved;
        /// Inaccessible pages elsewhere.
        GUARD = "guard" in Reserved;
        /// Code made while running.
        JIT_CODE = "JIT code" in Jit;
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
