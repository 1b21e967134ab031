//! The address map: where regions lie, how full they are, and what came and went.
//!
//! Nothing is to scale, since address spaces are mostly empty: a row is a cluster of regions, its
//! cells' widths follow a root of their sizes, and the emptiness between is written.

pub(crate) mod cells;
pub(crate) mod clusters;
pub(crate) mod draw;
pub(crate) mod sketch;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use vmrec_sampler::{Family, Naming, Snapshot};

use crate::address_map::cells::{Cell, Fate};
use crate::address_map::clusters::{Cluster, Free};
use crate::address_map::draw::{MAX_WIDTH, MIN_WIDTH, Map, free_words};
use crate::address_map::sketch::{Rect, Sketch};
use crate::chart::canvas::{self, SvgDocument};
use crate::chart::options::Theme;
use crate::chart::palette;
use crate::chart::text;
use crate::map_page::options::PageSource;
use crate::text::units;

/// How a map is to look.
#[derive(Clone, Debug)]
pub struct AddressMapOptions {
    /// The colours around the cells.
    pub theme: Theme,
    /// The time zone of the moments named.
    pub zone: TimeZone,
    /// Whose words types have.
    pub naming: Naming,
    /// Width in pixels.
    pub width: u32,
    /// The maximum height in pixels: later rows are left out, and that is said.
    pub max_height: u32,
}

/// An address map, and what it shows in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnMap {
    /// The SVG document.
    pub svg: String,
    /// Its title. Its words may hold anything: escape them where they are shown.
    pub title: String,
}

/// Draws a snapshot, with the changes since an earlier one if there is one.
pub fn address_map(
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    earlier: Option<&Snapshot>,
    options: &AddressMapOptions,
) -> DrawnMap {
    let cells = cells::cells(snapshot, earlier, options.naming);
    let title = title(source, snapshot, earlier, &cells, options);
    let free = clusters::free(snapshot);
    let families: Vec<Family> = Family::ALL
        .into_iter()
        .filter(|family| cells.iter().any(|cell| cell.family == *family))
        .collect();
    let mut map = Map {
        sketch: Sketch::new(options.theme),
        width: f64::from(options.width).clamp(MIN_WIDTH, MAX_WIDTH),
        y: 24.0,
        changes: earlier.is_some(),
    };
    let height_of_paper = map.sketch.drawn.len();
    map.head(&title, &about(source, snapshot, options));
    map.legend(&families, options.naming);
    let clusters = clusters::clusters(cells);
    let (shown, left_out) = map.rows(&clusters, f64::from(options.max_height));
    map.foot(free, left_out);
    let Map { mut sketch, width, y, .. } = map;
    // The paper lies below all else, and its height is known last.
    let after = sketch.drawn.split_off(height_of_paper);
    sketch.rect(Rect { x: 0.0, y: 0.0, width, height: y }, Some(palette::PAPER), None);
    sketch.drawn.push_str(&after);
    let (drawn, used) = sketch.finish();
    let description = description(shown, free, options.naming);
    let document = SvgDocument {
        id: &crate::chart::unique("map", &[&drawn, &description, options.theme.name()]),
        title: &text::clean(&title),
        description: &description,
        width: width as u32,
        height: y.ceil() as u32,
        scale: 1.0,
        theme: options.theme,
        dense: true,
        lines: &[],
    };
    DrawnMap { svg: canvas::document(&drawn, &used, &document), title }
}

fn title(
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    earlier: Option<&Snapshot>,
    cells: &[Cell],
    options: &AddressMapOptions,
) -> String {
    let name = source.process.name();
    let count = |fate: Fate| -> u64 {
        cells.iter().filter(|cell| cell.fate == fate).map(|cell| cell.count).sum()
    };
    let resident = cells
        .iter()
        .filter(|cell| cell.fate != Fate::Gone)
        .try_fold(0u64, |sum, cell| Some(sum.saturating_add(cell.resident_bytes?)));
    let regions = units::counted(snapshot.regions.len() as u64, "region", "regions");
    let Some(earlier) = earlier else {
        let resident = resident.map_or("-".to_owned(), units::size);
        return format!("{name} has {regions}, {resident} resident");
    };
    let since = time(earlier, options);
    let change = cells.iter().try_fold(0i128, |sum, cell| Some(sum + cell.change?));
    let change = change.map_or("-".to_owned(), units::signed_size);
    format!(
        "{name} since {since}: {} new, {} gone, resident {change}",
        units::counted(count(Fate::New), "region", "regions"),
        units::count(count(Fate::Gone)),
    )
}

fn time(snapshot: &Snapshot, options: &AddressMapOptions) -> String {
    let at = crate::finding::clock::local(snapshot.taken.utc_ns, 0, &options.zone);
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn about(source: &PageSource<'_>, snapshot: &Snapshot, options: &AddressMapOptions) -> String {
    let process = source.process;
    let pid = process.id.pid_text();
    let when = crate::finding::clock::moment(snapshot.taken.utc_ns, 0);
    let offset = crate::chart::time::offset(when, &options.zone);
    format!(
        "Address space — {} (pid {pid}) · {} {offset} · {}, {} {} · rows are clusters, a cell's \
         width grows with a root of its size",
        process.name(),
        time(snapshot, options),
        source.host.name,
        source.host.os,
        source.host.kernel,
    )
}

fn description(shown: &[Cluster], free: Option<Free>, naming: Naming) -> String {
    let mut sentences = Vec::new();
    for family in Family::ALL {
        let cells = || shown.iter().flat_map(|row| &row.cells).filter(|c| c.family == family);
        let count: u64 = cells().map(|cell| cell.count).sum();
        if count > 0 {
            let size = cells().fold(0u64, |sum, cell| sum.saturating_add(cell.virtual_bytes));
            sentences.push(format!(
                "{}: {}, {} of addresses.",
                family.label(naming),
                units::counted(count, "region", "regions"),
                units::size(size)
            ));
        }
    }
    sentences.extend(free.map(|free| format!("{}.", free_words(free))));
    sentences.join(" ")
}
