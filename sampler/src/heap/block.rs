//! Blocks in use, 16 bytes each: there may be millions.

/// Blocks and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of blocks.
    pub blocks: u64,
    /// Their bytes, with malloc's headers.
    pub bytes: u64,
}

impl Tally {
    /// Counts one more block.
    pub fn add(&mut self, bytes: u64) {
        self.blocks += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts the blocks of another tally too.
    pub fn add_all(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The number of bits of a packed class.
const CLASS_BITS: u32 = 24;
/// Chunk sizes are multiples of this.
const UNIT_BYTES: u64 = 16;

/// A block: a chunk that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    address: u64,
    /// The size in units, above the class.
    packed: u64,
}

impl Block {
    /// The class of blocks whose first word points to no table of virtual functions.
    pub const NO_CLASS: u32 = 0;
    /// The largest class.
    pub(crate) const MAX_CLASS: u32 = (1 << CLASS_BITS) - 1;

    /// Creates the block at `address`, with malloc's header of `bytes` in all.
    pub fn new(address: u64, bytes: u64, class: u32) -> Self {
        let units = (bytes / UNIT_BYTES).min((1 << (64 - CLASS_BITS)) - 1);
        Self { address, packed: units << CLASS_BITS | u64::from(class.min(Self::MAX_CLASS)) }
    }

    /// Returns the address that malloc returned.
    pub const fn address(self) -> u64 {
        self.address
    }

    /// Returns the bytes it takes, with malloc's header.
    pub const fn bytes(self) -> u64 {
        (self.packed >> CLASS_BITS) * UNIT_BYTES
    }

    /// Returns its index in the classes, or [`Self::NO_CLASS`].
    pub const fn class(self) -> u32 {
        (self.packed & Self::MAX_CLASS as u64) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_block_keeps_its_size_and_class(units in 0_u64..1 << 40, class in 0_u32..1 << 24) {
            let block = Block::new(0x7fff_0000_1230, units * 16, class);
            prop_assert_eq!(
                (block.address(), block.bytes(), block.class()),
                (0x7fff_0000_1230, units * 16, class)
            );
        }
    }
}
