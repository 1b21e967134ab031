//! Gathers blocks and what is wanted of their contents, as these stream by.

use std::collections::HashMap;

use crate::heap::block::Block;
use crate::heap::edges::Edges;
use crate::heap::maps::{Maps, contains};
use crate::heap::python::object;
use crate::heap::python::object::HEAD_WORDS;
use crate::heap::texts::Texts;

/// The maximum number of addresses that may be a type of Python's.
const MAX_PYTHON_TYPES: usize = 1 << 18;

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
    /// The first words of the current block: one, or of a Python process those before an object's type.
    head: [u64; HEAD_WORDS],
}

impl Gathered {
    /// Takes a part of the current block's memory, `offset` bytes from its start.
    pub(crate) fn content(&mut self, offset: u64, bytes: &[u8]) {
        if offset == 0 {
            self.head[0] = bytes.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word));
        }
        if self.first_words.python && offset < HEAD_WORDS as u64 * 8 {
            // Pieces are of whole words.
            let from = (offset / 8) as usize;
            for (word, bytes) in self.head[from..].iter_mut().zip(bytes.as_chunks().0) {
                *word = u64::from_ne_bytes(*bytes);
            }
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
        let class = match self.first_words.class(maps, self.head[0]) {
            Block::NO_CLASS if self.first_words.python => {
                self.first_words.python_class(maps, self.head)
            }
            class => class,
        };
        self.head = [0; HEAD_WORDS];
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
        self.head = [0; HEAD_WORDS];
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
    /// Whether blocks may be objects of Python.
    pub(crate) python: bool,
    /// Returns the address in a word, where objects begin with more than an address.
    pub(crate) plain: Option<fn(u64) -> u64>,
    class_of: HashMap<u64, u32>,
    /// By class; the first stands for no class.
    words: Vec<u64>,
}

impl FirstWords {
    /// Returns the class of a block with the first word `word`.
    fn class(&mut self, maps: &Maps, word: u64) -> u32 {
        let word = self.plain.map_or(word, |plain| plain(word));
        // Few blocks begin with a pointer at all.
        if word < 0x1000 || !word.is_multiple_of(8) || word >> 48 != 0 {
            return Block::NO_CLASS;
        }
        if let Some(class) = self.class_of.get(&word) {
            return *class;
        }
        // The lists of Python's collector begin and end in writable data, where no table is.
        if !maps.is_in_image(word) || self.python && contains(&maps.data, word) {
            return Block::NO_CLASS;
        }
        self.add(word, Block::MAX_CLASS as usize)
    }

    /// Returns the class of a block with these first words that may be an object of Python.
    pub(crate) fn python_class(&mut self, maps: &Maps, head: [u64; HEAD_WORDS]) -> u32 {
        let Some(key) = object::key(head, &|address| maps.is_mapped(address)) else {
            return Block::NO_CLASS;
        };
        match self.class_of.get(&key) {
            Some(class) => *class,
            None => self.add(key, MAX_PYTHON_TYPES),
        }
    }

    /// Adds a class, if there are fewer than `max`.
    fn add(&mut self, word: u64, max: usize) -> u32 {
        if self.words.len() >= max {
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
