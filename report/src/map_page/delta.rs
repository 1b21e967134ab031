//! What changed between two snapshots, on the page of the first.

use jiff::tz::TimeZone;
use vmrec_sampler::Snapshot;

use super::lines::Columns;
use super::row::Row;
use super::size::Sizes;
use super::{PageOptions, PageSource, header, legend, totals};
use crate::amounts::{Amounts, Change};
use crate::diff::{self, ChangeKind, RegionRow};
use crate::metric::Metric;
use crate::table::{Align, Cell, Column, Table};
use crate::units;

/// Returns the regions that differ between two snapshots (old, then new), those
/// only in the first and those only in the second, and sums of what changed.
pub fn delta_text(
    source: &PageSource<'_>,
    from: &Snapshot,
    to: &Snapshot,
    options: &PageOptions,
    time_zone: &TimeZone,
) -> String {
    let pid = source.process.id.pid;
    let sizes = options.sizes(source.host.page_size_bytes);
    let mut diff = diff::diff(from, to);
    diff.regions.sort_by_key(RegionRow::range);
    let mut text = header::header(source, from, Some(to), options, time_zone);
    let rows: Vec<Row> = diff
        .regions
        .iter()
        .flat_map(|row| [Row::of_change(row, false), Row::of_change(row, true)])
        .flatten()
        .collect();
    let columns = Columns::of(options, sizes, &rows);
    let sets: [(&str, fn(ChangeKind) -> bool); 3] = [
        ("that differ", |kind| !matches!(kind, ChangeKind::New | ChangeKind::Gone)),
        ("only in the first snapshot", |kind| kind == ChangeKind::Gone),
        ("only in the second snapshot", |kind| kind == ChangeKind::New),
    ];
    for (title, chosen) in sets {
        let set: Vec<&RegionRow> = diff.regions.iter().filter(|row| chosen(row.kind)).collect();
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
            let ends = [("- ", Row::of_change(row, false)), ("+ ", Row::of_change(row, true))];
            for (mark, end) in ends.iter().filter(|_| !options.summary) {
                end.iter().for_each(|end| columns.row(&mut text, mark, end));
            }
        }
        text.push_str(&set_total(&sum, sizes));
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
    types.sort_by(|a, b| a.key.cmp(&b.key));
    for row in types.iter().filter(|row| row.change.from != row.change.to) {
        table.row(cells(row.key.name(), &row.change, sizes));
    }
    table.sum(cells("TOTAL", &diff.total, sizes));
    text.push_str(&table.render(options.width.unwrap_or(usize::MAX), false));
    text.push_str(&unchanged(diff.unchanged_rows, &diff.unchanged, sizes));
    text
}

/// Returns the sums of one set of regions: at both times, or at the one they were there.
fn set_total(sum: &Change, sizes: Sizes) -> String {
    let parts = totals::COLUMNS.map(|metric| {
        let name = metric.words();
        let at = |amounts: &Amounts| sizes.text(amounts.get(metric));
        match (sum.from.regions, sum.to.regions) {
            (_, 0) => format!("{name}={}", at(&sum.from)),
            (0, _) => format!("{name}={}", at(&sum.to)),
            _ => format!("{name}={}->{}", at(&sum.from), at(&sum.to)),
        }
    });
    format!("Total: {}\n", parts.join(" "))
}

fn empty() -> Table {
    let mut columns = vec![Column::new("REGION TYPE", Align::Left)];
    columns.extend(totals::COLUMNS.map(|metric| Column::new(metric.heading(), Align::Right)));
    columns.push(Column::new("COUNT", Align::Right));
    Table::new(columns, 0, 18)
}

fn cells(name: &str, change: &Change, sizes: Sizes) -> Vec<Cell> {
    let count = i128::from(change.to.regions) - i128::from(change.from.regions);
    let mut cells = vec![Cell::new(name)];
    let deltas = totals::COLUMNS.map(|metric| sizes.signed(change.get(metric).delta()));
    cells.extend(deltas.iter().map(|text| Cell::new(text)));
    cells.push(Cell::new(&if count == 0 { "0".to_owned() } else { format!("{count:+}") }));
    cells
}

fn unchanged(rows: u64, held: &Amounts, sizes: Sizes) -> String {
    let size = sizes.text(held.get(Metric::Virtual));
    let resident = sizes.text(held.get(Metric::RESIDENT));
    let rows = if rows == 1 { "1 region".to_owned() } else { format!("{rows} regions") };
    format!("{rows} unchanged (virtual={size} resident={resident})\n")
}
