//! A heap whose allocator lists its blocks, zone by zone.
//!
//! The lists are those of malloc's own functions, over memory of another process: nothing in them
//! is trusted. Ranges may overlap and blocks may lie anywhere; what cannot be is left out, counted.

use std::sync::Arc;

use crate::darwin::heap::objects;
use crate::heap::block::Tally;
use crate::heap::block_set::BlockSet;
use crate::heap::edges::Edges;
use crate::heap::gather::Gathered;
use crate::heap::leaks::Reach;
use crate::heap::mapped::without;
use crate::heap::maps::Maps;
use crate::heap::read::text;
use crate::heap::roots::{self, ThreadRoots};
use crate::heap::snapshot::{Heap, HeapProblem, HeapRange, RangeKind};
use crate::heap::space::{BlockIndex, Space};
use crate::heap::target::{Late, Pages, Target};
use crate::heap::texts::Texts;
use crate::order::sort_by_key;
use crate::region::AddressRange;

/// Blocks lie at multiples of this, which their sizes are too.
const UNIT: u64 = 16;

/// The lists of a zone, as malloc's functions hand them out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ZoneLists {
    /// Memory that blocks lie in.
    pub(crate) ranges: Vec<AddressRange>,
    /// Memory that malloc describes blocks in.
    pub(crate) own: Vec<AddressRange>,
    /// Blocks in use.
    pub(crate) blocks: Vec<AddressRange>,
}

/// What is looked for besides blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'t> {
    /// Leaks, with the threads of the process.
    pub(crate) leaks: Option<&'t [ThreadRoots]>,
    /// Texts, and how many are read.
    pub(crate) texts: Option<usize>,
    /// Whether it runs on Apple silicon.
    pub(crate) is_arm: bool,
}

/// A range of memory of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    range: AddressRange,
    zone: u32,
}

/// Reads the heap that the lists of `zones` describe.
pub(crate) fn read(
    target: &mut Target<'_>,
    maps: &Maps,
    zones: &[ZoneLists],
    search: &Search<'_>,
) -> Result<Heap, Late> {
    let mut pieces = apart(zones, |zone| &zone.ranges);
    let (blocks, odd) = blocks(zones, &pieces);
    add_lone(&mut pieces, &blocks);
    let occupied: Vec<AddressRange> = pieces.iter().map(|piece| piece.range).collect();
    let own = apart(zones, |zone| &zone.own);
    let mut problems = Vec::new();
    if odd > 0 {
        problems.push(HeapProblem::BlocksOdd { blocks: odd });
    }
    let space = search.leaks.and_then(|_| Space::new(&occupied)).map(Arc::new);
    let plain = if search.is_arm { objects::plain_arm } else { objects::plain_intel };
    let mut gathered = Gathered::default();
    gathered.first_words.plain = Some(plain);
    gathered.edges = space.clone().map(Edges::new);
    gathered.texts = search.texts.map(|_| Texts::default());
    let mut ranges = Vec::new();
    let mut rest = &blocks[..];
    for piece in &pieces {
        let here = rest.partition_point(|block| block.range.start < piece.range.end);
        let (of_piece, after) = rest.split_at(here);
        rest = after;
        gather(target, maps, piece.range, of_piece, &mut gathered)?;
        ranges.push(sums(*piece, of_piece));
    }
    // What malloc describes its blocks in is no block's.
    for piece in without_pieces(&own, &occupied) {
        let overhead_bytes = piece.range.virtual_bytes();
        ranges.push(HeapRange { overhead_bytes, ..empty(piece) });
    }
    sort_by_key(&mut ranges, |range| range.range);
    let free = BlockSet::new(gathered.blocks.len());
    let mut leaks = None;
    if let (Some(threads), Some(space), Some(edges)) = (search.leaks, &space, &gathered.edges) {
        let index = BlockIndex::new(space, &gathered.blocks);
        let mut reach = Reach::new(index, gathered.blocks.len(), free.clone());
        let mut own: Vec<AddressRange> = own.iter().map(|piece| piece.range).collect();
        own.sort_unstable();
        roots::mark(target, maps, threads, space, &occupied, &own, &mut reach)?;
        if !edges.overflowed {
            leaks = Some(reach.leaks(&gathered.blocks, edges));
        }
    }
    if search.leaks.is_some() && leaks.is_none() {
        problems.push(HeapProblem::TooManyPointers);
    }
    let copies = gathered.texts.as_ref().map(|texts| texts.copies(&gathered.blocks, &|_| true));
    let shown = copies.iter().flatten().filter(|copies| copies.tally.blocks > 1);
    let texts = shown.take(search.texts.unwrap_or(0)).map(|copies| text(target, copies)).collect();
    let classes = objects::names(target, maps, gathered.first_words.words())?;
    Ok(Heap {
        allocator: "malloc of macOS".to_owned(),
        arenas: u32::try_from(zones.len()).unwrap_or(u32::MAX),
        ranges,
        blocks: gathered.blocks,
        pools: None,
        classes,
        leaks,
        copies,
        texts,
        problems,
    })
}

