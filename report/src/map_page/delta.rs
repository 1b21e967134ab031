//! Changes between two snapshots, on the page of the first.

use jiff::tz::TimeZone;
use vmrec_sampler::{Snapshot, sort_by, sort_by_key};

use crate::amounts::{Amounts, Change};
use crate::diff;
use crate::diff::RegionRow;
use crate::map_page::lines::Columns;
use crate::map_page::options::{PageOptions, PageSource};
use crate::map_page::row::PageRow;
use crate::map_page::size::SizeFormat;
use crate::map_page::{header, legend, totals};
use crate::metric::Metric;
use crate::text::table::{Align, Cell, Column, Table, cut_middle};
use crate::text::units;

/// The sets of regions, each with whether they are there in the second snapshot and in the first.
const SETS: [(&str, bool, bool); 3] = [
    ("that differ", true, true),
    ("only in the first snapshot", false, true),
    ("only in the second snapshot", true, false),
];

/// Returns the regions that differ between two snapshots (old, then new), those
/// only in the first and those only in the second, and sums of what changed.
pub fn delta_text(
    source: &PageSource<'_>,
    from: &Snapshot,
    to: &Snapshot,
    options: &PageOptions,
    time_zone: &TimeZone,
) -> String {
    let pid = source.process.id.pid_text();
    let sizes = options.sizes(source.host.page_size_bytes);
    let width = options.width.unwrap_or(usize::MAX);
    let mut diff = diff::diff(from, to);
    let ends = [from, to].map(|snapshot| snapshot.consistency.totals_alone());
    if let Some(why) = ends.into_iter().flatten().next() {
        let text = header::header(source, from, Some(to), options, time_zone);
        return text + &header::unread(why, width);
    }
    // A detail that no page shows, such as which pages were used, is no difference between two.
    diff.regions.retain(|row| {
        let differs = differs(row);
        if !differs {
            diff.unchanged_rows += 1;
            diff.unchanged.merge(&row.change.to);
        }
        differs
    });
    sort_by_key(&mut diff.regions, RegionRow::range);
    let mut text = header::header(source, from, Some(to), options, time_zone);
    let rows: Vec<PageRow> = diff
        .regions
        .iter()
        .flat_map(|row| [PageRow::of_change(row, false), PageRow::of_change(row, true)])
        .flatten()
        .collect();
    let columns = Columns::of(options, sizes, &rows);
    for (title, in_second, in_first) in SETS {
        let chosen = |row: &&RegionRow| {
            (row.from_state.is_some(), row.to_state.is_some()) == (in_first, in_second)
        };
        let set: Vec<&RegionRow> = diff.regions.iter().filter(chosen).collect();
        text.push_str(&format!("\n==== Regions of process {pid} {title}: {}\n", set.len()));
        if set.is_empty() {
            continue;
        }
        if !options.summary {
            columns.heading(&mut text);
        }
        let mut sum = Change::default();
        for row in set {
            sum.merge(&row.change);
            if options.summary {
                continue;
            }
            let (before, after) = (PageRow::of_change(row, false), PageRow::of_change(row, true));
            for (mark, end) in [("- ", &before), ("+ ", &after)] {
                end.iter().for_each(|end| columns.row(&mut text, mark, end));
            }
            if before.zip(after).is_some_and(|(before, after)| columns.look_alike(&before, &after))
            {
                text.push_str(&cut_middle(&unseen(&row.change, sizes), width));
                text.push('\n');
            }
        }
        text.push_str(&set_total(&sum, sizes, width));
    }
    if !options.summary && !rows.is_empty() {
        text.push_str("\n==== Legend\n- first snapshot, + second snapshot\n");
        text.push_str(&legend::modes(&rows, false));
    }
    let apart = to.taken.monotonic_ns.abs_diff(from.taken.monotonic_ns);
    let apart = units::duration(apart);
    text.push_str(&format!("\n==== Changes of process {pid} in {apart}\n"));
    let mut table = empty();
    let mut types = diff.types.clone();
    sort_by(&mut types, |a, b| a.key.label(options.naming).cmp(b.key.label(options.naming)));
    for row in types.iter().filter(|row| moves(&row.change)) {
        table.row(cells(row.key.label(options.naming), &row.change, sizes));
    }
    table.sum(cells("TOTAL", &diff.total, sizes));
    text.push_str(&table.render(width, options.color));
    text.push_str(&unchanged(diff.unchanged_rows, &diff.unchanged, sizes));
    text
}

/// Returns whether a region differs in what a page shows.
fn differs(row: &RegionRow) -> bool {
    row.from_state != row.to_state || moves(&row.change)
}

/// Returns whether a number of regions or a size that a page shows differs.
fn moves(change: &Change) -> bool {
    change.from.regions != change.to.regions || moved(change).next().is_some()
}

fn moved(change: &Change) -> impl Iterator<Item = Metric> {
    totals::COLUMNS.into_iter().filter(|metric| {
        let delta = change.get(*metric);
        delta.from != delta.to
    })
}

/// Returns what changed in a region whose lines look the same.
fn unseen(change: &Change, sizes: SizeFormat) -> String {
    let changed = moved(change).map(|metric| at_both(metric, change, sizes));
    let count = (change.from.regions != change.to.regions)
        .then(|| format!("regions={}->{}", change.from.regions, change.to.regions));
    let changed: Vec<String> = changed.chain(count).collect();
    format!("  {}", changed.join(" "))
}

fn at_both(metric: Metric, change: &Change, sizes: SizeFormat) -> String {
    let delta = change.get(metric);
    format!("{}={}->{}", metric.words(), sizes.text(delta.from), sizes.text(delta.to))
}

/// Returns the sums of one set of regions: at both times, or at the one they were there.
fn set_total(sum: &Change, sizes: SizeFormat, width: usize) -> String {
    let parts = totals::COLUMNS.map(|metric| {
        let at =
            |amounts: &Amounts| format!("{}={}", metric.words(), sizes.text(amounts.get(metric)));
        match (sum.from.regions, sum.to.regions) {
            (_, 0) => at(&sum.from),
            (0, _) => at(&sum.to),
            _ => at_both(metric, sum, sizes),
        }
    });
    let (first, second) = parts.split_at(parts.len() / 2);
    totals::broken(&format!("Total: {}", first.join(" ")), &second.join(" "), width)
}

fn empty() -> Table {
    let mut columns = vec![Column::new("REGION TYPE", Align::Left)];
    columns.extend(totals::COLUMNS.map(|metric| Column::new(metric.heading(), Align::Right)));
    columns.push(Column::new("COUNT", Align::Right));
    Table::new(columns, 0, 18)
}

fn cells(name: &str, change: &Change, sizes: SizeFormat) -> Vec<Cell> {
    let count = i128::from(change.to.regions) - i128::from(change.from.regions);
    let mut cells = vec![Cell::new(name)];
    cells.extend(totals::COLUMNS.map(|metric| sizes.change_cell(change.get(metric).delta())));
    cells.push(Cell::new(&if count == 0 { "0".to_owned() } else { format!("{count:+}") }));
    cells
}

fn unchanged(rows: u64, held: &Amounts, sizes: SizeFormat) -> String {
    let size = sizes.text(held.get(Metric::Virtual));
    let resident = sizes.text(held.get(Metric::RESIDENT));
    let rows = if rows == 1 { "1 region".to_owned() } else { format!("{rows} regions") };
    format!("{rows} unchanged (virtual={size} resident={resident})\n")
}
