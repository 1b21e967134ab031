//! How the ranges and offsets of regions are coded.
//!
//! Regions tile the address space: most new ones begin where the one before
//! ends, or fill the range that a neighbour gave up. Otherwise sizes and
//! distances are counted in pages, and distances in the alignment shared by all
//! starts of a kind.

use super::flat::Flat;
use crate::codec::number::Number;
use crate::codec::range_coder::{Chance, Coder};

/// Addresses are multiples of this power of two, or coded in full.
const PAGE_BITS: u32 = 12;
/// The largest alignment of starts, as a power of two.
const MAX_ALIGN_BITS: u32 = 40;
/// How many of the following regions one may grow over.
pub(super) const AHEAD: usize = 15;
/// How many of those have their own model.
const OVER: usize = 10;

/// The surroundings of a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// The end of the region before it.
    pub(super) reach: u64,
    /// The start of the next region in the snapshot before, or the end of the address space.
    pub(super) next: u64,
    /// The old end of the region here, if it is gone or shrank.
    pub(super) freed: Option<u64>,
    /// Whether the snapshot is the first.
    pub(super) is_first: bool,
}

/// The model of range changes of one kind.
#[derive(Clone, Debug)]
pub(super) struct Moves {
    moved: [Chance; 4],
    start_moved: [Chance; 2],
    end_moved: [Chance; 2],
    offset_kept: [Chance; 2],
    offset_shifted: Chance,
}

impl Moves {
    /// One that nothing was learnt in.
    pub(super) const NEW: Self = Self {
        moved: [Chance::NEW; 4],
        start_moved: [Chance::NEW; 2],
        end_moved: [Chance::NEW; 2],
        offset_kept: [Chance::NEW; 2],
        offset_shifted: Chance::NEW,
    };
}

/// The model of the ranges of new regions of one kind.
#[derive(Clone, Debug)]
pub(super) struct NewRanges {
    adjacent: [Chance; 2],
    aligned: Chance,
    /// The common alignment of all starts that did not touch another region; `None` before the
    /// first.
    pub(super) align_bits: Option<u32>,
    fills: [Chance; 4],
    last_size: u64,
    same_size: [Chance; 2],
    /// The index of its sizes' model in [`Ranges::sizes`], plus 1.
    sizes: u16,
    has_offset: Chance,
}

impl NewRanges {
    /// One that nothing was learnt in.
    pub(super) const NEW: Self = Self {
        adjacent: [Chance::NEW; 2],
        aligned: Chance::NEW,
        align_bits: None,
        fills: [Chance::NEW; 4],
        last_size: 0,
        same_size: [Chance::NEW; 2],
        sizes: 0,
        has_offset: Chance::NEW,
    };
}

/// The model of all ranges.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    paged: Chance,
    start_at_reach: [Chance; 2],
    start_change: Number,
    grown: Chance,
    grown_to_next: Chance,
    grown_over: Chance,
    over: [Chance; OVER],
    growth: Number,
    shrunk_to: [Number; 2],
    offset: Number,
    offset_follows: Chance,
    distance: [Number; 2],
    first_sizes: Number,
    /// Of kinds that have new regions after the first snapshot.
    sizes: Vec<Number>,
}

impl Ranges {
    /// One that nothing was learnt in.
    pub(super) const NEW: Self = Self {
        paged: Chance::NEW,
        start_at_reach: [Chance::NEW; 2],
        start_change: Number::NEW,
        grown: Chance::NEW,
        grown_to_next: Chance::NEW,
        grown_over: Chance::NEW,
        over: [Chance::NEW; OVER],
        growth: Number::NEW,
        shrunk_to: [Number::NEW; 2],
        offset: Number::NEW,
        offset_follows: Chance::NEW,
        distance: [Number::NEW; 2],
        first_sizes: Number::NEW,
        sizes: Vec::new(),
    };
}

impl Ranges {
    /// Codes the change of `region`, still in its old state, to the range and offset of `target`.
    /// `ahead` returns the old end of the n-th region after it.
    pub(super) fn change<C: Coder>(
        &mut self,
        coder: &mut C,
        of: &mut Moves,
        region: &mut Flat,
        target: &Flat,
        around: Around,
        ahead: impl Fn(usize) -> Option<u64>,
    ) {
        let was = *region;
        let covered = usize::from(was.start < around.reach);
        let empty = usize::from(was.quantities[0] == 0);
        let moves = (target.start, target.end, target.offset) != (was.start, was.end, was.offset);
        if !coder.decide(&mut of.moved[covered * 2 + empty], moves) {
            return;
        }
        let start_moved = coder.decide(&mut of.start_moved[covered], target.start != was.start);
        if start_moved {
            let at_reach = &mut self.start_at_reach[covered];
            region.start = if coder.decide(at_reach, target.start == around.reach) {
                around.reach
            } else {
                let change = target.start.wrapping_sub(was.start);
                was.start.wrapping_add(self.signed(coder, |all| &mut all.start_change, change))
            };
        }
        if coder.decide(&mut of.end_moved[usize::from(start_moved)], target.end != was.end) {
            region.end = if coder.decide(&mut self.grown, target.end > was.end) {
                self.grown_end(coder, &was, target, around, ahead)
            } else {
                let size = target.end.wrapping_sub(region.start);
                let shrunk = self.number(coder, |all| &mut all.shrunk_to[empty], size);
                region.start.wrapping_add(shrunk)
            };
        }
        region.end = region.end.max(region.start);
        let shifted = was.offset.wrapping_add(region.start.wrapping_sub(was.start));
        let kept = &mut of.offset_kept[usize::from(start_moved && was.offset != 0)];
        region.offset = if coder.decide(kept, target.offset == was.offset) {
            was.offset
        } else if coder.decide(&mut of.offset_shifted, target.offset == shifted) {
            shifted
        } else {
            self.number(coder, |all| &mut all.offset, target.offset)
        };
    }

