//! The memory of a stopped process: few words through a cache, or long ranges in one stream.

use crate::region::AddressRange;

/// Bytes of a cached page.
const PAGE: usize = 4096;
/// The number of cached pages; a power of two.
const SLOTS: usize = 256;
/// The maximum bytes of one read of a stream.
const PIECE_BYTES: u64 = 1 << 20;

/// Which pages of a range count as populated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// All that are present or swapped out.
    Any,
    /// Those that the process has written to: not as they are in a file.
    Anonymous,
}

/// The time for which the process may stand still is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late;

/// Reads bytes from an address on; returns their number.
type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> usize + 'a;
/// Returns the populated parts of a range, ascending.
type Populated<'a> = dyn FnMut(AddressRange, Pages) -> Vec<AddressRange> + 'a;

/// The memory of a process that stands still.
pub(crate) struct Target<'a> {
    read_at: &'a mut ReadAt<'a>,
    populated: &'a mut Populated<'a>,
    is_late: &'a dyn Fn() -> bool,
    /// Pages read lately, each at the slot of its number.
    cache: Vec<Option<(u64, Box<[u8; PAGE]>)>>,
    piece: Vec<u8>,
}

impl<'a> Target<'a> {
    pub(crate) fn new(
        read_at: &'a mut ReadAt<'a>,
        populated: &'a mut Populated<'a>,
        is_late: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { read_at, populated, is_late, cache: vec![None; SLOTS], piece: Vec::new() }
    }

    /// Fails once the time is over.
    pub(crate) fn check_time(&self) -> Result<(), Late> {
        if (self.is_late)() { Err(Late) } else { Ok(()) }
    }

    /// Returns the populated parts of `range`.
    pub(crate) fn populated(&mut self, range: AddressRange, pages: Pages) -> Vec<AddressRange> {
        (self.populated)(range, pages)
    }

    /// Returns the numbers from `address` on, if all can be read.
    pub(crate) fn words<const N: usize>(&mut self, address: u64) -> Option<[u64; N]> {
        let mut words = [0; N];
        for (index, word) in words.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            self.read(address.checked_add(index as u64 * 8)?, &mut bytes)?;
            *word = u64::from_ne_bytes(bytes);
        }
        Some(words)
    }

    /// Returns the number at `address`.
    pub(crate) fn word(&mut self, address: u64) -> Option<u64> {
        self.words::<1>(address).map(|[word]| word)
    }

    /// Fills `buffer` from `address` on, if all of it can be read.
    pub(crate) fn read(&mut self, address: u64, buffer: &mut [u8]) -> Option<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = address.checked_add(filled as u64)?;
            let from = (at % PAGE as u64) as usize;
            let count = (PAGE - from).min(buffer.len() - filled);
            let page = self.page(at - from as u64)?;
            buffer[filled..filled + count].copy_from_slice(&page[from..from + count]);
            filled += count;
        }
        Some(())
    }

    /// Fills `buffer` from `address` on; pages that the process has not touched, or that cannot be read,
    /// are zeros.
    pub(crate) fn read_or_zero(&mut self, address: u64, buffer: &mut [u8]) {
        let mut filled = 0;
        while filled < buffer.len() {
            let Some(at) = address.checked_add(filled as u64) else { break };
            let from = (at % PAGE as u64) as usize;
            let count = (PAGE - from).min(buffer.len() - filled);
            match self.page(at - from as u64) {
                Some(page) => {
                    buffer[filled..filled + count].copy_from_slice(&page[from..from + count]);
                }
                None => buffer[filled..filled + count].fill(0),
            }
            filled += count;
        }
    }

    /// Returns the text at `address` up to its NUL, if that comes within `max` bytes.
    pub(crate) fn text(&mut self, address: u64, max: usize) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        while text.len() < max {
            let at = address.checked_add(text.len() as u64)?;
            let from = (at % PAGE as u64) as usize;
            let page = self.page(at - from as u64)?;
            let rest = &page[from..];
            match rest.iter().position(|byte| *byte == 0) {
                Some(end) => {
                    text.extend_from_slice(&rest[..end]);
                    return (text.len() <= max).then_some(text);
                }
                None => text.extend_from_slice(rest),
            }
        }
        None
    }

    fn page(&mut self, start: u64) -> Option<&[u8; PAGE]> {
        let slot = &mut self.cache[(start / PAGE as u64) as usize % SLOTS];
        if slot.as_ref().is_none_or(|(cached, _)| *cached != start) {
            let mut page = Box::new([0; PAGE]);
            if (self.read_at)(start, &mut page[..]) < PAGE {
                return None;
            }
            *slot = Some((start, page));
        }
        slot.as_ref().map(|(_, page)| &**page)
    }

    /// Hands the populated bytes of `range` to `take`, ascending, in long pieces of whole words.
    /// Memory that cannot be read is left out.
    pub(crate) fn stream(
        &mut self,
        range: AddressRange,
        pages: Pages,
        take: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(), Late> {
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(PIECE_BYTES as usize, 0);
        let mut result = Ok(());
        'parts: for part in self.populated(range, pages) {
            let mut at = part.start.max(range.start);
            let end = part.end.min(range.end);
            while at < end {
                result = self.check_time();
                if result.is_err() {
                    break 'parts;
                }
                let wanted = PIECE_BYTES.min(end - at) as usize;
                let count = (self.read_at)(at, &mut piece[..wanted]);
                if count == 0 {
                    // A page that went away meanwhile, or one the kernel does not hand out.
                    at = (at + 1).next_multiple_of(PAGE as u64);
                    continue;
                }
                take(at, &piece[..count]);
                at += count as u64;
            }
        }
        self.piece = piece;
        result
    }
}
