//! Maps every byte of every mapping to its region, from one classification to
//! the next.

use std::sync::Arc;

use crate::classify::piece::Piece;
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::quantity::Quantity;
use crate::region::{AddressRange, Identity, Protection, Provenance, Region};
use crate::rule::Rule;
use crate::tracker::aggregate::{MappingPart, Split, sum};
use crate::tracker::mappings::Measured;
use crate::tracker::source::Source;
use crate::vocabulary::types;

/// A region and the source of its quantities.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) identity: Arc<Identity>,
    parts: Parts,
}

#[derive(Debug)]
enum Parts {
    /// All of the mapping at this index.
    Whole(usize),
    Several(Box<[MappingPart]>),
}

/// The regions of a list of mappings.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<Slot>,
    splits: Vec<Split>,
    /// Mappings that were empty when a part of them was only guessed.
    awaited: Vec<usize>,
}

/// A part of one mapping that belongs to one piece.
struct Fragment<'a> {
    index: usize,
    range: AddressRange,
    label: Option<(usize, &'a Label)>,
}

impl Plan {
    /// Combines `pieces` with `mappings`; unchanged regions are carried over from `old`.
    pub(crate) fn new(
        mappings: &[Mapping],
        sizes: &[Measured],
        pieces: &[Piece],
        old: &Self,
    ) -> Self {
        let fragments = fragments(mappings, pieces);
        let mut plan = Self::default();
        plan.slots.reserve(fragments.len());
        let start = mappings.first().map_or(0, |mapping| mapping.range.start);
        let from = old.slots.partition_point(|slot| slot.identity.range.start < start);
        let mut known = old.slots[from..].iter().map(|slot| &slot.identity).peekable();
        let from = old.splits.partition_point(|split| split.start() < start);
        let mut old_splits = old.splits[from..].iter().peekable();
        let mut rest = &fragments[..];
        // The number of parts used of the last split, that of `split_index`.
        let (mut split_index, mut handed_out) = (usize::MAX, 0);
        while let Some(first) = rest.first() {
            let count = 1 + rest.windows(2).take_while(|pair| joined(mappings, pair)).count();
            let (own, after) = rest.split_at(count);
            let mut parts = Vec::with_capacity(count);
            for fragment in own {
                if fragment.range == mappings[fragment.index].range {
                    parts.push(MappingPart::Mapping(fragment.index));
                    continue;
                }
                if split_index != fragment.index {
                    (split_index, handed_out) = (fragment.index, 0);
                    let ranges: Vec<_> = fragments[first_of(&fragments, fragment.index)..]
                        .iter()
                        .take_while(|other| other.index == fragment.index)
                        .map(|other| other.range)
                        .collect();
                    plan.splits.push(Split::new(fragment.index, ranges, &mut old_splits));
                }
                parts.push(MappingPart::OfSplit { split: plan.splits.len() - 1, part: handed_out });
                handed_out += 1;
            }
            let identity = identity(mappings, own, first);
            while known.next_if(|old| old.range.start < identity.range.start).is_some() {}
            let same = known.next_if(|old| ***old == identity);
            plan.slots.push(Slot {
                identity: same.map_or_else(|| Arc::new(identity), Arc::clone),
                parts: match parts[..] {
                    [MappingPart::Mapping(index)] => Parts::Whole(index),
                    _ => Parts::Several(parts.into()),
                },
            });
            rest = after;
        }
        plan.await_first_pages(&fragments, sizes);
        plan
    }

    /// Returns whether memory appeared in a mapping that was empty when its type was guessed.
    pub(crate) fn has_news(&self, sizes: &[Measured]) -> bool {
        self.awaited.iter().any(|index| sizes.get(*index).is_some_and(|sizes| occupied(sizes) > 0))
    }

    /// Returns the regions with their current sizes.
    pub(crate) fn regions(&mut self, sizes: &[Measured], source: &mut dyn Source) -> Vec<Region> {
        for split in &mut self.splits {
            split.weigh(sizes, source);
        }
        let mut regions = Vec::with_capacity(self.slots.len());
        regions.extend(self.slots.iter().filter_map(|slot| {
            let identity = Arc::clone(&slot.identity);
            Some(match &slot.parts {
                Parts::Whole(index) => {
                    let (share_mode, quantities) = *sizes.get(*index)?;
                    let provenance = Provenance::Measured;
                    Region { identity, share_mode, provenance, quantities }
                }
                Parts::Several(parts) => {
                    let (share_mode, quantities, provenance) = sum(parts, &self.splits, sizes)?;
                    Region { identity, share_mode, provenance, quantities }
                }
            })
        }));
        regions
    }

