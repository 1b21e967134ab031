//! Reads a heap while its process stands still. Conclusions that need no more of its memory are
//! drawn afterwards.

use std::sync::Arc;

use crate::heap::arena::{self, Arena, Arenas, Part};
use crate::heap::block::Tally;
use crate::heap::block_set::BlockSet;
use crate::heap::cached::{self, Cached};
use crate::heap::classes;
use crate::heap::edges::Edges;
use crate::heap::gather::Gathered;
use crate::heap::leaks::Reach;
use crate::heap::mapped::{self, Mapped};
use crate::heap::maps::Maps;
use crate::heap::musl::{self, Group, Groups};
use crate::heap::parameters;
use crate::heap::python;
use crate::heap::roots::{self, ThreadRoots};
use crate::heap::snapshot::{Heap, HeapProblem, HeapRange, RangeKind};
use crate::heap::space::{BlockIndex, Space};
use crate::heap::target::{Late, Pages, Target};
use crate::heap::texts::{Copies, MAX_BYTES, Texts};
use crate::heap::walk::walk;
use crate::order::sort_by_key;
use crate::procfs::line::readable;
use crate::region::AddressRange;

/// The maximum bytes of a text to show.
const MAX_SHOWN_BYTES: usize = 200;

/// The facts that are looked for besides blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'t> {
    /// Leaks, with the threads of the process.
    pub(crate) leaks: Option<&'t [ThreadRoots]>,
    /// Texts, and how many are read.
    pub(crate) texts: Option<usize>,
    /// The objects of Python.
    pub(crate) python: bool,
}

/// A heap as it was read.
#[derive(Debug)]
pub(crate) struct Reading {
    heap: Heap,
    gathered: Gathered,
    cached: Cached,
    /// Which of the blocks are cached.
    free: BlockSet,
    reach: Option<Reach>,
}

/// A range of memory of malloc.
#[derive(Clone, Copy)]
enum Piece {
    /// Of the arena of that number.
    Part(u32, Part),
    Mapped(Mapped),
    Group(Group),
}

impl Piece {
    fn range(&self) -> AddressRange {
        match self {
            Self::Part(_, part) => part.range,
            Self::Mapped(mapped) => mapped.range,
            Self::Group(group) => group.range,
        }
    }
}

/// Whose malloc it is.
enum Owner {
    Glibc(Arenas),
    Musl(Groups),
}

impl Owner {
    fn find(target: &mut Target<'_>, maps: &Maps) -> Result<Option<Self>, Late> {
        if let Some(arenas) = arena::find(target, maps)? {
            return Ok(Some(Self::Glibc(arenas)));
        }
        Ok(musl::find(target, maps)?.map(Self::Musl))
    }

    fn name(&self) -> String {
        match self {
            Self::Glibc(arenas) => {
                format!("glibc's malloc (layout of {})", arenas.layout.releases)
            }
            Self::Musl(_) => "musl's malloc (layout of 1.2.1 and newer)".to_owned(),
        }
    }

    /// Returns the arenas; musl has none.
    fn arenas(&self) -> &[Arena] {
        match self {
            Self::Glibc(arenas) => &arenas.list,
            Self::Musl(_) => &[],
        }
    }

    /// Returns where malloc describes its memory, in which addresses are not the process's own.
    fn own(&self) -> Vec<AddressRange> {
        match self {
            // Its lists of free chunks name addresses that belong to the blocks before them.
            Self::Glibc(arenas) => {
                let main = arenas.list.first().map_or(0, |main| main.address);
                vec![AddressRange::new(main, main.saturating_add(arenas.layout.bytes))]
            }
            Self::Musl(groups) => groups.areas.clone(),
        }
    }

    /// Returns all ranges of malloc, ascending.
    fn pieces(
        &self,
        target: &mut Target<'_>,
        maps: &Maps,
        problems: &mut Vec<HeapProblem>,
    ) -> Result<Vec<Piece>, Late> {
        match self {
            Self::Glibc(arenas) => pieces(target, maps, arenas, problems),
            Self::Musl(groups) => {
                if groups.broken > 0 {
                    problems.push(HeapProblem::GroupsBroken { groups: groups.broken });
                }
                Ok(groups.outer.iter().map(|group| Piece::Group(*group)).collect())
            }
        }
    }
}

