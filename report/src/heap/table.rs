//! The tables of `vmrec heap`.

use vmrec_sampler::{HeapRange, Pools, RangeKind, StoppedHeap, Tally, sort_by_key};

use crate::heap::accounts::{Accounts, Carved};
use crate::heap::group::{HeapBy, HeapGroup, by_class, by_size};
use crate::text::table::{Align, Cell, Column, Table};
use crate::text::{escape, units};

/// Returns the page of a heap; `max_rows` are shown of the classes or regions.
pub fn heap_text(found: &StoppedHeap, by: HeapBy, max_rows: usize, width: usize) -> String {
    let rows = match by {
        HeapBy::Class => groups("CLASS", &by_class(&found.heap), max_rows),
        HeapBy::Size => groups("SIZE", &by_size(&found.heap), max_rows),
        HeapBy::Region => regions(&found.heap.ranges, max_rows),
    };
    let accounts = accounts(&Accounts::of(&found.heap), found.heap.pools.as_ref());
    let (rows, accounts) = (rows.render(width, false), accounts.render(width, false));
    format!("{}\n{rows}\n{accounts}", heading(found))
}

/// Returns whose heap it is, and how long the process stood still for it.
pub(crate) fn heading(found: &StoppedHeap) -> String {
    let stops = match found.stops {
        1 => String::new(),
        stops => format!(", the last of {stops} times"),
    };
    let arenas = u64::from(found.heap.arenas);
    let carved = match Accounts::of(&found.heap).carved {
        Carved::Arenas => units::counted(arenas, "arena", "arenas"),
        Carved::Zones => units::counted(arenas, "zone", "zones"),
        Carved::Groups => {
            units::counted(found.heap.ranges.len() as u64, "group of slots", "groups of slots")
        }
    };
    format!(
        "{} ({}): {} stopped for {}{stops}\n{}, {carved}\n",
        escape::terminal(found.process.name()),
        found.process.id,
        units::counted(found.threads, "thread", "threads"),
        units::duration(found.stopped_ns),
        found.heap.allocator,
    )
}

fn groups(title: &'static str, groups: &[HeapGroup], max_rows: usize) -> Table {
    let columns = vec![
        Column::new(title, Align::Left),
        Column::new("BLOCKS", Align::Right),
        Column::new("BYTES", Align::Right),
        Column::new("MEAN", Align::Right).droppable(1),
        Column::new("PART", Align::Right).droppable(2),
    ];
    let mut table = Table::new(columns, 0, 24);
    let mut all = Tally::default();
    groups.iter().for_each(|group| all.add_all(group.tally));
    let cells = |name: &str, tally: Tally| {
        let mean = tally.bytes.checked_div(tally.blocks);
        let part = match all.bytes {
            0 => "-".to_owned(),
            bytes => format!("{:.1}%", tally.bytes as f64 * 100.0 / bytes as f64),
        };
        vec![
            Cell::new(name),
            Cell::new(&units::count(tally.blocks)),
            Cell::size(Some(tally.bytes)),
            Cell::size(mean),
            Cell::new(&part),
        ]
    };
    let shown = groups.len().min(max_rows);
    for group in &groups[..shown] {
        let name = group.name();
        let name = if title == "SIZE" { name.trim_start_matches("non-object ") } else { &name };
        table.row(cells(name, group.tally));
    }
    let mut rest = Tally::default();
    groups[shown..].iter().for_each(|group| rest.add_all(group.tally));
    if shown < groups.len() {
        table.row(cells(&format!("{} more", groups.len() - shown), rest));
    }
    table.sum(cells("in use", all));
    table
}

