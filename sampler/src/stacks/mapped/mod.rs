//! The mappings that are there by the stacks that made them, and all that came and went between.
//!
//! Calls are applied in the order of their times, up to the moment of a sample. A mapping has the type
//! of its region in the first sample that sees it; one that ended before has none. What a call ends of
//! other mappings, from before the recorder or of the kernel's own making, counts as ended too.

pub(crate) mod pieces;

use std::collections::BTreeMap;

use crate::region::Region;
use crate::stacks::call::Call;
use crate::stacks::mapped::pieces::{Others, Piece, Pieces, parts};
use crate::stacks::metric::StackMetric;
use crate::stacks::model::LiveStack;
use crate::stacks::sums::{Sum, Sums, region_at};
use crate::stacks::types::Types;

/// The maximum number of mappings to follow.
const MAX_PIECES: usize = 1 << 17;
/// The calls that may wait for a sample.
const MAX_PENDING: usize = 1 << 15;
/// The maximum number of ranges given back whose types wait for a sample.
const MAX_RELEASED: usize = 1 << 14;
/// The type of mappings that no sample saw.
const UNSEEN: &str = "";

/// A call of a known stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called {
    pub(crate) time_ns: u64,
    pub(crate) stack: u32,
    pub(crate) call: Call,
}

/// The mappings of a process.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    pieces: Pieces,
    others: Others,
    /// Calls that are still to be applied.
    pending: Vec<Called>,
    /// Until when all calls are known.
    known_until_ns: u64,
    /// Where the heap of `brk` ends; `None` if that is unknown.
    break_end: Option<u64>,
    types: Types,
    there: Sums,
    births: Sums,
    deaths: Sums,
    released: Sums,
    /// Ranges given back since the last sample, by stack and start.
    to_name: BTreeMap<(u32, u64), Sum>,
}

impl Mapped {
    /// Begins with a process whose heap of `brk` ends there.
    pub(crate) fn with_break(break_end: Option<u64>) -> Self {
        Self { break_end, ..Self::default() }
    }

    /// Returns where the heap of `brk` ends, if that is known.
    pub(crate) const fn break_end(&self) -> Option<u64> {
        self.break_end
    }

    /// Adds a call.
    pub(crate) fn call(&mut self, called: Called) {
        self.pending.push(called);
        if self.pending.len() >= MAX_PENDING {
            // The oldest ones have waited for a sample long enough.
            self.pending.sort_by_key(|called| called.time_ns);
            let rest = self.pending.split_off(MAX_PENDING / 2);
            std::mem::replace(&mut self.pending, rest).into_iter().for_each(|it| self.apply(&it));
        }
    }

    /// Takes note that no call from before that time is still to come.
    pub(crate) fn known_until(&mut self, time_ns: u64) {
        self.known_until_ns = time_ns;
    }

    /// Forgets all: the process has another address space.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns all mappings that were there at `time_ns`, and those that came and went until then, by metric,
    /// stack and type; `regions` are in the order of their addresses.
    pub(crate) fn tick(&mut self, time_ns: u64, regions: &[Region]) -> Vec<LiveStack> {
        let until = time_ns.min(self.known_until_ns);
        self.pending.sort_by_key(|called| called.time_ns);
        let later = self.pending.partition_point(|called| called.time_ns <= until);
        let later = self.pending.split_off(later);
        std::mem::replace(&mut self.pending, later).into_iter().for_each(|it| self.apply(&it));
        self.look(regions);
        self.others = Others::new(time_ns, regions, &self.pieces, &mut self.types);
        for ((stack, start), sum) in std::mem::take(&mut self.to_name) {
            let name = region_at(regions, start)
                .map(|index| regions[index].identity.label.region_type.name());
            let kind = self.types.number(name.unwrap_or(UNSEEN));
            add(&mut self.released, (stack, kind), sum.samples, sum.bytes);
        }
        self.last()
    }

    /// Returns the same as of the last tick.
    pub(crate) fn last(&self) -> Vec<LiveStack> {
        let all = [
            (StackMetric::Mapped, &self.there),
            (StackMetric::Births, &self.births),
            (StackMetric::Deaths, &self.deaths),
            (StackMetric::Released, &self.released),
        ];
        let parts = |(metric, sums): (StackMetric, &'_ Sums)| -> Vec<LiveStack> {
            let part = |(&(stack, kind), sum): (&(u32, u16), &Sum)| {
                sum.part(metric, stack, self.types.name(kind))
            };
            sums.iter().map(part).collect()
        };
        all.into_iter().flat_map(parts).collect()
    }

