//! Blocks in use, grouped by class or by size.

use std::collections::HashMap;

use vmrec_sampler::{Block, Heap, Tally, sort_by, sort_by_key};

use crate::text::units;

/// The keys that the blocks of a heap are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapBy {
    /// C++ classes and types of Python; other blocks by their size.
    Class,
    /// Size, up to each power of two.
    Size,
    /// Ranges of memory: heaps of arenas and mapped blocks.
    Region,
}

/// The blocks of one class or size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeapGroup {
    /// The class; `None` for blocks that are no objects with virtual functions.
    pub class: Option<String>,
    /// The largest size of the blocks, for those of sizes.
    pub max_bytes: Option<u64>,
    /// The blocks.
    pub tally: Tally,
}

impl HeapGroup {
    /// Returns the group's name for people.
    pub(crate) fn name(&self) -> String {
        class_name(self.class.as_deref(), self.max_bytes)
    }
}

/// Returns the name of a class for people, or of blocks of up to a size, or of all smaller classes.
pub(crate) fn class_name(class: Option<&str>, max_bytes: Option<u64>) -> String {
    match (class, max_bytes) {
        (Some(class), _) => class.to_owned(),
        (None, Some(bytes)) => format!("non-object ≤ {}", units::size(bytes)),
        (None, None) => "smaller classes".to_owned(),
    }
}

/// Returns the classes by descending bytes, blocks without a class by size among them.
pub(crate) fn by_class(heap: &Heap) -> Vec<HeapGroup> {
    let mut of_class: HashMap<&str, Tally> = HashMap::new();
    let mut of_size: HashMap<u64, Tally> = HashMap::new();
    for (class, block_bytes, tally) in blocks(heap) {
        let sum = match class_name_of(heap, class) {
            Some(class) => of_class.entry(class).or_default(),
            None => of_size.entry(block_bytes.next_power_of_two()).or_default(),
        };
        sum.add_all(tally);
    }
    let classes = of_class.into_iter().map(|(class, tally)| HeapGroup {
        class: Some(class.to_owned()),
        max_bytes: None,
        tally,
    });
    let sizes = of_size.into_iter().map(|(bytes, tally)| HeapGroup {
        class: None,
        max_bytes: Some(bytes),
        tally,
    });
    let mut groups: Vec<HeapGroup> = classes.chain(sizes).collect();
    sort_by(&mut groups, |one, other| {
        let key = |group: &HeapGroup| (std::cmp::Reverse(group.tally.bytes), group.max_bytes);
        key(one).cmp(&key(other)).then_with(|| one.class.cmp(&other.class))
    });
    groups
}

/// Returns the blocks by ascending size.
pub(crate) fn by_size(heap: &Heap) -> Vec<HeapGroup> {
    let mut of_size: HashMap<u64, Tally> = HashMap::new();
    for (_, block_bytes, tally) in blocks(heap) {
        of_size.entry(block_bytes.next_power_of_two()).or_default().add_all(tally);
    }
    let groups = of_size.into_iter();
    let mut groups: Vec<HeapGroup> = groups
        .map(|(bytes, tally)| HeapGroup { class: None, max_bytes: Some(bytes), tally })
        .collect();
    sort_by_key(&mut groups, |group| group.max_bytes);
    groups
}

/// Returns the class, the size and the number and bytes of blocks, of malloc and of pools.
fn blocks(heap: &Heap) -> impl Iterator<Item = (u32, u64, Tally)> {
    let of_pools = heap.pools.iter().flat_map(|pools| &pools.groups);
    let of_pools = of_pools.map(|group| (group.class, group.block_bytes, group.tally));
    let of_malloc = heap.blocks.iter().map(|block| {
        let bytes = block.bytes();
        (block.class(), bytes, Tally { blocks: 1, bytes })
    });
    of_malloc.chain(of_pools)
}

/// Returns the class of a block, if it has a name.
pub(crate) fn class_of(heap: &Heap, block: Block) -> Option<&str> {
    class_name_of(heap, block.class())
}

fn class_name_of(heap: &Heap, class: u32) -> Option<&str> {
    heap.classes.get(class as usize)?.as_deref()
}
