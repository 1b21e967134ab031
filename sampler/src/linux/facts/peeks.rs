//! Peeks into the target's memory: few, bounded and logged.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::linux::facts::memory::{LINE_BYTES, Memory, MemoryLine};
use crate::linux::facts::pagemap::WINDOW_PAGES;
use crate::region::AddressRange;

/// The maximum number of peeks of one classification at present pages.
const MAX_PEEKS: u32 = 100_000;
/// The maximum number of peeks to keep as evidence.
const MAX_KEPT: usize = 20_000;
/// The number of absent pages that count as one peek: they cost a look at a table.
const ABSENT_PAGES: u32 = 16;
/// The maximum time of the peeks of one classification, and how many are made between two looks at
/// the clock.
const MAX_TIME: Duration = Duration::from_millis(500);
const PEEKS_BY_THE_CLOCK: u32 = 16;
/// The maximum number of cached lines.
const MAX_LINES: usize = 1 << 14;
/// Arenas of glibc begin at multiples of this.
const ARENA_BYTES: u64 = 64 << 20;
/// The maximum number of such addresses of one mapping to fetch ahead; some reserve terabytes.
const MAX_ARENAS: u64 = 64;

/// Stands for the index of a line that cannot be read.
const ABSENT: u32 = u32::MAX;

/// The lines and peeks read since the classification began.
#[derive(Debug, Default)]
pub(crate) struct Peeks {
    /// The index of each line in `lines`, by address: a table of lines would be half empty.
    index_of: HashMap<u64, u32>,
    lines: Vec<MemoryLine>,
    log: BTreeMap<u64, Box<[u8]>>,
    left: u32,
    absent: u32,
    /// When peeking ends; `None` before it begins.
    until: Option<Instant>,
    last: u64,
}

impl Peeks {
    /// Begins a classification: fetches the lines it will likely peek at in the ranges that
    /// `changed`.
    pub(crate) fn begin(&mut self, memory: &mut Memory, changed: &[AddressRange]) {
        self.end();
        self.log.clear();
        self.left = MAX_PEEKS;
        self.until = Instant::now().checked_add(MAX_TIME);
        self.last = 0;
        if !memory.readable() {
            return;
        }
        let mut addresses: Vec<u64> = changed.iter().flat_map(|range| candidates(*range)).collect();
        addresses.truncate(MAX_LINES / 2);
        self.fetch(memory, &addresses);
    }

    /// Ends a classification and frees the memory of its lines.
    pub(crate) fn end(&mut self) {
        self.index_of = HashMap::new();
        self.lines = Vec::new();
    }

    /// Reads up to the end of the page; 0 if that is absent or the budget is spent.
    pub(crate) fn peek(&mut self, memory: &mut Memory, address: u64, buffer: &mut [u8]) -> usize {
        let rest = memory.page_bytes() - address % memory.page_bytes();
        let count = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        if count == 0 || self.left == 0 || !memory.readable() {
            return 0;
        }
        let buffer = &mut buffer[..count];
        let read = memory.present(address) && self.copy(memory, address, buffer).is_some();
        let count = if read { count } else { 0 };
        self.absent = self.absent.wrapping_add(u32::from(count == 0));
        if count > 0 || self.absent.is_multiple_of(ABSENT_PAGES) {
            self.left -= 1;
        }
        if self.left.is_multiple_of(PEEKS_BY_THE_CLOCK)
            && self.until.is_some_and(|until| Instant::now() >= until)
        {
            self.left = 0;
        }
        // Absent and empty memory shows nothing.
        if buffer[..count].iter().any(|byte| *byte != 0) && self.log.len() < MAX_KEPT {
            let known = self.log.get(&address).map_or(0, |bytes| bytes.len());
            if known < count {
                self.log.insert(address, buffer[..count].into());
            }
        }
        count
    }

    pub(crate) fn log(&self) -> &BTreeMap<u64, Box<[u8]>> {
        &self.log
    }

    pub(crate) fn spent(&self) -> bool {
        self.left == 0 && !self.log.is_empty()
    }

    fn copy(&mut self, memory: &mut Memory, address: u64, buffer: &mut [u8]) -> Option<()> {
        let first = line_of(address);
        let last = line_of(address.checked_add(buffer.len() as u64 - 1)?);
        let mut missing: Vec<u64> = (first..=last)
            .step_by(LINE_BYTES)
            .filter(|address| !self.index_of.contains_key(address))
            .collect();
        if !missing.is_empty() {
            // A caller that peeks at consecutive pages will likely continue.
            if self.last != 0 && self.last.checked_add(memory.page_bytes()) == Some(address) {
                let page_bytes = memory.page_bytes();
                let ahead = (1..WINDOW_PAGES).map(|pages| pages * page_bytes);
                let ahead = ahead.map_while(|ahead| first.checked_add(ahead));
                missing.extend(ahead.filter(|address| memory.present(*address)));
            }
            self.fetch(memory, &missing);
        }
        self.last = address;
        let mut filled = 0;
        while filled < buffer.len() {
            let at = address + filled as u64;
            let line = self.lines.get(*self.index_of.get(&line_of(at))? as usize)?;
            let from = (at % LINE_BYTES as u64) as usize;
            let count = (LINE_BYTES - from).min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&line[from..from + count]);
            filled += count;
        }
        Some(())
    }

    fn fetch(&mut self, memory: &mut Memory, addresses: &[u64]) {
        if self.index_of.len() + addresses.len() > MAX_LINES {
            self.index_of.clear();
            self.lines.clear();
        }
        for (address, line) in addresses.iter().zip(memory.lines(addresses)) {
            let at = match line {
                Some(line) => {
                    self.lines.push(line);
                    self.lines.len() as u32 - 1
                }
                None => ABSENT,
            };
            self.index_of.insert(*address, at);
        }
    }
}

fn line_of(address: u64) -> u64 {
    address - address % LINE_BYTES as u64
}

/// Returns the addresses in `range` where the header of an allocation or an arena can be.
fn candidates(range: AddressRange) -> impl Iterator<Item = u64> {
    let first = range.start.checked_next_multiple_of(ARENA_BYTES).unwrap_or(u64::MAX);
    let arenas = (0..MAX_ARENAS)
        .map_while(move |arena| first.checked_add(arena * ARENA_BYTES))
        .take_while(move |address| *address < range.end)
        .filter(move |address| *address != range.start);
    std::iter::once(line_of(range.start)).chain(arenas)
}