    fn await_first_pages(&mut self, fragments: &[Fragment<'_>], sizes: &[Measured]) {
        for Fragment { index, label, .. } in fragments {
            let guessed = label.is_none_or(|(_, label)| label.confidence <= Confidence::Guess);
            let empty = sizes.get(*index).is_some_and(|sizes| occupied(sizes) == 0);
            if guessed && empty && self.awaited.last() != Some(index) {
                self.awaited.push(*index);
            }
        }
    }
}

/// Returns the bytes of a mapping in memory or swapped out.
pub(crate) fn occupied((_, quantities): &Measured) -> u64 {
    let bytes = |quantity| quantities.get(quantity).unwrap_or(0);
    bytes(Quantity::Resident).saturating_add(bytes(Quantity::Swapped))
}

/// Cuts the mappings at the ends of pieces; a fragment without a piece has no label.
fn fragments<'a>(mappings: &[Mapping], pieces: &'a [Piece]) -> Vec<Fragment<'a>> {
    let mut fragments = Vec::with_capacity(mappings.len().max(pieces.len()));
    let mut pieces = pieces.iter().enumerate().peekable();
    for (index, mapping) in mappings.iter().enumerate() {
        let mut at = mapping.range.start;
        while at < mapping.range.end {
            while pieces.next_if(|(_, piece)| piece.range.end <= at).is_some() {}
            let (end, label) = match pieces.peek() {
                Some((number, piece)) if piece.range.start <= at => {
                    (piece.range.end, Some((*number, &piece.label)))
                }
                Some((_, piece)) => (piece.range.start, None),
                None => (mapping.range.end, None),
            };
            let range = AddressRange::new(at, end.min(mapping.range.end));
            fragments.push(Fragment { index, range, label });
            at = range.end;
        }
    }
    fragments
}

/// Returns whether two consecutive fragments are one region: of one piece, adjacent, with the same
/// rights.
fn joined(mappings: &[Mapping], pair: &[Fragment<'_>]) -> bool {
    let [low, high] = pair else { return false };
    let number = |fragment: &Fragment<'_>| fragment.label.map(|(number, _)| number);
    low.range.end == high.range.start
        && number(low).is_some()
        && number(low) == number(high)
        && mappings[low.index].protection == mappings[high.index].protection
}

fn first_of(fragments: &[Fragment<'_>], index: usize) -> usize {
    fragments.partition_point(|fragment| fragment.index < index)
}

/// Describes the region of the fragments `own`: like its first mapping, with the object that all of
/// them share.
fn identity(mappings: &[Mapping], own: &[Fragment<'_>], first: &Fragment<'_>) -> Identity {
    let mapping = &mappings[first.index];
    let object = mapping.object.as_ref().filter(|object| {
        own.iter().all(|fragment| mappings[fragment.index].object.as_ref() == Some(*object))
    });
    let inside = first.range.start - mapping.range.start;
    Identity {
        range: AddressRange::new(
            first.range.start,
            own.last().map_or(first.range.end, |last| last.range.end),
        ),
        protection: mapping.protection,
        max_protection: mapping.max_protection,
        object: object.cloned(),
        offset: match mapping.file() {
            Some(_) if object.is_some() => mapping.offset.saturating_add(inside),
            _ if inside == 0 && object.is_some() == mapping.object.is_some() => mapping.offset,
            _ => 0,
        },
        flags: Arc::clone(&mapping.flags),
        label: first.label.map_or_else(|| unexplained(mapping), |(_, label)| label.clone()),
    }
}

/// The label of memory that no rule claimed.
fn unexplained(mapping: &Mapping) -> Label {
    let region_type =
        if mapping.protection == Protection::NONE { types::RESERVED } else { types::VM_ALLOCATE };
    Label { region_type, detail: None, confidence: Confidence::Unknown, rule: Rule::R20 }
}
