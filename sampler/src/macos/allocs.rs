//! Blocks of the allocator: not recorded on macOS.

use std::io;
use std::process::{Child, Command};

use crate::alloc_refusal::AllocRefusal;
use crate::error::Error;
use crate::snapshot::Snapshot;
use crate::stacks::model::{AllocOptions, StackTick};

const WHY: AllocRefusal = AllocRefusal::NotHere(
    "vmrec does so on Linux alone; here MallocStackLogging=1 and malloc_history(1) do",
);

/// Records which stacks allocated the blocks of a command: not on this system.
#[derive(Debug)]
pub enum AllocRecorder {}

impl AllocRecorder {
    /// Refuses to record a command.
    ///
    /// # Errors
    ///
    /// Fails in any case.
    pub fn spawn(command: Command, _: &AllocOptions) -> io::Result<Result<(Child, Self), Error>> {
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Err(Error::AllocsRefused { name, why: WHY }))
    }

    /// Returns the stacks of the blocks that are allocated.
    pub fn tick(&self, _: u32, _: &Snapshot) -> StackTick {
        match *self {}
    }

    /// Returns whether any process loaded the library.
    pub fn has_begun(&self) -> bool {
        match *self {}
    }

    /// Makes the next tick name all stacks again.
    pub fn restart(&self, _: u32) {
        match *self {}
    }
}
