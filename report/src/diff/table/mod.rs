//! A diff as a table for a terminal.

mod few;
pub(crate) mod heading;
mod headline;
mod line;
mod notes;
pub(crate) mod share;
#[cfg(test)]
mod tests;

use vmrec_sampler::{Naming, Quantity};

use crate::amounts::Change;
use crate::diff::group::{ObjectKey, View};
use crate::diff::table::heading::{DiffLayout, Heading, head};
use crate::diff::table::headline::without_reserved;
use crate::diff::table::line::{Line, sum};
use crate::diff::table::notes::{
    became_shared, given_back, left_out_note, libraries, unknown_notes,
};
use crate::diff::table::share::SharesOf;
use crate::diff::{ChangeKind, Diff, RegionRow, RegionState};
use crate::metric::{Metric, Unit};
use crate::text::table::{Align, Cell, Column, Table, Tone, cut_middle};
use crate::text::{escape, units};

/// The default number of rows of a table; the rest become one.
pub const DEFAULT_ROWS: usize = 20;

/// A diff ready to be written: its finding, what it compares, its rows, and notes.
struct Page {
    headline: Option<String>,
    head: Vec<String>,
    table: Table,
    notes: Vec<String>,
}

/// Returns a diff as a heading, a table and notes. Rows keep the diff's order
/// (`Diff::sort_by`), and what they are sorted by is always a column.
pub fn diff_table(heading: &Heading<'_>, diff: &Diff, layout: &DiffLayout) -> String {
    let Page { headline, head, table, notes } = page(heading, diff, layout);
    let cut = |line: &String| cut_middle(line, layout.width).into_owned() + "\n";
    let mut text: String = headline.iter().chain(&head).map(cut).collect();
    text.push('\n');
    text.push_str(&table.render(layout.width, layout.color));
    text.extend(notes.iter().map(cut));
    text
}

/// Returns a diff as Markdown, for a pull request.
pub fn diff_markdown(heading: &Heading<'_>, diff: &Diff, layout: &DiffLayout) -> String {
    let layout = DiffLayout { width: usize::MAX, color: false, ..*layout };
    let Page { headline, head, table, notes } = page(heading, diff, &layout);
    let line = |line: &String| format!("{}  \n", escape::markdown(line));
    let title = headline.map(|title| format!("### {}\n\n", escape::markdown(&title)));
    let head: String = head.iter().map(line).collect();
    let notes: String = notes.iter().map(line).collect();
    let notes = if notes.is_empty() { notes } else { format!("\n{notes}") };
    format!("{}{head}\n{}{notes}", title.unwrap_or_default(), table.markdown())
}

/// Lays out the totals of a process whose regions are unknown.
fn totals(heading: &Heading<'_>, diff: &Diff, layout: &DiffLayout) -> Page {
    let titles = ["BEFORE", "AFTER", "CHANGE"].map(|title| Column::new(title, Align::Right));
    let mut columns = vec![Column::new("PROCESS TOTAL", Align::Left)];
    columns.extend(titles);
    let mut table = Table::new(columns, 0, 14);
    for (name, delta) in diff.process.named() {
        let at = |bytes| Unit::Bytes.cell(bytes);
        let change = Unit::Bytes.delta_cell(delta.delta());
        table.row(vec![Cell::new(name), at(delta.from), at(delta.to), change]);
    }
    Page {
        headline: None,
        head: head(heading, layout.view, diff),
        table,
        notes: std::iter::once("regions are unknown, and so is what changed in them".to_owned())
            .chain(libraries(diff, layout.width, layout.rows.is_none()))
            .collect(),
    }
}

