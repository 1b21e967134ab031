//! Texts that blocks hold: each up to its first NUL, counted without being kept.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use crate::heap::block::{Block, Tally};
use crate::order::sort_by_key;

/// The minimum length of a text.
const MIN_BYTES: usize = 4;
/// The maximum length of a text; blocks with longer ones count as no text.
pub(crate) const MAX_BYTES: usize = 64 << 10;
/// Stands for a block without a text.
const NONE: u32 = u32::MAX;

/// Blocks that hold the same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// The text's length in bytes.
    pub length: u32,
    /// The blocks.
    pub tally: Tally,
    /// The address of one of them.
    pub sample: u64,
}

impl Copies {
    /// Returns the bytes of all blocks but one: what a single copy would save.
    pub const fn wasted_bytes(&self) -> u64 {
        match self.tally.bytes.checked_div(self.tally.blocks) {
            Some(one) => self.tally.bytes - one,
            None => 0,
        }
    }
}

/// The texts of the blocks gathered so far.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// The number of each text, by its hash and length.
    numbers: HashMap<(u64, u32), u32>,
    /// By block: the number of its text.
    of_block: Vec<u32>,
    /// The beginning of the current block.
    current: Vec<u8>,
    state: State,
}

/// The facts known of the current block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No NUL yet.
    #[default]
    Open,
    /// It holds a text.
    Text,
    /// It holds none.
    NoText,
}

impl Texts {
    /// Takes a part of the current block's memory, `offset` bytes from its start.
    pub(crate) fn take(&mut self, offset: u64, bytes: &[u8]) {
        if self.state != State::Open {
            return;
        }
        let end = bytes.iter().position(|byte| *byte == 0);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        // A page that was never touched in between is zeros.
        let follows = offset == self.current.len() as u64;
        let fits = self.current.len() + part.len() <= MAX_BYTES;
        // Most blocks begin with no letter.
        if !follows || !fits || part.iter().take(8).any(|byte| !may_be_text(*byte)) {
            self.state = State::NoText;
            return;
        }
        self.current.extend_from_slice(part);
        if end.is_some() {
            self.state = if is_text(&self.current) { State::Text } else { State::NoText };
        }
    }

    /// Ends the current block.
    pub(crate) fn close(&mut self) {
        let number = match self.state {
            State::Text => {
                let mut hasher = DefaultHasher::new();
                hasher.write(&self.current);
                let key = (hasher.finish(), self.current.len() as u32);
                let next = self.numbers.len() as u32;
                *self.numbers.entry(key).or_insert(next)
            }
            State::Open | State::NoText => NONE,
        };
        self.of_block.push(number);
        self.discard();
    }

    /// Drops the current block.
    pub(crate) fn discard(&mut self) {
        self.current.clear();
        self.state = State::Open;
    }

    /// Returns the texts of `blocks`, which are those that were closed, that `counts` accepts.
    pub(crate) fn copies(&self, blocks: &[Block], counts: &dyn Fn(u32) -> bool) -> Vec<Copies> {
        let mut copies: Vec<Option<Copies>> = vec![None; self.numbers.len()];
        let mut lengths = vec![0; self.numbers.len()];
        for ((_, length), number) in &self.numbers {
            lengths[*number as usize] = *length;
        }
        for (index, (block, number)) in blocks.iter().zip(&self.of_block).enumerate() {
            if *number == NONE || !counts(index as u32) {
                continue;
            }
            let number = *number as usize;
            let empty = Copies {
                length: lengths[number],
                tally: Tally::default(),
                sample: block.address(),
            };
            copies[number].get_or_insert(empty).tally.add(block.bytes());
        }
        let mut copies: Vec<Copies> = copies.into_iter().flatten().collect();
        sort_by_key(&mut copies, |copies| {
            (std::cmp::Reverse(copies.wasted_bytes()), copies.sample)
        });
        copies
    }
}

/// Returns whether a text may hold the byte.
const fn may_be_text(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r')
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.len() >= MIN_BYTES
        && bytes.iter().all(|byte| may_be_text(*byte))
        && std::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_copies_of_one() {
        let mut texts = Texts::default();
        let mut blocks = Vec::new();
        for (index, content) in [
            &b"hello\0rest"[..],
            b"hello\0other",
            b"hello!\0",
            b"no\0",
            b"\x01\x02\x03\x04\x05\0",
            b"not UTF-8 \xff\xff\0",
            b"never ends",
            b"hello\0",
        ]
        .iter()
        .enumerate()
        {
            // A text may come in pieces.
            texts.take(0, &content[..2]);
            texts.take(2, &content[2..]);
            texts.close();
            blocks.push(Block::new(index as u64 * 64 + 16, 32, 0));
        }
        let copies = texts.copies(&blocks, &|block| block != 7);
        let found: Vec<_> =
            copies.iter().map(|it| (it.length, it.tally.blocks, it.sample)).collect();
        assert_eq!(found, [(5, 2, 16), (6, 1, 144)]);
        assert_eq!(copies[0].wasted_bytes(), 32);
    }
}
