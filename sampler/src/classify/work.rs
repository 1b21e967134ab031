//! What the rules work on: a process, what is claimed of it, and its memory.

use super::Process;
use super::claims::Claims;
use super::facts::{Facts, Peek};
use super::profile::Profile;
use super::reader::Reader;
use crate::mapping::Mapping;
use crate::region::{AddressRange, Label, Protection};

/// One classification under way.
pub(super) struct Work<'a, 'p> {
    pub(super) mappings: &'a [Mapping],
    pub(super) facts: &'a Facts,
    pub(super) profile: Profile,
    pub(super) claims: Claims<'a>,
    pub(super) reader: Reader<'a, 'p>,
    occupied: &'a [u64],
}

impl<'a, 'p> Work<'a, 'p> {
    pub(super) fn new(process: &Process<'a>, peek: &'a mut Peek<'p>) -> Self {
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

    /// Returns the places of the mappings that `fits` takes and that are not claimed whole.
    pub(super) fn places(&self, fits: impl Fn(&Mapping) -> bool) -> Vec<usize> {
        let places = self.mappings.iter().enumerate();
        let unclaimed = places.filter(|(place, _)| !self.claims.free(*place).is_empty());
        unclaimed.filter(|(_, mapping)| fits(mapping)).map(|(place, _)| place).collect()
    }

    /// Tells whether the mapping at `place` holds pages, resident or swapped.
    pub(super) fn is_occupied(&self, place: usize) -> bool {
        self.occupied.get(place).is_none_or(|bytes| *bytes > 0)
    }

    /// Returns the bytes resident and swapped of the mapping at `place`, 0 if unknown.
    pub(super) fn occupied_bytes(&self, place: usize) -> u64 {
        self.occupied.get(place).copied().unwrap_or(0)
    }

    /// Returns the place of the mapping right below that at `place`.
    pub(super) fn below(&self, place: usize) -> Option<usize> {
        let below = place.checked_sub(1)?;
        let start = self.mappings.get(place)?.range.start;
        (self.mappings.get(below)?.range.end == start).then_some(below)
    }

    /// Returns the place of the mapping right above that at `place`.
    pub(super) fn above(&self, place: usize) -> Option<usize> {
        let end = self.mappings.get(place)?.range.end;
        (self.mappings.get(place + 1)?.range.start == end).then_some(place + 1)
    }

    /// Claims `range` of anonymous memory, what is inaccessible of it for `inaccessible`.
    pub(super) fn claim_anonymous(
        &mut self,
        range: AddressRange,
        label: &Label,
        inaccessible: &Label,
    ) {
        self.claims.claim_across(range, inaccessible, |it| is_anonymous(it) && is_none(it));
        self.claims.claim_across(range, label, |it| is_anonymous(it) && !is_none(it));
    }

    /// Returns the number of the main thread.
    pub(super) fn main_thread(&self) -> u32 {
        match self.facts.pid {
            0 => self.facts.threads.iter().map(|thread| thread.tid).min().unwrap_or(0),
            pid => pid,
        }
    }
}

/// Private memory without a file, perhaps with a name the program gave.
pub(super) fn is_anonymous(mapping: &Mapping) -> bool {
    !mapping.shared
        && (mapping.object.is_none()
            || (mapping.file().is_none() && mapping.name().starts_with("anon:")))
}

/// Memory nobody may touch.
pub(super) fn is_none(mapping: &Mapping) -> bool {
    mapping.protection == Protection::NONE
}

/// Memory that may be read and written, perhaps executed too.
pub(super) fn is_writable(mapping: &Mapping) -> bool {
    mapping.protection.contains(Protection::READ.union(Protection::WRITE))
}

/// Memory that may be executed.
pub(super) fn is_executable(mapping: &Mapping) -> bool {
    mapping.protection.contains(Protection::EXECUTE)
}

/// The page that holds `address`.
pub(super) const fn page_of(address: u64) -> u64 {
    address & !(super::reader::PAGE - 1)
}

/// The first page boundary at or after `address`.
pub(super) const fn page_after(address: u64) -> u64 {
    page_of(address.saturating_add(super::reader::PAGE - 1))
}
