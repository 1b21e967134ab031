//! Which mappings of a process are images, the heap of brk, or anonymous memory.

use crate::procfs::mapping::Mapping;
use crate::region::{AddressRange, Protection};

/// The mappings of a process by what a walk needs them for, each list ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Maps {
    /// Readable parts of files mapped privately, and the zeroed data behind them.
    pub(crate) images: Vec<AddressRange>,
    /// The writable ones of `images`.
    pub(crate) data: Vec<AddressRange>,
    /// The heap that brk moves.
    pub(crate) brk: Option<AddressRange>,
    /// Other anonymous memory that is readable and writable, with the zeroed data of images.
    pub(crate) anonymous: Vec<AddressRange>,
    /// Other memory that may hold pointers: read-only anonymous and shared memory.
    pub(crate) other: Vec<AddressRange>,
    /// The first thread's stack.
    pub(crate) stack: Option<AddressRange>,
    /// The ends of memory that cannot be accessed: guards of stacks.
    pub(crate) guard_ends: Vec<u64>,
}

impl Maps {
    /// Sorts the mappings of a process, which ascend.
    pub(crate) fn new(mappings: &[Mapping]) -> Self {
        let mut maps = Self::default();
        let mut image_end = None;
        for mapping in mappings {
            let range = mapping.range;
            let has = |right| mapping.protection.contains(right);
            let after_image = image_end == Some(range.start);
            if !has(Protection::READ) {
                if !has(Protection::WRITE) {
                    maps.guard_ends.push(range.end);
                }
                continue;
            }
            let name = mapping.name();
            let is_file = mapping.file().is_some();
            if is_file && !mapping.shared {
                maps.images.push(range);
                if has(Protection::WRITE) {
                    maps.data.push(range);
                }
                image_end = Some(range.end);
            } else if is_file || mapping.shared {
                if is_memory_file(name) {
                    maps.other.push(range);
                }
            } else if name == "[heap]" {
                // A gap between its parts is memory that was given back or protected.
                let start = maps.brk.map_or(range.start, |brk| brk.start);
                maps.brk = Some(AddressRange::new(start, range.end));
            } else if name == "[stack]" {
                maps.stack = Some(range);
            } else if name.starts_with('[') {
                // The kernel's own pages.
            } else if after_image && has(Protection::WRITE) {
                maps.images.push(range);
                maps.data.push(range);
                // The kernel may have merged a mapping above it with it.
                maps.anonymous.push(range);
            } else if has(Protection::WRITE) {
                maps.anonymous.push(range);
            } else {
                maps.other.push(range);
            }
        }
        maps
    }

    /// Returns whether `address` is in memory that may be read.
    pub(crate) fn is_mapped(&self, address: u64) -> bool {
        self.is_in_image(address)
            || contains(&self.anonymous, address)
            || contains(&self.other, address)
            || self.brk.iter().chain(&self.stack).any(|range| range.holds(address))
    }

    /// Returns whether `address` is in a readable part of an image.
    pub(crate) fn is_in_image(&self, address: u64) -> bool {
        contains(&self.images, address)
    }
}

/// Returns whether one of the ascending `ranges` holds `address`.
pub(crate) fn contains(ranges: &[AddressRange], address: u64) -> bool {
    range_of(ranges, address).is_some()
}

/// Returns the one of the ascending `ranges` that holds `address`.
pub(crate) fn range_of(ranges: &[AddressRange], address: u64) -> Option<AddressRange> {
    let after = ranges.partition_point(|range| range.start <= address);
    ranges[..after].last().copied().filter(|range| address < range.end)
}

/// Returns whether a shared mapping of that name is memory, not a device or a file on a disk.
fn is_memory_file(name: &str) -> bool {
    ["/dev/zero", "/dev/shm/", "/memfd:", "/SYSV", "anon_shmem:"]
        .iter()
        .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::mapping::tests::mappings;

    #[test]
    fn each_mapping_has_one_place() {
        let maps = Maps::new(&mappings(
            "1000-2000 r--p 0 8:1 9 /bin/a\n\
             2000-3000 r-xp 1000 8:1 9 /bin/a\n\
             3000-4000 rw-p 2000 8:1 9 /bin/a\n\
             4000-6000 rw-p 0 0:0 0 \n\
             7000-9000 rw-p 0 0:0 0 [heap]\n\
             a000-b000 rw-p 0 0:0 0 \n\
             b000-c000 ---p 0 0:0 0 \n\
             c000-d000 rw-p 0 0:0 0 [anon:stack]\n\
             d000-e000 rw-s 0 0:1 5 /memfd:x (deleted)\n\
             e000-f000 rw-s 0 0:5 6 /dev/dri/card0\n\
             f000-10000 r--p 0 0:0 0 [vvar]\n\
             10000-11000 r--p 0 0:0 0 \n\
             20000-21000 rw-p 0 0:0 0 [stack]",
        ));
        let range = |start: u64, end: u64| AddressRange::new(start << 12, end << 12);
        assert_eq!(maps.images, [range(1, 2), range(2, 3), range(3, 4), range(4, 6)]);
        assert_eq!(maps.data, [range(3, 4), range(4, 6)]);
        assert_eq!(maps.brk, Some(range(7, 9)));
        assert_eq!(maps.anonymous, [range(4, 6), range(10, 11), range(12, 13)]);
        assert_eq!(maps.other, [range(13, 14), range(16, 17)]);
        assert_eq!((maps.stack, maps.guard_ends.as_slice()), (Some(range(32, 33)), &[0xc000][..]));
        assert!(maps.is_in_image(0x5fff) && !maps.is_in_image(0x6000));
    }
}