    fn apply(&mut self, called: &Called) {
        let Called { time_ns, stack, call } = *called;
        match call {
            Call::Map { start, bytes } => {
                self.end(called, start, start + bytes);
                self.begin(called, start, start + bytes, false);
            }
            Call::Unmap { start, bytes } => self.end(called, start, start + bytes),
            Call::Move { from, from_bytes, to, to_bytes } => {
                let (from_end, to_end) = (from + from_bytes, to + to_bytes);
                if from == to {
                    self.end(called, to_end.min(from_end), from_end);
                    self.begin(called, from_end.min(to_end), to_end, false);
                    return;
                }
                let moved = from_bytes.min(to_bytes);
                let pieces = self.pieces.cut(from, from + moved);
                self.end(called, from + moved, from_end);
                self.others.cut(time_ns, from, from + moved);
                self.end(called, to, to_end);
                for (start, piece) in pieces {
                    let shifted = |at: u64| at - from + to;
                    let piece = Piece { end: shifted(piece.end), ..piece };
                    self.pieces.insert(shifted(start), piece);
                }
                self.begin(called, to + moved, to_end, false);
            }
            Call::Break { end } => {
                let before = self.break_end.replace(end).unwrap_or(end);
                if end > before {
                    self.begin(called, before, end, true);
                } else {
                    self.end(called, end, before);
                }
            }
            Call::Release { start, bytes } => {
                let has_room = self.to_name.len() < MAX_RELEASED;
                let sum = match self.to_name.get_mut(&(stack, start)) {
                    Some(sum) => sum,
                    None if has_room => self.to_name.entry((stack, start)).or_default(),
                    None => {
                        let unseen = self.types.number(UNSEEN);
                        self.released.entry((stack, unseen)).or_default()
                    }
                };
                sum.add(1, bytes);
            }
        }
    }

    /// Adds a mapping by a call.
    fn begin(&mut self, called: &Called, start: u64, end: u64, is_break: bool) {
        if start >= end {
            return;
        }
        let piece =
            Piece { end, stack: called.stack, calls: 1, is_break, kind: None, missed: false };
        if self.pieces.len() < MAX_PIECES {
            self.pieces.insert(start, piece);
        } else {
            self.born_unseen(&piece, end - start);
        }
    }

    /// Ends all mappings in a range by a call.
    fn end(&mut self, called: &Called, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let mut count = 1;
        let unseen = self.types.number(UNSEEN);
        for (start, piece) in self.pieces.cut(start, end) {
            self.born_unseen(&piece, piece.end - start);
            let kind = piece.kind.unwrap_or(unseen);
            let count = std::mem::take(&mut count);
            add(&mut self.deaths, (called.stack, kind), count, piece.end - start);
        }
        for (start, end, kind) in self.others.cut(called.time_ns, start, end) {
            let count = std::mem::take(&mut count);
            add(&mut self.deaths, (called.stack, kind), count, end - start);
        }
    }

    /// Counts a mapping that no sample saw, if none did.
    fn born_unseen(&mut self, piece: &Piece, bytes: u64) {
        if piece.kind.is_none() {
            let unseen = self.types.number(UNSEEN);
            add(&mut self.births, (piece.stack, unseen), piece.calls, bytes);
        }
    }

    /// Gives mappings the types of their regions, and sums up those that are there.
    fn look(&mut self, regions: &[Region]) {
        self.there.clear();
        let mut pieces = Pieces::default();
        let unseen = self.types.number(UNSEEN);
        // Of a mapping whose begin was unmapped, the rest is one.
        let mut last = (0, 0);
        for (start, piece) in std::mem::take(&mut self.pieces).into_all() {
            let mut calls = piece.calls;
            for (start, end, kind) in parts(start, piece.end, regions, &mut self.types) {
                let mut part = Piece { end, calls: std::mem::take(&mut calls), ..piece };
                let bytes = end - start;
                if let Some(kind) = kind {
                    if part.kind.is_none() {
                        add(&mut self.births, (part.stack, kind), part.calls, bytes);
                    }
                    let is_apart = last != (start, part.stack);
                    add(
                        &mut self.there,
                        (part.stack, kind),
                        part.calls.max(is_apart.into()),
                        bytes,
                    );
                    last = (end, part.stack);
                    (part.kind, part.missed) = (Some(kind), false);
                } else if std::mem::replace(&mut part.missed, true) {
                    // Its end was lost, or had no call.
                    self.born_unseen(&part, bytes);
                    add(&mut self.deaths, (0, part.kind.unwrap_or(unseen)), 1, bytes);
                    continue;
                }
                pieces.append(start, part);
            }
        }
        self.pieces = pieces;
    }
}

fn add(sums: &mut Sums, of: (u32, u16), count: u64, bytes: u64) {
    sums.entry(of).or_default().add(count, bytes);
}

#[cfg(test)]
mod tests;
