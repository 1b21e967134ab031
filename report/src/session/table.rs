//! The changes of a session as a table: processes with the types that moved in each, or types over
//! all processes.

use jiff::tz::TimeZone;
use vmrec_sampler::Naming;
use vmrec_store::SessionId;

use crate::amounts::Change;
use crate::metric::Metric;
use crate::session::diff::{Presence, SessionDiff};
use crate::session::finding;
use crate::text::table::{Align, Cell, Column, Table, cut_middle};
use crate::text::{clock, escape, units};
use crate::time::spec::Resolved;

/// The rows of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionView {
    /// One row a process.
    Process,
    /// The same, and under it one row a type that moved.
    #[default]
    ProcessAndType,
    /// One row a type, over all processes.
    Type,
}

/// The session and the moments that are compared.
#[derive(Clone, Debug)]
pub struct SessionHeading<'a> {
    /// The session.
    pub session: SessionId,
    /// The targets asked for.
    pub targets: &'a str,
    /// The first moment, with its newest sample.
    pub from: &'a Resolved,
    /// The second moment.
    pub to: &'a Resolved,
    /// Where times are shown.
    pub time_zone: &'a TimeZone,
}

/// How the table looks.
#[derive(Clone, Copy, Debug)]
pub struct SessionLayout {
    /// The rows.
    pub view: SessionView,
    /// How many processes or types at most, besides `other`; `None` for all.
    pub rows: Option<usize>,
    /// Whose words types have.
    pub naming: Naming,
    /// Terminal cells in a line.
    pub width: usize,
    /// Whether to colour growth and shrinking.
    pub color: bool,
}

/// How many types are shown under a process, if they hold at least this part of its change.
const TYPES: usize = 3;
const TYPE_PART: u128 = 10;

/// Returns the heading and the table.
pub fn session_table(
    heading: &SessionHeading<'_>,
    diff: &SessionDiff,
    layout: &SessionLayout,
) -> String {
    let mut text = head(heading, diff, layout);
    let mut metrics = vec![Metric::Own, Metric::PSS, Metric::RESIDENT];
    if !metrics.contains(&diff.sorted_by) {
        metrics.insert(0, diff.sorted_by);
    }
    let is_of_types = layout.view == SessionView::Type;
    let mut columns = vec![Column::new(if is_of_types { "TYPE" } else { "PROCESS" }, Align::Left)];
    if !is_of_types {
        columns.push(Column::new("", Align::Left));
    }
    for metric in &metrics {
        let rank = if *metric == diff.sorted_by { 0 } else { 2 };
        columns.push(Column::new(metric.heading(), Align::Right).droppable(rank));
    }
    columns.push(Column::new("AFTER", Align::Right).droppable(1));
    let mut table = Table::new(columns, 0, 24);
    let cells = |name: &str, state: &str, change: &Change| {
        let mut cells = vec![Cell::new(name)];
        if !is_of_types {
            cells.push(Cell::new(state));
        }
        let delta = |metric: &Metric| metric.unit().delta_cell(change.get(*metric).delta());
        cells.extend(metrics.iter().map(delta));
        let after = change.get(diff.sorted_by).to;
        cells.push(diff.sorted_by.unit().cell(after));
        cells
    };
    let shown = layout.rows.unwrap_or(usize::MAX);
    let mut rest = Change::default();
    let mut left_out = 0_u64;
    if is_of_types {
        for (index, row) in diff.types.iter().enumerate() {
            if index < shown {
                table.row(cells(row.key.label(layout.naming), "", &row.change));
            } else {
                left_out += 1;
                rest.merge(&row.change);
            }
        }
    } else {
        for (index, row) in diff.processes.iter().enumerate() {
            if index >= shown {
                left_out += 1;
                rest.merge(&row.change);
                continue;
            }
            let pid = row.pid.map_or_else(units::unknown, |pid| pid.to_string());
            let state = match row.presence() {
                Presence::Stayed => "",
                other => other.name(),
            };
            table.row(cells(&format!("{} ({pid})", row.name), state, &row.change));
            if layout.view != SessionView::ProcessAndType {
                continue;
            }
            let moved = |change: &Change| {
                change.get(diff.sorted_by).delta().unwrap_or_default().unsigned_abs()
            };
            let whole = moved(&row.change);
            let large = row.types.iter().filter(|row| {
                moved(&row.change) > 0 && moved(&row.change).saturating_mul(TYPE_PART) >= whole
            });
            for one in large.take(TYPES) {
                let name = format!("  {}", one.key.label(layout.naming));
                table.row(cells(&name, "", &one.change));
            }
        }
    }
    if left_out > 0 {
        table.row(cells(&format!("{left_out} others"), "", &rest));
    }
    table.sum(cells("total", "", &diff.total));
    text.push_str(&table.render(layout.width, layout.color));
    let unread = diff.total.from.unread().max(diff.total.to.unread());
    if unread > 0 {
        let processes = units::counted(unread.into(), "process", "processes");
        let note = format!("the regions of {processes} may not be read and add nothing to sums");
        text.push_str(&cut_middle(&note, layout.width));
        text.push('\n');
    }
    text
}

