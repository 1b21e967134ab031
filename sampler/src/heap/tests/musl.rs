//! Walks of made-up heaps of musl.

use super::check_sums;
use crate::heap::maps::Maps;
use crate::heap::read::{Wanted, read};
use crate::heap::snapshot::{Heap, HeapProblem, RangeKind};
use crate::heap::target::{Pages, Target};
use crate::region::AddressRange;

/// A page of records, and mappings for groups.
const AREA: u64 = 0x5500_0000_0000;
const MEMORY: u64 = 0x7f00_0000_0000;
const MEMORY_BYTES: usize = 16 << 12;
const SECRET: u64 = 0x1234_5678_9abc_def0;

/// A process's memory with groups in it, written as musl would.
struct MadeUp {
    area: Vec<u8>,
    memory: Vec<u8>,
    records: u64,
}

impl MadeUp {
    fn new() -> Self {
        let mut made = Self { area: vec![0; 4096], memory: vec![0; MEMORY_BYTES], records: 0 };
        made.area[..8].copy_from_slice(&SECRET.to_le_bytes());
        made
    }

    /// Writes a group of `slots` at `at`: its class, pages, and which slots are available and freed.
    fn group(&mut self, at: u64, slots: u64, class: u64, pages: u64, masks: [u32; 2]) {
        let from = (24 + self.records * 40) as usize;
        let record = AREA + from as u64;
        self.records += 1;
        self.area[16..24].copy_from_slice(&self.records.to_le_bytes());
        let sizes = (slots - 1) | 1 << 5 | class << 6 | pages << 12;
        let masks = u64::from(masks[0]) | u64::from(masks[1]) << 32;
        for (index, word) in [at, masks, sizes].iter().enumerate() {
            let to = from + 16 + index * 8;
            self.area[to..to + 8].copy_from_slice(&word.to_le_bytes());
        }
        self.write(at, &record.to_le_bytes());
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        let from = (at - MEMORY) as usize;
        self.memory[from..from + bytes.len()].copy_from_slice(bytes);
    }

    fn walk(&self) -> Option<Heap> {
        let parts = [(AREA, &self.area), (MEMORY, &self.memory)];
        let mut read_at = |address: u64, buffer: &mut [u8]| {
            let count = parts.iter().find_map(|(start, memory)| {
                let from = usize::try_from(address.checked_sub(*start)?).ok()?;
                let rest = memory.get(from..)?;
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Some(count)
            });
            count.unwrap_or(0)
        };
        let mut populated = |range: AddressRange, _: Pages| vec![range];
        let mut target = Target::new(&mut read_at, &mut populated, &|| false);
        let maps = Maps {
            brk: Some(AddressRange::new(AREA, AREA + 4096)),
            anonymous: vec![AddressRange::new(MEMORY, MEMORY + MEMORY_BYTES as u64)],
            ..Maps::default()
        };
        let wanted = Wanted { texts: Some(4), ..Wanted::default() };
        read(&mut target, &maps, wanted).unwrap().map(|reading| reading.finish())
    }
}

/// Returns the blocks as offset and size.
fn blocks(heap: &Heap) -> Vec<(u64, u64)> {
    heap.blocks.iter().map(|block| (block.address() - MEMORY, block.bytes())).collect()
}

#[test]
fn slots_in_use_are_blocks() {
    let mut made = MadeUp::new();
    // Four slots of 1,008 bytes (class 19): the second is free, the third was never used.
    made.group(MEMORY, 4, 19, 1, [1 << 2, 1 << 1]);
    // Its memory begins two units up.
    made.write(MEMORY + 16 + 3 * 1008 - 4, &[0, 7 << 5, 2, 0]);
    made.write(MEMORY + 16, b"a text of some length\0");
    let heap = made.walk().unwrap();
    check_sums(&heap);
    assert_eq!(blocks(&heap), [(16, 1008), (16 + 3 * 1008 + 32, 1008 - 32)]);
    let range = heap.ranges[0];
    assert_eq!((range.kind, range.free.blocks, range.free.bytes), (RangeKind::Group, 2, 2016));
    assert_eq!(heap.allocator, "musl's malloc (layout of 1.2.1 and newer)");
    assert_eq!(heap.problems, []);
}

#[test]
fn a_slot_may_hold_a_group() {
    let mut made = MadeUp::new();
    // One slot of 4,080 bytes holds two of 1,632 (class 22).
    made.group(MEMORY, 1, 63, 1, [0, 0]);
    made.group(MEMORY + 16, 2, 22, 0, [0, 1 << 1]);
    made.write(MEMORY + 16 - 4, &[0, 6 << 5, 0, 0]);
    let heap = made.walk().unwrap();
    check_sums(&heap);
    assert_eq!(blocks(&heap), [(32, 1632)]);
    assert_eq!((heap.ranges.len(), heap.ranges[0].free.bytes), (1, 1632));
}

#[test]
fn a_group_that_does_not_point_back_is_counted() {
    let mut made = MadeUp::new();
    made.group(MEMORY, 1, 63, 2, [0, 0]);
    made.group(MEMORY + 0x4000, 1, 63, 1, [0, 0]);
    made.write(MEMORY + 0x4000, &[1; 8]);
    let heap = made.walk().unwrap();
    assert_eq!(blocks(&heap), [(16, 8192 - 16)]);
    assert_eq!(heap.problems, [HeapProblem::GroupsBroken { groups: 1 }]);
    // Without any that does there is no heap.
    made.write(MEMORY, &[1; 8]);
    assert_eq!(made.walk(), None);
}
