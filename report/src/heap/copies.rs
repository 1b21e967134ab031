//! The tables and documents of `vmrec strings`.

use serde::Serialize;
use vmrec_sampler::{Copies, StoppedHeap, Tally};

use crate::heap::head::HeapHead;
use crate::heap::problem::problem_text;
use crate::heap::table::heading;
use crate::text::table::{Align, Cell, Column, Table};
use crate::text::units;

/// Sums over the texts of a heap.
struct Sums {
    /// All blocks that hold a text.
    all: Tally,
    distinct: u64,
    /// Blocks whose text another one holds too.
    copied: Tally,
    wasted_bytes: u64,
}

impl Sums {
    fn of(copies: &[Copies]) -> Self {
        let (mut all, mut copied) = (Tally::default(), Tally::default());
        let mut wasted_bytes = 0_u64;
        for text in copies {
            all.add_all(text.tally);
            if text.tally.blocks > 1 {
                copied.add_all(text.tally);
                wasted_bytes = wasted_bytes.saturating_add(text.wasted_bytes());
            }
        }
        Self { all, distinct: copies.len() as u64, copied, wasted_bytes }
    }
}

/// Returns the page of texts that several blocks hold; `max_rows` of them are shown.
pub fn copies_text(
    found: &StoppedHeap,
    copies: &[Copies],
    max_rows: usize,
    width: usize,
) -> String {
    let sums = Sums::of(copies);
    let total = format!(
        "{} hold a text, {} distinct: copies waste {}",
        units::counted(sums.all.blocks, "block", "blocks"),
        units::count(sums.distinct),
        units::size(sums.wasted_bytes)
    );
    let copied: Vec<&Copies> = copies.iter().filter(|text| text.tally.blocks > 1).collect();
    if copied.is_empty() {
        return format!("{}\n{total}\n", heading(found));
    }
    let with_text = !found.heap.texts.is_empty();
    let mut columns = vec![
        Column::new("WASTED", Align::Right),
        Column::new("COPIES", Align::Right),
        Column::new("BYTES", Align::Right),
        Column::new("LENGTH", Align::Right),
    ];
    columns.push(Column::new(if with_text { "TEXT" } else { "E.G. AT" }, Align::Left));
    let mut table = Table::new(columns, 4, 16);
    let cells = |wasted: u64, tally: Tally, length: &str, text: &str| {
        vec![
            Cell::size(Some(wasted)),
            Cell::new(&units::count(tally.blocks)),
            Cell::size(Some(tally.bytes)),
            Cell::new(length),
            Cell::new(text),
        ]
    };
    let shown = copied.len().min(max_rows);
    for (index, text) in copied[..shown].iter().enumerate() {
        let address = format!("{:#x}", text.sample);
        let sample = found.heap.texts.get(index).unwrap_or(&address);
        let length = units::count(text.length.into());
        table.row(cells(text.wasted_bytes(), text.tally, &length, sample));
    }
    if shown < copied.len() {
        let mut rest = Tally::default();
        copied[shown..].iter().for_each(|text| rest.add_all(text.tally));
        let wasted = copied[shown..].iter().map(|text| text.wasted_bytes());
        let wasted = wasted.fold(0, u64::saturating_add);
        table.row(cells(wasted, rest, "", &format!("{} more", copied.len() - shown)));
    }
    table.sum(cells(sums.wasted_bytes, sums.copied, "", ""));
    format!("{}\n{}\n{total}\n", heading(found), table.render(width, false))
}

/// The copies of texts of a process as a document.
#[derive(Serialize)]
pub struct CopiesDocument<'a> {
    #[serde(flatten)]
    head: HeapHead<'a>,
    text_blocks: u64,
    text_bytes: u64,
    distinct: u64,
    wasted_bytes: u64,
    copies: Vec<One<'a>>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct One<'a> {
    length: u32,
    blocks: u64,
    bytes: u64,
    wasted_bytes: u64,
    address: String,
    text: Option<&'a str>,
}

impl<'a> CopiesDocument<'a> {
    /// Creates the document of the texts that several blocks hold.
    pub fn new(found: &'a StoppedHeap, copies: &[Copies]) -> Self {
        let heap = &found.heap;
        let sums = Sums::of(copies);
        let copied = copies.iter().filter(|text| text.tally.blocks > 1).enumerate();
        let each = copied.map(|(index, text)| One {
            length: text.length,
            blocks: text.tally.blocks,
            bytes: text.tally.bytes,
            wasted_bytes: text.wasted_bytes(),
            address: format!("{:#x}", text.sample),
            text: heap.texts.get(index).map(String::as_str),
        });
        Self {
            head: HeapHead::of(found, false),
            text_blocks: sums.all.blocks,
            text_bytes: sums.all.bytes,
            distinct: sums.distinct,
            wasted_bytes: sums.wasted_bytes,
            copies: each.collect(),
            problems: heap.problems.iter().map(problem_text).collect(),
        }
    }
}
