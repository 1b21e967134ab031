//! `vmrec diff --by class` as a table.

use jiff::tz::TimeZone;
use vmrec_store::Recording;

use crate::heap::diff::{ClassChange, HeapDiff, change};
use crate::heap::document::Sum;
use crate::heap::group::class_name;
use crate::metric::Unit;
use crate::text::table::{Align, Cell, Column, Table};
use crate::text::{clock, escape, units};

/// Returns the page of a difference, of which `max_rows` are shown.
pub fn heap_diff_text(
    recording: &Recording,
    diff: &HeapDiff,
    time_zone: &TimeZone,
    max_rows: usize,
    (width, color): (usize, bool),
) -> String {
    let [from, to] = diff.taken_utc_ns.map(|at| clock::local_exact(at, time_zone));
    let apart = diff.taken_utc_ns[1].abs_diff(diff.taken_utc_ns[0]);
    let head = format!(
        "{} ({}), recording {}\nfrom  the heap of {from}\nto    the heap of {to}\n{} apart; in use {}",
        escape::terminal(recording.process.name()),
        recording.process.id,
        recording.id.0,
        units::duration(apart),
        units::signed_size(change(diff.in_use.map(|sum| sum.bytes))),
    );
    format!("{head}\n\n{}", table(diff, max_rows).render(width, color))
}

fn table(diff: &HeapDiff, max_rows: usize) -> Table {
    let columns = vec![
        Column::new("CLASS", Align::Left),
        Column::new("BLOCKS", Align::Right),
        Column::new("BYTES", Align::Right),
        Column::new("BLOCKS AFTER", Align::Right).droppable(2),
        Column::new("BYTES AFTER", Align::Right).droppable(1),
    ];
    let mut table = Table::new(columns, 0, 24);
    let moved: Vec<&ClassChange> =
        diff.rows.iter().filter(|row| row.ends[0] != row.ends[1]).collect();
    let shown = moved.len().min(max_rows);
    for row in &moved[..shown] {
        table.row(cells(&class_name(row.class.as_deref(), row.max_bytes), row.ends));
    }
    if shown < moved.len() {
        let rest = Sum::of_all(moved[shown..].iter().map(|row| row.ends));
        table.row(cells(&format!("{} more", moved.len() - shown), rest));
    }
    let same: Vec<&ClassChange> =
        diff.rows.iter().filter(|row| row.ends[0] == row.ends[1]).collect();
    if !same.is_empty() {
        let name = units::counted(same.len() as u64, "class", "classes") + " as before";
        table.row(cells(&name, Sum::of_all(same.iter().map(|row| row.ends))));
    }
    table.sum(cells("in use", diff.in_use));
    for (name, ends) in [("not in blocks in use", diff.rest), ("from the system", diff.from_system)]
    {
        table.sum(vec![
            Cell::new(name),
            Cell::default(),
            Cell::size_change(Some(change(ends))),
            Cell::default(),
            Cell::size(Some(ends[1])),
        ]);
    }
    table
}

fn cells(name: &str, ends: [Sum; 2]) -> Vec<Cell> {
    vec![
        Cell::new(name),
        Cell::new(&Unit::Count.signed(change(ends.map(|end| end.blocks)))),
        Cell::size_change(Some(change(ends.map(|end| end.bytes)))),
        Cell::new(&units::count(ends[1].blocks)),
        Cell::size(Some(ends[1].bytes)),
    ]
}
