//! Entries of the fuzz targets in `tests/fuzz`: what reads data of processes and files. Built with
//! `--cfg fuzzing` only.

use std::io;

use crate::classify::native_memory;
use crate::elf::Elf;
use crate::heap::maps::Maps;
use crate::heap::read::{Wanted, read};
use crate::heap::roots::ThreadRoots;
use crate::heap::target::{Pages, Target};
use crate::procfs::header::parse_header;
use crate::procfs::smaps::SmapsParser;
use crate::procfs::stat::parse_stat;
use crate::procfs::statm::parse_statm;
use crate::procfs::status::parse_status;
use crate::region::AddressRange;
use crate::stacks::perf_map::PerfMap;

/// Where the made-up process of [`heap`] has an image's data, and its heap.
const DATA: u64 = 0x7f00_0000_0000;
const BRK: u64 = 0x5500_0000_0000;
const DATA_BYTES: usize = 0x4000;

/// Reads a text that the kernel or a runtime wrote, whole and in two pieces, which must agree.
pub fn procfs(bytes: &[u8]) {
    let whole = smaps(&[bytes]);
    let (first, second) = bytes.split_at(bytes.len() / 3);
    assert_eq!(whole, smaps(&[first, second]));
    let _ = parse_stat(bytes);
    let _ = parse_statm(bytes);
    let _ = parse_status(bytes);
    PerfMap::parse(bytes.to_vec()).name(0x7f00_0000_1000);
    let ranges = native_memory::parse(&String::from_utf8_lossy(bytes));
    assert!(ranges.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
}

/// Returns the headers and sizes of smaps in pieces; `None` if it is not smaps.
fn smaps(pieces: &[&[u8]]) -> Option<Vec<String>> {
    let mut parser = SmapsParser::new();
    let mut records = Vec::new();
    let mut each = |record: &crate::procfs::smaps::Record<'_>| {
        records.push(format!("{record:?}"));
        parse_header(record.header).is_some()
    };
    for piece in pieces {
        parser.feed(piece, &mut each).ok()?;
    }
    parser.finish(&mut each).ok()?;
    Some(records)
}

/// Reads an ELF file.
pub fn elf(bytes: &[u8]) {
    let mut read_at = |offset: u64, buffer: &mut [u8]| -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    };
    if let Ok(elf) = Elf::read(&mut read_at, &["_rtld_global", "malloc"]) {
        elf.symbols(&mut read_at, &["malloc"]);
    }
}

/// Walks a heap whose memory, and that of the image that has its arena, are the bytes: all sums are
/// those of its ranges.
pub fn heap(bytes: &[u8]) {
    let (data, brk) = bytes.split_at(bytes.len().min(DATA_BYTES));
    let pages = |memory: &[u8]| (memory.len() as u64).next_multiple_of(4096);
    let image = AddressRange::new(DATA, DATA + pages(data).max(4096));
    let maps = Maps {
        images: vec![image],
        data: vec![image],
        brk: Some(AddressRange::new(BRK, BRK + pages(brk).max(4096))),
        ..Maps::default()
    };
    let mut read_at = |address: u64, buffer: &mut [u8]| {
        let parts = [(BRK, brk), (DATA, data)];
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
    let threads = [ThreadRoots::default()];
    let wanted = Wanted { leaks: Some(&threads), texts: Some(4), python: true };
    let Ok(Some(reading)) = read(&mut target, &maps, wanted) else { return };
    for range in &reading.finish().ranges {
        let blocks = [range.used, range.cached, range.fast, range.free];
        let blocks = blocks.iter().map(|tally| tally.bytes).sum::<u64>();
        let rest = range.top_bytes + range.overhead_bytes + range.unwalked_bytes;
        assert_eq!(blocks + rest, range.range.virtual_bytes(), "{range:?}");
    }
}

/// Demangles a symbol.
pub fn symbol(bytes: &[u8]) {
    crate::demangle::cpp(bytes);
    crate::demangle::function(&String::from_utf8_lossy(bytes));
}
