//! A process's memory with a heap in it, written as glibc would.

use proptest::sample::Index;

use crate::heap::block::Tally;
use crate::heap::layout::{HEADER_BYTES, IS_MAPPED, Layout, PREVIOUS_IN_USE, RINGS};
use crate::heap::maps::Maps;
use crate::heap::read::{Wanted, read};
use crate::heap::roots::ThreadRoots;
use crate::heap::snapshot::Heap;
use crate::heap::target::{Pages, Target};
use crate::region::AddressRange;

/// Where an image's data lies, and the arena in it.
pub(super) const DATA: u64 = 0x7f00_0000_0000;
const ARENA: u64 = DATA + 0x1040;
/// Where the heap begins.
pub(super) const BRK: u64 = 0x5500_0000_0000;
/// Bytes of a thread's table of cached chunks.
const TABLE_BYTES: u64 = 0x290;

/// A chunk to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) bytes: u64,
    pub(super) used: bool,
    pub(super) fill: u8,
}

/// The memory.
pub(super) struct MadeUp {
    layout: &'static Layout,
    /// The image's data, all of it writable.
    pub(super) data: Vec<u8>,
    /// The heap.
    pub(super) brk: Vec<u8>,
    /// The chunks in use that no list holds yet: user's address and bytes.
    used: Vec<(u64, u64)>,
    /// The uppermost chunk.
    top: u64,
    /// The registers of its thread.
    pub(super) registers: Vec<u64>,
}

impl MadeUp {
    pub(super) fn new(layout: &'static Layout, chunks: &[Chunk]) -> Self {
        let mut made = Self {
            layout,
            data: vec![0; 0x4000],
            brk: Vec::new(),
            used: vec![],
            top: BRK,
            registers: vec![],
        };
        let mut before_used = true;
        for chunk in chunks {
            made.push(*chunk, before_used);
            before_used = chunk.used;
        }
        made.finish(before_used);
        made
    }

    fn push(&mut self, chunk: Chunk, before_used: bool) {
        let start = self.top - BRK;
        self.brk.resize((start + chunk.bytes) as usize, chunk.fill);
        self.set(self.top, 0);
        self.set(self.top + 8, chunk.bytes | (u64::from(before_used) * PREVIOUS_IN_USE));
        if chunk.used {
            self.used.push((self.top + HEADER_BYTES, chunk.bytes));
        }
        self.top += chunk.bytes;
    }

    /// Writes the uppermost chunk, up to the end of a page, and the arena.
    fn finish(&mut self, before_used: bool) {
        let end = (self.top + 0x1000).next_multiple_of(0x1000);
        self.brk.resize((end - BRK) as usize, 0);
        self.set(self.top + 8, (end - self.top) | (u64::from(before_used) * PREVIOUS_IN_USE));
        let layout = self.layout;
        let system = end - BRK;
        self.set(ARENA + layout.top, self.top);
        self.set(ARENA + layout.next, ARENA);
        self.set(ARENA + layout.system, system);
        self.set(ARENA + layout.system + 8, system);
        for ring in 0..RINGS {
            let links = ARENA + layout.bins + ring * 16;
            self.set(links, links - HEADER_BYTES);
            self.set(links + 8, links - HEADER_BYTES);
        }
    }

    /// Puts the chunks picked on lists: a thread's if the flag is set, else fast ones; returns
    /// their sums.
    pub(super) fn cache(&mut self, picks: &[(Index, bool)], masked: bool) -> (Tally, Tally) {
        // The table is a chunk in use, in place of the uppermost one.
        let table = Chunk { bytes: TABLE_BYTES, used: true, fill: 0 };
        let before_used = self.get(self.top + 8) & PREVIOUS_IN_USE != 0;
        self.push(table, before_used);
        let (table, _) = self.used.pop().unwrap_or_default();
        self.finish(true);
        let (mut cached, mut fast) = (Tally::default(), Tally::default());
        for (pick, of_thread) in picks {
            if self.used.is_empty() {
                break;
            }
            let (user, bytes) = self.used.remove(pick.index(self.used.len()));
            let link = |stored: u64| if masked { stored ^ (user >> 12) } else { stored };
            let list = bytes / 16 - 2;
            if *of_thread && list < 64 {
                let head = table + 128 + list * 8;
                self.set(user, link(self.get(head)));
                self.set(head, user);
                let at = (table - BRK + list * 2) as usize;
                self.brk[at] += 1;
                cached.add(bytes);
            } else if !*of_thread && bytes <= 160 {
                let head = ARENA + 0x10 + list.min(9) * 8;
                self.set(user, link(self.get(head)));
                self.set(head, user - HEADER_BYTES);
                fast.add(bytes);
            } else {
                self.used.push((user, bytes));
            }
        }
        (cached, fast)
    }

    pub(super) fn set(&mut self, address: u64, value: u64) {
        let (start, memory) =
            if address >= DATA { (DATA, &mut self.data) } else { (BRK, &mut self.brk) };
        let at = (address - start) as usize;
        memory[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn get(&self, address: u64) -> u64 {
        let (start, memory) = if address >= DATA { (DATA, &self.data) } else { (BRK, &self.brk) };
        let at = (address - start) as usize;
        memory[at..at + 8].try_into().map_or(0, u64::from_ne_bytes)
    }

    pub(super) fn maps(&self) -> Maps {
        let range =
            |start: u64, memory: &[u8]| AddressRange::new(start, start + memory.len() as u64);
        Maps {
            images: vec![range(DATA, &self.data)],
            data: vec![range(DATA, &self.data)],
            brk: Some(range(BRK, &self.brk)),
            ..Maps::default()
        }
    }

    /// Walks the heap, and looks for leaks of a process with one thread, and for texts.
    pub(super) fn walk(&self) -> Option<Heap> {
        let thread = ThreadRoots { registers: self.registers.clone(), ..ThreadRoots::default() };
        let parts = [(BRK, &self.brk), (DATA, &self.data)];
        let mut read_at = |address: u64, buffer: &mut [u8]| {
            parts
                .iter()
                .find_map(|(start, memory)| {
                    let from = usize::try_from(address.checked_sub(*start)?).ok()?;
                    let rest = memory.get(from..)?;
                    let count = rest.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&rest[..count]);
                    Some(count)
                })
                .unwrap_or(0)
        };
        let mut populated = |range: AddressRange, _: Pages| vec![range];
        let mut target = Target::new(&mut read_at, &mut populated, &|| false);
        let wanted = Wanted { leaks: Some(&[thread]), texts: Some(4), python: true };
        read(&mut target, &self.maps(), wanted).unwrap().map(|reading| reading.finish())
    }
}

#[test]
fn a_mapped_chunk_is_no_part_of_a_chain() {
    let chunk = Chunk { bytes: 64, used: true, fill: 0 };
    let mut heap = MadeUp::new(&crate::heap::layout::LAYOUTS[0], &[chunk; 3]);
    heap.set(BRK + 64 + 8, 64 | IS_MAPPED);
    assert_eq!(heap.walk().unwrap().problems.len(), 1);
}
