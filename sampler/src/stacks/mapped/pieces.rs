//! Ranges of addresses by the stacks that mapped them, and those that nobody was seen to map.

use std::collections::BTreeMap;

use crate::region::Region;
use crate::stacks::types::Types;

/// A mapping, or a part of one, by its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) end: u64,
    pub(crate) stack: u32,
    /// How many calls made it: none if it is not the first part.
    pub(crate) calls: u64,
    /// Whether it is of the heap of `brk`, which is one mapping.
    pub(crate) is_break: bool,
    /// The type of its region, once a sample saw it.
    pub(crate) kind: Option<u16>,
    /// Whether the last sample did not see it.
    pub(crate) missed: bool,
}

/// Mappings that do not overlap.
#[derive(Debug, Default)]
pub(crate) struct Pieces(BTreeMap<u64, Piece>);

impl Pieces {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds one where there is none.
    pub(crate) fn insert(&mut self, start: u64, piece: Piece) {
        if start < piece.end {
            self.0.insert(start, piece);
        }
    }

    /// Adds one above all others; of the heap of `brk`, parts of one stack are joined.
    pub(crate) fn append(&mut self, start: u64, piece: Piece) {
        if let Some(mut last) = self.0.last_entry().filter(|_| piece.is_break) {
            let last = last.get_mut();
            let joined = Piece { end: last.end, calls: last.calls, ..piece };
            if last.end == start && *last == joined {
                (last.end, last.calls) = (piece.end, last.calls + piece.calls);
                return;
            }
        }
        self.insert(start, piece);
    }

    /// Removes and returns the parts in a range.
    pub(crate) fn cut(&mut self, start: u64, end: u64) -> Vec<(u64, Piece)> {
        if start >= end {
            return Vec::new();
        }
        self.split(start);
        self.split(end);
        let found: Vec<_> =
            self.0.range(start..end).map(|(start, piece)| (*start, *piece)).collect();
        found.iter().for_each(|(start, _)| {
            self.0.remove(start);
        });
        found
    }

    /// Makes two parts of a mapping that holds an address inside.
    fn split(&mut self, at: u64) {
        let Some((start, piece)) = self.0.range_mut(..at).next_back() else { return };
        if piece.end > at && *start < at {
            let after = Piece { calls: 0, ..*piece };
            piece.end = at;
            self.0.insert(at, after);
        }
    }

    /// Returns all, in the order of their addresses.
    pub(crate) fn into_all(self) -> impl Iterator<Item = (u64, Piece)> {
        self.0.into_iter()
    }
}

/// Ranges of regions that no call was seen to map, by their starts: their ends and types.
#[derive(Debug, Default)]
pub(crate) struct Others {
    ranges: BTreeMap<u64, (u64, u16)>,
    /// When they were there.
    time_ns: u64,
}

impl Others {
    /// Returns those of the regions of a sample.
    pub(crate) fn new(
        time_ns: u64,
        regions: &[Region],
        pieces: &Pieces,
        types: &mut Types,
    ) -> Self {
        let mut ranges = BTreeMap::new();
        for region in regions {
            let range = region.identity.range;
            let before = pieces.0.range(..range.start).next_back();
            let mut at = before.map_or(range.start, |(_, piece)| piece.end.max(range.start));
            let mut kind = None;
            let mut other = |start: u64, end: u64, types: &mut Types| {
                if start < end {
                    let name = region.identity.label.region_type.name();
                    let kind = *kind.get_or_insert_with(|| types.number(name));
                    ranges.insert(start, (end, kind));
                }
            };
            for (start, piece) in pieces.0.range(range.start..range.end) {
                other(at, *start, types);
                at = piece.end;
            }
            other(at, range.end, types);
        }
        Self { ranges, time_ns }
    }

    /// Removes and returns the parts in a range, if they were there before a call.
    pub(crate) fn cut(&mut self, time_ns: u64, start: u64, end: u64) -> Vec<(u64, u64, u16)> {
        if start >= end {
            return Vec::new();
        }
        let first = self.ranges.range(..start).next_back().map(|(start, _)| *start);
        let overlaps = |from: &u64| self.ranges.get(from).is_some_and(|(end, _)| *end > start);
        let first = first.filter(overlaps).unwrap_or(start);
        let found: Vec<_> =
            self.ranges.range(first..end).map(|(from, (to, kind))| (*from, *to, *kind)).collect();
        let mut cut = Vec::new();
        for (from, to, kind) in found {
            self.ranges.remove(&from);
            if from < start {
                self.ranges.insert(from, (start, kind));
            }
            if to > end {
                self.ranges.insert(end, (to, kind));
            }
            cut.push((from.max(start), to.min(end), kind));
        }
        // Of a sample later than the call they came since.
        if self.time_ns < time_ns { cut } else { Vec::new() }
    }
}

/// Returns the parts of a range with the types of the regions that hold them; `None` in no region.
pub(crate) fn parts(
    start: u64,
    end: u64,
    regions: &[Region],
    types: &mut Types,
) -> Vec<(u64, u64, Option<u16>)> {
    let mut parts: Vec<(u64, u64, Option<u16>)> = Vec::new();
    let mut add = |from: u64, to: u64, kind: Option<u16>| {
        if from >= to {
            return;
        }
        match parts.last_mut() {
            Some((_, end, last)) if *end == from && *last == kind => *end = to,
            _ => parts.push((from, to, kind)),
        }
    };
    let mut at = start;
    let first = regions.partition_point(|it| it.identity.range.end <= start);
    for region in &regions[first..] {
        let identity = &region.identity;
        if identity.range.start >= end {
            break;
        }
        add(at, identity.range.start, None);
        let from = identity.range.start.max(at);
        let to = identity.range.end.min(end);
        add(from, to, Some(types.number(identity.label.region_type.name())));
        at = to.max(at);
    }
    add(at, end, None);
    parts
}