/// Reads the heap; `None` if it is neither glibc's nor musl's.
pub(crate) fn read(
    target: &mut Target<'_>,
    maps: &Maps,
    wanted: Wanted<'_>,
) -> Result<Option<Reading>, Late> {
    let Some(owner) = Owner::find(target, maps)? else { return Ok(None) };
    let mut problems = Vec::new();
    let pieces = owner.pieces(target, maps, &mut problems)?;
    let all: Vec<AddressRange> = pieces.iter().map(Piece::range).collect();
    let mut gathered = Gathered::default();
    let space = wanted.leaks.and_then(|_| Space::new(&all)).map(Arc::new);
    gathered.first_words.python = wanted.python;
    gathered.edges = space.clone().map(Edges::new);
    gathered.texts = wanted.texts.map(|_| Texts::default());
    let mut ranges = Vec::new();
    for piece in &pieces {
        ranges.push(match (&owner, piece) {
            (Owner::Musl(groups), Piece::Group(group)) => {
                musl::gather(target, groups, group, maps, &mut gathered)?
            }
            _ => gather(target, maps, piece, &mut gathered, &mut problems)?,
        });
    }
    let cached = cached::find(target, owner.arenas(), &gathered.blocks)?;
    if cached.broken_lists > 0 {
        problems.push(HeapProblem::ListsBroken { lists: cached.broken_lists });
    }
    let free = cached.indices(&gathered.blocks);
    let mut reach = None;
    if let (Some(threads), Some(space)) = (wanted.leaks, &space) {
        let index = BlockIndex::new(space, &gathered.blocks);
        let mut found = Reach::new(index, gathered.blocks.len(), free.clone());
        roots::mark(target, maps, threads, space, &all, &owner.own(), &mut found)?;
        reach = Some(found);
    }
    let copies = gathered
        .texts
        .as_ref()
        .map(|texts| texts.copies(&gathered.blocks, &|block| !free.contains(block)));
    let shown = copies.iter().flatten().filter(|copies| copies.tally.blocks > 1);
    let texts = shown.take(wanted.texts.unwrap_or(0)).map(|copies| text(target, copies)).collect();
    let pools = match gathered.first_words.python {
        true => python::find(target, maps, &all, &mut gathered.first_words)?,
        false => None,
    };
    let classes = classes::names(target, maps, gathered.first_words.words())?;
    let heap = Heap {
        allocator: owner.name(),
        arenas: u32::try_from(owner.arenas().len()).unwrap_or(u32::MAX),
        ranges,
        blocks: Vec::new(),
        pools,
        classes,
        leaks: None,
        copies,
        texts,
        problems,
    };
    Ok(Some(Reading { heap, gathered, cached, free, reach }))
}

/// Returns all ranges of malloc, ascending.
fn pieces(
    target: &mut Target<'_>,
    maps: &Maps,
    arenas: &Arenas,
    problems: &mut Vec<HeapProblem>,
) -> Result<Vec<Piece>, Late> {
    if !arenas.complete {
        problems.push(HeapProblem::ArenasBroken);
    }
    let mut pieces = Vec::new();
    for (number, arena) in arenas.list.iter().enumerate() {
        let found = arena.parts.iter().map(|part| part.range.virtual_bytes());
        let found_bytes = found.fold(0, u64::saturating_add);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if found_bytes != arena.system_bytes {
            let counted_bytes = arena.system_bytes;
            problems.push(HeapProblem::Missing { arena: number, counted_bytes, found_bytes });
        }
        pieces.extend(arena.parts.iter().map(|part| Piece::Part(number, *part)));
    }
    // A heap that is listed twice is one of a list that is damaged.
    sort_by_key(&mut pieces, Piece::range);
    pieces.dedup_by(|next, before| next.range().start < before.range().end);
    let start = arenas.list.first().and_then(|main| main.parts.first());
    let counted = match start {
        Some(part) => parameters::mapped(target, &maps.data, part.range.start)?,
        None => None,
    };
    let occupied: Vec<AddressRange> = pieces.iter().map(Piece::range).collect();
    let chunks = mapped::find(target, &maps.anonymous, &occupied, counted)?;
    let mut found = Tally::default();
    chunks.iter().for_each(|chunk| found.add(chunk.range.virtual_bytes()));
    if let Some(counted) = counted.filter(|counted| *counted != found) {
        problems.push(HeapProblem::MappedDiffer { counted, found });
    }
    pieces.extend(chunks.into_iter().map(Piece::Mapped));
    sort_by_key(&mut pieces, Piece::range);
    Ok(pieces)
}

