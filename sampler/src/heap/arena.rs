//! Finds glibc's arenas by their shape, and the ranges of memory that each one carves up.

use crate::heap::layout::{
    ALIGNMENT, FAST_LISTS, FLAGS, HEADER_BYTES, HEAP_ALIGNMENTS, HEAP_INFO_BYTES, LAYOUTS, Layout,
    MIN_CHUNK_BYTES, PAGE, RINGS,
};
use crate::heap::maps::Maps;
use crate::heap::target::{Late, Pages, Target};
use crate::region::AddressRange;

/// The minimum number of rings that must be sound for an arena to be recognised.
const SOUND_RINGS: usize = 110;
/// The maximum number of arenas: glibc makes 8 a processor.
const MAX_ARENAS: usize = 1 << 16;
/// The maximum number of heaps of one arena.
const MAX_HEAPS: usize = 1 << 16;
/// Larger sums of memory are invalid.
const MAX_SYSTEM_BYTES: u64 = 1 << 46;
/// The bytes of images' data that are read at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// An arena as its own structure describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arena {
    /// The address of its structure.
    pub(crate) address: u64,
    /// The heads of its lists of fast chunks.
    pub(crate) fast: Vec<u64>,
    /// Its uppermost chunk.
    pub(crate) top: u64,
    /// The next arena.
    next: u64,
    /// The bytes it has from the system.
    pub(crate) system_bytes: u64,
    /// Its ranges of memory, as far as they were found.
    pub(crate) parts: Vec<Part>,
}

/// A range of memory that is all chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// All of the range, with what precedes the first chunk.
    pub(crate) range: AddressRange,
    /// The first chunk.
    pub(crate) first: u64,
    /// The arena's uppermost chunk, if it is here: it reaches to the end.
    pub(crate) top: Option<u64>,
}

/// The arenas of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arenas {
    /// Their layout.
    pub(crate) layout: &'static Layout,
    /// The main one first.
    pub(crate) list: Vec<Arena>,
    /// Whether the list ends where it began.
    pub(crate) complete: bool,
}

/// Finds the arenas: the main one in the writable data of images, and those that it leads to.
pub(crate) fn find(target: &mut Target<'_>, maps: &Maps) -> Result<Option<Arenas>, Late> {
    let mut found = None;
    // One layout looks like another one somewhat further on, until the next arena is looked at.
    for (main, layout) in find_main(target, &maps.data)? {
        let (list, complete) = arenas(target, maps, main, layout);
        let arenas = Arenas { layout, list, complete };
        if complete {
            return Ok(Some(arenas));
        }
        found.get_or_insert(arenas);
    }
    Ok(found)
}

/// Finds structures of the shape of a main arena in the writable data of images.
fn find_main(
    target: &mut Target<'_>,
    data: &[AddressRange],
) -> Result<Vec<(u64, &'static Layout)>, Late> {
    let mut all = Vec::new();
    let longest = LAYOUTS.iter().map(|layout| layout.bytes).max().unwrap_or(0);
    for range in data {
        for part in target.populated(*range, Pages::Any) {
            let mut at = part.start;
            while at + ALIGNMENT < part.end {
                target.check_time()?;
                // Each piece holds the whole of a structure that begins in it.
                let wanted = (PIECE_BYTES + longest).min(part.end - at);
                let mut piece = vec![0; wanted as usize];
                if target.read(at, &mut piece).is_some() {
                    let last = PIECE_BYTES.min(part.end - at);
                    for layout in &LAYOUTS {
                        if let Some(found) = search(target, at, &piece, last, layout) {
                            all.push((found, layout));
                        }
                    }
                }
                at += PIECE_BYTES;
            }
        }
    }
    Ok(all)
}