/// Returns the blocks of all zones by ascending address, and how many were left out: each lies in one
/// of `pieces` or in none.
fn blocks(zones: &[ZoneLists], pieces: &[Piece]) -> (Vec<Piece>, u64) {
    let mut all: Vec<Piece> = Vec::new();
    for (number, zone) in (0..).zip(zones) {
        all.extend(zone.blocks.iter().map(|range| Piece { range: *range, zone: number }));
    }
    let count = all.len();
    sort_by_key(&mut all, |block| (block.range, block.zone));
    let crosses = |range: AddressRange| {
        let after = pieces.partition_point(|piece| piece.range.start < range.end);
        let last = pieces[..after].last().map(|piece| piece.range);
        last.is_some_and(|last| {
            range.overlaps(last) && !(last.start <= range.start && range.end <= last.end)
        })
    };
    let mut end = 0;
    all.retain(|Piece { range, .. }| {
        let is_sound = range.start >= end.max(UNIT)
            && range.start.is_multiple_of(UNIT)
            && range.end > range.start
            && range.end.is_multiple_of(UNIT)
            && !crosses(*range);
        if is_sound {
            end = range.end;
        }
        is_sound
    });
    let odd = (count - all.len()) as u64;
    (all, odd)
}

/// Returns ranges of `zones` by ascending address, none of which overlaps another.
fn apart(zones: &[ZoneLists], of: impl Fn(&ZoneLists) -> &Vec<AddressRange>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for (number, zone) in (0..).zip(zones) {
        all.extend(of(zone).iter().map(|range| Piece { range: *range, zone: number }));
    }
    sort_by_key(&mut all, |piece| (piece.range, piece.zone));
    let mut end = 0;
    let cut = |piece: Piece| {
        let range = AddressRange::new(piece.range.start.max(end), piece.range.end);
        end = end.max(range.end);
        (range.virtual_bytes() > 0).then_some(Piece { range, ..piece })
    };
    all.into_iter().filter_map(cut).collect()
}

/// Adds to `pieces` the blocks that lie in none of them, each by itself.
fn add_lone(pieces: &mut Vec<Piece>, blocks: &[Piece]) {
    let holds = |pieces: &[Piece], block: &Piece| {
        let after = pieces.partition_point(|piece| piece.range.start <= block.range.start);
        pieces[..after].last().is_some_and(|piece| block.range.start < piece.range.end)
    };
    let lone: Vec<Piece> = blocks.iter().filter(|block| !holds(pieces, block)).copied().collect();
    pieces.extend(lone);
    sort_by_key(pieces, |piece| piece.range);
}

/// Returns the parts of `pieces` outside of `occupied`.
fn without_pieces(pieces: &[Piece], occupied: &[AddressRange]) -> Vec<Piece> {
    let parts = |piece: &Piece| {
        let zone = piece.zone;
        let free = without(std::slice::from_ref(&piece.range), occupied);
        free.into_iter().map(move |range| Piece { range, zone })
    };
    pieces.iter().flat_map(parts).collect()
}

/// Gathers the contents of `blocks`, which lie in `range`.
fn gather(
    target: &mut Target<'_>,
    maps: &Maps,
    range: AddressRange,
    blocks: &[Piece],
    gathered: &mut Gathered,
) -> Result<(), Late> {
    let mut rest = blocks.iter().map(|block| block.range).peekable();
    target.stream(range, Pages::Any, &mut |at, bytes| {
        let end = at + bytes.len() as u64;
        while let Some(block) = rest.peek().copied().filter(|block| block.start < end) {
            let (from, to) = (block.start.max(at), block.end.min(end));
            if from < to {
                let part = &bytes[(from - at) as usize..(to - at) as usize];
                gathered.content(from - block.start, part);
            }
            if block.end > end {
                break;
            }
            gathered.close(block.start, block.virtual_bytes(), true, maps);
            rest.next();
        }
    })?;
    rest.for_each(|block| gathered.close(block.start, block.virtual_bytes(), true, maps));
    Ok(())
}

const fn empty(piece: Piece) -> HeapRange {
    HeapRange {
        range: piece.range,
        kind: RangeKind::Zone(piece.zone),
        used: Tally { blocks: 0, bytes: 0 },
        cached: Tally { blocks: 0, bytes: 0 },
        fast: Tally { blocks: 0, bytes: 0 },
        free: Tally { blocks: 0, bytes: 0 },
        top_bytes: 0,
        overhead_bytes: 0,
        unwalked_bytes: 0,
    }
}

/// Returns the sums of a piece that `blocks` lie in.
fn sums(piece: Piece, blocks: &[Piece]) -> HeapRange {
    let mut sums = empty(piece);
    let mut at = piece.range.start;
    for Piece { range, .. } in blocks {
        if range.start > at {
            sums.free.add(range.start - at);
        }
        sums.used.add(range.virtual_bytes());
        at = range.end;
    }
    if at < piece.range.end {
        sums.free.add(piece.range.end - at);
    }
    sums
}
