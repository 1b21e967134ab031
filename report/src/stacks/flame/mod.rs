//! `vmrec flame`: which functions made a change of resident memory, as a picture.
//!
//! Each row is a frame deeper than the one above it; a box is as wide as its bytes. What grew, what
//! shrank and what no stack explains lie beside each other, so that nothing is netted away: all
//! widths add up, and the signed sum of the three is the change. The picture has no scripts.

pub(crate) mod boxes;
mod draw;
pub(crate) mod tree;

use crate::chart::canvas::{self, SvgDocument};
use crate::chart::options::Theme;
use crate::chart::text;
use crate::diff::table::heading::Heading;
use crate::session::table::SessionHeading;
use crate::stacks::StackDiff;
use crate::stacks::choice::MetricWords;
use crate::stacks::flame::boxes::boxes;
use crate::stacks::flame::draw::{Drawing, Words};
use crate::stacks::paths::StackPaths;
use crate::stacks::table::notes;
use crate::text::{clock, units};

/// How a picture is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlameOptions {
    /// The colours around the boxes.
    pub theme: Theme,
    /// Width in pixels, within bounds.
    pub width: u32,
}

/// A picture, and its finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnFlame {
    /// The SVG document.
    pub svg: String,
    /// Its title. Its words may hold anything: escape them where they are shown.
    pub title: String,
}

/// What a picture is of. Not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlameHead {
    name: String,
    about: Vec<String>,
}

impl FlameHead {
    /// Returns the head of a picture of one process.
    pub fn of_process(heading: &Heading<'_>) -> Self {
        let name = heading.process.name().to_owned();
        let ends = [heading.from.taken.monotonic_ns, heading.to.taken.monotonic_ns];
        let begun = clock::local(heading.from.taken.utc_ns, heading.time_zone);
        let apart = units::duration(ends[0].abs_diff(ends[1]));
        let about = vec![
            format!("{name} ({}), recording {}", heading.process.id, heading.recording.0),
            format!("#{} of {begun}", heading.from.number),
            format!("to #{}, {apart} later", heading.to.number),
        ];
        Self { name, about }
    }

    /// Returns the head of a picture of all processes of a session.
    pub fn of_session(heading: &SessionHeading<'_>) -> Self {
        let SessionHeading { session, targets, from, to, time_zone } = heading;
        let apart = to.taken.monotonic_ns.abs_diff(from.taken.monotonic_ns);
        let begun = clock::local(from.taken.utc_ns, time_zone);
        let about = vec![
            format!("session {}, {targets}", session.0),
            format!("{begun} and {} later", units::duration(apart)),
        ];
        Self { name: format!("session {}", session.0), about }
    }
}

/// Bounds of the width.
const MIN_WIDTH: u32 = 320;
const MAX_WIDTH: u32 = 4000;
/// The maximum size of a picture.
const MAX_BYTES: usize = 200_000;
/// The width of the narrowest box, in pixels, if there is room.
const MIN_PIXELS: f64 = 1.0;

/// Draws the changes of the regions of one type, or of all.
pub fn flame(
    head: &FlameHead,
    diff: &StackDiff,
    only_type: Option<&str>,
    options: &FlameOptions,
) -> DrawnFlame {
    let all = StackPaths::new(diff);
    let width = f64::from(options.width.clamp(MIN_WIDTH, MAX_WIDTH));
    let words = words(head, diff, &all, only_type);
    let title = words.title.join(", ");
    let mut min_pixels = MIN_PIXELS;
    loop {
        let boxes = boxes(&all, min_pixels / width);
        let drawing = Drawing::new(&all, options.theme, width);
        let (drawn, used, height) = drawing.draw(&boxes, &words, min_pixels);
        let document = SvgDocument {
            id: &crate::chart::unique("flame", &[&drawn, &words.description, options.theme.name()]),
            title: &text::clean(&title),
            description: &text::clean(&words.description),
            width: width as u32,
            height: height.ceil() as u32,
            scale: 1.0,
            theme: options.theme,
            dense: true,
            lines: &[],
        };
        let svg = canvas::document(&drawn, &used, &document);
        // Wider boxes are fewer; at last there is one a row.
        if svg.len() <= MAX_BYTES || min_pixels > width {
            return DrawnFlame { svg, title };
        }
        min_pixels *= 1.5;
    }
}

fn words(head: &FlameHead, diff: &StackDiff, all: &StackPaths, only_type: Option<&str>) -> Words {
    let name = &head.name;
    let metric = MetricWords::of(diff.metric);
    let noun = metric.noun;
    let of_type = only_type.map_or_else(String::new, |name| format!(" of {name}"));
    let mut title = vec![format!("{name}: {noun}{of_type} {}", units::signed_size(diff.total))];
    title.extend(diff.made_by().map(|made_by| made_by.words()));
    let mut about = head.about.clone();
    about.push("a box is as wide as its bytes; below it are the functions it called".to_owned());
    let counts = diff.counts[1];
    let mean = counts.allocs.map_or(0, |allocs| allocs.mean_bytes);
    about.push(match (metric.is_estimate, counts.period) {
        (false, _) => format!("{noun} memory, {}", metric.by),
        (true, _) if mean > 0 => {
            format!("estimated from blocks, 1 sampled in {} allocated", units::size(mean))
        }
        (true, 1) => "each page fault was taken".to_owned(),
        (true, period) => format!("estimated from 1 in {} page faults", units::count(period)),
    });
    let sums = all.sums();
    let rest = match sums.has_whole {
        true => format!(", unattributed {}", units::signed_size(sums.unattributed_bytes)),
        false => String::new(),
    };
    let description = format!(
        "{}. Grown {}, shrunk {}{rest}.",
        about.join(" · "),
        draw::signed(1, sums.grown_bytes),
        draw::signed(-1, sums.shrunk_bytes),
    );
    Words { title, about, notes: notes(diff), description, noun, total: diff.total }
}