fn head(heading: &SessionHeading<'_>, diff: &SessionDiff, layout: &SessionLayout) -> String {
    let processes = |count| units::counted(count, "process", "processes");
    let (before, after) = diff.counts();
    let end = |word: &str, at: &Resolved, count: u64| {
        let taken = clock::local_exact(at.taken.utc_ns, heading.time_zone);
        let off_by = units::duration(at.off_by_ns.unsigned_abs());
        let off_by = match at.off_by_ns.signum() {
            -1 => format!(", {off_by} before that asked for"),
            1 => format!(", {off_by} after that asked for"),
            _ => String::new(),
        };
        format!("{word:<5} {taken}, {}{off_by}", processes(count))
    };
    let apart = heading.from.taken.monotonic_ns.abs_diff(heading.to.taken.monotonic_ns);
    let count = |presence| diff.processes.iter().filter(|row| row.presence() == presence).count();
    let session = format!("session {}", heading.session.0);
    let found = finding::of(&session, diff, layout.naming, apart, layout.width);
    let facts = [
        format!("session {}: {}", heading.session.0, escape::terminal(heading.targets)),
        end("from", heading.from, before),
        end("to", heading.to, after),
        format!(
            "{} apart: {} came, {} went; sizes are changes, AFTER is {}",
            units::duration(apart),
            count(Presence::Came),
            count(Presence::Went),
            diff.sorted_by.words(),
        ),
        "PRIV+SWAP leaves shared pages out, PSS divides them, RESIDENT has them in each".to_owned(),
        String::new(),
    ];
    let lines = found.iter().chain(&facts);
    lines.fold(String::new(), |text, line| text + &cut_middle(line, layout.width) + "\n")
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::Timestamp;

    use super::*;
    use crate::session::diff::tests::process;

    fn shown(view: SessionView, rows: Option<usize>) -> String {
        let before = vec![
            process(1, 7, "make", 400, 100),
            process(2, 8, "leaks\u{1b}[2J", 1000, 100),
            process(4, 9, "cc1plus", 30_000, 100),
        ];
        let after = vec![
            process(1, 7, "make", 420, 100),
            process(2, 8, "leaks\u{1b}[2J", 90_000, 120),
            process(5, 10, "ld", 2000, 100),
        ];
        let diff = SessionDiff::new(before, after, Metric::Own);
        let at = |seconds: u64, off_by_ns| {
            let utc_ns = 1_772_370_000_000_000_000 + seconds as i64 * 1_000_000_000;
            let taken = Timestamp { utc_ns, monotonic_ns: seconds * 1_000_000_000 };
            Resolved { number: 1, taken, asked_utc_ns: utc_ns, off_by_ns }
        };
        let (from, to) = (at(0, 0), at(90, -500_000_000));
        let heading = SessionHeading {
            session: SessionId(3),
            targets: "--tree -- make -j8",
            from: &from,
            to: &to,
            time_zone: &TimeZone::UTC,
        };
        let layout = SessionLayout { view, rows, naming: Naming::Linux, width: 80, color: false };
        session_table(&heading, &diff, &layout)
    }

    #[test]
    fn processes_with_the_types_that_moved() {
        insta::assert_snapshot!(shown(SessionView::ProcessAndType, None), @r#"
        leaks\x1b[2J (8) ▸ MALLOC (brk heap) +86.9M; session 3 +59.6M
        session 3: --tree -- make -j8
        from  2026-03-01 13:00:00.000 +00:00, 3 processes
        to    2026-03-01 13:01:30.000 +00:00, 3 processes, 500ms before that asked for
        1m 30s apart: 1 came, 1 went; sizes are changes, AFTER is private + swapped
        PRIV+SWAP leaves shared pages out, PSS divides them, RESIDENT has them in each

        PROCESS                    PRIV+SWAP      PSS  RESIDENT   AFTER
        ===================  ====  =========  =======  ========  ======
        leaks\x1b[2J (8)              +86.9M  +173.9M   +260.8M   88.0M
          MALLOC (brk heap)           +86.9M  +173.8M   +260.7M   87.9M
        cc1plus (9)          went     -29.4M   -58.8M    -88.2M    0K
          MALLOC (brk heap)           -29.3M   -58.6M    -87.9M    0K
        ld (10)              came      +2.1M    +4.1M     +6.2M    2.1M
          MALLOC (brk heap)            +2.0M    +3.9M     +5.9M    2.0M
        make (7)                      +20K     +40K      +60K    520K
          MALLOC (brk heap)           +20K     +40K      +60K    420K
        ===================  ====  =========  =======  ========  ======
        total                         +59.6M  +119.2M   +178.8M   90.6M
        "#);
    }

    #[test]
    fn few_processes_and_types_over_all() {
        insta::assert_snapshot!(shown(SessionView::Process, Some(1)), @r#"
        leaks\x1b[2J (8) ▸ MALLOC (brk heap) +86.9M; session 3 +59.6M
        session 3: --tree -- make -j8
        from  2026-03-01 13:00:00.000 +00:00, 3 processes
        to    2026-03-01 13:01:30.000 +00:00, 3 processes, 500ms before that asked for
        1m 30s apart: 1 came, 1 went; sizes are changes, AFTER is private + swapped
        PRIV+SWAP leaves shared pages out, PSS divides them, RESIDENT has them in each

        PROCESS             PRIV+SWAP      PSS  RESIDENT  AFTER
        ================    =========  =======  ========  =====
        leaks\x1b[2J (8)       +86.9M  +173.9M   +260.8M  88.0M
        3 others               -27.3M   -54.6M    -82.0M   2.6M
        ================    =========  =======  ========  =====
        total                  +59.6M  +119.2M   +178.8M  90.6M
        "#);
        insta::assert_snapshot!(shown(SessionView::Type, None), @r#"
        leaks\x1b[2J (8) ▸ MALLOC (brk heap) +86.9M; session 3 +59.6M
        session 3: --tree -- make -j8
        from  2026-03-01 13:00:00.000 +00:00, 3 processes
        to    2026-03-01 13:01:30.000 +00:00, 3 processes, 500ms before that asked for
        1m 30s apart: 1 came, 1 went; sizes are changes, AFTER is private + swapped
        PRIV+SWAP leaves shared pages out, PSS divides them, RESIDENT has them in each

        TYPE               PRIV+SWAP      PSS  RESIDENT   AFTER
        =================  =========  =======  ========  ======
        MALLOC (brk heap)     +59.6M  +119.2M   +178.8M   90.3M
        Stack                 +20K     +40K      +60K    320K
        =================  =========  =======  ========  ======
        total                 +59.6M  +119.2M   +178.8M   90.6M
        "#);
    }
}
