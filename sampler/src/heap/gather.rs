//! Gathers blocks and what is wanted of their contents, as these stream by.

use std::collections::HashMap;

use crate::heap::block::Block;
use crate::heap::edges::Edges;
use crate::heap::maps::Maps;
use crate::heap::texts::Texts;

/// The blocks gathered so far, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) blocks: Vec<Block>,
    /// The first words of blocks that point into images: candidates for tables of virtual functions.
    pub(crate) first_words: FirstWords,
    /// The pointers in each block, if they are wanted.
    pub(crate) edges: Option<Edges>,
    /// The texts of blocks, if they are wanted.
    pub(crate) texts: Option<Texts>,
    /// The first word of the current block.
    first_word: u64,
}

impl Gathered {
    /// Takes a part of the current block's memory, `offset` bytes from its start.
    pub(crate) fn content(&mut self, offset: u64, bytes: &[u8]) {
        if offset == 0 {
            self.first_word = bytes.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word));
        }
        if let Some(edges) = &mut self.edges {
            edges.take(bytes);
        }
        if let Some(texts) = &mut self.texts {
            texts.take(offset, bytes);
        }
    }

    /// Ends the current block, of `bytes` in all; one that is not in use is dropped.
    pub(crate) fn close(&mut self, address: u64, bytes: u64, in_use: bool, maps: &Maps) {
        if !in_use {
            return self.discard();
        }
        let class = self.first_words.class(maps, self.first_word);
        self.first_word = 0;
        self.blocks.push(Block::new(address, bytes, class));
        if let Some(edges) = &mut self.edges {
            edges.close();
        }
        if let Some(texts) = &mut self.texts {
            texts.close();
        }
    }

    /// Drops the current block.
    pub(crate) fn discard(&mut self) {
        self.first_word = 0;
        if let Some(edges) = &mut self.edges {
            edges.discard();
        }
        if let Some(texts) = &mut self.texts {
            texts.discard();
        }
    }
}

/// Words that may lead to a class, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstWords {
    class_of: HashMap<u64, u32>,
    /// By class; the first stands for no class.
    words: Vec<u64>,
}

impl FirstWords {
    /// Returns the class of a block with the first word `word`.
    fn class(&mut self, maps: &Maps, word: u64) -> u32 {
        // Few blocks begin with a pointer at all.
        if word < 0x1000 || !word.is_multiple_of(8) || word >> 48 != 0 {
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
