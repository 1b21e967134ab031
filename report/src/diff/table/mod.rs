//! A diff as a table for a terminal.

mod headline;
mod notes;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use vmrec_sampler::{Family, Naming, ProcessInfo, Quantity};
use vmrec_store::RecordingId;

use crate::amounts::Change;
use crate::diff::group::{ObjectKey, View};
use crate::diff::table::notes::{became_shared, given_back, left_out_note, unknown_notes};
use crate::diff::{ChangeKind, Diff, RegionRow, RegionState};
use crate::metric::{Metric, Unit};
use crate::text::table::{Align, Cell, Column, Table, Tone, cut_middle};
use crate::text::{clock, escape, units};
use crate::time::spec::Resolved;

/// The default number of rows of a table; the rest become one.
pub const DEFAULT_ROWS: usize = 20;

/// The process and the times that a diff compares.
#[derive(Clone, Debug)]
pub struct Heading<'a> {
    /// The process.
    pub process: &'a ProcessInfo,
    /// The recording.
    pub recording: RecordingId,
    /// The first time.
    pub from: &'a Resolved,
    /// The second time.
    pub to: &'a Resolved,
    /// Which check failed, if the first sample is torn.
    pub from_torn: Option<&'a str>,
    /// Which check failed, if the second sample is torn.
    pub to_torn: Option<&'a str>,
    /// Where times are shown.
    pub time_zone: &'a TimeZone,
}

/// How the table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffLayout {
    /// The kind of a row.
    pub view: View,
    /// How many rows at most, besides `other`; `None` for all.
    pub rows: Option<usize>,
    /// Whose words types and families have.
    pub naming: Naming,
    /// Terminal cells in a line.
    pub width: usize,
    /// Whether to colour growth and shrinking.
    pub color: bool,
}