/// Searches the first `last` bytes of `piece`, which lies at `at`, for an arena.
fn search(
    target: &mut Target<'_>,
    at: u64,
    piece: &[u8],
    last: u64,
    layout: &Layout,
) -> Option<u64> {
    let word = |offset: u64| {
        let bytes = piece.get(offset as usize..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    };
    (0..last).step_by(8).find_map(|offset| {
        let address = at + offset;
        let [system, max] = [word(offset + layout.system)?, word(offset + layout.system + 8)?];
        if !is_sum(system, max) {
            return None;
        }
        let [top, next] = [word(offset + layout.top)?, word(offset + layout.next)?];
        let links = next == address || is_after_heap_info(next);
        if !links || top < PAGE || !top.is_multiple_of(ALIGNMENT) {
            return None;
        }
        let sound = (0..RINGS).filter(|ring| {
            // A ring's head is a chunk of which only the two links exist.
            let links = offset + layout.bins + ring * 16;
            let head = at + links - HEADER_BYTES;
            match (word(links), word(links + 8)) {
                (Some(forward), Some(back)) if forward == head => back == head,
                (Some(forward), Some(_)) => {
                    forward != 0
                        && forward.is_multiple_of(ALIGNMENT)
                        && forward.checked_add(24).and_then(|at| target.word(at)) == Some(head)
                }
                _ => false,
            }
        });
        (sound.count() >= SOUND_RINGS).then_some(address)
    })
}

/// Returns whether the bytes taken from the system and their maximum are plausible.
fn is_sum(system: u64, max: u64) -> bool {
    // A static program's heap begins behind the memory of its first thread: at no page.
    system != 0 && system <= max && max <= MAX_SYSTEM_BYTES
}

/// Returns whether an arena may lie at `address`: behind the description of its first heap.
fn is_after_heap_info(address: u64) -> bool {
    let least = HEAP_ALIGNMENTS[1];
    address > least && HEAP_INFO_BYTES.contains(&(address % least))
}

/// Returns all arenas, the main one first. The list ends early where it breaks.
fn arenas(target: &mut Target<'_>, maps: &Maps, main: u64, layout: &Layout) -> (Vec<Arena>, bool) {
    let mut arenas = Vec::new();
    let mut address = main;
    loop {
        let arena = arena_at(target, address, layout);
        let Some(mut arena) = arena.filter(|arena| arena.system_bytes <= MAX_SYSTEM_BYTES) else {
            return (arenas, false);
        };
        arena.parts = match address == main {
            true => main_parts(target, maps, &arena).into_iter().collect(),
            false => heaps(target, &arena, layout),
        };
        address = arena.next;
        arenas.push(arena);
        if address == main {
            return (arenas, true);
        }
        if !is_after_heap_info(address) || arenas.len() >= MAX_ARENAS {
            return (arenas, false);
        }
    }
}

fn arena_at(target: &mut Target<'_>, address: u64, layout: &Layout) -> Option<Arena> {
    let mut word = |offset: u64| target.word(address.checked_add(offset)?);
    let system_bytes = word(layout.system)?;
    let (top, next) = (word(layout.top)?, word(layout.next)?);
    let lists = layout.fast.map_or(0, |_| FAST_LISTS);
    let fast = layout.fast.unwrap_or(0);
    let fast = (0..lists).map(|list| word(fast + list * 8)).collect::<Option<_>>()?;
    Some(Arena { address, fast, top, next, system_bytes, parts: Vec::new() })
}

/// Returns the range below the main arena's top that brk gave it: as long as all the memory it
/// took, foreign moves of brk included.
fn main_parts(target: &mut Target<'_>, maps: &Maps, arena: &Arena) -> Option<Part> {
    let brk = maps.brk.filter(|brk| brk.holds(arena.top))?;
    let top_bytes = target.word(arena.top.checked_add(8)?)? & !FLAGS;
    let end = arena.top.checked_add(top_bytes).filter(|end| *end <= brk.end);
    let start = end.and_then(|end| end.checked_sub(arena.system_bytes));
    let start = start.filter(|start| brk.start <= *start && *start <= arena.top);
    // Where the sums disagree, the walk shows how far the heap is sound.
    let (start, end) = match (start, end) {
        (Some(start), Some(end)) => (start, end),
        _ => (brk.start, end.unwrap_or(brk.end)),
    };
    let first = start.next_multiple_of(ALIGNMENT);
    Some(Part { range: AddressRange::new(start, end), first, top: Some(arena.top) })
}

/// Returns the heaps of an arena other than the main one, the newest first.
fn heaps(target: &mut Target<'_>, arena: &Arena, layout: &Layout) -> Vec<Part> {
    let found = HEAP_ALIGNMENTS
        .into_iter()
        .find(|alignment| target.word(arena.top - arena.top % alignment) == Some(arena.address));
    let Some(alignment) = found else { return Vec::new() };
    let Some(info_bytes) =
        HEAP_INFO_BYTES.into_iter().find(|bytes| *bytes == arena.address % alignment)
    else {
        return Vec::new();
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut start = arena.top - arena.top % alignment;
    while start != 0 && parts.len() < MAX_HEAPS {
        let Some([owner, before, bytes]) = target.words::<3>(start) else { break };
        if owner != arena.address || !(PAGE..=alignment).contains(&bytes) {
            break;
        }
        let end = start.saturating_add(bytes);
        let top = Some(arena.top).filter(|_| parts.is_empty());
        let own = start + info_bytes == arena.address;
        let head_bytes = if own { info_bytes + layout.bytes } else { info_bytes };
        let first = (start + head_bytes).next_multiple_of(ALIGNMENT);
        if top.is_some_and(|top| top < first || top + MIN_CHUNK_BYTES / 2 > end) {
            break;
        }
        parts.push(Part { range: AddressRange::new(start, end), first, top });
        if !before.is_multiple_of(alignment) || parts.iter().any(|it| it.range.start == before) {
            break;
        }
        start = before;
    }
    parts
}
