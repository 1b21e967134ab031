//! The state of a classification: a process, its claims, and its memory.

use crate::classify::claims::Claims;
use crate::classify::facts::{Facts, Peek};
use crate::classify::piece::Process;
use crate::classify::predicates::{is_anonymous, is_none};
use crate::classify::profile::Profile;
use crate::classify::reader;
use crate::classify::reader::Reader;
use crate::label::Label;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// A classification in progress.
pub(crate) struct Work<'a, 'p> {
    pub(crate) mappings: &'a [Mapping],
    pub(crate) facts: &'a Facts,
    pub(crate) profile: Profile,
    pub(crate) claims: Claims<'a>,
    pub(crate) reader: Reader<'a, 'p>,
    occupied: &'a [u64],
}

impl<'a, 'p> Work<'a, 'p> {
    pub(crate) fn new(process: &Process<'a>, peek: &'a mut Peek<'p>) -> Self {
        let (mappings, facts) = (process.mappings, process.facts);
        Self {
            mappings,
            facts,
            profile: Profile::of(mappings, facts),
            claims: Claims::new(mappings),
            reader: Reader::new(peek, facts.memory_readable, mappings.len()),
            occupied: process.occupied,
        }
    }

    /// Returns the indices of the mappings that match `fits` and are not entirely claimed.
    pub(crate) fn indices(&self, fits: impl Fn(&Mapping) -> bool) -> Vec<usize> {
        let indices = self.mappings.iter().enumerate();
        let unclaimed = indices.filter(|(index, _)| !self.claims.free(*index).is_empty());
        unclaimed.filter(|(_, mapping)| fits(mapping)).map(|(index, _)| index).collect()
    }

    /// Returns whether the mapping at `index` holds pages, resident or swapped.
    pub(crate) fn is_occupied(&self, index: usize) -> bool {
        self.occupied.get(index).is_none_or(|bytes| *bytes > 0)
    }

    /// Returns the resident and swapped bytes of the mapping at `index`, 0 if unknown.
    pub(crate) fn occupied_bytes(&self, index: usize) -> u64 {
        self.occupied.get(index).copied().unwrap_or(0)
    }

    /// Returns the index of the mapping right below that at `index`.
    pub(crate) fn below(&self, index: usize) -> Option<usize> {
        let below = index.checked_sub(1)?;
        let start = self.mappings.get(index)?.range.start;
        (self.mappings.get(below)?.range.end == start).then_some(below)
    }

    /// Returns the index of the mapping right above that at `index`.
    pub(crate) fn above(&self, index: usize) -> Option<usize> {
        let end = self.mappings.get(index)?.range.end;
        (self.mappings.get(index + 1)?.range.start == end).then_some(index + 1)
    }

    /// Claims `range` of anonymous memory, its inaccessible parts with the label `inaccessible`.
    pub(crate) fn claim_anonymous(
        &mut self,
        range: AddressRange,
        label: &Label,
        inaccessible: &Label,
    ) {
        self.claims.claim_across(range, inaccessible, |it| is_anonymous(it) && is_none(it));
        self.claims.claim_across(range, label, |it| is_anonymous(it) && !is_none(it));
    }

    /// Returns the number of the main thread.
    pub(crate) fn main_thread(&self) -> u32 {
        match self.facts.pid {
            0 => self.facts.threads.iter().map(|thread| thread.tid).min().unwrap_or(0),
            pid => pid,
        }
    }
}

/// The page that holds `address`.
pub(crate) const fn page_of(address: u64) -> u64 {
    address & !(reader::PAGE - 1)
}

/// The first page boundary at or after `address`.
pub(crate) const fn page_after(address: u64) -> u64 {
    page_of(address.saturating_add(reader::PAGE - 1))
}
