//! The tables and documents of `vmrec leaks`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use vmrec_sampler::{Leak, StoppedHeap, Tally, sort_by_key};

use crate::heap::group::class_of;
use crate::heap::head::HeapHead;
use crate::heap::problem::problem_text;
use crate::heap::table::heading;
use crate::text::table::{Align, Cell, Column, Table};
use crate::text::units;

/// The leaks of a heap, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeakSums {
    /// Blocks that nothing points to, and one of each circle.
    pub direct: Tally,
    /// Blocks that only those lead to.
    pub held: Tally,
}

impl LeakSums {
    /// Sums up leaks.
    pub fn of(leaks: &[Leak]) -> Self {
        let mut sums = Self::default();
        for leak in leaks {
            sums.direct.add(leak.block.bytes());
            sums.held.add_all(leak.held);
        }
        sums
    }

    /// Returns all leaked blocks.
    pub fn all(&self) -> Tally {
        let mut all = self.direct;
        all.add_all(self.held);
        all
    }
}

/// Leaks of blocks of one class and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeakGroup {
    class: Option<String>,
    block_bytes: u64,
    sums: LeakSums,
    sample: u64,
}

/// Returns the leaks by class and size, those of most bytes first.
pub(crate) fn groups(found: &StoppedHeap, leaks: &[Leak]) -> Vec<LeakGroup> {
    let mut groups: HashMap<(Option<&str>, u64), LeakGroup> = HashMap::new();
    for leak in leaks {
        let (class, bytes) = (class_of(&found.heap, leak.block), leak.block.bytes());
        let group = groups.entry((class, bytes)).or_insert_with(|| LeakGroup {
            class: class.map(str::to_owned),
            block_bytes: bytes,
            sums: LeakSums::default(),
            sample: leak.block.address(),
        });
        group.sums.direct.add(bytes);
        group.sums.held.add_all(leak.held);
    }
    let mut groups: Vec<LeakGroup> = groups.into_values().collect();
    sort_by_key(&mut groups, |group| (std::cmp::Reverse(group.sums.all().bytes), group.sample));
    groups
}

/// Returns the page of leaks, of which `max_rows` groups are shown.
pub fn leaks_text(found: &StoppedHeap, leaks: &[Leak], max_rows: usize, width: usize) -> String {
    let sums = LeakSums::of(leaks);
    let all = sums.all();
    let total = format!(
        "{} leaked, {}, of {} in use",
        units::counted(all.blocks, "block", "blocks"),
        units::size(all.bytes),
        units::count(found.heap.blocks.len() as u64)
    );
    if all.blocks == 0 {
        return format!("{}\n{total}\n", heading(found));
    }
    let columns = vec![
        Column::new("LEAKED", Align::Left),
        Column::new("SIZE", Align::Right),
        Column::new("BLOCKS", Align::Right),
        Column::new("BYTES", Align::Right),
        Column::new("HOLDING", Align::Right),
        Column::new("BYTES", Align::Right),
        Column::new("E.G. AT", Align::Right).droppable(1),
    ];
    let mut table = Table::new(columns, 0, 16);
    let cells = |name: &str, size: &str, sums: &LeakSums, sample: &str| {
        vec![
            Cell::new(name),
            Cell::new(size),
            Cell::new(&units::count(sums.direct.blocks)),
            Cell::size(Some(sums.direct.bytes)),
            Cell::new(&units::count(sums.held.blocks)),
            Cell::size(Some(sums.held.bytes)),
            Cell::new(sample),
        ]
    };
    let groups = groups(found, leaks);
    let shown = groups.len().min(max_rows);
    for group in &groups[..shown] {
        let name = group.class.as_deref().unwrap_or("non-object");
        let sample = format!("{:#x}", group.sample);
        table.row(cells(name, &units::size(group.block_bytes), &group.sums, &sample));
    }
    if shown < groups.len() {
        let mut rest = LeakSums::default();
        for group in &groups[shown..] {
            rest.direct.add_all(group.sums.direct);
            rest.held.add_all(group.sums.held);
        }
        table.row(cells(&format!("{} more", groups.len() - shown), "", &rest, ""));
    }
    table.sum(cells("leaked", "", &sums, ""));
    format!("{}\n{}\n{total}\n", heading(found), table.render(width, false))
}

/// The leaks of a process as a document.
#[derive(Serialize)]
pub struct LeaksDocument<'a> {
    #[serde(flatten)]
    head: HeapHead<'a>,
    blocks_in_use: u64,
    leaked_blocks: u64,
    leaked_bytes: u64,
    direct_blocks: u64,
    direct_bytes: u64,
    groups: Vec<Group>,
    leaks: Vec<One<'a>>,
    problems: Vec<String>,
}

/// Leaked blocks of one class and size, and the blocks that only they lead to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    pub(crate) class: Option<String>,
    pub(crate) block_bytes: u64,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) held_blocks: u64,
    pub(crate) held_bytes: u64,
    /// The address of one of them.
    pub(crate) sample: String,
}

impl Group {
    /// Returns several as one, without class, size and address.
    pub(crate) fn of_all(groups: &[Self]) -> Self {
        let mut sums = Self::default();
        for group in groups {
            sums.blocks = sums.blocks.saturating_add(group.blocks);
            sums.bytes = sums.bytes.saturating_add(group.bytes);
            sums.held_blocks = sums.held_blocks.saturating_add(group.held_blocks);
            sums.held_bytes = sums.held_bytes.saturating_add(group.held_bytes);
        }
        sums
    }
}

impl From<LeakGroup> for Group {
    fn from(group: LeakGroup) -> Self {
        Self {
            class: group.class,
            block_bytes: group.block_bytes,
            blocks: group.sums.direct.blocks,
            bytes: group.sums.direct.bytes,
            held_blocks: group.sums.held.blocks,
            held_bytes: group.sums.held.bytes,
            sample: format!("{:#x}", group.sample),
        }
    }
}

#[derive(Serialize)]
struct One<'a> {
    address: String,
    bytes: u64,
    class: Option<&'a str>,
    held_blocks: u64,
    held_bytes: u64,
}

impl<'a> LeaksDocument<'a> {
    /// Creates the document of a heap's leaks.
    pub fn new(found: &'a StoppedHeap, leaks: &[Leak]) -> Self {
        let heap = &found.heap;
        let sums = LeakSums::of(leaks);
        let groups = groups(found, leaks).into_iter().map(Group::from);
        let each = leaks.iter().map(|leak| One {
            address: format!("{:#x}", leak.block.address()),
            bytes: leak.block.bytes(),
            class: class_of(heap, leak.block),
            held_blocks: leak.held.blocks,
            held_bytes: leak.held.bytes,
        });
        Self {
            head: HeapHead::of(found, false),
            blocks_in_use: heap.blocks.len() as u64,
            leaked_blocks: sums.all().blocks,
            leaked_bytes: sums.all().bytes,
            direct_blocks: sums.direct.blocks,
            direct_bytes: sums.direct.bytes,
            groups: groups.collect(),
            leaks: each.collect(),
            problems: heap.problems.iter().map(problem_text).collect(),
        }
    }
}
