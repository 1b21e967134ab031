//! Draws boxes with their names and figures.

use std::collections::BTreeMap;

use crate::address_map::sketch::{Outline, Rect, Sketch};
use crate::chart::options::Theme;
use crate::chart::palette::{self, Paint, Rgb};
use crate::chart::{labels, text};
use crate::stacks::error_bytes;
use crate::stacks::flame::boxes::{FlameBox, Stands};
use crate::stacks::names::brief;
use crate::stacks::paths::{StackPaths, Sums};
use crate::text::units;

const MARGIN: f64 = 18.0;
const ROW: f64 = 19.0;
/// Between two boxes, if they are wide enough.
const BETWEEN: f64 = 0.8;
const LABEL_SIZE: f64 = 11.0;
const TEXT_SIZE: f64 = 11.0;
/// From the edge of a box to its label.
const INSET: f64 = 4.0;
/// The narrowest box with a label.
const MIN_LABELLED: f64 = 26.0;
/// The maximum length of a name in a tooltip, in characters.
const MAX_NAME: usize = 160;

/// Reds and blues on which ink is legible; a function has one shade everywhere.
const GROWN: [Paint; 4] = [
    paint((0xf6, 0xb8, 0xae), (0x7d, 0x2f, 0x28)),
    paint((0xf2, 0xa7, 0x9b), (0x8c, 0x38, 0x2f)),
    paint((0xf9, 0xc9, 0xc1), (0x6e, 0x28, 0x22)),
    paint((0xee, 0xb0, 0x9c), (0x84, 0x40, 0x2c)),
];
const SHRUNK: [Paint; 4] = [
    paint((0xa9, 0xcb, 0xef), (0x22, 0x4d, 0x7c)),
    paint((0x99, 0xbf, 0xe8), (0x29, 0x5a, 0x8e)),
    paint((0xbd, 0xd7, 0xf4), (0x1c, 0x41, 0x6a)),
    paint((0xa4, 0xc4, 0xdf), (0x2c, 0x52, 0x73)),
];
/// Boxes that are no function.
const PLAIN: Paint = paint((0xe8, 0xea, 0xed), (0x2b, 0x31, 0x39));

const fn paint(light: Rgb, dark: Rgb) -> Paint {
    Paint { light, dark }
}

/// The words around the boxes.
pub(crate) struct Words {
    /// Its parts are divided by commas; there may be one.
    pub(crate) title: Vec<String>,
    pub(crate) about: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) description: String,
    /// What is counted.
    pub(crate) noun: &'static str,
    pub(crate) total: i128,
}

