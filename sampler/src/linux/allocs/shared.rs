//! The memory that a process shares with the recorder, as the recorder reads it. The process may write
//! anything to it at any time, but cannot make it smaller.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::stacks::blocks::Table;
use crate::stacks::event::{Event, ID_MASK, is_padding, words};
use crate::stacks::layout::{
    ALL_BYTES, HEADER_BYTES, HELD, LOST, LOST_FREES, MAGIC, RING_BYTES, SLOTS, TABLE_BYTES, TAIL,
};

/// The memory of one program of a process.
pub(crate) struct Shared {
    base: *mut u8,
    /// How many words of the ring were read.
    tail: u64,
    /// Whether a record was none: the rest cannot be found.
    is_broken: bool,
    /// The bytes of the record that is being read.
    record: Vec<u8>,
}

// SAFETY: the mapping belongs to this value alone; its words are only reached as atomic ones.
unsafe impl Send for Shared {}

impl Shared {
    /// Maps memory that a process sent; `None` if it is not of the layout, or could become smaller.
    pub(crate) fn map(file: OwnedFd) -> Option<Self> {
        let file = File::from(file);
        // SAFETY: asks for a number.
        let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
        let is_sealed = seals >= 0 && seals & libc::F_SEAL_SHRINK != 0;
        if !is_sealed || file.metadata().ok()?.len() != ALL_BYTES as u64 {
            return None;
        }
        // SAFETY: a new mapping at an address that the kernel chooses; the file has all its bytes.
        let base = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let (flags, fd) = (libc::MAP_SHARED, file.as_raw_fd());
            libc::mmap(ptr::null_mut(), ALL_BYTES, protection, flags, fd, 0)
        };
        if base == libc::MAP_FAILED {
            return None;
        }
        let (tail, is_broken, record) = (0, false, Vec::new());
        let shared = Self { base: base.cast(), tail, is_broken, record };
        (shared.word(0).load(Ordering::Relaxed) == MAGIC).then_some(shared)
    }

    /// Returns a word of the memory; `index` is below its end.
    fn word(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < ALL_BYTES / 8);
        // SAFETY: within the mapping, aligned, and never reached otherwise.
        unsafe { AtomicU64::from_ptr(self.base.cast::<u64>().add(index)) }
    }

    /// Copies words to the record.
    fn copy(&mut self, index: usize, count: usize) {
        self.record.clear();
        self.record.resize(count * 8, 0);
        // SAFETY: the words are within the mapping, the record has room for them. The process does not
        // write to them any more; if it does, any bytes are bytes.
        unsafe {
            let from = self.base.add(index * 8);
            ptr::copy_nonoverlapping(from, self.record.as_mut_ptr(), count * 8);
        }
    }

    /// Makes words zeros.
    fn clear(&mut self, index: usize, count: usize) {
        // SAFETY: as in `copy`.
        unsafe { ptr::write_bytes(self.base.add(index * 8), 0, count * 8) };
    }

    /// Calls `visit` with the records that are there; returns how many bytes they were.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(Option<Event>)) -> usize {
        const ALL: usize = RING_BYTES / 8;
        let first = (HEADER_BYTES + TABLE_BYTES) / 8;
        let mut read = 0;
        // One that writes without end is not waited for.
        while read < ALL && !self.is_broken {
            let at = (self.tail % ALL as u64) as usize;
            let header = self.word(first + at).load(Ordering::Acquire);
            if header == 0 {
                break;
            }
            let Some(count) = words(header).filter(|count| at + count <= ALL) else {
                self.is_broken = true;
                break;
            };
            if !is_padding(header) {
                self.copy(first + at, count);
                self.record[..8].copy_from_slice(&header.to_ne_bytes());
                visit(Event::parse(&self.record));
            }
            self.clear(first + at, count);
            self.tail += count as u64;
            self.word(TAIL).store(self.tail, Ordering::Release);
            read += count;
        }
        read * 8
    }

    /// Returns how many blocks were not reported, and how many ends of blocks, because the ring was full.
    pub(crate) fn lost(&self) -> (u64, u64) {
        let [blocks, ends] =
            [LOST, LOST_FREES].map(|index| self.word(index).load(Ordering::Relaxed));
        (blocks, ends)
    }

    /// Returns whether the rest of the records cannot be read.
    pub(crate) const fn is_broken(&self) -> bool {
        self.is_broken
    }
}

impl Table for Shared {
    fn has(&self, slot: usize, address: u64, id: u64) -> bool {
        if slot >= SLOTS {
            return false;
        }
        let at = HEADER_BYTES / 8 + slot * 2;
        let there = self.word(at).load(Ordering::Acquire);
        (there == address || there == HELD)
            && self.word(at + 1).load(Ordering::Relaxed) == id & ID_MASK
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with these bounds, and nothing refers to it any more.
        unsafe { libc::munmap(self.base.cast(), ALL_BYTES) };
    }
}