/// Gathers the blocks of one range.
fn gather(
    target: &mut Target<'_>,
    maps: &Maps,
    piece: &Piece,
    gathered: &mut Gathered,
    problems: &mut Vec<HeapProblem>,
) -> Result<HeapRange, Late> {
    let range = piece.range();
    let bytes = range.virtual_bytes();
    let mut sums = HeapRange {
        range,
        kind: RangeKind::Mapped,
        used: Tally { blocks: 1, bytes },
        cached: Tally::default(),
        fast: Tally::default(),
        free: Tally::default(),
        top_bytes: 0,
        overhead_bytes: 0,
        unwalked_bytes: 0,
    };
    match piece {
        Piece::Part(number, part) => {
            let walked = walk(target, part, maps, gathered)?;
            if let Some(address) = walked.broken_at {
                problems.push(HeapProblem::Broken { address, bytes: walked.unwalked_bytes });
            }
            let known = [walked.used.bytes, walked.free.bytes, walked.top_bytes];
            let known = known.into_iter().fold(walked.unwalked_bytes, u64::saturating_add);
            sums.kind = if *number == 0 { RangeKind::Main } else { RangeKind::Arena(*number) };
            (sums.used, sums.free) = (walked.used, walked.free);
            (sums.top_bytes, sums.unwalked_bytes) = (walked.top_bytes, walked.unwalked_bytes);
            sums.overhead_bytes = bytes.saturating_sub(known);
        }
        Piece::Group(_) => {}
        Piece::Mapped(Mapped { address, .. }) => {
            let end = match (&gathered.edges, &gathered.texts) {
                (Some(_), _) => range.end,
                (None, Some(_)) => range.end.min(address.saturating_add(MAX_BYTES as u64)),
                (None, None) => range.end.min(address.saturating_add(8)),
            };
            let memory = AddressRange::new(*address, end);
            target.stream(memory, Pages::Any, &mut |at, bytes| {
                gathered.content(at - address, bytes);
            })?;
            gathered.close(*address, bytes, true, maps);
        }
    }
    Ok(sums)
}

/// Reads a text to show.
pub(crate) fn text(target: &mut Target<'_>, copies: &Copies) -> String {
    let length = (copies.length as usize).min(MAX_SHOWN_BYTES);
    let mut bytes = vec![0; length];
    match target.read(copies.sample, &mut bytes) {
        Some(()) if length < copies.length as usize => {
            // A character that is cut in two is left out.
            format!("{}…", String::from_utf8_lossy(&bytes).trim_end_matches('\u{fffd}'))
        }
        Some(()) => readable(&bytes),
        None => String::new(),
    }
}

impl Reading {
    /// Draws the conclusions that need no more of the process's memory.
    pub(crate) fn finish(self) -> Heap {
        let Self { mut heap, gathered, cached, free, reach } = self;
        let mut blocks = gathered.blocks;
        if let (Some(reach), Some(edges)) = (reach, &gathered.edges) {
            if edges.overflowed {
                heap.problems.push(HeapProblem::TooManyPointers);
            } else {
                heap.leaks = Some(reach.leaks(&blocks, edges));
            }
        }
        let mut index = 0;
        blocks.retain(|block| {
            let is_free = free.contains(index);
            index += 1;
            if is_free {
                let after = heap.ranges.partition_point(|it| it.range.start <= block.address());
                if let Some(range) = heap.ranges[..after].last_mut() {
                    range.used.blocks -= 1;
                    range.used.bytes -= block.bytes();
                    let is_fast = cached.is_fast(block.address());
                    let tally = if is_fast { &mut range.fast } else { &mut range.cached };
                    tally.add(block.bytes());
                }
            }
            !is_free
        });
        heap.blocks = blocks;
        heap
    }
}
