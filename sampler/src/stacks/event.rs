//! The records that the preloaded library writes, as words. It runs in the target: they are untrusted.

use crate::elf::read_at::u64_at;
use crate::stacks::layout::{ALLOCATED, EVENT_WORDS, FREED, MAX_STACK_BYTES, PADDING, RING_BYTES};

/// A sampled block was allocated or freed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Whether it was freed.
    pub(crate) freed: bool,
    /// When, on the clock of samples.
    pub(crate) time_ns: u64,
    pub(crate) address: u64,
    /// Its size, if it was allocated.
    pub(crate) bytes: u64,
    /// Its number.
    pub(crate) id: u64,
    /// Its index in the table.
    pub(crate) slot: usize,
    /// Program counter, stack pointer, frame pointer and link register.
    pub(crate) registers: [u64; 4],
    /// The bytes from the stack pointer on.
    pub(crate) stack: Vec<u8>,
}

/// The numbers of blocks take so many bits.
pub(crate) const ID_BITS: u32 = 48;
pub(crate) const ID_MASK: u64 = (1 << ID_BITS) - 1;

/// Returns the words of a record by its header; `None` if that is none.
pub(crate) fn words(header: u64) -> Option<usize> {
    let bytes = usize::try_from(header & u64::from(u32::MAX)).ok()?;
    let is_whole = bytes >= 8 && bytes % 8 == 0 && bytes <= RING_BYTES;
    is_whole.then_some(bytes / 8)
}

impl Event {
    /// Parses the bytes of a whole record; `None` if it is none of a block, or malformed.
    pub(crate) fn parse(record: &[u8]) -> Option<Self> {
        let (head, stack) = record.split_at_checked(EVENT_WORDS * 8)?;
        let word = |index: usize| u64_at(head, index * 8);
        let freed = match word(0)? >> 32 {
            ALLOCATED => false,
            FREED => true,
            _ => return None,
        };
        if stack.len() > MAX_STACK_BYTES {
            return None;
        }
        let place = word(4)?;
        Some(Self {
            freed,
            time_ns: word(1)?,
            address: word(2)?,
            bytes: word(3)?,
            id: place & ID_MASK,
            slot: usize::try_from(place >> ID_BITS).ok()?,
            registers: [word(5)?, word(6)?, word(7)?, word(8)?],
            stack: stack.to_vec(),
        })
    }
}

/// Returns whether a record of this header is no block's by intention.
pub(crate) const fn is_padding(header: u64) -> bool {
    header >> 32 == PADDING
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_block_has_its_number_its_slot_and_its_stack() {
        let header = ALLOCATED << 32 | 80;
        let record = [header, 5, 0x1000, 64, 7 << 48 | 9, 1, 2, 3, 4, 0x0102];
        assert_eq!(words(header), Some(10));
        let bytes =
            |words: &[u64]| words.iter().flat_map(|it| it.to_ne_bytes()).collect::<Vec<_>>();
        let event = Event::parse(&bytes(&record)).unwrap();
        assert_eq!((event.time_ns, event.address, event.bytes), (5, 0x1000, 64));
        assert_eq!((event.id, event.slot, event.freed), (9, 7, false));
        assert_eq!((event.registers, &event.stack[..2]), ([1, 2, 3, 4], &[2, 1][..]));
        assert!(
            is_padding(PADDING << 32 | 8) && Event::parse(&bytes(&[PADDING << 32 | 8])).is_none()
        );
        assert_eq!([0, 4, 1 << 30].map(words), [None; 3]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_block_or_refused(record in proptest::collection::vec(any::<u8>(), 0..200), kind in 0_u64..4) {
            let mut record = record;
            if let Some(header) = record.get_mut(..8) {
                header.copy_from_slice(&(kind << 32 | 80).to_ne_bytes());
            }
            let _ = Event::parse(&record);
        }

        #[test]
        fn a_record_is_of_whole_words_and_fits_the_ring(header: u64) {
            let count = words(header);
            prop_assert!(count.is_none_or(|count| count > 0 && count * 8 <= RING_BYTES));
        }
    }
}
