//! A heap at one moment: its blocks, their classes, and the sums of malloc's own accounts.

use std::time::Duration;

use crate::heap::arena::{self, Arena, Arenas};
use crate::heap::block::{Block, Tally};
use crate::heap::cached;
use crate::heap::classes;
use crate::heap::mapped;
use crate::heap::maps::Maps;
use crate::heap::parameters;
use crate::heap::target::{Late, Target};
use crate::heap::walk::{FirstWords, walk};
use crate::process::ProcessInfo;
use crate::region::AddressRange;

/// Who carves up a range of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeKind {
    /// The main arena, which grows by brk.
    Main,
    /// Another arena, by its number in glibc's list; the main one is 0.
    Arena(u32),
    /// A chunk with a mapping of its own.
    Mapped,
}

/// A range of memory of malloc. Its tallies and bytes sum to the size of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapRange {
    /// The addresses.
    pub range: AddressRange,
    /// Who carves it up.
    pub kind: RangeKind,
    /// Blocks in use.
    pub used: Tally,
    /// Free chunks that threads keep for their next use (tcache).
    pub cached: Tally,
    /// Free chunks on lists of fast chunks.
    pub fast: Tally,
    /// Other free chunks, without the uppermost one.
    pub free: Tally,
    /// The uppermost chunk, which is free.
    pub top_bytes: u64,
    /// The allocator's own descriptions, and gaps of alignment.
    pub overhead_bytes: u64,
    /// The bytes behind a place where the chain of chunks breaks.
    pub unwalked_bytes: u64,
}

/// A doubt about a walk, or a mistake in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapProblem {
    /// A chain of chunks breaks.
    Broken {
        /// The chunk whose size, or whose neighbour's, is invalid.
        address: u64,
        /// The bytes from there on that are not walked.
        bytes: u64,
    },
    /// An arena has memory that was not found.
    Missing {
        /// The arena's number.
        arena: u32,
        /// The bytes that it counts.
        counted_bytes: u64,
        /// The bytes that were found.
        found_bytes: u64,
    },
    /// The list of arenas breaks.
    ArenasBroken,
    /// Lists of free chunks break: some of their chunks are shown as in use.
    ListsBroken {
        /// How many.
        lists: u64,
    },
    /// Other mapped chunks were found than the allocator counts.
    MappedDiffer {
        /// By its own count.
        counted: Tally,
        /// As found.
        found: Tally,
    },
}

impl HeapProblem {
    /// Returns whether the process may have been in the middle of a change: another try may differ.
    pub(crate) fn may_pass(self) -> bool {
        !matches!(self, Self::Missing { .. })
    }
}

/// The heap of a process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heap {
    /// The allocator, with the releases that have its layout.
    pub allocator: String,
    /// The number of arenas.
    pub arenas: u32,
    /// All ranges, ascending.
    pub ranges: Vec<HeapRange>,
    /// All blocks in use, ascending.
    pub blocks: Vec<Block>,
    /// The names of classes by their index in blocks; `None` for none.
    pub classes: Vec<Option<String>>,
    /// What is wrong.
    pub problems: Vec<HeapProblem>,
}

/// How a heap is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapRequest {
    /// How long the process may be stopped at a time.
    pub max_stop: Duration,
}

/// A heap, and the stops it took to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoppedHeap {
    /// The process.
    pub process: ProcessInfo,
    /// The heap.
    pub heap: Heap,
    /// How often the process was stopped.
    pub stops: u32,
    /// How long the last stop lasted, in nanoseconds.
    pub stopped_ns: u64,
    /// The threads that were stopped.
    pub threads: u64,
}

