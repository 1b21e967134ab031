//! A pool of pymalloc: blocks of one size behind a header, and the list of those that are free.
//!
//! Pure logic over bytes that nothing is known of: a pool is accepted only if its list of free blocks
//! has as many members as its header implies.

/// The bytes of a pool's header.
pub(crate) const HEADER_BYTES: usize = 48;
/// Blocks are multiples of this, on 64-bit machines since 3.8.
const UNIT: usize = 16;
/// The number of sizes.
const SIZES: usize = 32;

/// A header that is sound by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The bytes of a block.
    pub(crate) block_bytes: usize,
    /// The number of blocks in use.
    pub(crate) used: usize,
    /// The address of the first free block; 0 if there is none.
    first_free: u64,
    /// The bytes from the pool's start that were handed out once.
    pub(crate) carved_bytes: usize,
}

impl Header {
    /// Reads the header of a pool of `pool_bytes` at `address`.
    pub(crate) fn read(words: [u64; 6], address: u64, pool_bytes: usize) -> Option<Self> {
        let [used, first_free, next, previous, index_and_size, offsets] = words;
        let (size, low, high) =
            (index_and_size >> 32, offsets & u64::from(u32::MAX), offsets >> 32);
        let size = usize::try_from(size).ok().filter(|size| *size < SIZES)?;
        let block_bytes = (size + 1) * UNIT;
        let used = usize::try_from(used & u64::from(u32::MAX)).ok()?;
        let (carved_bytes, max) = (usize::try_from(low).ok()?, usize::try_from(high).ok()?);
        let fits = carved_bytes
            .checked_sub(HEADER_BYTES)
            .is_some_and(|carved| carved.is_multiple_of(block_bytes) && carved_bytes <= pool_bytes);
        let header = Self { block_bytes, used, first_free, carved_bytes };
        let is_link = |link: u64| link.is_multiple_of(8) && link >> 48 == 0;
        let sound = fits
            && max == pool_bytes - block_bytes
            && used <= header.carved()
            && is_link(next)
            && is_link(previous)
            && (first_free == 0 || header.index(address, first_free).is_some());
        sound.then_some(header)
    }

    /// Returns the number of blocks that were handed out once.
    pub(crate) fn carved(&self) -> usize {
        (self.carved_bytes - HEADER_BYTES) / self.block_bytes
    }

    /// Returns the index of the block at `block` in a pool at `address`.
    fn index(&self, address: u64, block: u64) -> Option<usize> {
        let offset = usize::try_from(block.checked_sub(address)?).ok()?;
        let offset = offset.checked_sub(HEADER_BYTES)?;
        let sound = offset.is_multiple_of(self.block_bytes);
        sound.then_some(offset / self.block_bytes).filter(|index| *index < self.carved())
    }

    /// Returns which of the blocks are free, given the bytes of the pool at `address`; `None` if the
    /// list of free blocks contradicts the header.
    pub(crate) fn free(&self, address: u64, bytes: &[u8]) -> Option<Vec<bool>> {
        let mut free = vec![false; self.carved()];
        let (mut at, mut members) = (self.first_free, 0);
        while at != 0 {
            let index = self.index(address, at)?;
            if std::mem::replace(free.get_mut(index)?, true) {
                return None;
            }
            members += 1;
            at = word(bytes, HEADER_BYTES + index * self.block_bytes)?;
        }
        (members + self.used == self.carved()).then_some(free)
    }

    /// Returns the blocks that are in use, by their offset in the pool.
    pub(crate) fn in_use(&self, free: &[bool]) -> impl Iterator<Item = usize> {
        let used = free.iter().enumerate().filter(|(_, free)| !**free);
        used.map(|(index, _)| HEADER_BYTES + index * self.block_bytes)
    }
}

/// Returns the word at an offset.
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_ne_bytes(*word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POOL: usize = 4096;
    const AT: u64 = 0x7f00_0000_4000;

    /// Returns a pool whose blocks were freed in this order after `carved` were handed out.
    fn pool(size: usize, carved: usize, freed: &[usize]) -> Vec<u8> {
        let block = (size + 1) * UNIT;
        let mut bytes = vec![0xaa; POOL];
        let mut put = |at: usize, word: u64| bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
        let mut first = 0;
        for index in freed {
            put(HEADER_BYTES + index * block, first);
            first = AT + (HEADER_BYTES + index * block) as u64;
        }
        let offsets = ((POOL - block) as u64) << 32 | (HEADER_BYTES + carved * block) as u64;
        let used = (carved - freed.len()) as u64;
        for (index, word) in
            [used, first, AT, AT, (size as u64) << 32 | 3, offsets].into_iter().enumerate()
        {
            put(index * 8, word);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<(Header, Vec<bool>)> {
        let words = [0, 1, 2, 3, 4, 5].map(|index| word(bytes, index * 8).unwrap());
        let header = Header::read(words, AT, POOL)?;
        let free = header.free(AT, bytes)?;
        Some((header, free))
    }

    #[test]
    fn a_pool_has_the_blocks_that_are_not_on_its_list() {
        let (header, free) = read(&pool(3, 10, &[2, 7, 0])).unwrap();
        assert_eq!((header.block_bytes, header.used, header.carved()), (64, 7, 10));
        let in_use: Vec<usize> = header.in_use(&free).map(|at| (at - 48) / 64).collect();
        assert_eq!(in_use, [1, 3, 4, 5, 6, 8, 9]);
        // One more in use than there can be, and a circle.
        let mut wrong = pool(3, 10, &[2, 7, 0]);
        wrong[0] = 8;
        assert_eq!(read(&wrong), None);
        let mut circle = pool(3, 10, &[2]);
        circle[48 + 2 * 64..][..8].copy_from_slice(&(AT + 48 + 2 * 64).to_ne_bytes());
        assert_eq!(read(&circle), None);
    }

    proptest! {
        #[test]
        fn any_freed_blocks_are_free(size in 0_usize..32, freed in proptest::collection::hash_set(0_usize..7, 0..7)) {
            let freed = Vec::from_iter(freed);
            let (header, free) = read(&pool(size, 7, &freed)).unwrap();
            prop_assert_eq!(header.used, 7 - freed.len());
            prop_assert!(freed.iter().all(|index| free[*index]));
            prop_assert_eq!(header.in_use(&free).count(), header.used);
        }

        #[test]
        fn any_bytes_are_refused_or_sound(mut bytes in proptest::collection::vec(any::<u8>(), POOL), size in 0_u64..34, low in 0_u64..5000) {
            bytes[32..40].copy_from_slice(&(size << 32).to_ne_bytes());
            bytes[40..48].copy_from_slice(&(((POOL as u64).saturating_sub((size + 1) * 16)) << 32 | low).to_ne_bytes());
            bytes[0..8].copy_from_slice(&(low / 32).to_ne_bytes());
            if let Some((header, free)) = read(&bytes) {
                prop_assert_eq!(header.in_use(&free).count(), header.used);
                prop_assert!(header.in_use(&free).all(|at| at + header.block_bytes <= POOL));
            }
        }
    }
}
