//! The page faults of one process: its code, its stacks, and its pages that are present.

use std::path::{Path, PathBuf};

use crate::linux::files::PROC;
use crate::linux::stacks::modules::{Files, Modules};
use crate::linux::stacks::pages::Pages;
use crate::linux::system::page_size_bytes;
use crate::region::Region;
use crate::stacks::live::{Live, Touch};
use crate::stacks::model::{LiveStack, StackNode};
use crate::stacks::record::{Fault, NewMapping};
use crate::stacks::trie::Trie;

/// A process whose page faults are recorded.
pub(crate) struct Process {
    folder: PathBuf,
    modules: Modules,
    trie: Trie,
    live: Live,
    page_bytes: u64,
    /// The page faults that samples stood for.
    pub(crate) sampled_faults: u64,
}

impl Process {
    /// Begins with a process of which nothing is known yet.
    pub(crate) fn new(pid: u32, files: &Files) -> Self {
        let folder = Path::new(PROC).join(pid.to_string());
        Self::with(Modules::new(folder.clone(), files.clone()), folder)
    }

    fn with(modules: Modules, folder: PathBuf) -> Self {
        let (trie, live) = (Trie::default(), Live::default());
        Self { folder, modules, trie, live, page_bytes: page_size_bytes(), sampled_faults: 0 }
    }

    /// Begins with a process that this one has just forked: it has the same code. The pages that it
    /// shares with this one are none of its own faults.
    pub(crate) fn forked(&self, pid: u32) -> Self {
        let folder = Path::new(PROC).join(pid.to_string());
        Self::with(self.modules.forked(folder.clone()), folder)
    }

    /// Adds the code that it has mapped already.
    pub(crate) fn add_mapped(&mut self, pid: u32) {
        let mappings = crate::linux::heap::mappings(&self.folder, pid);
        self.modules.add_all(&mappings.unwrap_or_default());
    }

    /// Adds a page fault that was sampled at `period`.
    pub(crate) fn fault(&mut self, fault: &Fault<'_>, period: u64) {
        self.sampled_faults += period;
        let frames = self.modules.frames(fault);
        let stack = self.trie.stack(frames);
        self.live.touch(Touch {
            page: fault.address - fault.address % self.page_bytes,
            time_ns: fault.time_ns,
            stack,
            weight: period,
        });
    }

    /// Adds the code of a new mapping.
    pub(crate) fn mapping(&mut self, mapping: &NewMapping<'_>) {
        self.modules.add_new(mapping);
    }

    /// Forgets all: it runs another program.
    pub(crate) fn exec(&mut self) {
        self.modules.clear();
        self.live.clear();
    }

    /// Returns the stacks that are new, and the pages that were present at `time_ns`.
    pub(crate) fn tick(
        &mut self,
        time_ns: u64,
        regions: &[Region],
    ) -> (Vec<StackNode>, Vec<LiveStack>) {
        let live = match Pages::open(&self.folder) {
            Some(mut pages) => self.live.tick(time_ns, regions, &mut pages),
            // It has ended since.
            None => self.live.last(),
        };
        (self.trie.take_new(), live)
    }

    /// Makes the next tick name all stacks again.
    pub(crate) fn restart(&mut self) {
        self.trie.renew();
    }
}