/// Takes a snapshot of the heap; `None` if there is no arena of glibc's.
pub(crate) fn take(target: &mut Target<'_>, maps: &Maps) -> Result<Option<Heap>, Late> {
    let Some(found) = arena::find(target, maps)? else { return Ok(None) };
    let Arenas { layout, list: arenas, complete } = found;
    let mut problems = Vec::new();
    if !complete {
        problems.push(HeapProblem::ArenasBroken);
    }
    let (mut blocks, mut ranges) = (Vec::new(), Vec::new());
    let mut first_words = FirstWords::default();
    for (number, arena) in arenas.iter().enumerate() {
        let found = arena.parts.iter().map(|part| part.range.virtual_bytes());
        let found_bytes = found.fold(0, u64::saturating_add);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if found_bytes != arena.system_bytes {
            let counted_bytes = arena.system_bytes;
            problems.push(HeapProblem::Missing { arena: number, counted_bytes, found_bytes });
        }
        for part in &arena.parts {
            let walked = walk(target, part, maps, &mut first_words, &mut blocks)?;
            if let Some(address) = walked.broken_at {
                problems.push(HeapProblem::Broken { address, bytes: walked.unwalked_bytes });
            }
            let known = [walked.used.bytes, walked.free.bytes, walked.top_bytes];
            let known = known.into_iter().fold(walked.unwalked_bytes, u64::saturating_add);
            ranges.push(HeapRange {
                range: part.range,
                kind: if number == 0 { RangeKind::Main } else { RangeKind::Arena(number) },
                used: walked.used,
                cached: Tally::default(),
                fast: Tally::default(),
                free: walked.free,
                top_bytes: walked.top_bytes,
                overhead_bytes: part.range.virtual_bytes().saturating_sub(known),
                unwalked_bytes: walked.unwalked_bytes,
            });
        }
    }
    blocks.sort_unstable_by_key(|block| block.address());
    ranges.sort_unstable_by_key(|range| range.range);
    take_cached(target, &arenas, &mut blocks, &mut ranges, &mut problems)?;
    take_mapped(
        target,
        maps,
        &arenas,
        &mut first_words,
        (&mut blocks, &mut ranges, &mut problems),
    )?;
    let classes = classes::names(target, maps, first_words.words())?;
    let releases = layout.releases;
    Ok(Some(Heap {
        allocator: format!("glibc's malloc (layout of {releases})"),
        arenas: u32::try_from(arenas.len()).unwrap_or(u32::MAX),
        ranges,
        blocks,
        classes,
        problems,
    }))
}

/// Takes the cached chunks out of the blocks in use.
fn take_cached(
    target: &mut Target<'_>,
    arenas: &[Arena],
    blocks: &mut Vec<Block>,
    ranges: &mut [HeapRange],
    problems: &mut Vec<HeapProblem>,
) -> Result<(), Late> {
    let cached = cached::find(target, arenas, blocks)?;
    if cached.broken_lists > 0 {
        problems.push(HeapProblem::ListsBroken { lists: cached.broken_lists });
    }
    cached.remove_from(blocks, &mut |block, is_fast| {
        let after = ranges.partition_point(|range| range.range.start <= block.address());
        let Some(range) = ranges[..after].last_mut() else { return };
        range.used.blocks -= 1;
        range.used.bytes -= block.bytes();
        if is_fast { &mut range.fast } else { &mut range.cached }.add(block.bytes());
    });
    Ok(())
}

/// Adds the chunks that are mapped one by one.
fn take_mapped(
    target: &mut Target<'_>,
    maps: &Maps,
    arenas: &[Arena],
    first_words: &mut FirstWords,
    (blocks, ranges, problems): (&mut Vec<Block>, &mut Vec<HeapRange>, &mut Vec<HeapProblem>),
) -> Result<(), Late> {
    let start = arenas.first().and_then(|main| main.parts.first());
    let counted = match start {
        Some(part) => parameters::mapped(target, &maps.data, part.range.start)?,
        None => None,
    };
    let occupied: Vec<AddressRange> = ranges.iter().map(|range| range.range).collect();
    let mut found = Tally::default();
    for chunk in mapped::find(target, &maps.anonymous, &occupied, counted)? {
        let bytes = chunk.range.virtual_bytes();
        let class = target.word(chunk.address).map_or(0, |word| first_words.class(maps, word));
        blocks.push(Block::new(chunk.address, bytes, class));
        found.add(bytes);
        ranges.push(HeapRange {
            range: chunk.range,
            kind: RangeKind::Mapped,
            used: Tally { blocks: 1, bytes },
            cached: Tally::default(),
            fast: Tally::default(),
            free: Tally::default(),
            top_bytes: 0,
            overhead_bytes: 0,
            unwalked_bytes: 0,
        });
    }
    if let Some(counted) = counted.filter(|counted| *counted != found) {
        problems.push(HeapProblem::MappedDiffer { counted, found });
    }
    blocks.sort_unstable_by_key(|block| block.address());
    ranges.sort_unstable_by_key(|range| range.range);
    Ok(())
}
