//! The pages that a mapping has in one piece of the address space.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// The bytes of a piece; pieces begin at multiples of it.
pub(crate) const PIECE_BYTES: u64 = 64 << 20;

/// How a page that is not absent is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// Present, and no part of a huge one.
    Small,
    /// Present, and a part of a huge one.
    Huge,
    /// Swapped out.
    Swapped,
}

/// Neighbouring pages of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) range: AddressRange,
    pub(crate) kind: PageKind,
}

/// Numbers of pages by their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) small: u32,
    pub(crate) huge: u32,
    pub(crate) swapped: u32,
}

impl Found {
    pub(crate) fn add(&mut self, kind: PageKind, pages: u64) {
        let sum = match kind {
            PageKind::Small => &mut self.small,
            PageKind::Huge => &mut self.huge,
            PageKind::Swapped => &mut self.swapped,
        };
        *sum = sum.saturating_add(u32::try_from(pages).unwrap_or(u32::MAX));
    }

    /// Returns the number of present pages.
    pub(crate) const fn present(self) -> u32 {
        self.small.saturating_add(self.huge)
    }
}

/// Numbers of present pages by who else has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sharing {
    /// Those that are mapped once only.
    pub(crate) exclusive: u32,
    /// Those of a file or of shared memory.
    pub(crate) of_files: u32,
    /// Whether others map huge pages of it, of which the kernel says the same for all small ones.
    pub(crate) is_blurred: bool,
}

/// The pages of a mapping in a piece: there are some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The index of the mapping.
    pub(crate) mapping: usize,
    /// The addresses that the mapping has in the piece.
    pub(crate) range: AddressRange,
    /// The same for as long as its pages are from the same part of the same object.
    origin: u64,
    /// Whether writes are seen by others.
    is_shared: bool,
    /// Whether its pages belong to no file.
    is_anonymous: bool,
    pub(crate) found: Found,
    /// Unknown until entries were read.
    pub(crate) sharing: Option<Sharing>,
}

impl Part {
    /// Creates the part of a mapping at this index that holds `address`.
    pub(crate) fn new(index: usize, mapping: &Mapping, address: u64) -> Self {
        let start = address - address % PIECE_BYTES;
        let piece = AddressRange::new(start, start.saturating_add(PIECE_BYTES));
        let range = AddressRange::new(
            piece.start.max(mapping.range.start),
            piece.end.min(mapping.range.end),
        );
        let is_anonymous = is_anonymous(mapping);
        let mut hasher = DefaultHasher::new();
        (mapping.shared, mapping.file()).hash(&mut hasher);
        if !is_anonymous {
            mapping.offset.wrapping_sub(mapping.range.start).hash(&mut hasher);
        }
        Self {
            mapping: index,
            range,
            origin: hasher.finish(),
            is_shared: mapping.shared,
            is_anonymous,
            found: Found::default(),
            sharing: None,
        }
    }

    pub(crate) const fn piece(&self) -> u64 {
        self.range.start / PIECE_BYTES
    }

    /// Returns whether its pages may belong to no file: a fork shares them, and its end gives them back.
    pub(crate) const fn is_private(&self) -> bool {
        !self.is_shared
    }

    /// Returns whether its pages belong to no file: nothing but a fork shares them.
    pub(crate) const fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Returns whether all its pages are the process's own, which only a fork can change.
    pub(crate) fn is_settled(&self) -> bool {
        let own = self.sharing.is_some_and(|sharing| sharing.exclusive == self.found.present());
        self.is_anonymous && own
    }

    /// Returns whether `old` are pages of the same object at the same addresses.
    pub(crate) const fn goes_on(&self, old: &Self) -> bool {
        self.origin == old.origin && self.range.overlaps(old.range)
    }

    /// Returns whether it has as many pages in the same range as `old`.
    pub(crate) fn is_like(&self, old: &Self) -> bool {
        self.goes_on(old) && (self.range, self.found) == (old.range, old.found)
    }

    /// Takes over how the pages of `old` were shared; pages that came since are taken for the process's
    /// own if they are anonymous.
    pub(crate) fn carry(&mut self, old: &Self) {
        let Some(was) = old.sharing else { return };
        let [before, now] = [old.found, self.found].map(Found::present);
        let others = before.saturating_sub(was.exclusive);
        let anonymous = before.saturating_sub(was.of_files);
        self.sharing = Some(if self.is_anonymous {
            let exclusive = now - others.min(now);
            Sharing { exclusive, of_files: was.of_files.min(now), ..was }
        } else {
            let of_files = now - anonymous.min(now);
            Sharing { exclusive: was.exclusive.min(now), of_files, ..was }
        });
    }
}

/// Returns whether all pages of a mapping belong to no file.
pub(crate) fn is_anonymous(mapping: &Mapping) -> bool {
    let name = mapping.name();
    let named = || {
        ["anon:", "[stack:"].iter().any(|start| name.starts_with(start))
            || ["", "[heap]", "[stack]"].contains(&name)
    };
    !mapping.shared && mapping.file().is_none() && named()
}
