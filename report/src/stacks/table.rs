//! `vmrec diff --by stack` and `vmrec map --by stack` as a table.

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{ProcessInfo, StackFrame};

use crate::diff::table::heading::{Heading, ends};
use crate::session::table::SessionHeading;
use crate::stacks::choice::MetricWords;
use crate::stacks::names::{first_acting, without_parameters};
use crate::stacks::{StackDiff, StackRow, error_bytes, frame_name};
use crate::text::table::{Align, Cell, Column, Table};
use crate::text::{clock, escape, units};
use crate::time::spec::Resolved;

/// How the table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackLayout {
    /// How many rows at most; `None` for all, with whole stacks.
    pub rows: Option<usize>,
    /// Terminal cells in a line.
    pub width: usize,
    /// Whether to colour growth and shrinking.
    pub color: bool,
}

/// Returns the page.
pub fn stack_table(heading: &Heading<'_>, diff: &StackDiff, layout: &StackLayout) -> String {
    page(ends(heading), change(diff), diff, layout)
}

/// Returns the page of a session, whose stacks each begin with their process.
pub fn session_stack_table(
    heading: &SessionHeading<'_>,
    diff: &StackDiff,
    layout: &StackLayout,
) -> String {
    let SessionHeading { session, targets, from, to, time_zone } = heading;
    let local = |at: &Resolved| clock::local_exact(at.taken.utc_ns, time_zone);
    let head = vec![
        format!("session {}, {}", session.0, escape::terminal(targets)),
        format!("from  {}", local(from)),
        format!("to    {}", local(to)),
    ];
    page(head, change(diff), diff, layout)
}

/// Returns the page of one sample, of which `diff` has all that is there.
pub fn stack_map(
    process: &ProcessInfo,
    at: &Resolved,
    time_zone: &TimeZone,
    diff: &StackDiff,
    layout: &StackLayout,
) -> String {
    let head = vec![
        format!("{} ({})", escape::terminal(process.name()), process.id),
        at.sentence(time_zone),
    ];
    page(head, size, diff, &StackLayout { color: false, ..*layout })
}

/// How bytes are written.
type Size = fn(i128) -> Cell;

/// Returns how changes are written: sums of all since the first time have no sign.
fn change(diff: &StackDiff) -> Size {
    if diff.metric.counts_up() { size } else { |bytes| Cell::size_change(Some(bytes)) }
}

fn size(bytes: i128) -> Cell {
    match u64::try_from(bytes) {
        Ok(bytes) => Cell::size(Some(bytes)),
        // An estimate above what is there.
        Err(_) => Cell::size_change(Some(bytes)),
    }
}

fn page(mut page: Vec<String>, size: Size, diff: &StackDiff, layout: &StackLayout) -> String {
    let words = MetricWords::of(diff.metric);
    let sampling = words.sampling(&diff.counts[1]);
    page.push(format!("{} {}, {}{sampling}", words.noun, size(diff.total).text(), words.by));
    page.push(String::new());
    let mut columns = vec![
        Column::named(&words.column(), Align::Right),
        Column::new("ERROR", Align::Right),
        Column::named(words.count, Align::Right).droppable(1),
        Column::new("STACK, INNERMOST FIRST", Align::Left),
    ];
    if !words.is_estimate {
        columns.remove(ERROR);
    }
    let flexible = columns.len() - 1;
    let mut table = Table::new(columns, flexible, 24);
    let line = |delta: i128, error: Option<u64>, samples: &str, name: &str| {
        let error = error.map_or_else(String::new, |bytes| match bytes {
            0 => "exact".to_owned(),
            bytes => format!("±{}", units::size(bytes)),
        });
        let mut cells = vec![size(delta), Cell::new(&error), Cell::new(samples), Cell::new(name)];
        if !words.is_estimate {
            cells.remove(ERROR);
        }
        cells
    };
    let shown = layout.rows.unwrap_or(usize::MAX).min(diff.rows.len());
    for row in &diff.rows[..shown] {
        let (error, count) = (row.error_bytes(), units::count(row.count(diff.metric)));
        table.row(line(row.delta(), Some(error), &count, &stack_text(diff, row, layout)));
    }
    let rest = &diff.rows[shown..];
    if !rest.is_empty() {
        let delta = rest.iter().map(StackRow::delta).sum();
        let variance = rest.iter().fold(0_u64, |sum, row| sum.saturating_add(row.variance));
        let names = format!("{} more", units::counted(rest.len() as u64, "stack", "stacks"));
        table.row(line(delta, Some(error_bytes(variance)), "", &names));
    }
    let (few, few_delta) = diff.few;
    if few > 0 {
        let names = units::counted(few, "stack", "stacks");
        table.row(line(few_delta, None, "", &format!("few samples: {names}")));
    }
    if diff.metric.has_whole() {
        table.row(line(diff.unattributed, None, "", "unattributed"));
    }
    table.sum(line(diff.total, None, "", "total"));
    let notes: String = notes(diff).iter().map(|note| format!("note: {note}\n")).collect();
    format!("{}\n{}{notes}", page.join("\n"), table.render(layout.width, layout.color))
}

