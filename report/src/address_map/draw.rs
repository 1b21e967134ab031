//! Draws the clusters of a map line by line, from its head to its foot.

use vmrec_sampler::{Family, Naming};

use crate::address_map::cells::{Cell, Fate};
use crate::address_map::clusters::{Cluster, Free};
use crate::address_map::sketch::{Outline, Rect, Sketch};
use crate::chart::palette::{self, Paint};
use crate::chart::text;
use crate::text::units;

/// Bounds of the width.
pub(super) const MIN_WIDTH: f64 = 480.0;
pub(super) const MAX_WIDTH: f64 = 4000.0;
const MARGIN: f64 = 18.0;
/// Where cells begin: addresses stand to their left.
const LEFT: f64 = 138.0;
/// Heights of a cell and of a line of cells with its labels.
const CELL: f64 = 34.0;
const LINE: f64 = 58.0;
const GAP_LINE: f64 = 20.0;
/// Widths of cells: a root of the size in pages times this many pixels, within bounds.
const POWER: f64 = 0.4;
const PAGE: f64 = 4096.0;
const SCALE: f64 = 1.6;
const MIN_CELL: f64 = 3.0;
const MAX_CELL: f64 = 330.0;
const BETWEEN: f64 = 2.0;
const LABEL_SIZE: f64 = 9.5;
const TEXT_SIZE: f64 = 10.5;
/// The outline of new cells: not the colour of any family.
const NEW: Paint = Paint { light: (0xd1, 0x24, 0x2f), dark: (0xff, 0x7b, 0x72) };

pub(super) fn free_words(free: Free) -> String {
    format!(
        "largest free gap below {} bits: {} at 0x{:x}, of {} free in all",
        free.bits,
        units::size(free.largest.virtual_bytes()),
        free.largest.start,
        units::size(free.sum_bytes)
    )
}

/// Returns the colour of a family's cells.
fn paint(family: Family) -> Paint {
    if family == Family::Reserved { palette::GAP } else { palette::family(family) }
}

/// A drawing on its way down.
pub(super) struct Map {
    pub(super) sketch: Sketch,
    pub(super) width: f64,
    /// The middle of the next line.
    pub(super) y: f64,
    pub(super) changes: bool,
}

impl Map {
    pub(super) fn head(&mut self, title: &str, about: &str) {
        let room = self.width - 2.0 * MARGIN;
        let title = text::fit(&text::clean(title), 16.0, room);
        self.sketch.text(&title, (MARGIN, self.y), 16.0, palette::INK, true);
        self.y += 20.0;
        let parts: Vec<String> = text::clean(about).split(" · ").map(str::to_owned).collect();
        for line in text::wrap(&parts, " · ", 11.0, room) {
            self.sketch.text(&line, (MARGIN, self.y), 11.0, palette::MUTED, false);
            self.y += 15.0;
        }
        self.y += 6.0;
    }

    /// Draws a sample of each look with its meaning.
    pub(super) fn legend(&mut self, families: &[Family], naming: Naming) {
        let mut entries: Vec<(Look, String)> =
            families.iter().map(|of| (Look::of(*of), of.label(naming).to_owned())).collect();
        if self.changes {
            let plain = Look::of(Family::Image);
            entries.push((Look { fate: Fate::New, ..plain }, "new".to_owned()));
            entries.push((Look { fate: Fate::Gone, ..plain }, "gone".to_owned()));
            entries.push((Look { grown: true, ..plain }, "grown".to_owned()));
        }
        let names: Vec<String> = entries.iter().map(|(_, name)| name.clone()).collect();
        let places = crate::chart::labels::flow(&names, self.width - 2.0 * MARGIN);
        let mut last = 0;
        for ((look, name), (left, row)) in entries.iter().zip(places) {
            let y = self.y + row as f64 * 18.0;
            let x = MARGIN + left;
            self.shape(Rect { x, y: y - 6.0, width: 10.0, height: 12.0 }, look, Some(0.5));
            self.sketch.text(name, (x + 16.0, y), 11.5, palette::INK, false);
            last = row;
        }
        self.y += last as f64 * 18.0 + 26.0;
    }

