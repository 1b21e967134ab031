//! Heaps of live processes: macOS has heap(1) for them.

use crate::error::Error;
use crate::heap::snapshot::{HeapRequest, StoppedHeap};
use crate::macos::process::process_info;

/// Refuses to look into a heap.
///
/// # Errors
///
/// Fails in any case: if there is no such process, or because macOS keeps heaps in zones, whose
/// blocks vmrec does not list.
pub fn inspect_heap(pid: u32, _: &HeapRequest) -> Result<StoppedHeap, Error> {
    let name = process_info(pid)?.name().to_owned();
    let why = "vmrec does not list the blocks of zones of macOS; heap(1) does".to_owned();
    Err(Error::HeapNotSupported { pid, name, why })
}
