//! The doubts about a walk of a heap, in words.

use vmrec_sampler::HeapProblem;

use crate::text::units;

/// Returns a problem as a sentence.
pub fn problem_text(problem: &HeapProblem) -> String {
    match *problem {
        HeapProblem::Broken { address, bytes } => format!(
            "the chain of chunks breaks at {address:#x}: the {} behind are not walked; the heap is \
             corrupted there",
            units::size(bytes)
        ),
        HeapProblem::Missing { arena, counted_bytes, found_bytes } => format!(
            "arena {arena} counts {} of memory, of which {} were found",
            units::size(counted_bytes),
            units::size(found_bytes)
        ),
        HeapProblem::ArenasBroken => {
            "the list of arenas breaks: there may be others that are not shown".to_owned()
        }
        HeapProblem::GroupsBroken { groups } => format!(
            "{} of slots: changing, or corrupted; blocks in {} are not shown",
            units::counted(groups, "group", "groups"),
            if groups == 1 { "it" } else { "them" }
        ),
        HeapProblem::ListsBroken { lists } => format!(
            "{} of free chunks break{}: some of their chunks are shown as in use",
            units::counted(lists, "list", "lists"),
            if lists == 1 { "s" } else { "" }
        ),
        HeapProblem::TooManyPointers => "its heap holds more pointers than are followed".to_owned(),
        HeapProblem::RegistersUnknown { threads } => format!(
            "{} in the kernel: blocks that only their registers hold are shown as leaked",
            units::counted(threads, "thread waits", "threads wait")
        ),
        HeapProblem::PackedPointers => {
            "a runtime in it may keep pointers compressed or encoded: blocks that only those hold \
             are shown as leaked"
                .to_owned()
        }
        HeapProblem::ZonesUnknown { zones } => format!(
            "{} of other allocators: blocks there are not shown",
            units::counted(zones, "zone is", "zones are")
        ),
        HeapProblem::BlocksOdd { blocks } => format!(
            "the allocator lists {} where none can be: left out",
            units::counted(blocks, "block", "blocks")
        ),
        HeapProblem::MappedDiffer { counted, found } => format!(
            "the allocator counts {} with mappings of their own ({}), {} ({}) were found",
            units::counted(counted.blocks, "block", "blocks"),
            units::size(counted.bytes),
            found.blocks,
            units::size(found.bytes)
        ),
    }
}
