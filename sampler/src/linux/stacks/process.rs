//! The page faults and system calls of one process: its code, its stacks, its pages that are present
//! and its mappings.

use std::path::{Path, PathBuf};

use crate::linux::files::PROC;
use crate::linux::stacks::calls;
use crate::linux::stacks::files::Files;
use crate::linux::stacks::modules::Modules;
use crate::linux::stacks::pages::Pages;
use crate::linux::system::page_size_bytes;
use crate::region::Region;
use crate::stacks::call::Call;
use crate::stacks::live::{Live, Touch};
use crate::stacks::mapped::{Called, Mapped};
use crate::stacks::model::{LiveStack, StackNode};
use crate::stacks::record::{EndedCall, NewMapping, Sampled};
use crate::stacks::trie::Trie;

/// The kernel's name of the mapping that `brk` grows.
const BREAK: &str = "[heap]";

/// A process whose page faults are recorded.
pub(crate) struct Process {
    folder: PathBuf,
    modules: Modules,
    trie: Trie,
    live: Live,
    mapped: Mapped,
    page_bytes: u64,
    /// The page faults that samples stood for.
    pub(crate) sampled_faults: u64,
}

impl Process {
    /// Begins with a process of which nothing is known yet.
    pub(crate) fn new(pid: u32, files: &Files) -> Self {
        let folder = Path::new(PROC).join(pid.to_string());
        Self::with(Modules::new(folder.clone(), files.clone()), folder, Mapped::default())
    }

    fn with(modules: Modules, folder: PathBuf, mapped: Mapped) -> Self {
        let (trie, live, page_bytes) = (Trie::default(), Live::default(), page_size_bytes());
        Self { folder, modules, trie, live, mapped, page_bytes, sampled_faults: 0 }
    }

    /// Begins with a process that this one has just forked: it has the same code. The pages and
    /// mappings that it has from this one are none of its own making.
    pub(crate) fn forked(&self, pid: u32) -> Self {
        let folder = Path::new(PROC).join(pid.to_string());
        let mapped = Mapped::with_break(self.mapped.break_end());
        Self::with(self.modules.forked(folder.clone()), folder, mapped)
    }

    /// Adds the code that it has mapped already.
    pub(crate) fn add_mapped(&mut self, pid: u32) {
        let mappings = crate::linux::heap::mappings(&self.folder, pid).unwrap_or_default();
        let heap = mappings.iter().find(|mapping| mapping.name() == BREAK);
        self.mapped = Mapped::with_break(heap.map(|mapping| mapping.range.end));
        self.modules.add_all(&mappings);
    }

    /// Adds a page fault that was sampled at `period`.
    pub(crate) fn fault(&mut self, fault: &Sampled<'_>, period: u64) {
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

    /// Adds a system call that ended.
    pub(crate) fn call(&mut self, sample: &Sampled<'_>, ended: EndedCall) {
        let Some(copied) = &sample.registers else { return };
        let Some(kind) = calls::kind(ended.number) else { return };
        let arguments = calls::arguments(copied);
        let Some(call) = Call::of(kind, arguments, ended.result, self.page_bytes) else { return };
        let stack = self.trie.stack(self.modules.frames(sample));
        self.mapped.call(Called { time_ns: sample.time_ns, stack, call });
    }

    /// Takes note that all calls until then were added.
    pub(crate) fn known_until(&mut self, time_ns: u64) {
        self.mapped.known_until(time_ns);
    }

    /// Adds the code of a new mapping.
    pub(crate) fn mapping(&mut self, mapping: &NewMapping<'_>) {
        self.modules.add_new(mapping);
    }

    /// Forgets all: it runs another program.
    pub(crate) fn exec(&mut self) {
        self.modules.clear();
        self.live.clear();
        self.mapped.clear();
    }

    /// Returns the stacks that are new, the pages that were present at `time_ns` and, of `calls`, the
    /// mappings.
    pub(crate) fn tick(
        &mut self,
        time_ns: u64,
        regions: &[Region],
        calls: bool,
    ) -> (Vec<StackNode>, Vec<LiveStack>) {
        let mut live = match Pages::open(&self.folder) {
            Some(mut pages) => self.live.tick(time_ns, regions, &mut pages),
            // It has ended since.
            None => self.live.last(),
        };
        if calls {
            live.extend(self.mapped.tick(time_ns, regions));
        }
        (self.trie.take_new(), live)
    }

    /// Makes the next tick name all stacks again.
    pub(crate) fn restart(&mut self) {
        self.trie.renew();
    }
}