    fn grown_end<C: Coder>(
        &mut self,
        coder: &mut C,
        was: &Flat,
        target: &Flat,
        around: Around,
        ahead: impl Fn(usize) -> Option<u64>,
    ) -> u64 {
        if around.next > was.end && coder.decide(&mut self.grown_to_next, target.end == around.next)
        {
            return around.next;
        }
        if ahead(0).is_some() {
            let over = if C::DECODES {
                None
            } else {
                (0..AHEAD).map_while(&ahead).position(|end| end == target.end)
            };
            if coder.decide(&mut self.grown_over, over.is_some()) {
                let mut nth = 0;
                while nth + 1 < AHEAD && ahead(nth + 1).is_some() {
                    if coder.decide(&mut self.over[nth.min(OVER - 1)], over == Some(nth)) {
                        break;
                    }
                    nth += 1;
                }
                return ahead(nth).unwrap_or(was.end);
            }
        }
        let growth = target.end.wrapping_sub(was.end);
        was.end.wrapping_add(self.number(coder, |all| &mut all.growth, growth))
    }

    /// Codes the range and offset of the new region `target`. `before` is the region before it.
    pub(super) fn first<C: Coder>(
        &mut self,
        coder: &mut C,
        of: &mut NewRanges,
        region: &mut Flat,
        target: &Flat,
        around: Around,
        before: Option<&Flat>,
    ) {
        let freed = usize::from(around.freed.is_some());
        region.start = if coder.decide(&mut of.adjacent[freed], target.start == around.reach) {
            around.reach
        } else {
            self.start(coder, of, target.start, around)
        };
        let end = around.freed.unwrap_or(around.next);
        let usual = of.last_size == end.wrapping_sub(region.start);
        let fills = &mut of.fills[freed * 2 + usize::from(usual)];
        region.end = if coder.decide(fills, target.end == end) {
            end
        } else if coder.decide(&mut of.same_size[freed], target.size() == of.last_size) {
            region.start.wrapping_add(of.last_size)
        } else if around.is_first {
            let size = self.number(coder, |all| &mut all.first_sizes, target.size());
            region.start.wrapping_add(size)
        } else {
            if of.sizes == 0 {
                self.sizes.push(Number::NEW);
                of.sizes = self.sizes.len().min(usize::from(u16::MAX)) as u16;
            }
            let index = usize::from(of.sizes - 1);
            let size = self.number(coder, |all| &mut all.sizes[index], target.size());
            region.start.wrapping_add(size)
        };
        region.end = region.end.max(region.start);
        of.last_size = region.size();
        if coder.decide(&mut of.has_offset, target.offset != 0) {
            let follows =
                before.map_or(0, |of| of.offset.wrapping_add(region.start.wrapping_sub(of.start)));
            region.offset = if coder.decide(&mut self.offset_follows, target.offset == follows) {
                follows
            } else {
                self.number(coder, |all| &mut all.offset, target.offset)
            };
        }
    }

    /// Codes a start that is not the end of the region before.
    fn start<C: Coder>(
        &mut self,
        coder: &mut C,
        of: &mut NewRanges,
        target: u64,
        around: Around,
    ) -> u64 {
        let align_bits = of.align_bits.unwrap_or(PAGE_BITS);
        let is_aligned = target >= around.reach && target.trailing_zeros() >= align_bits;
        let start = if coder.decide(&mut of.aligned, is_aligned) {
            let base = around.reach >> align_bits;
            let steps = (target >> align_bits).wrapping_sub(base);
            let steps = self.distance[usize::from(around.is_first)].code(coder, steps);
            base.wrapping_add(steps) << align_bits
        } else {
            let distance = target.wrapping_sub(around.reach);
            let distance = self.signed(coder, |all| &mut all.start_change, distance);
            around.reach.wrapping_add(distance)
        };
        let bits = start.trailing_zeros().min(MAX_ALIGN_BITS);
        of.align_bits = Some(of.align_bits.map_or(bits, |before| before.min(bits)));
        start
    }

    /// Codes a number of bytes, in pages if it is a multiple of them.
    fn number<C: Coder>(
        &mut self,
        coder: &mut C,
        model: impl Fn(&mut Self) -> &mut Number,
        bytes: u64,
    ) -> u64 {
        let is_paged = bytes.trailing_zeros() >= PAGE_BITS;
        if coder.decide(&mut self.paged, is_paged) {
            model(self).code(coder, bytes >> PAGE_BITS) << PAGE_BITS
        } else {
            coder.raw(u64::BITS, bytes)
        }
    }

    /// Codes a signed number of bytes, in pages if it is a multiple of them.
    fn signed<C: Coder>(
        &mut self,
        coder: &mut C,
        model: impl Fn(&mut Self) -> &mut Number,
        bytes: u64,
    ) -> u64 {
        let is_paged = bytes.trailing_zeros() >= PAGE_BITS;
        if coder.decide(&mut self.paged, is_paged) {
            let pages = bytes.cast_signed() >> PAGE_BITS;
            (model(self).code_signed(coder, pages) << PAGE_BITS).cast_unsigned()
        } else {
            coder.raw(u64::BITS, bytes)
        }
    }
}