/// Returns a diff as a heading, a table and notes. Rows keep the diff's order
/// (`Diff::sort_by`), and what they are sorted by is always a column.
pub fn diff_table(heading: &Heading<'_>, diff: &Diff, layout: &DiffLayout) -> String {
    let metrics = metrics(diff.sorted_by, layout.view);
    let (moving, still): (Vec<Line>, Vec<Line>) =
        lines(diff, layout.view, layout.naming).into_iter().partition(|line| line.moves(&metrics));
    let shown = layout.rows.unwrap_or(usize::MAX).min(moving.len());
    // One more row takes no more space than the line that stands for it.
    let shown = if moving.len() - shown == 1 { moving.len() } else { shown };
    let (rows, rest) = moving.split_at(shown);

    let mut table = empty_table(layout.view, &metrics, diff);
    for line in rows {
        table.row(cells(&line.names, &line.change, &metrics, diff.sorted_by));
    }
    if !rest.is_empty() {
        let names = names_of(layout.view, &format!("other ({} rows)", rest.len()));
        table.row(cells(&names, &sum(rest), &metrics, diff.sorted_by));
    }
    let total = names_of(layout.view, "TOTAL");
    table.sum(cells(&total, &diff.total, &metrics, diff.sorted_by));
    if let Some(usable) = without_reserved(diff) {
        let names = names_of(layout.view, "TOTAL, minus reserved");
        table.sum(cells(&names, &usable, &metrics, diff.sorted_by));
    }
    if let Some(cells) = unattributed(diff, layout.view, &metrics) {
        table.sum(cells);
    }

    let mut text = headline::of(heading, diff, layout).unwrap_or_default();
    text.push_str(&head(heading, layout.view, diff.sorted_by, layout.width));
    text.push_str(&table.render(layout.width, layout.color));
    let mut left_out = sum(&still).to;
    let mut left_out_rows = still.len() as u64;
    if layout.view == View::Region {
        left_out.merge(&diff.unchanged);
        left_out_rows += diff.unchanged_rows;
    }
    let notes = left_out_note(left_out_rows, &left_out, diff.sorted_by);
    let caveats = [became_shared(diff), given_back(diff), headline::loading(heading)];
    let caveats = caveats.iter().flatten().map(|caveat| caveat.words(&units::duration));
    for note in notes.into_iter().chain(caveats).chain(unknown_notes(&diff.total, &metrics)) {
        text.push_str(&cut_middle(&note, layout.width));
        text.push('\n');
    }
    text
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

/// One row before it is laid out.
struct Line {
    /// The cells before the numbers.
    names: Vec<String>,
    change: Change,
    /// Whether it changed in a way that no number shows.
    otherwise_changed: bool,
}

impl Line {
    fn moves(&self, metrics: &[Metric]) -> bool {
        let differs = |&metric: &Metric| {
            let delta = self.change.get(metric);
            delta.from != delta.to
        };
        self.otherwise_changed
            || self.change.from.regions != self.change.to.regions
            || metrics.iter().any(differs)
    }
}

fn sum(lines: &[Line]) -> Change {
    let mut sum = Change::default();
    lines.iter().for_each(|line| sum.merge(&line.change));
    sum
}

fn lines(diff: &Diff, view: View, naming: Naming) -> Vec<Line> {
    let line = |name: String, change| Line { names: vec![name], change, otherwise_changed: false };
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
            let mut times_used = std::collections::HashMap::new();
            for row in &diff.objects {
                *times_used.entry(row.key.name(naming)).or_insert(0) += 1;
            }
            // Files with the same name are distinguished by their paths.
            let name = |key: &ObjectKey| match (times_used.get(&key.name(naming)), key.path()) {
                (Some(2..), Some(path)) => path.to_owned(),
                _ => key.name(naming),
            };
            diff.objects.iter().map(|row| line(name(&row.key), row.change)).collect()
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
    Line {
        names: vec![name, row.kind.name().to_owned(), format!("{:x}", row.range().start)],
        change: row.change,
        otherwise_changed: row.kind == ChangeKind::Changed
            && lies(row.from_state) != lies(row.to_state),
    }
}

fn names_of(view: View, name: &str) -> Vec<String> {
    let blanks = if view == View::Region { 2 } else { 0 };
    std::iter::once(name.to_owned()).chain(vec![String::new(); blanks]).collect()
}

fn empty_table(view: View, metrics: &[Metric], diff: &Diff) -> Table {
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
        let rank = if diff.sorted_by == Metric::Regions { 0 } else { 4 };
        columns.push(Column::new("REGIONS", Align::Right).droppable(rank));
    }
    for &metric in metrics {
        let column = Column::new(metric.heading(), Align::Right);
        let total = diff.total.get(metric);
        // A column of equal values goes first, then one that another column implies.
        let rank = match metric {
            _ if metric == diff.sorted_by => 0,
            _ if total.delta().is_none_or(|delta| delta == 0) => 9,
            Metric::Measured(Quantity::Swapped) => 6,
            Metric::Measured(Quantity::Dirty) => 5,
            Metric::Measured(Quantity::Private) => 3,
            _ => 1,
        };
        columns.push(column.droppable(rank));
    }
    if view != View::Region {
        columns.push(Column::new("AFTER", Align::Right).droppable(2));
    }
    Table::new(columns, 0, min_width)
}

fn cells(names: &[String], change: &Change, metrics: &[Metric], sorted_by: Metric) -> Vec<Cell> {
    let mut cells: Vec<Cell> = names.iter().map(|name| Cell::new(name)).collect();
    if names.len() == 1 {
        let delta = i128::from(change.to.regions) - i128::from(change.from.regions);
        cells.push(delta_cell(Some(delta), Unit::Count).toned(Tone::Plain));
    }
    cells.extend(
        metrics.iter().map(|&metric| delta_cell(change.get(metric).delta(), metric.unit())),
    );
    if names.len() == 1 {
        let after = change.to.get(sorted_by);
        cells.push(Cell::new(&after.map_or_else(unknown, |value| sorted_by.unit().plain(value))));
    }
    cells
}

