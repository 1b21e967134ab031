//! How the kinds of regions are coded, and the list of a chunk's kinds.
//!
//! Kinds are numbered in order of first appearance, so that a new one needs no
//! number. Otherwise the prediction is the kind that last followed the kind of
//! the region before, or that last replaced the changing kind.

use std::collections::HashMap;

use super::flat::Flat;
use super::ranges::{Moves, NewRanges};
use super::values::{Changes, Firsts};
use crate::codec::range_coder::{Chance, Coder};
use crate::codec::spread::SpreadHasher;
use crate::codec::varint::{Cursor, Malformed, put, put_signed};

/// The maximum number of kinds that a chunk may claim to have.
pub(super) const MAX_KINDS: usize = 1 << 20;
/// The maximum length of a run of consecutive numbers, so that bytes cannot claim many more kinds.
const MAX_RUN: usize = 32;
/// The number of kinds that have their own models where kinds are coded by number.
const TREE: usize = 2048;

/// The model of new regions of one kind.
#[derive(Clone, Debug)]
pub(super) struct NewModel {
    pub(super) ranges: NewRanges,
    pub(super) firsts: Firsts,
}

impl NewModel {
    /// One that nothing was learnt in.
    const NEW: Self = Self { ranges: NewRanges::NEW, firsts: Firsts::NEW };
}

/// The model of existing regions of one kind.
#[derive(Clone, Debug)]
pub(super) struct OldModel {
    pub(super) moves: Moves,
    pub(super) changes: Changes,
}

impl OldModel {
    /// One that nothing was learnt in.
    const NEW: Self = Self { moves: Moves::NEW, changes: Changes::NEW };
}

/// The model of one kind.
#[derive(Clone, Debug)]
struct KindModel {
    /// `None` until it is needed, as most kinds never change.
    new: Option<Box<NewModel>>,
    old: Option<Box<OldModel>>,
    gone: [Chance; 2],
    replaced: Chance,
    /// The kind that last followed it.
    next: u32,
    is_next: [Chance; 2],
    /// The kind that last replaced it.
    successor: u32,
    is_successor: Chance,
}

impl KindModel {
    /// One that nothing was learnt in.
    const NEW: Self = Self {
        new: None,
        old: None,
        gone: [Chance::NEW; 2],
        replaced: Chance::NEW,
        next: 0,
        is_next: [Chance::NEW; 2],
        successor: 0,
        is_successor: Chance::NEW,
    };
}

/// The model of all kinds.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    models: Vec<KindModel>,
    /// The initial models of a kind: of the first region of each kind …
    first_new: NewModel,
    /// … and of the first change of a region of each.
    first_old: OldModel,
    is_new: [Chance; 2],
    number: Vec<Chance>,
}

impl Default for Kinds {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            first_new: NewModel::NEW,
            first_old: OldModel::NEW,
            is_new: [Chance::NEW; 2],
            number: vec![Chance::NEW; TREE],
        }
    }
}

impl Kinds {
    /// Returns how many there are.
    pub(super) const fn len(&self) -> usize {
        self.models.len()
    }

    /// Calls `code` with the model of new regions of a kind.
    pub(super) fn with_new<T>(&mut self, kind: u32, code: impl FnOnce(&mut NewModel) -> T) -> T {
        match &mut self.models[kind as usize].new {
            Some(model) => code(model),
            new => {
                self.first_new.ranges.align_bits = None;
                let coded = code(&mut self.first_new);
                *new = Some(Box::new(self.first_new.clone()));
                coded
            }
        }
    }

    /// Calls `code` with the model of existing regions of a kind.
    pub(super) fn with_old<T>(&mut self, kind: u32, code: impl FnOnce(&mut OldModel) -> T) -> T {
        match &mut self.models[kind as usize].old {
            Some(model) => code(model),
            old => {
                let coded = code(&mut self.first_old);
                *old = Some(Box::new(self.first_old.clone()));
                coded
            }
        }
    }

    /// Codes whether a region of a kind is removed; `covered` if others cover it.
    pub(super) fn is_removed<C: Coder>(
        &mut self,
        coder: &mut C,
        kind: u32,
        covered: bool,
        is_gone: bool,
    ) -> bool {
        coder.decide(&mut self.models[kind as usize].gone[usize::from(covered)], is_gone)
    }

