//! A heap as bytes: a child process reads it, since malloc's functions may loop or fault there, and
//! hands it to its parent, which checks every number like those of any untrusted text.

use crate::heap::block::{Block, Tally};
use crate::heap::leaks::Leak;
use crate::heap::snapshot::{Heap, HeapProblem, HeapRange, RangeKind};
use crate::heap::texts::Copies;
use crate::region::AddressRange;

/// The first and the last bytes.
const BEGIN: u64 = 0x6865_6170_0001;
const END: u64 = 0x656e_6400_0001;
/// Stands for what is not there.
const NONE: u64 = u64::MAX;

/// A heap, and the stop it took to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) heap: Heap,
    /// When the last stop began: nanoseconds since 1970 and of the monotonic clock.
    pub(crate) taken: (u64, u64),
    pub(crate) stops: u64,
    pub(crate) stopped_ns: u64,
    pub(crate) threads: u64,
}

/// Returns the bytes of a heap.
pub(crate) fn bytes(stop: &Stop) -> Vec<u8> {
    let heap = &stop.heap;
    let mut out = Out(Vec::new());
    out.words(&[BEGIN, stop.taken.0, stop.taken.1, stop.stops, stop.stopped_ns, stop.threads]);
    out.text(&heap.allocator);
    out.words(&[heap.arenas.into(), heap.ranges.len() as u64]);
    for range in &heap.ranges {
        let RangeKind::Zone(zone) = range.kind else { continue };
        let (used, free) = (range.used, range.free);
        out.words(&[range.range.start, range.range.end, zone.into(), used.blocks, used.bytes]);
        out.words(&[free.blocks, free.bytes, range.overhead_bytes]);
    }
    out.words(&[heap.blocks.len() as u64]);
    heap.blocks.iter().for_each(|block| out.block(*block));
    out.words(&[heap.classes.len() as u64]);
    for class in &heap.classes {
        out.words(&[class.is_some().into()]);
        class.iter().for_each(|class| out.text(class));
    }
    out.words(&[heap.leaks.as_ref().map_or(NONE, |leaks| leaks.len() as u64)]);
    for Leak { block, held } in heap.leaks.iter().flatten() {
        out.block(*block);
        out.words(&[held.blocks, held.bytes]);
    }
    out.words(&[heap.copies.as_ref().map_or(NONE, |copies| copies.len() as u64)]);
    for Copies { length, tally, sample } in heap.copies.iter().flatten() {
        out.words(&[(*length).into(), tally.blocks, tally.bytes, *sample]);
    }
    out.words(&[heap.texts.len() as u64]);
    heap.texts.iter().for_each(|text| out.text(text));
    let problems: Vec<[u64; 2]> = heap.problems.iter().filter_map(number).collect();
    out.words(&[problems.len() as u64]);
    problems.iter().for_each(|problem| out.words(problem));
    out.words(&[END]);
    out.0
}

