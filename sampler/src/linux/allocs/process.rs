//! The sampled blocks of one process: its code, its stacks, and the memory that it shares.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::linux::allocs::library::is_library;
use crate::linux::allocs::shared::Shared;
use crate::linux::files::PROC;
use crate::linux::stacks::files::Files;
use crate::linux::stacks::machine::begin_at;
use crate::linux::stacks::modules::Modules;
use crate::region::Region;
use crate::stacks::blocks::{Begun, Blocks, BlocksTick};
use crate::stacks::event::{Event, ID_BITS};
use crate::stacks::model::{BlockBegin, BlockEnd, StackFrame, StackNode};
use crate::stacks::trie::Trie;

/// The times between two looks for code that is new, where code is unknown: each that finds none
/// doubles it.
const MIN_LOOK: Duration = Duration::from_millis(50);
const MAX_LOOK: Duration = Duration::from_secs(5);

/// A process whose blocks are recorded.
pub(crate) struct Process {
    pid: u32,
    folder: PathBuf,
    /// The memory of the program that it runs.
    shared: Shared,
    modules: Modules,
    trie: Trie,
    blocks: Blocks,
    looked: Instant,
    look_again: Duration,
    /// How many programs it ran before.
    programs: u64,
    /// The losses of programs that it ran before.
    lost_before: (u64, u64),
    /// Whether it had ended when that was looked for.
    has_ended: bool,
}

impl Process {
    /// Begins with a process that sent its memory.
    pub(crate) fn new(pid: u32, shared: Shared, files: &Files, mean_bytes: u64) -> Self {
        let folder = Path::new(PROC).join(pid.to_string());
        let mut process = Self {
            pid,
            modules: Modules::new(folder.clone(), files.clone()),
            folder,
            shared,
            trie: Trie::default(),
            blocks: Blocks::new(mean_bytes),
            looked: Instant::now(),
            look_again: MIN_LOOK,
            programs: 0,
            lost_before: (0, 0),
            has_ended: false,
        };
        process.look();
        process
    }

    /// Goes on with the memory of another program that it runs now.
    pub(crate) fn exec(&mut self, shared: Shared) {
        self.drain();
        self.lost_before = self.lost();
        self.programs += 1;
        self.shared = shared;
        self.blocks.clear();
        self.modules.clear();
        self.look_again = MIN_LOOK;
        self.look();
    }

    /// Adds the code that is mapped now; returns whether there was any new.
    fn look(&mut self) -> bool {
        self.looked = Instant::now();
        let mappings = crate::linux::heap::mappings(&self.folder, self.pid);
        mappings.is_ok_and(|mappings| self.modules.add_others(&mappings))
    }

    /// Reads the records that are there; returns their bytes.
    pub(crate) fn drain(&mut self) -> usize {
        let mut events = Vec::new();
        let bytes = self.shared.drain(|event| events.extend(event));
        events.iter().for_each(|event| self.event(event));
        bytes
    }

    fn event(&mut self, event: &Event) {
        let stack = self.stack(event);
        let Event { address, bytes, time_ns, slot, .. } = *event;
        // Each program counts from 1.
        let id = self.programs << ID_BITS | event.id;
        if event.freed {
            self.blocks.end(BlockEnd { id, time_ns: Some(time_ns), stack });
        } else {
            let begin = BlockBegin { id, address, bytes, time_ns, stack };
            self.blocks.begin(Begun { begin, slot });
        }
    }

    fn stack(&mut self, event: &Event) -> u32 {
        let begin = || begin_at(event.registers);
        let (mut frames, are_known) = self.modules.unwind(begin(), &event.stack);
        if !are_known && self.looked.elapsed() >= self.look_again {
            if self.look() {
                self.look_again = MIN_LOOK;
                frames = self.modules.unwind(begin(), &event.stack).0;
            } else {
                self.look_again = (self.look_again * 2).min(MAX_LOOK);
            }
        }
        // The library's own functions, but for that which the program called.
        let is_inner = |frame: &mut StackFrame| {
            frame.function.is_none() && frame.module.as_deref().is_some_and(is_library)
        };
        while frames.pop_if(is_inner).is_some() {}
        self.trie.stack(frames)
    }

    /// Returns the stacks that are new, and the blocks at `time_ns`.
    pub(crate) fn tick(
        &mut self,
        time_ns: u64,
        regions: &[Region],
    ) -> (Vec<StackNode>, BlocksTick) {
        self.drain();
        let blocks = self.blocks.tick(time_ns, regions, Some(&self.shared));
        (self.trie.take_new(), blocks)
    }

    /// Returns how many samples, and how many ends of sampled blocks, were lost.
    pub(crate) fn lost(&self) -> (u64, u64) {
        let ((blocks, ends), (more_blocks, more_ends)) = (self.lost_before, self.shared.lost());
        (blocks + more_blocks, ends + more_ends)
    }

    /// Returns whether nothing more can be read from it.
    pub(crate) const fn is_broken(&self) -> bool {
        self.shared.is_broken()
    }

    /// Takes note whether the process has ended; returns whether it had already.
    pub(crate) const fn ends(&mut self, has_ended: bool) -> bool {
        std::mem::replace(&mut self.has_ended, has_ended) && has_ended
    }

    /// Makes the next tick name all stacks again.
    pub(crate) fn restart(&mut self) {
        self.trie.renew();
    }
}
