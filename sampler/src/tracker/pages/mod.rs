//! Counts the pages of a process's mappings, and which of them nobody else maps.
//!
//! Present pages are counted in every sample. Who else maps them is in their pagemap entries, which
//! cost three times as much: they are read where pages came or went, of some other pieces in turns,
//! and of all as soon as one piece shows that the process has forked, or that its child is gone.
//! Until then a piece's pages are taken to be shared as they were.

pub(crate) mod part;
pub(crate) mod plan;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

use std::ops::Range;

use crate::procfs::mapping::Mapping;
use crate::tracker::pages::part::Part;
use crate::tracker::pages::plan::{Budget, Old, Turns};
use crate::tracker::pages::walk::{Source, look, walk};

/// The pages of a mapping, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) small: u64,
    /// Those that are parts of huge ones.
    pub(crate) huge: u64,
    pub(crate) swapped: u64,
    /// Present pages that nobody else maps; `None` if that is unknown.
    pub(crate) exclusive: Option<u64>,
    /// Present pages of a file or of shared memory; `None` if that is unknown.
    pub(crate) of_files: Option<u64>,
}

impl Tally {
    /// That of a mapping without pages.
    pub(crate) const NOTHING: Self =
        Self { small: 0, huge: 0, swapped: 0, exclusive: Some(0), of_files: Some(0) };

    fn add(&mut self, part: &Part, page_bytes: u64) {
        let bytes = |pages: u32| u64::from(pages) * page_bytes;
        self.small += bytes(part.found.small);
        self.huge += bytes(part.found.huge);
        self.swapped += bytes(part.found.swapped);
        let sure = part.sharing.filter(|sharing| !sharing.is_blurred);
        let exclusive = sure.map(|sharing| bytes(sharing.exclusive));
        let of_files = part.sharing.map(|sharing| bytes(sharing.of_files));
        let sum = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
        self.exclusive = sum(self.exclusive, exclusive);
        self.of_files = sum(self.of_files, of_files);
    }
}

/// The pages of a process as they were counted last.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    parts: Vec<Part>,
    pieces: Vec<Piece>,
    budget: Budget,
    turns: Turns,
}

/// A piece of the address space that has pages.
#[derive(Clone, Debug)]
struct Piece {
    number: u64,
    /// Its parts, by their indices.
    parts: Range<usize>,
    /// When its entries were last read.
    read_ns: Option<u64>,
    /// Whether pages came or went since then.
    is_stale: bool,
}

impl Piece {
    fn pages(&self, parts: &[Part]) -> u64 {
        parts[self.parts.clone()].iter().map(|part| u64::from(part.found.present())).sum()
    }
}

impl Pages {
    /// Counts the pages of each mapping, ascending, that is `wanted`; `None` if they cannot be counted.
    pub(crate) fn count(
        &mut self,
        mappings: &[Mapping],
        wanted: &dyn Fn(&Mapping) -> bool,
        now_ns: u64,
        source: &mut Source<'_>,
    ) -> Vec<Option<Tally>> {
        let elapsed_ns = self.budget.refill(now_ns);
        let due = self.turns.due(&self.old(), elapsed_ns);
        let (mut parts, unwalked) = walk(mappings, wanted, source);
        let mut pieces = self.carry(&mut parts);
        let late = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| piece.is_stale || due.binary_search(&piece.number).is_ok());
        let late: Vec<usize> = late.map(|(index, _)| index).collect();
        let mut read = Reading { mappings, source, now_ns, budget: &mut self.budget };
        if read.pieces(&mut pieces, &mut parts, late) {
            let others = pieces.iter().enumerate().filter(|(_, piece)| {
                piece.read_ns != Some(now_ns)
                    && parts[piece.parts.clone()].iter().any(Part::is_private)
            });
            let others = others.map(|(index, _)| index).collect();
            read.pieces(&mut pieces, &mut parts, others);
        }
        let page_bytes = source.page_bytes;
        let mut tallies = vec![Some(Tally::NOTHING); mappings.len()];
        for part in &parts {
            if let Some(Some(tally)) = tallies.get_mut(part.mapping) {
                tally.add(part, page_bytes);
            }
        }
        unwalked.into_iter().for_each(|index| tallies[index] = None);
        (self.parts, self.pieces) = (parts, pieces);
        tallies
    }

    /// Returns the pieces of the last sample that are as they were when they were read.
    fn old(&self) -> Vec<Old> {
        let fresh = self.pieces.iter().filter(|piece| !piece.is_stale);
        let old = fresh.filter_map(|piece| {
            let parts = &self.parts[piece.parts.clone()];
            Some(Old {
                number: piece.number,
                pages: piece.pages(&self.parts),
                read_ns: piece.read_ns?,
                is_settled: parts.iter().all(Part::is_settled),
            })
        });
        old.collect()
    }

    /// Takes over how pages were shared in the sample before; returns the pieces of `parts`.
    fn carry(&self, parts: &mut [Part]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut before = self.pieces.iter().peekable();
        let mut start = 0;
        for group in parts.chunk_by_mut(|a, b| a.piece() == b.piece()) {
            let number = group.first().map_or(0, Part::piece);
            while before.next_if(|old| old.number < number).is_some() {}
            let old = before.next_if(|old| old.number == number);
            let was = old.map_or(&[][..], |old| &self.parts[old.parts.clone()]);
            let is_stale = was.len() != group.len() || old.is_none_or(|old| old.is_stale);
            let same = group.iter().zip(was).all(|(part, old)| part.is_like(old));
            let mut rest = was;
            for part in &mut *group {
                while rest.first().is_some_and(|old| old.range.end <= part.range.start) {
                    rest = &rest[1..];
                }
                if let Some(old) = rest.first().filter(|old| part.goes_on(old)) {
                    part.carry(old);
                }
            }
            pieces.push(Piece {
                number,
                parts: start..start + group.len(),
                read_ns: old.and_then(|old| old.read_ns),
                is_stale: is_stale || !same,
            });
            start += group.len();
        }
        pieces
    }
}

/// Reads entries of one sample.
struct Reading<'a, 'b> {
    mappings: &'a [Mapping],
    source: &'a mut Source<'b>,
    now_ns: u64,
    budget: &'a mut Budget,
}

impl Reading<'_, '_> {
    /// Reads the entries of the pieces at `indices`, the oldest first, as far as the budget goes.
    ///
    /// Returns whether one shows that a fork, or the end of one, changed who else has anonymous pages.
    fn pieces(
        &mut self,
        pieces: &mut [Piece],
        parts: &mut [Part],
        mut indices: Vec<usize>,
    ) -> bool {
        indices.sort_by_key(|index| pieces[*index].read_ns);
        let mut differs = false;
        for index in indices {
            let piece = &mut pieces[index];
            if !self.budget.take(piece.pages(parts)) {
                break;
            }
            let parts = &mut parts[piece.parts.clone()];
            let before = parts.to_vec();
            if !look(parts, self.mappings, self.source) {
                continue;
            }
            let others = |(old, new): (&Part, &Part)| {
                new.is_anonymous() && new.is_like(old) && new.sharing != old.sharing
            };
            differs |= !piece.is_stale && before.iter().zip(&*parts).any(others);
            piece.read_ns = Some(self.now_ns);
            piece.is_stale = false;
        }
        differs
    }
}
