//! Stacks of page faults: macOS offers none to others than root.

use std::io;
use std::process::{Child, Command};

use crate::error::Error;
use crate::macos::process::process_info;
use crate::snapshot::Snapshot;
use crate::stack_refusal::StackRefusal;
use crate::stacks::model::{StackOptions, StackTick};

const WHY: StackRefusal = StackRefusal::NotHere("macOS reports page faults to nobody but root");

/// Records which stacks made the memory of a process resident: not on this system.
#[derive(Debug)]
pub enum StackRecorder {}

impl StackRecorder {
    /// Refuses to record page faults.
    ///
    /// # Errors
    ///
    /// Fails in any case.
    pub fn attach(pids: &[u32], _: &StackOptions) -> Result<Self, Error> {
        let pid = pids.first().copied().unwrap_or_default();
        let name = process_info(pid)?.name().to_owned();
        Err(Error::StacksRefused { pid, name, why: WHY })
    }

    /// Refuses to record a command.
    ///
    /// # Errors
    ///
    /// Fails in any case.
    pub fn spawn(command: Command, _: &StackOptions) -> io::Result<Result<(Child, Self), Error>> {
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Err(Error::StacksRefused { pid: 0, name, why: WHY }))
    }

    /// Returns the stacks of the pages that are present.
    pub fn tick(&self, _: u32, _: bool, _: &Snapshot) -> Option<StackTick> {
        match *self {}
    }

    /// Makes the next tick name all stacks again.
    pub fn restart(&self, _: u32) {
        match *self {}
    }
}
