//! Reads the memory of another process, which its pages do not show afterwards.
//!
//! Not by `process_vm_readv`: that pins pages, and since Linux 5.19 the kernel gives a process that
//! shares one with its parent or child a copy of its own before it is pinned.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::linux::files::PROC;

/// The open memory of a process, or of a thread's.
#[derive(Debug)]
pub(crate) struct TargetMemory(File);

impl TargetMemory {
    /// Opens that of the process or thread `id`, of the program that it runs now.
    pub(crate) fn open(id: u32) -> io::Result<Self> {
        File::open(Path::new(PROC).join(id.to_string()).join("mem")).map(Self)
    }

    /// Reads from `address` on; returns the number of bytes up to the first that cannot be read.
    pub(crate) fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buffer.len() {
            let Some(at) = address.checked_add(done as u64) else { break };
            match self.0.read_at(&mut buffer[done..], at) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        done
    }
}
