//! Reads the target's memory within a budget, whatever its contents.

use crate::classify::facts::Peek;

/// Size of a page.
pub(crate) const PAGE: u64 = 4096;

/// The number of reads that every classification may make, and the additional ones for each
/// mapping.
const READS: usize = 1 << 16;
const READS_OF_A_MAPPING: usize = 4;
/// The number of absent pages that count as one read: they cost a look at a table.
const ABSENT_PAGES: usize = 16;

/// The target's memory, read within the budget.
pub(crate) struct Reader<'a, 'p> {
    peek: &'a mut Peek<'p>,
    left: usize,
    absent: usize,
    was_absent: bool,
}

impl<'a, 'p> Reader<'a, 'p> {
    /// Creates a reader; one that reads nothing if the target is not `readable`.
    pub(crate) fn new(peek: &'a mut Peek<'p>, readable: bool, mappings: usize) -> Self {
        let left = mappings.saturating_mul(READS_OF_A_MAPPING).saturating_add(READS);
        Self { peek, left: if readable { left } else { 0 }, absent: 0, was_absent: false }
    }

    /// Returns whether nothing more can be read.
    pub(crate) const fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Returns whether the page that was last read is absent.
    pub(crate) const fn was_absent(&self) -> bool {
        self.was_absent
    }

    /// Reads the words at `address`; `None` unless all of them can be read.
    pub(crate) fn words<const N: usize>(&mut self, address: u64) -> Option<[u64; N]> {
        let mut bytes = [[0; 8]; N];
        let bytes_wanted = N * 8;
        // The next page may be absent, and reading it would make it present.
        if self.left == 0 || address % PAGE + bytes_wanted as u64 > PAGE {
            return None;
        }
        let read = (self.peek)(address, bytes.as_flattened_mut());
        self.was_absent = read == 0;
        self.absent += usize::from(self.was_absent);
        if read > 0 || self.absent.is_multiple_of(ABSENT_PAGES) {
            self.left -= 1;
        }
        (read >= bytes_wanted).then(|| bytes.map(u64::from_le_bytes))
    }
}