    /// Draws the clusters; returns those drawn and how many regions are in the others.
    pub(super) fn rows<'a>(
        &mut self,
        clusters: &'a [Cluster],
        max_height: f64,
    ) -> (&'a [Cluster], u64) {
        for (index, cluster) in clusters.iter().enumerate() {
            if self.y > max_height {
                let rest = clusters[index..].iter().flat_map(|row| &row.cells);
                return (&clusters[..index], rest.map(|cell| cell.count).sum());
            }
            if cluster.gap_bytes > 0 {
                let words = match cluster.gap_bytes {
                    // Beyond what a processor of 64 bits can address lies the kernel.
                    gap if gap >> 60 > 0 => "⋮ the kernel's addresses".to_owned(),
                    gap => format!("⋮ {} of nothing", units::size(gap)),
                };
                self.sketch.text(&words, (MARGIN, self.y), TEXT_SIZE, palette::MUTED, false);
                self.y += GAP_LINE;
            }
            self.cluster(&cluster.cells);
        }
        (clusters, 0)
    }

    /// Draws the cells of a cluster in as many lines as they need.
    fn cluster(&mut self, cells: &[Cell]) {
        let right = self.width - MARGIN;
        let mut x = LEFT;
        if let Some(first) = cells.first() {
            let address = format!("0x{:x}", first.range.start);
            let size = cells.iter().fold(0u64, |sum, cell| sum.saturating_add(cell.virtual_bytes));
            let top = self.y;
            self.sketch.text(&address, (MARGIN, top + 9.0), TEXT_SIZE, palette::INK, false);
            let size = units::size(size);
            self.sketch.text(&size, (MARGIN, top + 24.0), TEXT_SIZE, palette::MUTED, false);
        }
        for (index, cell) in cells.iter().enumerate() {
            let width = width_of(cell.virtual_bytes);
            if x + width > right && x > LEFT {
                x = LEFT;
                self.y += LINE;
            }
            let rect = Rect { x, y: self.y, width, height: CELL };
            let look = Look {
                family: cell.family,
                fate: cell.fate,
                grown: cell.fate == Fate::Kept && cell.change.is_some_and(|change| change > 0),
            };
            let share = cell
                .resident_bytes
                .map(|resident| resident as f64 / cell.virtual_bytes.max(1) as f64);
            self.sketch.begin(&tooltip(cell));
            self.shape(rect, &look, share);
            self.sketch.end();
            // The last cell's label has all the room to its right.
            let room = if index + 1 == cells.len() { right - x } else { width };
            let fits = |words: &&String| text::width(words, LABEL_SIZE) <= room;
            if let Some(words) = labels(cell).iter().find(fits).filter(|words| !words.is_empty()) {
                let at = (x, self.y + CELL + 9.0);
                self.sketch.text(words, at, LABEL_SIZE, palette::MUTED, false);
            }
            x += width + BETWEEN;
        }
        self.y += LINE;
    }

    /// Draws a cell: outline, and its resident share from below.
    fn shape(&mut self, rect: Rect, look: &Look, share: Option<f64>) {
        let color = paint(look.family);
        let reserved = look.family == Family::Reserved;
        let (line, width, dashed) = match look.fate {
            Fate::New => (NEW, 1.8, false),
            Fate::Gone => (palette::MUTED, 1.0, true),
            Fate::Kept => (if reserved { palette::AXIS } else { color }, 1.0, false),
        };
        let outline = Outline { paint: line, width, dashed };
        if look.fate == Fate::Gone {
            return self.sketch.rect(rect, None, Some(outline));
        }
        let filled = share.unwrap_or(0.0).clamp(0.0, 1.0) * rect.height;
        let filled = if share > Some(0.0) { filled.max(1.0) } else { 0.0 };
        if reserved {
            // The colour of gaps is that of their hatching.
            self.sketch.rect(rect, Some(palette::GAP), None);
        }
        if filled > 0.0 {
            let part = Rect { y: rect.y + rect.height - filled, height: filled, ..rect };
            self.sketch.rect(part, Some(color), None);
        }
        self.sketch.rect(rect, None, Some(outline));
        if look.fate == Fate::New {
            // Not by colour alone.
            let bar = Rect { y: rect.y - 4.0, height: 2.0, ..rect };
            self.sketch.rect(bar, Some(NEW), None);
        }
        if look.grown {
            let bar = Rect { y: rect.y + rect.height, height: 3.0, ..rect };
            self.sketch.rect(bar, Some(palette::INK), None);
        }
    }

    pub(super) fn foot(&mut self, free: Option<Free>, left_out: u64) {
        let mut lines = Vec::new();
        lines.extend(free.map(free_words));
        if left_out > 0 {
            lines.push(format!(
                "{} above are not drawn",
                units::counted(left_out, "region", "regions")
            ));
        }
        lines.push(
            "cells are filled from below by the resident share · point at one for its figures"
                .to_owned(),
        );
        for line in lines {
            let room = self.width - 2.0 * MARGIN;
            let line = text::fit(&line, TEXT_SIZE, room);
            self.sketch.text(&line, (MARGIN, self.y), TEXT_SIZE, palette::MUTED, false);
            self.y += 16.0;
        }
        self.y += 2.0;
    }
}

/// How a cell looks.
#[derive(Clone, Copy, Debug)]
struct Look {
    family: Family,
    fate: Fate,
    grown: bool,
}

impl Look {
    const fn of(family: Family) -> Self {
        Self { family, fate: Fate::Kept, grown: false }
    }
}

fn width_of(bytes: u64) -> f64 {
    ((bytes as f64 / PAGE).powf(POWER) * SCALE).clamp(MIN_CELL, MAX_CELL)
}

/// Returns the words under a cell, in forms that say less and less.
fn labels(cell: &Cell) -> [String; 3] {
    let change = cell.change.filter(|change| *change != 0).map(units::signed_size);
    let change = change.unwrap_or_default();
    let label = match cell.count {
        1 => cell.label.clone(),
        count => format!("{} × {}", cell.label, units::count(count)),
    };
    [format!("{label} {change}").trim_end().to_owned(), label, change]
}

/// Returns all figures of a cell.
fn tooltip(cell: &Cell) -> String {
    const MAX_NAME: usize = 120;
    let mut words = cell.label.clone();
    if cell.count > 1 {
        words.push_str(&format!(" × {}", units::count(cell.count)));
    }
    if let Some(name) = &cell.name {
        let name: String = name.chars().take(MAX_NAME).collect();
        words.push_str(&format!(" · {name}"));
    }
    let resident = cell.resident_bytes.map_or("-".to_owned(), units::size);
    words.push_str(&format!(" · {resident} of {} resident", units::size(cell.virtual_bytes)));
    match (cell.fate, cell.change) {
        (Fate::New, _) => words.push_str(" · new"),
        (Fate::Gone, _) => words.push_str(" · gone"),
        (Fate::Kept, Some(change)) if change != 0 => {
            words.push_str(&format!(" · {}", units::signed_size(change)));
        }
        (Fate::Kept, _) => {}
    }
    let among = if cell.count > 1 { "from " } else { "" };
    words.push_str(&format!(" · {among}0x{:x} to 0x{:x}", cell.range.start, cell.range.end));
    words
}