fn delta_cell(delta: Option<i128>, unit: Unit) -> Cell {
    let tone = match delta.unwrap_or(0).signum() {
        1 => Tone::Growth,
        -1 => Tone::Shrink,
        _ => Tone::Plain,
    };
    Cell::new(&delta.map_or_else(unknown, |delta| unit.signed(delta))).toned(tone)
}

fn unknown() -> String {
    "-".to_owned()
}

/// Returns the total without reserved address space, if the two differ in what is shown.
fn without_reserved(diff: &Diff) -> Option<Change> {
    let reserved = diff.families.iter().find(|row| row.key == Family::Reserved)?;
    let bytes = reserved.change.get(Metric::Virtual);
    let at_the_end = diff.sorted_by == Metric::Virtual && bytes.to != Some(0);
    if bytes.from == bytes.to && !at_the_end {
        return None;
    }
    let mut usable = Change::default();
    let others = diff.families.iter().filter(|row| row.key != Family::Reserved);
    others.for_each(|row| usable.merge(&row.change));
    Some(usable)
}

/// Returns the row of process totals beyond the sum of regions, if those changed.
fn unattributed(diff: &Diff, view: View, metrics: &[Metric]) -> Option<Vec<Cell>> {
    let residual = |metric| diff.unattributed.get(metric);
    let moved = |&metric: &Metric| residual(metric)?.delta().filter(|&delta| delta != 0);
    metrics.iter().find_map(moved)?;
    let names = names_of(view, "unattributed");
    let mut cells: Vec<Cell> = names.iter().map(|name| Cell::new(name)).collect();
    if names.len() == 1 {
        cells.push(Cell::default());
    }
    // Empty where the kernel has no total to compare with.
    let delta = |&metric: &Metric| residual(metric).map(|r| delta_cell(r.delta(), metric.unit()));
    cells.extend(metrics.iter().map(|metric| delta(metric).unwrap_or_default()));
    if names.len() == 1 {
        let after = residual(diff.sorted_by).map(|r| r.to.map_or_else(unknown, units::signed_size));
        cells.push(Cell::new(&after.unwrap_or_default()));
    }
    Some(cells)
}

fn head(heading: &Heading<'_>, view: View, sorted_by: Metric, width: usize) -> String {
    let name = escape::terminal(heading.process.name());
    let end = |word: &str, resolved: &Resolved, torn: Option<&str>| {
        let taken = clock::local_exact(resolved.taken.utc_ns, heading.time_zone);
        let off_by = units::duration(resolved.off_by_ns.unsigned_abs());
        let off_by = match resolved.off_by_ns.signum() {
            -1 => format!(", {off_by} before the time asked for"),
            1 => format!(", {off_by} after the time asked for"),
            _ => String::new(),
        };
        let mut lines = vec![format!("{word:<5} #{} of {taken}{off_by}", resolved.number)];
        lines.extend(torn.map(|why| format!("      torn: {}", escape::terminal(why))));
        lines
    };
    let ends = [heading.from.taken.monotonic_ns, heading.to.taken.monotonic_ns];
    let apart = units::duration(ends[0].abs_diff(ends[1]));
    let mut lines =
        vec![format!("{name} ({}), recording {}", heading.process.id, heading.recording.0)];
    lines.extend(end("from", heading.from, heading.from_torn));
    lines.extend(end("to", heading.to, heading.to_torn));
    if ends[1] < ends[0] {
        lines.push("the second time is the earlier: growth reads as shrinking".to_owned());
    }
    lines.push(match view {
        View::Region => format!("{apart} apart; sizes are changes"),
        _ => format!("{apart} apart; sizes are changes, AFTER is {} at the end", sorted_by.words()),
    });
    lines.push(String::new());
    lines.iter().fold(String::new(), |text, line| text + &cut_middle(line, width) + "\n")
}