/// Returns the heap that `bytes` are of; `None` if they are not whole, or say what cannot be.
pub(crate) fn parse(bytes: &[u8]) -> Option<Stop> {
    let mut input = In(bytes);
    let [begin, utc_ns, monotonic_ns, stops, stopped_ns, threads] = input.words()?;
    let allocator = input.text()?;
    let [arenas] = input.words()?;
    let arenas = u32::try_from(arenas).ok()?;
    let ranges = input.list(64, |input| {
        let [start, end, zone, blocks, bytes] = input.words()?;
        let [free_blocks, free_bytes, overhead_bytes] = input.words()?;
        let known = [bytes, free_bytes, overhead_bytes];
        let sum = known.into_iter().try_fold(0_u64, u64::checked_add)?;
        let is_sound = start < end && sum == end - start && zone < arenas.into();
        let zone = u32::try_from(zone).ok().filter(|_| is_sound)?;
        Some(HeapRange {
            range: AddressRange::new(start, end),
            kind: RangeKind::Zone(zone),
            used: Tally { blocks, bytes },
            cached: Tally::default(),
            fast: Tally::default(),
            free: Tally { blocks: free_blocks, bytes: free_bytes },
            top_bytes: 0,
            overhead_bytes,
            unwalked_bytes: 0,
        })
    })?;
    let blocks = input.list(16, In::block)?;
    let classes = input.list(8, |input| match input.words()? {
        [0] => Some(None),
        [1] => input.text().map(Some),
        _ => None,
    })?;
    let leaks = input.optional(32, |input| {
        let block = input.block()?;
        let [blocks, bytes] = input.words()?;
        Some(Leak { block, held: Tally { blocks, bytes } })
    })?;
    let copies = input.optional(32, |input| {
        let [length, blocks, bytes, sample] = input.words()?;
        let length = u32::try_from(length).ok()?;
        Some(Copies { length, tally: Tally { blocks, bytes }, sample })
    })?;
    let texts = input.list(8, In::text)?;
    let problems = input.list(16, |input| problem(input.words()?))?;
    let [end] = input.words()?;
    let is_whole = (begin, end) == (BEGIN, END) && input.0.is_empty();
    let heap = Heap {
        allocator,
        arenas,
        ranges,
        blocks,
        pools: None,
        classes,
        leaks,
        copies,
        texts,
        problems,
    };
    let taken = (utc_ns, monotonic_ns);
    is_whole.then_some(Stop { heap, taken, stops, stopped_ns, threads })
}

/// Returns the number of a problem that a heap in zones may have, and its count.
fn number(problem: &HeapProblem) -> Option<[u64; 2]> {
    Some(match *problem {
        HeapProblem::TooManyPointers => [0, 0],
        HeapProblem::RegistersUnknown { threads } => [1, threads],
        HeapProblem::PackedPointers => [2, 0],
        HeapProblem::ZonesUnknown { zones } => [3, zones],
        HeapProblem::BlocksOdd { blocks } => [4, blocks],
        _ => return None,
    })
}

fn problem(words: [u64; 2]) -> Option<HeapProblem> {
    Some(match words {
        [0, _] => HeapProblem::TooManyPointers,
        [1, threads] => HeapProblem::RegistersUnknown { threads },
        [2, _] => HeapProblem::PackedPointers,
        [3, zones] => HeapProblem::ZonesUnknown { zones },
        [4, blocks] => HeapProblem::BlocksOdd { blocks },
        _ => return None,
    })
}

struct Out(Vec<u8>);

impl Out {
    fn words(&mut self, words: &[u64]) {
        words.iter().for_each(|word| self.0.extend_from_slice(&word.to_le_bytes()));
    }

    fn text(&mut self, text: &str) {
        self.words(&[text.len() as u64]);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Writes a block: its address, and its size in units above its class.
    fn block(&mut self, block: Block) {
        self.words(&[block.address(), block.bytes() << 20 | u64::from(block.class())]);
    }
}

struct In<'a>(&'a [u8]);

impl In<'_> {
    fn words<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut words = [0; N];
        for word in &mut words {
            let (first, rest) = self.0.split_first_chunk()?;
            *word = u64::from_le_bytes(*first);
            self.0 = rest;
        }
        Some(words)
    }

    fn text(&mut self) -> Option<String> {
        let [count] = self.words()?;
        let (text, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn block(&mut self) -> Option<Block> {
        let [address, packed] = self.words()?;
        let class = (packed & 0xff_ffff) as u32;
        Some(Block::new(address, packed >> 24 << 4, class))
    }

    /// Reads a list whose items take `bytes` each at least.
    fn list<T>(
        &mut self,
        bytes: usize,
        item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let [count] = self.words()?;
        self.items(count, bytes, item)
    }

    fn optional<T>(
        &mut self,
        bytes: usize,
        item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Option<Vec<T>>> {
        match self.words()? {
            [NONE] => Some(None),
            [count] => self.items(count, bytes, item).map(Some),
        }
    }

    fn items<T>(
        &mut self,
        count: u64,
        bytes: usize,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        // No more than there can be, before room is made for them.
        let count = usize::try_from(count).ok().filter(|count| *count <= self.0.len() / bytes)?;
        (0..count).map(|_| item(self)).collect()
    }
}
