//! The regions of one snapshot, line by line as vmmap prints them, with a
//! summary by type below.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{Consistency, Identity, ProcessInfo, Quantity, Region, Snapshot};

use crate::amounts::Amounts;
use crate::metric::Metric;
use crate::table::{Align, Cell, Column, Table, cut_middle};
use crate::{clock, escape, units};

/// The least cells of the last column that are worth showing.
const LEAST_OBJECT: usize = 4;
/// The least cells a type is cut to.
const LEAST_TYPE: usize = 11;
/// Addresses of a process of 47 bits, as `start-end`.
const USUAL_RANGE: usize = 25;

/// How the table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapLayout {
    /// Terminal cells in a line; `None` to cut nothing.
    pub width: Option<usize>,
    /// Whether to show how sure each type is and the rule that decided.
    pub verbose: bool,
}

/// Returns the regions of `snapshot` as a heading, a line each and a summary.
pub fn map_text(
    process: &ProcessInfo,
    snapshot: &Snapshot,
    layout: &MapLayout,
    time_zone: &TimeZone,
) -> String {
    let mut heading = format!("{} ({}), ", escape::terminal(process.name()), process.id);
    heading.push_str(&clock::local_exact(snapshot.taken.utc_ns, time_zone));
    let mut text = line(&heading, layout.width);
    if let Consistency::Torn(why) = &snapshot.consistency {
        text.push_str(&line(&format!("torn: {}", escape::terminal(why)), layout.width));
    }
    text.push('\n');
    regions(&mut text, &snapshot.regions, layout);
    text.push('\n');
    text.push_str(&summary(&snapshot.regions).render(layout.width.unwrap_or(usize::MAX), false));
    text
}

fn line(text: &str, width: Option<usize>) -> String {
    format!("{}\n", cut_middle(text, width.unwrap_or(usize::MAX)))
}

/// The columns of a region.
struct Row {
    region_type: String,
    range: String,
    sizes: [String; 2],
    rights: String,
    why: Option<[String; 2]>,
    object: (String, Option<String>),
}

impl Row {
    fn of(region: &Region, verbose: bool) -> Self {
        let identity = &*region.identity;
        let label = &identity.label;
        let most = identity.max_protection.map_or_else(|| "-".to_owned(), |most| most.to_string());
        let mode = region.share_mode.map_or("-", |mode| mode.name());
        let resident = region.quantities.get(Quantity::Resident);
        Self {
            region_type: escape::terminal(label.region_type.name()).into_owned(),
            range: identity.range.to_string(),
            sizes: [
                units::size(identity.range.virtual_bytes()),
                resident.map_or_else(|| "-".to_owned(), units::size),
            ],
            rights: format!("{:<7} SM={mode:<3}", format!("{}/{most}", identity.protection)),
            why: verbose.then(|| {
                [label.confidence.name().to_owned(), escape::terminal(&label.rule).into_owned()]
            }),
            object: object(identity),
        }
    }
}

/// Returns what lies behind a region, and the file's name alone where it is a path.
fn object(identity: &Identity) -> (String, Option<String>) {
    let detail = identity.label.detail.as_deref();
    let Some(object) = identity.object.as_deref() else {
        let detail = detail.unwrap_or_default();
        let file = detail.starts_with('/').then(|| detail.rsplit('/').next()).flatten();
        let escaped = |text: &str| escape::terminal(text).into_owned();
        return (escaped(detail), file.map(escaped));
    };
    // What the kernel was told to call memory is the detail already.
    let detail = detail.filter(|detail| !object.name.ends_with(detail));
    let whole = |name: &str| {
        let mut text = String::new();
        for part in detail.into_iter().chain([name]) {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(&escape::terminal(part));
        }
        text + if object.deleted { " (deleted)" } else { "" }
    };
    let file = object.name.rsplit_once('/').filter(|(_, file)| !file.is_empty());
    (whole(&object.name), file.map(|(_, file)| whole(file)))
}