fn regions(ranges: &[HeapRange], max_rows: usize) -> Table {
    let columns = vec![
        Column::new("REGION", Align::Left),
        Column::new("OF", Align::Left),
        Column::new("BLOCKS", Align::Right),
        Column::new("IN USE", Align::Right),
        Column::new("FREE", Align::Right),
        Column::new("SIZE", Align::Right),
    ];
    let mut table = Table::new(columns, 1, 8);
    let free = |range: &HeapRange| {
        let parts = [range.cached.bytes, range.fast.bytes, range.free.bytes, range.top_bytes];
        parts.into_iter().fold(0, u64::saturating_add)
    };
    let cells = |name: &str, of: &str, used: Tally, free: u64, size: u64| {
        vec![
            Cell::new(name),
            Cell::new(of),
            Cell::new(&units::count(used.blocks)),
            Cell::size(Some(used.bytes)),
            Cell::size(Some(free)),
            Cell::size(Some(size)),
        ]
    };
    let mut largest: Vec<&HeapRange> = ranges.iter().collect();
    sort_by_key(&mut largest, |range| std::cmp::Reverse(range.range.virtual_bytes()));
    let shown = largest.len().min(max_rows);
    for range in &largest[..shown] {
        let of = match range.kind {
            RangeKind::Main => "main arena".to_owned(),
            RangeKind::Arena(number) => format!("arena {number}"),
            RangeKind::Mapped => "one block".to_owned(),
            RangeKind::Group => "group of slots".to_owned(),
            RangeKind::Zone(number) => format!("zone {number}"),
        };
        let size = range.range.virtual_bytes();
        table.row(cells(&range.range.to_string(), &of, range.used, free(range), size));
    }
    let sum = |ranges: &[&HeapRange]| {
        let (mut used, mut free_bytes, mut size) = (Tally::default(), 0_u64, 0_u64);
        for range in ranges {
            used.add_all(range.used);
            free_bytes = free_bytes.saturating_add(free(range));
            size = size.saturating_add(range.range.virtual_bytes());
        }
        (used, free_bytes, size)
    };
    if shown < largest.len() {
        let (used, free, size) = sum(&largest[shown..]);
        table.row(cells(&format!("{} more", largest.len() - shown), "", used, free, size));
    }
    let (used, free, size) = sum(&largest);
    table.sum(cells("TOTAL", "", used, free, size));
    table
}

fn accounts(accounts: &Accounts, pools: Option<&Pools>) -> Table {
    let title = if pools.is_some() { "MEMORY OF MALLOC AND PYTHON" } else { "MEMORY OF MALLOC" };
    let columns = vec![
        Column::new(title, Align::Left),
        Column::new("BLOCKS", Align::Right),
        Column::new("BYTES", Align::Right),
    ];
    let mut table = Table::new(columns, 0, 24);
    let mut row = |name: &str, blocks: Option<u64>, bytes: u64| {
        let blocks = blocks.map_or(String::new(), units::count);
        table.row(vec![Cell::new(name), Cell::new(&blocks), Cell::size(Some(bytes))]);
    };
    let arenas = [
        ("in use, in arenas", accounts.used),
        ("in use, mapped one by one", accounts.mapped),
        ("free, kept by threads (tcache)", accounts.cached),
        ("free, in fast lists", accounts.fast),
        ("free, in other lists", accounts.free),
    ];
    let zones =
        [("in use, in zones", accounts.used), ("free, between blocks in use", accounts.free)];
    let groups = [("in use, in slots", accounts.used), ("free, in slots", accounts.free)];
    let rows = match accounts.carved {
        Carved::Arenas => &arenas[..],
        Carved::Zones => &zones,
        Carved::Groups => &groups,
    };
    for (name, tally) in rows {
        row(name, Some(tally.blocks), tally.bytes);
    }
    if accounts.carved == Carved::Arenas {
        row("free, above all blocks (top)", None, accounts.top_bytes);
    }
    row("malloc's own", None, accounts.overhead_bytes);
    if accounts.unwalked_bytes > 0 {
        row("not walked", None, accounts.unwalked_bytes);
    }
    if let Some(Pools { bytes, free_bytes, used, .. }) = pools {
        row("in use, in Python's pools", Some(used.blocks), used.bytes);
        row("free, in Python's pools", None, *free_bytes);
        let own = bytes.saturating_sub(used.bytes.saturating_add(*free_bytes));
        row("Python's own", None, own);
    }
    let total = accounts.system_bytes();
    table.sum(vec![Cell::new("from the system"), Cell::default(), Cell::size(Some(total))]);
    table
}
