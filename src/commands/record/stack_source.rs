//! Where the stacks of a recording come from: page faults, or the blocks that a command allocates.

use std::io;
use std::process::{Child, Command};

use vmrec_sampler::{
    AllocOptions, AllocRecorder, Error as SamplerError, Snapshot, StackOptions, StackRecorder,
    StackTick,
};

/// How stacks are recorded.
#[derive(Clone, Debug)]
pub(crate) enum SourceOptions {
    PageFaults(StackOptions),
    Blocks(AllocOptions),
}

/// Records stacks until it is dropped.
pub(crate) enum StackSource {
    PageFaults(StackRecorder),
    Blocks(AllocRecorder),
}

impl StackSource {
    /// Starts a command, and records its stacks from the begin. The outer error is that of starting it.
    pub(crate) fn spawn(
        command: Command,
        options: &SourceOptions,
    ) -> io::Result<Result<(Child, Self), SamplerError>> {
        Ok(match options {
            SourceOptions::PageFaults(options) => StackRecorder::spawn(command, options)?
                .map(|(child, recorder)| (child, Self::PageFaults(recorder))),
            SourceOptions::Blocks(options) => AllocRecorder::spawn(command, options)?
                .map(|(child, recorder)| (child, Self::Blocks(recorder))),
        })
    }

    /// Begins to record the page faults of processes.
    pub(crate) fn attach(pids: &[u32], options: &StackOptions) -> Result<Self, SamplerError> {
        Ok(Self::PageFaults(StackRecorder::attach(pids, options)?))
    }

    /// Returns the stacks of a process, that may be `new`, when `snapshot` was taken; `None` if it has
    /// none.
    pub(crate) fn tick(&self, pid: u32, new: bool, snapshot: &Snapshot) -> Option<StackTick> {
        match self {
            Self::PageFaults(recorder) => recorder.tick(pid, new, snapshot),
            Self::Blocks(recorder) => Some(recorder.tick(pid, snapshot)),
        }
    }

    /// Makes the next tick of a process name all its stacks again, for a recording that begins.
    pub(crate) fn restart(&self, pid: u32) {
        match self {
            Self::PageFaults(recorder) => recorder.restart(pid),
            Self::Blocks(recorder) => recorder.restart(pid),
        }
    }

    /// Returns why there are none, if there are none at the end.
    pub(crate) fn failure(&self) -> Option<&'static str> {
        match self {
            Self::Blocks(recorder) if !recorder.has_begun() => Some(
                "note: no process loaded vmrec's library: it may have cleared LD_PRELOAD, run as another \
                 user, or hold no allocator; there are no stacks",
            ),
            _ => None,
        }
    }
}