fn regions(text: &mut String, regions: &[Region], layout: &MapLayout) {
    let rows: Vec<Row> = regions.iter().map(|region| Row::of(region, layout.verbose)).collect();
    let widest = |cell: fn(&Row) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let range_width = rows
        .iter()
        .map(|row| row.range.len())
        .filter(|width| *width <= USUAL_RANGE)
        .max()
        .unwrap_or(USUAL_RANGE);
    let size_widths = [0, 1].map(|place: usize| {
        rows.iter().map(|row| row.sizes[place].len()).max().unwrap_or(0).max(5)
    });
    let why_widths = [0, 1].map(|place: usize| {
        let width = |row: &Row| row.why.as_ref().map_or(0, |why| why[place].width());
        rows.iter().map(width).max().unwrap_or(0)
    });
    let natural = widest(|row| row.region_type.width()).max("TYPE".len());
    let middle = |row: &Row| {
        let mut middle = format!(
            "{:<range_width$} [{:>w0$}/{:>w1$}] {}",
            row.range,
            row.sizes[0],
            row.sizes[1],
            row.rights,
            w0 = size_widths[0],
            w1 = size_widths[1],
        );
        if let Some([confidence, rule]) = &row.why {
            let (w0, w1) = (why_widths[0], why_widths[1]);
            middle.push_str(&format!(" {confidence:<w0$} {rule:<w1$}"));
        }
        middle
    };
    let usual = range_width + size_widths[0] + size_widths[1] + 4 + 15;
    let type_width = layout.width.map_or(natural, |width| {
        let left = width.saturating_sub(usual + 2);
        natural.min((left * 3 / 5).max(LEAST_TYPE))
    });
    for row in &rows {
        let name = cut_middle(&row.region_type, type_width);
        let padding = " ".repeat(type_width.saturating_sub(name.width()));
        let mut whole = format!("{name}{padding} {}", middle(row));
        let left = layout.width.map(|width| width.saturating_sub(whole.width() + 1));
        let (path, file) = &row.object;
        let shown = match (left, file) {
            (Some(left), Some(file)) if path.width() > left => file,
            _ => path,
        };
        if left.is_none_or(|left| left >= LEAST_OBJECT) {
            whole.push(' ');
            whole.push_str(&cut_middle(shown, left.unwrap_or(usize::MAX)));
        }
        text.push_str(whole.trim_end_matches(' '));
        text.push('\n');
    }
}

/// The sums of each type, the most resident first.
fn summary(regions: &[Region]) -> Table {
    let metrics = [
        Metric::Virtual,
        Metric::RESIDENT,
        Metric::Measured(Quantity::Private),
        Metric::Measured(Quantity::Dirty),
        Metric::Measured(Quantity::Swapped),
    ];
    let mut columns =
        vec![Column::new("TYPE", Align::Left), Column::new("REGIONS", Align::Right).droppable(2)];
    columns.extend(metrics.iter().enumerate().map(|(place, metric)| {
        let column = Column::new(metric.heading(), Align::Right);
        if place < 2 { column } else { column.droppable(place as u8 + 1) }
    }));
    let mut table = Table::new(columns, 0, 18);
    let mut types: BTreeMap<_, Amounts> = BTreeMap::new();
    for region in regions {
        types.entry(&region.identity.label.region_type).or_default().add(region);
    }
    let mut types: Vec<_> = types.into_iter().collect();
    let size = |sum: &Amounts| (sum.get(Metric::RESIDENT).unwrap_or(0), sum.virtual_bytes);
    types.sort_by_key(|(_, sum)| std::cmp::Reverse(size(sum)));
    let cells = |name: &str, sum: &Amounts| {
        let mut cells = vec![Cell::new(name), Cell::new(&sum.regions.to_string())];
        cells.extend(metrics.iter().map(|metric| {
            Cell::new(&sum.get(*metric).map_or_else(|| "-".to_owned(), units::size))
        }));
        cells
    };
    for (region_type, sum) in &types {
        table.row(cells(region_type.name(), sum));
    }
    table.sum(cells("TOTAL", &regions.iter().collect()));
    table
}

#[cfg(test)]
mod tests;
