//! What a recorder of stacks returns.

use crate::stacks::metric::StackMetric;

/// How stacks are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackOptions {
    /// Records one page fault in so many; `None` adapts it to their rate.
    pub period: Option<u64>,
    /// The rate to adapt to: page faults recorded in a second, for each processor.
    pub budget: u64,
    /// Whether the processes that they start are recorded too.
    pub children: bool,
    /// Whether others may join them: of one process alone the kernel's count of page faults is known.
    pub several: bool,
    /// Whether system calls that map and unmap memory are recorded too.
    pub calls: bool,
}

/// A function on a stack, or a place in a file whose function is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackFrame {
    /// The name of the function; `None` if it is unknown.
    pub function: Option<String>,
    /// The file it is in; `None` if it is in none, as code that a runtime made.
    pub module: Option<String>,
    /// The address in the file, of a function that is unknown.
    pub offset: Option<u64>,
}

/// A stack: a frame, and the stack that called it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackNode {
    /// Its number in the recording, from 1.
    pub id: u32,
    /// The number of its caller, which is smaller; 0 if it has none.
    pub parent: u32,
    /// Its innermost frame.
    pub frame: StackFrame,
}

/// The part of one stack of the regions of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveStack {
    /// The quantity.
    pub metric: StackMetric,
    /// The stack; 0 if it is unknown.
    pub stack: u32,
    /// The name of the type of region; empty if no sample has seen it.
    pub region_type: String,
    /// How many sampled pages are still present, mappings are there, or calls were made.
    pub samples: u64,
    /// Their bytes; of samples an estimate.
    pub bytes: u64,
    /// The variance of all that came and went so far, in square pages of 4 KiB: that of a change
    /// is the difference of two.
    pub variance: u64,
}

/// How complete the figures are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackCounts {
    /// One page fault in so many is being recorded.
    pub period: u64,
    /// Page faults since the begin, as counted by the kernel; `None` if it counts those of several
    /// processes together.
    pub faults: Option<u64>,
    /// The page faults that samples stood for.
    pub sampled_faults: u64,
    /// The page faults of samples that were lost because vmrec read them too late; of several processes
    /// those of all.
    pub lost_faults: u64,
    /// Whether page faults in the kernel's own work for the process are seen.
    pub sees_kernel: bool,
    /// System calls that map and unmap and were lost, of all processes; `None` if they are not
    /// recorded.
    pub lost_calls: Option<u64>,
    /// Blocks of the allocator; `None` if they are not recorded.
    pub allocs: Option<AllocCounts>,
}

impl StackCounts {
    /// Returns those of a moment at which nothing was recorded or lost yet.
    #[must_use]
    pub fn at_begin(&self) -> Self {
        let none = |allocs| AllocCounts { lost_samples: 0, lost_ends: 0, ..allocs };
        Self { period: self.period, allocs: self.allocs.map(none), ..Self::default() }
    }
}

/// How complete the figures of blocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocCounts {
    /// One block is sampled in so many bytes, on average.
    pub mean_bytes: u64,
    /// Samples that were lost because vmrec read their buffer too late.
    pub lost_samples: u64,
    /// Ends of sampled blocks whose time and stack were lost so.
    pub lost_ends: u64,
    /// Whether all could be read: the process may have written to the buffer otherwise.
    pub is_whole: bool,
}

/// What a recorder of stacks adds to a sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackTick {
    /// The stacks that are new since the tick before.
    pub nodes: Vec<StackNode>,
    /// All parts of stacks, in the order of metrics, stacks and types.
    pub live: Vec<LiveStack>,
    /// How complete they are.
    pub counts: StackCounts,
    /// The sampled blocks that came and went since the tick before.
    pub blocks: BlockChanges,
}

/// How blocks of the allocator are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocOptions {
    /// One block is sampled in so many bytes, on average.
    pub mean_bytes: u64,
    /// Whether the processes that the command starts are recorded too.
    pub children: bool,
    /// The folder for the library that the command loads.
    pub folder: std::path::PathBuf,
}

/// A sampled block that was allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockBegin {
    /// Its number in the process, from 1.
    pub id: u64,
    /// Where it begins.
    pub address: u64,
    /// The bytes that were asked for.
    pub bytes: u64,
    /// When, on the clock of samples.
    pub time_ns: u64,
    /// The stack that allocated it; 0 if it is unknown.
    pub stack: u32,
}

/// The end of a sampled block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEnd {
    /// The block's number.
    pub id: u64,
    /// When, on the clock of samples; `None` if it was found to be gone.
    pub time_ns: Option<u64>,
    /// The stack that freed it; 0 if it is unknown.
    pub stack: u32,
}

/// The sampled blocks that came and went between two ticks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockChanges {
    /// The blocks that are new.
    pub begun: Vec<BlockBegin>,
    /// The ends of blocks, of new ones and others.
    pub ended: Vec<BlockEnd>,
    /// How many others came and went.
    pub left_out: u64,
}

impl BlockChanges {
    /// Returns whether nothing came or went.
    pub const fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.ended.is_empty() && self.left_out == 0
    }

    /// Adds those of the next tick.
    pub fn append(&mut self, mut later: Self) {
        self.begun.append(&mut later.begun);
        self.ended.append(&mut later.ended);
        self.left_out += later.left_out;
    }
}
