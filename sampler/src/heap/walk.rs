//! Walks the chunks of one range of memory as it streams by.

use crate::heap::arena::Part;
use crate::heap::block::Tally;
use crate::heap::gather::Gathered;
use crate::heap::layout::{
    ALIGNMENT, FLAGS, HEADER_BYTES, IS_MAPPED, MIN_CHUNK_BYTES, PREVIOUS_IN_USE,
};
use crate::heap::maps::Maps;
use crate::heap::target::{Late, Pages, Target};

/// The sums of one walked range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walked {
    /// Chunks in use, as their neighbours have it; those that are kept for the next use too.
    pub(crate) used: Tally,
    /// Free chunks but for the uppermost one.
    pub(crate) free: Tally,
    /// The uppermost chunk.
    pub(crate) top_bytes: u64,
    /// Where the chain of chunks breaks.
    pub(crate) broken_at: Option<u64>,
    /// The bytes from there to the end.
    pub(crate) unwalked_bytes: u64,
}

/// Walks the chunks of `part`, which streams by once, and gathers those in use.
pub(crate) fn walk(
    target: &mut Target<'_>,
    part: &Part,
    maps: &Maps,
    gathered: &mut Gathered,
) -> Result<Walked, Late> {
    let mut walk = Walk::new(part);
    target.stream(part.range, Pages::Any, &mut |at, bytes| {
        walk.feed(at, bytes, maps, gathered);
    })?;
    Ok(walk.finish(gathered))
}

/// A walk from header to header.
struct Walk<'p> {
    part: &'p Part,
    /// The next chunk, whose header is to come; the end once the walk is over.
    next: u64,
    /// The chunk before it: its start and its bytes.
    before: Option<(u64, u64)>,
    walked: Walked,
    done: bool,
}

impl<'p> Walk<'p> {
    fn new(part: &'p Part) -> Self {
        Self { part, next: part.first, before: None, walked: Walked::default(), done: false }
    }

    /// Takes bytes at `at`, above all before.
    fn feed(&mut self, at: u64, bytes: &[u8], maps: &Maps, gathered: &mut Gathered) {
        let end = at + bytes.len() as u64;
        while !self.done {
            // A block's memory reaches into the next chunk's header, up to its size.
            let size_at = self.next + 8;
            if let Some((start, _)) = self.before {
                let from = (start + HEADER_BYTES).max(at);
                let to = size_at.min(end);
                if from < to {
                    let content = &bytes[(from - at) as usize..(to - at) as usize];
                    gathered.content(from - start - HEADER_BYTES, content);
                }
            }
            if size_at < at {
                // Its page was never written to, or is gone.
                return self.break_here(gathered);
            }
            let header = bytes.get((size_at - at) as usize..).and_then(<[u8]>::first_chunk);
            let Some(header) = header else { return };
            self.chunk(u64::from_ne_bytes(*header), maps, gathered);
        }
    }

    /// Takes the header of the next chunk.
    fn chunk(&mut self, header: u64, maps: &Maps, gathered: &mut Gathered) {
        let (start, size) = (self.next, header & !FLAGS);
        let in_use = header & PREVIOUS_IN_USE != 0;
        let end = self.part.range.end;
        let is_top = self.part.top == Some(start);
        let is_fence = size < MIN_CHUNK_BYTES && self.part.top.is_none() && end - start <= 0x20;
        let limit = self.part.top.unwrap_or(end);
        let fits = size >= MIN_CHUNK_BYTES
            && size.is_multiple_of(ALIGNMENT)
            && header & IS_MAPPED == 0
            && start.checked_add(size).is_some_and(|after| after <= limit);
        // A main arena's fences, where brk was moved by others.
        let is_inner_fence = size == ALIGNMENT && self.part.top.is_some() && start + size <= limit;
        if !(is_top || is_fence || fits || is_inner_fence) {
            return self.break_here(gathered);
        }
        if let Some((start, size)) = self.before.take() {
            let tally = if in_use { &mut self.walked.used } else { &mut self.walked.free };
            tally.add(size);
            gathered.close(start + HEADER_BYTES, size, in_use, maps);
        }
        if is_top {
            if size != end - start {
                return self.break_here(gathered);
            }
            self.walked.top_bytes = size;
        }
        if is_top || is_fence {
            self.done = true;
            return;
        }
        self.before = (size >= MIN_CHUNK_BYTES).then_some((start, size));
        self.next = start + size;
    }

    fn break_here(&mut self, gathered: &mut Gathered) {
        gathered.discard();
        // The chunk before ends where nothing says whether it is in use.
        let at = self.before.take().map_or(self.next, |(start, _)| start);
        self.walked.broken_at = Some(at);
        self.walked.unwalked_bytes = self.part.range.end.saturating_sub(at);
        self.done = true;
    }

    fn finish(mut self, gathered: &mut Gathered) -> Walked {
        if !self.done {
            self.break_here(gathered);
        }
        self.walked
    }
}
