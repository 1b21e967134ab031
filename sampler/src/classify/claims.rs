//! The owners of addresses: each rule claims addresses that no earlier one has
//! claimed.

use crate::classify::piece::Piece;
use crate::label::Label;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// An unclaimed part of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FreePart {
    /// Its addresses.
    pub(crate) range: AddressRange,
    /// The index of its mapping in the list.
    pub(crate) index: usize,
}

/// The mappings' addresses, claimed piece by piece.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    mappings: &'a [Mapping],
    /// The unclaimed ranges of each mapping: ascending, disjoint.
    free: Vec<Vec<AddressRange>>,
    pieces: Vec<Piece>,
}

impl<'a> Claims<'a> {
    pub(crate) fn new(mappings: &'a [Mapping]) -> Self {
        let free = mappings.iter().map(|mapping| vec![mapping.range]).collect();
        Self { mappings, free, pieces: Vec::with_capacity(mappings.len()) }
    }

    /// Returns the index of the mapping that holds `address`.
    pub(crate) fn at(&self, address: u64) -> Option<usize> {
        let index = self.from(address);
        self.mappings.get(index).is_some_and(|found| found.range.start <= address).then_some(index)
    }

    /// Returns the index of the first mapping that ends after `address`.
    pub(crate) fn from(&self, address: u64) -> usize {
        self.mappings.partition_point(|mapping| mapping.range.end <= address)
    }

    /// Returns the unclaimed ranges of the mapping at `index`.
    pub(crate) fn free(&self, index: usize) -> &[AddressRange] {
        self.free.get(index).map_or(&[], Vec::as_slice)
    }

    /// Returns whether nothing of the mapping at `index` is claimed.
    pub(crate) fn is_whole(&self, index: usize) -> bool {
        self.mappings.get(index).is_some_and(|mapping| *self.free(index) == [mapping.range])
    }

    /// Returns whether `address`, in the mapping at `index`, is unclaimed.
    pub(crate) fn is_free(&self, index: usize, address: u64) -> bool {
        self.free(index).iter().any(|free| free.holds(address))
    }

    /// Claims all unclaimed ranges of the mapping at `index`.
    pub(crate) fn claim_mapping(&mut self, index: usize, label: &Label) {
        let Some(free) = self.free.get_mut(index) else { return };
        for range in std::mem::take(free) {
            self.pieces.push(Piece { range, label: label.clone() });
        }
    }

    /// Claims the unclaimed parts of `range` in the mapping at `index`.
    pub(crate) fn claim(&mut self, index: usize, range: AddressRange, label: &Label) {
        for range in self.take(index, range) {
            self.pieces.push(Piece { range, label: label.clone() });
        }
    }

    /// Claims the unclaimed parts of `range` in all mappings that match `fits`, for one owner:
    /// adjacent parts with the same rights become one piece.
    pub(crate) fn claim_across(
        &mut self,
        range: AddressRange,
        label: &Label,
        fits: impl Fn(&Mapping) -> bool,
    ) {
        let mut rights = None;
        for index in self.from(range.start)..self.mappings.len() {
            let mapping = &self.mappings[index];
            if mapping.range.start >= range.end {
                break;
            }
            if !fits(mapping) {
                continue;
            }
            for taken in self.take(index, range) {
                let same = rights == Some(mapping.protection);
                match self.pieces.last_mut().filter(|_| same) {
                    Some(last) if last.range.end == taken.start => last.range.end = taken.end,
                    _ => self.pieces.push(Piece { range: taken, label: label.clone() }),
                }
                rights = Some(mapping.protection);
            }
        }
    }

    /// Returns the unclaimed parts of the mappings that match `fits`, ascending.
    pub(crate) fn parts(&self, fits: impl Fn(&Mapping) -> bool) -> Vec<FreePart> {
        let mut parts = Vec::new();
        for (index, (mapping, free)) in self.mappings.iter().zip(&self.free).enumerate() {
            if !free.is_empty() && fits(mapping) {
                parts.extend(free.iter().map(|range| FreePart { range: *range, index }));
            }
        }
        parts
    }

    /// Returns the pieces claimed so far, ascending.
    pub(crate) fn pieces(&mut self) -> &[Piece] {
        self.pieces.sort_unstable_by_key(|piece| piece.range.start);
        &self.pieces
    }

    /// Returns all claimed pieces, ascending.
    pub(crate) fn into_pieces(mut self) -> Vec<Piece> {
        self.pieces.sort_unstable_by_key(|piece| piece.range.start);
        self.pieces
    }

    /// Removes `range` from the unclaimed ranges of the mapping at `index`; returns the removed
    /// parts.
    fn take(&mut self, index: usize, range: AddressRange) -> Vec<AddressRange> {
        let Some(free) = self.free.get_mut(index) else { return Vec::new() };
        let first = free.partition_point(|part| part.end <= range.start);
        let after = free.partition_point(|part| part.start < range.end);
        if first >= after || range.start >= range.end {
            return Vec::new();
        }
        let mut taken: Vec<_> = free[first..after].to_vec();
        let mut left = Vec::new();
        if let Some(low) = taken.first_mut().filter(|low| low.start < range.start) {
            left.push(AddressRange::new(low.start, range.start));
            low.start = range.start;
        }
        if let Some(high) = taken.last_mut().filter(|high| high.end > range.end) {
            left.push(AddressRange::new(range.end, high.end));
            high.end = range.end;
        }
        free.splice(first..after, left);
        taken
    }
}
