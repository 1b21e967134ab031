//! The shared cache of libraries: `dyld_cache_header`.

use crate::darwin::images::bytes::{Memory, Read, u64_at};
use crate::region::AddressRange;

/// The start of the magic word, which the processor follows.
const MAGIC: &[u8] = b"dyld_v1";
/// The bytes up to and with the size of the region.
const BYTES: usize = 240;

/// Where the shared cache lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SharedCache {
    /// Its addresses, parts that this process maps nothing at included.
    pub range: AddressRange,
    /// Its UUID.
    pub uuid: [u8; 16],
}

impl SharedCache {
    /// Reads the header at `base`; `None` if there is none.
    pub(crate) fn read(memory: &mut Memory<'_, impl Read>, base: u64) -> Option<Self> {
        let bytes = memory.bytes(base, BYTES)?;
        if !bytes.starts_with(MAGIC) {
            return None;
        }
        let uuid = *bytes.get(88..)?.first_chunk()?;
        let size = u64_at(&bytes, 232)?;
        let end = base.checked_add(size).filter(|end| *end > base)?;
        Some(Self { range: AddressRange::new(base, end), uuid })
    }

    /// Returns whether `address` lies in it.
    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.range.start..self.range.end).contains(&address)
    }
}