/// Lays a diff out; words keep within the layout's width where they have shorter forms.
fn page(heading: &Heading<'_>, diff: &Diff, layout: &DiffLayout) -> Page {
    if diff.is_unread() {
        return totals(heading, diff, layout);
    }
    let metrics = metrics(diff.sorted_by, layout.view);
    let (mut moving, still): (Vec<Line>, Vec<Line>) =
        lines(diff, layout.view, layout.naming).into_iter().partition(|line| line.moves(&metrics));
    let shown = match layout.rows {
        None => moving.len(),
        Some(rows) => few::ordered(&mut moving, &metrics, diff.sorted_by).min(rows),
    };
    // One more row takes no more space than the line that stands for it.
    let shown = if moving.len() - shown == 1 { moving.len() } else { shown };
    let (rows, rest) = moving.split_at(shown);

    let shares = SharesOf::of(diff, moving.iter().map(|line| &line.change));
    let with_shares = shares.have_meaning();
    let mut table = empty_table(layout.view, &metrics, diff, with_shares);
    let cells = |names: &[String], change: &Change, is_part| {
        let share = if is_part { shares.cell(change) } else { Cell::default() };
        let share = with_shares.then_some(share);
        cells(names, change, share, &metrics, diff.sorted_by)
    };
    for line in rows {
        table.row(cells(&line.names, &line.change, true));
    }
    if !rest.is_empty() {
        let count: u64 = rest.iter().map(|line| line.rows).sum();
        let names = names_of(layout.view, &format!("other ({count} rows)"));
        table.row(cells(&names, &sum(rest), true));
    }
    let total = names_of(layout.view, "TOTAL");
    table.sum(cells(&total, &diff.total, false));
    if let Some(usable) = without_reserved(diff) {
        let names = names_of(layout.view, "TOTAL, minus reserved");
        table.sum(cells(&names, &usable, false));
    }
    if let Some(cells) = unattributed(diff, layout.view, &metrics, with_shares) {
        table.sum(cells);
    }

    let mut left_out = sum(&still).to;
    let mut left_out_rows = still.len() as u64;
    if layout.view == View::Region {
        left_out.merge(&diff.unchanged);
        left_out_rows += diff.unchanged_rows;
    }
    let notes = left_out_note(left_out_rows, &left_out, diff.sorted_by);
    let caveats = [became_shared(diff), given_back(diff), headline::loading(heading)];
    let caveats = caveats.iter().flatten().map(|caveat| caveat.words(&units::duration));
    let made_by = heading.made_by.as_ref().filter(|_| diff.sorted_by == Metric::RESIDENT);
    let made_by = made_by.map(|it| escape::terminal(&it.words()).into_owned());
    Page {
        headline: headline::of(heading, diff, layout),
        head: made_by.into_iter().chain(head(heading, layout.view, diff)).collect(),
        table,
        notes: notes
            .into_iter()
            .chain(libraries(diff, layout.width, layout.rows.is_none()))
            .chain(caveats)
            .chain(unknown_notes(&diff.total, &metrics))
            .collect(),
    }
}

/// Virtual size and the quantities that explain most, with the one sorted by.
///
/// Numbers of regions have a column of their own, where a row is not one region.
fn metrics(sorted_by: Metric, view: View) -> Vec<Metric> {
    let usual = [Quantity::Resident, Quantity::Private, Quantity::Dirty, Quantity::Swapped];
    let mut metrics = vec![Metric::Virtual];
    metrics.extend(usual.map(Metric::Measured));
    let has_column = sorted_by == Metric::Regions && view != View::Region;
    if !has_column && !metrics.contains(&sorted_by) {
        metrics.insert(0, sorted_by);
    }
    metrics
}

fn lines(diff: &Diff, view: View, naming: Naming) -> Vec<Line> {
    let line = |name: String, change| Line {
        names: vec![name],
        change,
        otherwise_changed: false,
        rows: 1,
    };
    match view {
        View::Family => diff
            .families
            .iter()
            .map(|row| line(row.key.label(naming).to_owned(), row.change))
            .collect(),
        View::Type => diff
            .types
            .iter()
            .map(|row| line(row.key.label(naming).to_owned(), row.change))
            .collect(),
        View::Object => {
            let names = ObjectKey::names(diff.objects.iter().map(|row| &row.key), naming);
            names.into_iter().zip(&diff.objects).map(|(name, row)| line(name, row.change)).collect()
        }
        View::Region => diff.regions.iter().map(|row| region_line(row, naming)).collect(),
    }
}

