//! Walks the chunks of one range of memory as it streams by.

use std::collections::HashMap;

use crate::heap::arena::Part;
use crate::heap::block::{Block, Tally};
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

/// The first words of blocks that point into images: candidates for tables of virtual functions.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstWords {
    class_of: HashMap<u64, u32>,
    /// By class; the first stands for no class.
    words: Vec<u64>,
}

impl FirstWords {
    /// Returns the class of a block with the first word `word`.
    pub(crate) fn class(&mut self, maps: &Maps, word: u64) -> u32 {
        // Few blocks begin with a pointer at all.
        if word < 0x1000 || !word.is_multiple_of(8) || word >> 47 != 0 {
            return Block::NO_CLASS;
        }
        if let Some(class) = self.class_of.get(&word) {
            return *class;
        }
        if self.words.len() >= Block::MAX_CLASS as usize || !maps.is_in_image(word) {
            return Block::NO_CLASS;
        }
        if self.words.is_empty() {
            self.words.push(0);
        }
        let class = self.words.len() as u32;
        self.words.push(word);
        self.class_of.insert(word, class);
        class
    }

    /// Returns the words by class.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }
}

/// Walks the chunks of `part`, which streams by once, and adds those in use to `blocks`.
pub(crate) fn walk(
    target: &mut Target<'_>,
    part: &Part,
    maps: &Maps,
    first_words: &mut FirstWords,
    blocks: &mut Vec<Block>,
) -> Result<Walked, Late> {
    let mut walk = Walk::new(part);
    target.stream(part.range, Pages::Any, &mut |at, bytes| {
        walk.feed(at, bytes, &mut |block, word| {
            let class = first_words.class(maps, word);
            blocks.push(Block::new(block.0, block.1, class));
        });
    })?;
    Ok(walk.finish())
}

/// A walk from header to header.
struct Walk<'p> {
    part: &'p Part,
    /// The next chunk, whose header is to come; the end once the walk is over.
    next: u64,
    /// The chunk before it: its start, its bytes, and the first word of its user's memory.
    before: Option<(u64, u64, u64)>,
    /// Where the first word of the chunk before is still to come.
    word_at: Option<u64>,
    walked: Walked,
    done: bool,
}

impl<'p> Walk<'p> {
    fn new(part: &'p Part) -> Self {
        let (before, word_at) = (None, None);
        Self { part, next: part.first, before, word_at, walked: Walked::default(), done: false }
    }

    /// Takes bytes at `at`, above all before, and hands out blocks: (address, bytes) and first word.
    fn feed(&mut self, at: u64, bytes: &[u8], found: &mut dyn FnMut((u64, u64), u64)) {
        let word = |address: u64| -> Option<u64> {
            let offset = usize::try_from(address.checked_sub(at)?).ok()?;
            Some(u64::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
        };
        if let Some(address) = self.word_at.take()
            && let (Some(first), Some(before)) = (word(address), &mut self.before)
        {
            before.2 = first;
        }
        while !self.done {
            let Some(header) = word(self.next + 8) else {
                if self.next + 8 < at {
                    // Its page was never written to, or is gone.
                    self.break_here();
                }
                return;
            };
            self.chunk(header, found);
            if self.done {
                return;
            }
            let address = self.before.map_or(0, |(start, ..)| start + HEADER_BYTES);
            match (word(address), &mut self.before) {
                (Some(first), Some(before)) => before.2 = first,
                _ => self.word_at = Some(address),
            }
        }
    }

    /// Takes the header of the next chunk.
    fn chunk(&mut self, header: u64, found: &mut dyn FnMut((u64, u64), u64)) {
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
            return self.break_here();
        }
        self.close_before(in_use, found);
        if is_top {
            self.walked.top_bytes = end - start;
            if size != end - start {
                self.walked.top_bytes = 0;
                return self.break_here();
            }
        }
        if is_top || is_fence {
            self.done = true;
            return;
        }
        self.before = (size >= MIN_CHUNK_BYTES).then_some((start, size, 0));
        self.next = start + size;
    }

    /// Counts the chunk before, now that its neighbour says whether it is in use.
    fn close_before(&mut self, in_use: bool, found: &mut dyn FnMut((u64, u64), u64)) {
        let Some((start, size, word)) = self.before.take() else { return };
        if in_use {
            self.walked.used.add(size);
            found((start + HEADER_BYTES, size), word);
        } else {
            self.walked.free.add(size);
        }
    }

    fn break_here(&mut self) {
        // The chunk before ends where nothing says whether it is in use.
        let at = self.before.take().map_or(self.next, |(start, ..)| start);
        self.walked.broken_at = Some(at);
        self.walked.unwalked_bytes = self.part.range.end.saturating_sub(at);
        self.done = true;
    }

    fn finish(mut self) -> Walked {
        if !self.done {
            self.break_here();
        }
        self.walked
    }
}