/// Returns a size in words.
fn size(bytes: u128) -> String {
    units::size(u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// Returns a change in words.
pub(crate) fn signed(sign: i128, bytes: u128) -> String {
    units::signed_size(sign * i128::try_from(bytes).unwrap_or(i128::MAX))
}

/// A picture on its way down.
pub(crate) struct Drawing<'a> {
    all: &'a StackPaths,
    sums: Sums,
    sketch: Sketch,
    width: f64,
    /// The middle of the next line.
    y: f64,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(all: &'a StackPaths, theme: Theme, width: f64) -> Self {
        Self { all, sums: all.sums(), sketch: Sketch::new(theme), width, y: 24.0 }
    }

    /// Returns the drawing, the colours that it uses and its height.
    pub(crate) fn draw(
        mut self,
        boxes: &[FlameBox],
        words: &Words,
        min_pixels: f64,
    ) -> (String, BTreeMap<Rgb, Rgb>, f64) {
        let height_of_paper = self.sketch.drawn.len();
        let room = self.width - 2.0 * MARGIN;
        let parts = words.title.iter().map(|part| text::clean(part)).collect::<Vec<_>>();
        for line in text::wrap(&parts, ", ", 16.0 * text::BOLD, room) {
            self.sketch.text(&line, (MARGIN, self.y), 16.0, palette::INK, true);
            self.y += 20.0;
        }
        self.lines(&words.about);
        self.legend();
        let top = self.y;
        for one in boxes {
            self.one(one, boxes[0].bytes, top, (words.noun, words.total));
        }
        let rows = boxes.iter().map(|one| one.depth + 1).max().unwrap_or(0);
        self.y = top + rows as f64 * ROW + 16.0;
        let mut foot = words.notes.clone();
        if boxes.iter().any(|one| matches!(one.stands, Stands::Narrow(_))) {
            foot.push(format!(
                "functions narrower than {min_pixels:.0} px are summed up in a grey box"
            ));
        }
        foot.push("point at a box for its figures".to_owned());
        self.lines(&foot);
        let Self { mut sketch, width, y, .. } = self;
        // The paper lies below all else, and its height is known last.
        let after = sketch.drawn.split_off(height_of_paper);
        sketch.rect(Rect { x: 0.0, y: 0.0, width, height: y }, Some(palette::PAPER), None);
        sketch.drawn.push_str(&after);
        let (drawn, used) = sketch.finish();
        (drawn, used, y)
    }

    fn lines(&mut self, parts: &[String]) {
        let parts: Vec<String> = parts.iter().map(|part| text::clean(part)).collect();
        for line in text::wrap(&parts, " · ", TEXT_SIZE, self.width - 2.0 * MARGIN) {
            self.sketch.text(&line, (MARGIN, self.y), TEXT_SIZE, palette::MUTED, false);
            self.y += 15.0;
        }
        self.y += 5.0;
    }

    /// Draws a sample of each colour with its sum.
    fn legend(&mut self) {
        let Sums { grown_bytes, shrunk_bytes, unattributed_bytes, has_whole } = self.sums;
        let mut entries = vec![
            (GROWN[0], format!("grown {}", signed(1, grown_bytes))),
            (SHRUNK[0], format!("shrunk {}", signed(-1, shrunk_bytes))),
        ];
        if has_whole {
            let rest = format!("unattributed {}", units::signed_size(unattributed_bytes));
            entries.push((PLAIN, rest));
        }
        let names: Vec<String> = entries.iter().map(|(_, name)| name.clone()).collect();
        let places = labels::flow(&names, self.width - 2.0 * MARGIN);
        let mut last = 0;
        for ((paint, name), (left, row)) in entries.iter().zip(places) {
            let y = self.y + row as f64 * 18.0;
            let x = MARGIN + left;
            let swatch = Rect { x, y: y - 6.0, width: 10.0, height: 12.0 };
            self.sketch.rect(swatch, Some(*paint), Some(OUTLINE));
            self.sketch.text(name, (x + 16.0, y), 11.5, palette::INK, false);
            last = row;
        }
        self.y += last as f64 * 18.0 + 18.0;
    }

    fn one(&mut self, one: &FlameBox, whole: u128, top: f64, total: (&str, i128)) {
        let room = self.width - 2.0 * MARGIN;
        let part = |bytes: u128| match whole {
            // Nothing changed: the whole is all there is.
            0 => room,
            whole => bytes as f64 / whole as f64 * room,
        };
        let width = part(one.bytes);
        let drawn = if width > 2.0 * BETWEEN { width - BETWEEN } else { width };
        let x = MARGIN + if whole == 0 { 0.0 } else { part(one.start) };
        let y = top + one.depth as f64 * ROW;
        let rect = Rect { x, y, width: drawn, height: ROW - 1.0 };
        self.sketch.begin(&self.tooltip(one, total));
        let dashed = one.stands == Stands::Unattributed;
        let outline = dashed.then_some(Outline { dashed, ..OUTLINE });
        self.sketch.rect(rect, Some(self.paint(one)), outline);
        let label = self.label(one, total);
        let label_room = drawn - 2.0 * INSET;
        if drawn >= MIN_LABELLED {
            let label = text::fit(&text::clean(&label), LABEL_SIZE, label_room);
            let middle = y + (ROW - 1.0) / 2.0;
            self.sketch.text(&label, (x + INSET, middle), LABEL_SIZE, palette::INK, false);
        }
        self.sketch.end();
    }

    fn paint(&self, one: &FlameBox) -> Paint {
        let shades = if one.sign < 0 { SHRUNK } else { GROWN };
        match one.stands {
            Stands::Frame(number) => {
                let name = &self.all.frames[number].name;
                let sum = name
                    .bytes()
                    .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
                shades[sum as usize % shades.len()]
            }
            Stands::Side => shades[0],
            Stands::All | Stands::Unattributed | Stands::Narrow(_) | Stands::Deeper => PLAIN,
        }
    }

    fn label(&self, one: &FlameBox, (noun, total): (&str, i128)) -> String {
        let bytes = signed(one.sign, one.bytes);
        match one.stands {
            Stands::All => format!("{noun} {}", units::signed_size(total)),
            Stands::Side if one.sign < 0 => format!("shrunk {bytes}"),
            Stands::Side => format!("grown {bytes}"),
            Stands::Unattributed => format!("unattributed {bytes}"),
            Stands::Frame(number) => brief(&self.all.frames[number].name),
            Stands::Narrow(count) => format!("{} more", units::count(count)),
            Stands::Deeper => "deeper frames".to_owned(),
        }
    }

    fn tooltip(&self, one: &FlameBox, total: (&str, i128)) -> String {
        let frame = match one.stands {
            Stands::Frame(number) => Some(&self.all.frames[number]),
            _ => None,
        };
        if one.stands == Stands::All {
            return self.label(one, total);
        }
        let name = match (frame, one.stands) {
            (Some(frame), _) => shortened(&frame.name),
            (None, Stands::Narrow(count)) => units::counted(count, "function", "functions"),
            (None, Stands::Side) => "all stacks".to_owned(),
            (None, Stands::Unattributed) => "unattributed".to_owned(),
            (None, _) => self.label(one, total),
        };
        let error = match one.stands {
            Stands::Unattributed => String::new(),
            _ if one.variance == 0 => " (exact)".to_owned(),
            _ => format!(" ±{}", units::size(error_bytes(one.variance))),
        };
        let of = if one.sign < 0 { "what shrank" } else { "what grew" };
        let share = self.sums.share(one.sign, one.bytes);
        let mut words =
            format!("{name}: {}{error}, {share:.1} % of {of}", signed(one.sign, one.bytes));
        if let Some(frame) = frame {
            if one.own_bytes > 0 && one.own_bytes < one.bytes {
                words += &format!(", {} in itself", size(one.own_bytes));
            }
            if let Some(module) = frame.module.as_deref().filter(|_| frame.is_function) {
                words +=
                    &format!(", in {}", shortened(module.rsplit('/').next().unwrap_or(module)));
            }
        }
        words
    }
}

const OUTLINE: Outline = Outline { paint: palette::AXIS, width: 0.6, dashed: false };

/// Returns a name that is not longer than a tooltip may be.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