fn region_line(row: &RegionRow, naming: Naming) -> Line {
    let lies = |state: Option<RegionState>| state.map(|state| (state.range, state.protection));
    let mut name = row.region_type.label(naming).to_owned();
    let object = row.object_name().map(|path| path.rsplit('/').next().unwrap_or(path));
    for part in [object, row.detail.as_deref()].into_iter().flatten() {
        name.push(' ');
        name.push_str(part);
    }
    let start =
        row.range().placed().map_or_else(|| "-".to_owned(), |range| format!("{:x}", range.start));
    Line {
        names: vec![name, row.kind.name().to_owned(), start],
        change: row.change,
        otherwise_changed: row.kind == ChangeKind::Changed
            && lies(row.from_state) != lies(row.to_state),
        rows: 1,
    }
}

fn names_of(view: View, name: &str) -> Vec<String> {
    let blanks = if view == View::Region { 2 } else { 0 };
    std::iter::once(name.to_owned()).chain(vec![String::new(); blanks]).collect()
}

fn empty_table(view: View, metrics: &[Metric], diff: &Diff, with_shares: bool) -> Table {
    let (title, min_width) = match view {
        View::Family => ("FAMILY", 19),
        View::Type => ("TYPE", 21),
        View::Object => ("OBJECT", 20),
        View::Region => ("REGION", 26),
    };
    let mut columns = vec![Column::new(title, Align::Left)];
    if view == View::Region {
        columns.push(Column::new("CHANGE", Align::Left));
        columns.push(Column::new("START", Align::Right).droppable(2));
    } else {
        let rank = if diff.sorted_by == Metric::Regions { 0 } else { 5 };
        columns.push(Column::new("REGIONS", Align::Right).droppable(rank));
    }
    for &metric in metrics {
        let column = Column::new(metric.heading(), Align::Right);
        let total = diff.total.get(metric);
        // A column of equal values goes first, then one that another column implies.
        let rank = match metric {
            _ if metric == diff.sorted_by => 0,
            _ if total.delta().is_none_or(|delta| delta == 0) => 9,
            Metric::Measured(Quantity::Swapped) => 7,
            Metric::Measured(Quantity::Dirty) => 6,
            Metric::Measured(Quantity::Private) => 3,
            _ => 1,
        };
        columns.push(column.droppable(rank));
    }
    if with_shares {
        columns.push(Column::new("SHARE", Align::Right).droppable(4));
    }
    if view != View::Region {
        columns.push(Column::new("AFTER", Align::Right).droppable(2));
    }
    Table::new(columns, 0, min_width)
}

fn cells(
    names: &[String],
    change: &Change,
    share: Option<Cell>,
    metrics: &[Metric],
    sorted_by: Metric,
) -> Vec<Cell> {
    let mut cells: Vec<Cell> = names.iter().map(|name| Cell::new(name)).collect();
    if names.len() == 1 {
        let delta = i128::from(change.to.regions) - i128::from(change.from.regions);
        cells.push(Unit::Count.delta_cell(Some(delta)).toned(Tone::Plain));
    }
    cells
        .extend(metrics.iter().map(|&metric| metric.unit().delta_cell(change.get(metric).delta())));
    cells.extend(share);
    if names.len() == 1 {
        let after = change.to.get(sorted_by);
        cells.push(sorted_by.unit().cell(after));
    }
    cells
}

/// Returns the row of process totals beyond the sum of regions, if those changed.
fn unattributed(
    diff: &Diff,
    view: View,
    metrics: &[Metric],
    with_shares: bool,
) -> Option<Vec<Cell>> {
    let residual = |metric| diff.unattributed.get(metric);
    let moved = |&metric: &Metric| residual(metric)?.delta().filter(|&delta| delta != 0);
    metrics.iter().find_map(moved)?;
    let names = names_of(view, "unattributed");
    let mut cells: Vec<Cell> = names.iter().map(|name| Cell::new(name)).collect();
    if names.len() == 1 {
        cells.push(Cell::default());
    }
    // Empty where the kernel has no total to compare with.
    let delta = |&metric: &Metric| residual(metric).map(|r| metric.unit().delta_cell(r.delta()));
    cells.extend(metrics.iter().map(|metric| delta(metric).unwrap_or_default()));
    cells.extend(with_shares.then(Cell::default));
    if names.len() == 1 {
        let after = residual(diff.sorted_by).map(|r| Cell::size_change(r.to).toned(Tone::Plain));
        cells.push(after.unwrap_or_default());
    }
    Some(cells)
}
