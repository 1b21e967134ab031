//! The section of a page on the heap: which classes of blocks grew, and which blocks leaked.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::heap::diff::{HeapAt, HeapDiff, change};
use crate::heap::document::Sum;
use crate::heap::group::class_name;
use crate::heap::leaks::Group;
use crate::heap::saved::{SavedHeap, SavedLeaks};
use crate::metric::Unit;
use crate::page::bar::bar;
use crate::text::escape::terminal;
use crate::text::{clock, units};

/// The maximum number of rows of each table; others are summed up.
const MAX_ROWS: usize = 20;

/// Reports on the heap, each with when the process stood still, in nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Debug, Default)]
pub struct PageHeap {
    /// That nearest to the beginning of the page, if it is another than the next.
    pub before: Option<(i64, SavedHeap)>,
    /// That nearest to its end.
    pub after: Option<(i64, SavedHeap)>,
    /// That on leaks nearest to its end.
    pub leaks: Option<(i64, SavedLeaks)>,
}

impl PageHeap {
    /// Returns whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.after.is_none() && self.leaks.is_none()
    }

    /// Returns the section.
    pub(crate) fn section(&self, time_zone: &TimeZone) -> Markup {
        let time = |utc_ns: i64| clock::local_exact(utc_ns, time_zone);
        html! {
            section #heap aria-labelledby="heap-title" {
                h2 #heap-title { "Blocks in the heap" }
                @if let Some((to, after)) = &self.after {
                    @match &self.before {
                        Some((from, before)) => {
                            p { "Blocks of malloc in use at " (time(*from)) " and at " (time(*to)) ", wherever A and B are." }
                            (classes(&HeapDiff::new([at(*from, before), at(*to, after)]), true))
                        }
                        None => {
                            p { "Blocks of malloc in use at " (time(*to)) "." }
                            (classes(&HeapDiff::new([at(*to, after); 2]), false))
                        }
                    }
                    (notes(after.problems()))
                }
                @if let Some((at, leaks)) = &self.leaks {
                    h3 { "Leaked" }
                    p {
                        (units::counted(leaks.leaked.blocks, "block", "blocks")) ", "
                        (units::size(leaks.leaked.bytes)) ", of " (units::count(leaks.blocks_in_use))
                        " in use at " (time(*at)) ": no pointer in the process led to them."
                    }
                    @if !leaks.groups.is_empty() { (leaked(leaks)) }
                    (notes(leaks.problems()))
                }
            }
        }
    }
}

fn at(utc_ns: i64, heap: &SavedHeap) -> HeapAt<'_> {
    HeapAt { utc_ns, heap }
}

fn notes(problems: &[String]) -> Markup {
    html! { @for problem in problems { p.caveat { (terminal(problem)) } } }
}

/// Returns the table of classes; of one report without changes.
fn classes(diff: &HeapDiff, changes: bool) -> Markup {
    let mut rows: Vec<(String, [Sum; 2])> = diff
        .rows
        .iter()
        .map(|row| (class_name(row.class.as_deref(), row.max_bytes), row.ends))
        .collect();
    let rest = rows.split_off(rows.len().min(MAX_ROWS));
    if !rest.is_empty() {
        let sums = Sum::of_all(rest.iter().map(|(_, ends)| *ends));
        rows.push((format!("{} more", rest.len()), sums));
    }
    let bytes = |ends: &[Sum; 2]| ends.map(|end| end.bytes);
    let largest =
        rows.iter().map(|(_, ends)| change(bytes(ends)).unsigned_abs()).max().unwrap_or(0);
    let row = |name: &str, blocks: Option<[u64; 2]>, bytes: [u64; 2], largest: u128| {
        let by = change(bytes);
        html! {
            tr {
                th scope="row" { (terminal(name)) }
                td.n { (blocks.map_or(String::new(), |ends| units::count(ends[1]))) }
                @if changes {
                    td.n { (blocks.map_or(String::new(), |ends| Unit::Count.signed(change(ends)))) }
                }
                td.n { (units::size(bytes[1])) }
                @if changes {
                    td.n.change { (units::signed_size(by)) }
                    td.share { @if largest > 0 { (bar(Some(by), largest)) } }
                }
            }
        }
    };
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "class" }
                    th.n scope="col" { "blocks" }
                    @if changes { th.n scope="col" { "change" } }
                    th.n scope="col" { "bytes" }
                    @if changes { th.n scope="col" { "change" } th.share scope="col" { "share" } }
                }
            }
            tbody {
                @for (name, ends) in &rows {
                    (row(name, Some(ends.map(|end| end.blocks)), bytes(ends), largest))
                }
            }
            tfoot {
                (row("in use", Some(diff.in_use.map(|sum| sum.blocks)), bytes(&diff.in_use), 0))
                (row("not in blocks in use", None, diff.rest, 0))
                (row("from the system", None, diff.from_system, 0))
            }
        }
    }
}

/// Returns the table of leaks.
fn leaked(leaks: &SavedLeaks) -> Markup {
    let shown = leaks.groups.len().min(MAX_ROWS);
    let rest = Group::of_all(&leaks.groups[shown..]);
    let row = |name: &str, size: &str, group: &Group| {
        html! {
            tr {
                th scope="row" { (terminal(name)) }
                td.n { (size) }
                td.n { (units::count(group.blocks)) }
                td.n { (units::size(group.bytes)) }
                td.n { (units::count(group.held_blocks)) }
                td.n { (units::size(group.held_bytes)) }
                td.n { (terminal(&group.sample)) }
            }
        }
    };
    html! {
        table {
            thead {
                tr {
                    @for title in ["class", "size", "blocks", "bytes", "holding", "bytes", "e.g. at"] {
                        @if title == "class" { th scope="col" { (title) } }
                        @else { th.n scope="col" { (title) } }
                    }
                }
            }
            tbody {
                @for group in &leaks.groups[..shown] {
                    @let name = group.class.as_deref().unwrap_or("non-object");
                    (row(name, &units::size(group.block_bytes), group))
                }
                @if shown < leaks.groups.len() {
                    (row(&format!("{} more", leaks.groups.len() - shown), "", &rest))
                }
            }
        }
    }
}
