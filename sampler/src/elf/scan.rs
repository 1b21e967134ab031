//! Searches the string tables and constants of an ELF file for markers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, MatchKind};

use crate::classify::facts::Image;
use crate::classify::markers::{Location, MARKERS};
use crate::elf::header::{SYMBOL_BYTES, Section};
use crate::elf::read_at::{MAX_SCANNED_BYTES, ReadAt, fill, u32_at};
use crate::region::Protection;

/// Bytes read at a time: they stay in the processor's cache while they are searched.
const CHUNK_BYTES: usize = 256 << 10;
/// The maximum length of a wanted name or text, in bytes.
const LONGEST: usize = 64;

/// The markers and names found.
#[derive(Debug, Default)]
pub(crate) struct ScanResult {
    pub(crate) markers: Vec<Arc<str>>,
    pub(crate) names: Vec<&'static str>,
}

/// Searches `sections` for markers and `names`; without sections, the constant segments.
pub(crate) fn scan(
    read_at: &mut ReadAt<'_>,
    image: &Image,
    sections: &[Section],
    names: &[&'static str],
) -> ScanResult {
    let mut left = MAX_SCANNED_BYTES;
    let mut strings = Names::new(names);
    let mut texts = TextSearch::default();
    let plain = |section: &&Section| section.plain;
    // Sections that the dynamic linker needs come first, in case the limit is reached.
    strings.search(read_at, sections, b".dynstr", &mut left);
    for section in sections.iter().filter(plain).filter(|section| is_constant(&section.name)) {
        texts.restart();
        pieces(read_at, (section.offset, section.bytes), &mut left, |piece| texts.feed(piece));
    }
    strings.search(read_at, sections, b".strtab", &mut left);
    if sections.is_empty() {
        for segment in image.segments.iter().filter(|it| it.protection == Protection::READ) {
            texts.restart();
            let location = (segment.offset, segment.file_bytes);
            pieces(read_at, location, &mut left, |piece| texts.feed(piece));
        }
    }
    let has = |name: &str| sections.iter().any(|section| *section.name == *name.as_bytes());
    let is_found = |index: usize| match MARKERS[index].location {
        Location::Symbol | Location::SymbolPrefix => strings.defined.contains(MARKERS[index].text),
        Location::Rodata => texts.found.contains(&index),
        Location::Section => has(MARKERS[index].text),
    };
    ScanResult {
        markers: (0..MARKERS.len())
            .filter(|index| is_found(*index))
            .map(|index| MARKERS[index].name.into())
            .collect(),
        names: names.iter().copied().filter(|name| strings.found.contains(name)).collect(),
    }
}

fn is_constant(name: &[u8]) -> bool {
    name == b".rodata" || name.starts_with(b".rodata.")
}

/// Reads a part of the file piece by piece, up to its end or until `left` is used up.
fn pieces(
    read_at: &mut ReadAt<'_>,
    (mut offset, bytes): (u64, u64),
    left: &mut u64,
    mut each: impl FnMut(&[u8]),
) {
    let mut rest = bytes.min(*left);
    let mut buffer = vec![0; CHUNK_BYTES.min(usize::try_from(rest).unwrap_or(CHUNK_BYTES))];
    while rest > 0 {
        let wanted = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let count = fill(read_at, offset, &mut buffer[..wanted]).unwrap_or(0);
        if count == 0 {
            break;
        }
        each(&buffer[..count]);
        *left -= count as u64;
        rest -= count as u64;
        let Some(next) = offset.checked_add(count as u64) else { break };
        offset = next;
    }
}

/// Searches a string table, whose names each end in a NUL.
struct Names {
    /// The wanted names by their first two bytes, and whether a prefix is enough.
    wanted: Vec<([u8; 2], &'static str, bool)>,
    /// Bit by first two bytes, which few names of a program share.
    maybe: Vec<u64>,
    found: BTreeSet<&'static str>,
    /// Those that a symbol of the file defines.
    defined: BTreeSet<&'static str>,
    /// Where wanted names are in the current table.
    offsets: BTreeMap<u64, &'static str>,
    /// The offset of the next piece in the current table.
    next: u64,
    /// The beginning of a name that was cut at the end of the last piece, and its offset.
    begun: Vec<u8>,
    begun_at: u64,
}

/// The maximum number of names to look up in a table of symbols: many begin alike.
const MAX_OFFSETS: usize = 1 << 12;

impl Names {
    fn new(names: &[&'static str]) -> Self {
        let of_markers = MARKERS.iter().filter_map(|marker| match marker.location {
            Location::Symbol => Some((marker.text, false)),
            Location::SymbolPrefix => Some((marker.text, true)),
            Location::Rodata | Location::Section => None,
        });
        let mut wanted: Vec<_> = of_markers
            .chain(names.iter().map(|name| (*name, false)))
            .filter(|(name, _)| name.len() < LONGEST)
            .filter_map(|(name, prefix)| Some((*name.as_bytes().first_chunk()?, name, prefix)))
            .collect();
        wanted.sort_unstable();
        let mut maybe = vec![0_u64; 1024];
        for (head, ..) in &wanted {
            let bit = u16::from_le_bytes(*head);
            maybe[usize::from(bit >> 6)] |= 1 << (bit & 63);
        }
        Self {
            wanted,
            maybe,
            found: BTreeSet::new(),
            defined: BTreeSet::new(),
            offsets: BTreeMap::new(),
            next: 0,
            begun: Vec::new(),
            begun_at: 0,
        }
    }

    /// Searches the string tables of that name, and the symbols that use them.
    fn search(
        &mut self,
        read_at: &mut ReadAt<'_>,
        sections: &[Section],
        name: &[u8],
        left: &mut u64,
    ) {
        let tables = sections.iter().enumerate().filter(|(_, it)| it.plain && *it.name == *name);
        for (index, section) in tables {
            self.offsets.clear();
            self.next = 0;
            pieces(read_at, (section.offset, section.bytes), left, |piece| self.feed(piece));
            self.end();
            let symbols = sections.iter().filter(|it| it.plain && it.symbol_bytes().is_some());
            let mut symbols = symbols.filter(|it| usize::try_from(it.link) == Ok(index)).peekable();
            // Without symbols nothing shows that a name is only referred to.
            if symbols.peek().is_none() {
                self.defined.extend(self.offsets.values());
            }
            for table in symbols.take_while(|_| !self.offsets.is_empty()) {
                let (offsets, defined) = (&self.offsets, &mut self.defined);
                let mut rest = Vec::new();
                let bytes = table.symbol_bytes().unwrap_or(usize::MAX);
                pieces(read_at, (table.offset, table.bytes), left, |piece| {
                    rest.extend_from_slice(piece);
                    let whole = rest.len() / bytes * bytes;
                    for entry in rest[..whole].chunks_exact(bytes) {
                        if let Some(name) = defined_name(entry) {
                            defined.extend(offsets.get(&name));
                        }
                    }
                    rest.drain(..whole);
                });
            }
        }
    }

    fn feed(&mut self, piece: &[u8]) {
        let mut from = 0;
        for end in memchr::memchr_iter(0, piece) {
            let name = &piece[from..end];
            if self.begun.is_empty() {
                self.check(name, self.next.saturating_add(from as u64));
            } else {
                self.go_on(name);
                self.end();
            }
            from = end + 1;
        }
        if self.begun.is_empty() {
            self.begun_at = self.next.saturating_add(from as u64);
        }
        self.go_on(&piece[from..]);
        self.next = self.next.saturating_add(piece.len() as u64);
    }

    /// Extends the partial name, of which at most the length of the longest marker is needed.
    fn go_on(&mut self, more: &[u8]) {
        let room = LONGEST.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&more[..more.len().min(room)]);
    }

    /// Ends the partial name.
    fn end(&mut self) {
        let name = std::mem::take(&mut self.begun);
        self.check(&name, self.begun_at);
        self.begun = name;
        self.begun.clear();
    }

    fn check(&mut self, name: &[u8], offset: u64) {
        let Some(head) = name.first_chunk::<2>() else { return };
        let bit = u16::from_le_bytes(*head);
        if self.maybe[usize::from(bit >> 6)] & 1 << (bit & 63) == 0 {
            return;
        }
        let first = self.wanted.partition_point(|(other, ..)| other < head);
        let alike = self.wanted[first..].iter().take_while(|(other, ..)| other == head);
        for (_, wanted, prefix) in alike {
            let wanted_bytes = wanted.as_bytes();
            if (*prefix && name.starts_with(wanted_bytes)) || name == wanted_bytes {
                self.found.insert(wanted);
                if self.offsets.len() < MAX_OFFSETS {
                    self.offsets.insert(offset, wanted);
                }
            }
        }
    }
}

/// Returns the offset of the name of a symbol that the file itself defines.
fn defined_name(entry: &[u8]) -> Option<u64> {
    // The section is the 4th field of 64-bit symbols and the last one of 32-bit symbols.
    let section = if entry.len() == SYMBOL_BYTES { 6 } else { 14 };
    (entry.get(section..section + 2)? != [0, 0]).then(|| u32_at(entry, 0).map(u64::from)).flatten()
}

/// Finds every text of the markers in one pass. Built once: that takes longer than searching most
/// files.
static SEARCHER: LazyLock<Searcher> = LazyLock::new(Searcher::new);

struct Searcher {
    /// Indices of the wanted markers in the table, in the order of the automaton.
    indices: Vec<usize>,
    /// `None` if it could not be built, which never happens with so few short texts.
    automaton: Option<AhoCorasick>,
}

impl Searcher {
    fn new() -> Self {
        let texts = MARKERS.iter().enumerate().filter(|(_, it)| it.location == Location::Rodata);
        let indices: Vec<usize> = texts.map(|(index, _)| index).collect();
        let forwards = |index: &usize| MARKERS[*index].text.bytes().rev().collect::<Vec<u8>>();
        // Leftmost-first allows to skip ahead with vector instructions.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(indices.iter().map(forwards))
            .ok();
        Self { indices, automaton }
    }
}

/// Searches constants for texts.
#[derive(Default)]
struct TextSearch {
    found: BTreeSet<usize>,
    /// The end of the piece before and the beginning of the next one.
    seam: Vec<u8>,
}

impl TextSearch {
    fn restart(&mut self) {
        self.seam.clear();
    }

    fn feed(&mut self, piece: &[u8]) {
        self.seam.extend_from_slice(&piece[..piece.len().min(LONGEST)]);
        let Searcher { indices, automaton } = &*SEARCHER;
        if let Some(automaton) = automaton {
            for text in [&*self.seam, piece] {
                let hits = automaton.find_iter(text).map(|hit| hit.pattern().as_usize());
                self.found.extend(hits.filter_map(|pattern| indices.get(pattern)));
            }
        }
        if piece.len() >= LONGEST {
            self.seam.clear();
            self.seam.extend_from_slice(&piece[piece.len() - LONGEST..]);
        } else {
            self.seam.drain(..self.seam.len().saturating_sub(LONGEST));
        }
    }
}
