//! Where glibc keeps its fields: `struct malloc_state` and `struct heap_info` on 64-bit machines.

/// The offsets of the fields of `struct malloc_state`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The first of the lists of fast chunks, if there are such lists.
    pub(crate) fast: Option<u64>,
    /// The uppermost chunk.
    pub(crate) top: u64,
    /// The first of the rings of free chunks.
    pub(crate) bins: u64,
    /// The next arena.
    pub(crate) next: u64,
    /// The bytes taken from the system, followed by their maximum.
    pub(crate) system: u64,
    /// The size of the structure.
    pub(crate) bytes: u64,
    /// The releases of glibc that have it.
    pub(crate) releases: &'static str,
}

/// All known layouts.
pub(crate) const LAYOUTS: [Layout; 2] = [
    Layout {
        fast: Some(0x10),
        top: 0x60,
        bins: 0x70,
        next: 0x870,
        system: 0x888,
        bytes: 0x898,
        releases: "2.27 to 2.42",
    },
    Layout {
        fast: None,
        top: 0x08,
        bins: 0x18,
        next: 0x818,
        system: 0x830,
        bytes: 0x840,
        releases: "2.43",
    },
];

/// The number of lists of fast chunks.
pub(crate) const FAST_LISTS: u64 = 10;
/// The number of rings of free chunks.
pub(crate) const RINGS: u64 = 127;
/// The sizes of `struct heap_info`, which an arena's own structure follows: before 2.35, and since.
pub(crate) const HEAP_INFO_BYTES: [u64; 2] = [0x20, 0x30];
/// The sizes that heaps are aligned to: the usual one, and those with huge pages of 2 MiB and 1 GiB.
pub(crate) const HEAP_ALIGNMENTS: [u64; 3] = [64 << 20, 8 << 20, 4 << 30];

/// Chunks lie at multiples of this.
pub(crate) const ALIGNMENT: u64 = 16;
/// From a chunk's start to its user's memory.
pub(crate) const HEADER_BYTES: u64 = 16;
/// The smallest chunk that a user can have.
pub(crate) const MIN_CHUNK_BYTES: u64 = 32;
/// Flags in the size of a chunk.
pub(crate) const FLAGS: u64 = 7;
/// The chunk before is in use.
pub(crate) const PREVIOUS_IN_USE: u64 = 1;
/// The chunk is mapped by itself.
pub(crate) const IS_MAPPED: u64 = 2;

/// Memory is given to processes in multiples of this, on every machine.
pub(crate) const PAGE: u64 = 4096;