/// The column of standard errors, which exact figures have not.
const ERROR: usize = 1;
/// Cells of a line that the other columns take.
const OTHER_CELLS: usize = 28;

/// Returns the functions of a stack. Where rows are few, so are these: from the first that did not
/// get memory for another, to the last that has room, without their parameters.
pub(super) fn stack_text(diff: &StackDiff, row: &StackRow, layout: &StackLayout) -> String {
    let mut frames = diff.frames(row.stack);
    let name = |frame: &StackFrame| escape::terminal(&frame_name(frame)).into_owned();
    let process = frames.pop_if(|_| diff.has_processes).map(|of| name(of) + ": ");
    let process = process.unwrap_or_default();
    if frames.is_empty() {
        return process + "stack unknown";
    }
    if layout.rows.is_none() {
        return process + &frames.into_iter().map(name).collect::<Vec<_>>().join(" < ");
    }
    let first = first_acting(frames.iter().map(|frame| frame.function.as_deref()));
    let names: Vec<String> =
        frames[first..].iter().map(|frame| without_parameters(&name(frame)).to_owned()).collect();
    let room = layout.width.saturating_sub(OTHER_CELLS);
    let mut text = process;
    for (index, name) in names.iter().enumerate() {
        let more = if index + 1 < names.len() { MORE.width() } else { 0 };
        if index > 0 && text.width() + " < ".len() + name.width() + more > room {
            return text + MORE;
        }
        text.push_str(if index > 0 { " < " } else { "" });
        text.push_str(name);
    }
    text
}

/// Stands for callers that have no room.
const MORE: &str = " < …";

/// Returns the lines that name the parts of what is unattributed.
pub(super) fn notes(diff: &StackDiff) -> Vec<String> {
    let [before, after] = diff.counts;
    let between = |figure: fn(&vmrec_sampler::StackCounts) -> u64| {
        figure(&after).saturating_sub(figure(&before))
    };
    let mut notes = Vec::new();
    if !MetricWords::of(diff.metric).is_estimate {
        let lost = between(|counts| counts.lost_calls.unwrap_or(0));
        if lost > 0 {
            let lost = units::counted(lost, "record", "records");
            notes.push(format!(
                "{lost} of calls or page faults were lost: vmrec read their buffer too late"
            ));
        }
        return notes;
    }
    if let Some(allocs) = after.allocs {
        let lost = between(|counts| counts.allocs.map_or(0, |allocs| allocs.lost_samples));
        if lost > 0 {
            let about = units::size(lost.saturating_mul(allocs.mean_bytes));
            let lost = units::counted(lost, "sample", "samples");
            notes.push(format!(
                "{lost} of about {about} allocated were lost: vmrec read their buffer too late"
            ));
        }
        if !allocs.is_whole {
            notes.push("the process overwrote the buffer of samples: the rest is lost".to_owned());
        }
        return notes;
    }
    let lost = between(|counts| counts.lost_faults);
    if lost > 0 {
        let lost = units::counted(lost, "page fault", "page faults");
        notes.push(format!("about {lost} were lost: vmrec read their buffer too late"));
    }
    if !after.sees_kernel {
        notes.push(
            "page faults within system calls were not permitted to be seen (paranoid 2)".to_owned(),
        );
    }
    let explained = between(|counts| counts.sampled_faults).saturating_add(lost);
    if let (faults_before, Some(faults)) = (before.faults.unwrap_or(0), after.faults)
        && let faults = faults.saturating_sub(faults_before)
        && faults > explained.saturating_mul(2)
        && faults > 10_000
    {
        notes.push(format!(
            "of {} page faults most were in threads with too few of them to be sampled",
            units::count(faults)
        ));
    }
    notes
}
