//! Anonymous memory that lies elsewhere in each pass through a trace, so that no
//! address repeats.

use std::collections::HashMap;
use std::sync::Arc;

use vmrec_sampler::{AddressRange, Identity, Region};

const PAGE_BITS: u32 = 12;
/// Regions move by fewer pages than this power of two.
const PAGES_BITS: u32 = 24;

/// Moves the anonymous regions of snapshots.
pub(crate) struct Shift {
    random: u64,
    pass: u128,
    bytes: u64,
    /// Identities of this pass by those of the trace, which are kept so that none takes their place.
    moved: HashMap<*const Identity, (Arc<Identity>, Arc<Identity>)>,
}

impl Shift {
    /// Makes one; the first pass lies where it was recorded.
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: seed, pass: 0, bytes: 0, moved: HashMap::new() }
    }

    /// Moves regions of pass `pass` and puts them in order again.
    pub(crate) fn apply(&mut self, pass: u128, regions: &mut [Region]) {
        if self.pass != pass {
            self.pass = pass;
            self.bytes = self.next() >> (u64::BITS - PAGES_BITS) << PAGE_BITS;
            self.moved.clear();
        }
        if self.bytes == 0 {
            return;
        }
        for region in regions.iter_mut().filter(|region| region.identity.object.is_none()) {
            let bytes = self.bytes;
            let key = Arc::as_ptr(&region.identity);
            let (_, moved) = self.moved.entry(key).or_insert_with(|| {
                let before = Arc::clone(&region.identity);
                let AddressRange { start, end } = before.range;
                let range = AddressRange::new(start + bytes, end + bytes);
                let moved = Identity { range, ..Identity::clone(&before) };
                (before, Arc::new(moved))
            });
            region.identity = Arc::clone(moved);
        }
        regions.sort_by_key(|region| region.identity.range);
    }

    /// Returns the next random number (SplitMix64).
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