    /// Codes the kind of a new region after `before`.
    pub(super) fn first<C: Coder>(
        &mut self,
        coder: &mut C,
        target: u32,
        before: Option<&Flat>,
        in_freed: bool,
        is_first: bool,
    ) -> u32 {
        let Some(before) = before else { return self.other(coder, target, is_first) };
        let model = &mut self.models[before.kind as usize];
        let next = model.next;
        let is_next = coder.decide(&mut model.is_next[usize::from(in_freed)], target == next);
        let kind = if is_next { self.bounded(next) } else { self.other(coder, target, is_first) };
        self.models[before.kind as usize].next = kind;
        kind
    }

    /// Codes the kind that reranges `was`, which may be the same.
    pub(super) fn change<C: Coder>(&mut self, coder: &mut C, was: u32, target: u32) -> u32 {
        let model = &mut self.models[was as usize];
        if !coder.decide(&mut model.replaced, target != was) {
            return was;
        }
        let successor = model.successor;
        if coder.decide(&mut model.is_successor, target == successor) {
            return self.bounded(successor);
        }
        let kind = self.other(coder, target, false);
        self.models[was as usize].successor = kind;
        kind
    }

    /// Codes any kind.
    fn other<C: Coder>(&mut self, coder: &mut C, target: u32, is_first: bool) -> u32 {
        let known = self.models.len() as u32;
        let is_new = target == known;
        if known == 0 || coder.decide(&mut self.is_new[usize::from(is_first)], is_new) {
            return self.add();
        }
        let bits = u32::BITS - (known - 1).leading_zeros();
        let (mut node, mut kind) = (1_usize, 0_u32);
        for bit in (0..bits).rev() {
            let chance = &mut self.number[node.min(TREE - 1)];
            let outcome = coder.decide(chance, target >> bit & 1 == 1);
            node = (node << 1 | usize::from(outcome)).min(TREE);
            kind = kind << 1 | u32::from(outcome);
        }
        self.bounded(kind)
    }

    /// Returns `kind` if it exists, else a new one: a prediction, or named by damaged bytes.
    fn bounded(&mut self, kind: u32) -> u32 {
        let known = self.models.len() as u32;
        if kind < known {
            return kind;
        }
        self.add()
    }

    /// Adds a kind. The initial prediction is that new kinds follow it and replace it.
    fn add(&mut self) -> u32 {
        let kind = self.models.len() as u32;
        let (next, successor) = (kind + 1, kind + 1);
        self.models.push(KindModel { next, successor, ..KindModel::NEW });
        kind
    }
}

/// The kinds of a chunk under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct KindList {
    numbers: Vec<i64>,
    index_of: HashMap<i64, u32, SpreadHasher>,
}

impl KindList {
    /// Returns the index of a kind, giving it the next one if it is new.
    pub(super) fn index(&mut self, number: i64) -> u32 {
        let next = self.numbers.len() as u32;
        *self.index_of.entry(number).or_insert_with(|| {
            self.numbers.push(number);
            next
        })
    }

    /// Returns the number of the kind at `index`.
    pub(super) fn number(&self, index: u32) -> i64 {
        self.numbers.get(index as usize).copied().unwrap_or_default()
    }

    /// Returns how many there are.
    pub(super) const fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Returns the bytes: runs of consecutive numbers, each as its distance from the end of the one
    /// before and its length less one.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.numbers.len() as u64);
        let mut before = 0_i64;
        let runs = self.numbers.chunk_by(|one, next| one.wrapping_add(1) == *next);
        for run in runs.flat_map(|run| run.chunks(MAX_RUN)) {
            put_signed(&mut out, run[0].wrapping_sub(before));
            put(&mut out, run.len() as u64 - 1);
            before = run[0].wrapping_add(run.len() as i64);
        }
        out
    }
}

/// Returns the kinds that were encoded.
pub(crate) fn decode_kinds(data: &[u8]) -> Result<Vec<i64>, Malformed> {
    let mut cursor = Cursor(data);
    let count = cursor.take_count(MAX_KINDS)?;
    let mut kinds = Vec::new();
    let mut next = 0_i64;
    while kinds.len() < count {
        next = next.wrapping_add(cursor.take_signed()?);
        for _ in 0..=cursor.take_count((count - kinds.len()).min(MAX_RUN) - 1)? {
            kinds.push(next);
            next = next.wrapping_add(1);
        }
    }
    if cursor.is_empty() { Ok(kinds) } else { Err(Malformed("bytes after its end")) }
}
