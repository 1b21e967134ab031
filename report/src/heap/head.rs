//! The head of each document about a heap: the process, its allocator, and how long it stood still.

use serde::Serialize;
use vmrec_sampler::StoppedHeap;

/// The process and the stop in which its heap was read.
#[derive(Serialize)]
pub(crate) struct HeapHead<'a> {
    pid: Option<u32>,
    name: &'a str,
    allocator: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arenas: Option<u32>,
    threads: u64,
    stops: u32,
    stopped_ns: u64,
}

impl<'a> HeapHead<'a> {
    /// Creates the head of a document, which says the number of arenas if it shows them.
    pub(crate) fn of(found: &'a StoppedHeap, with_arenas: bool) -> Self {
        Self {
            pid: found.process.id.known_pid(),
            name: found.process.name(),
            allocator: &found.heap.allocator,
            arenas: with_arenas.then_some(found.heap.arenas),
            threads: found.threads,
            stops: found.stops,
            stopped_ns: found.stopped_ns,
        }
    }
}
