//! Verdicts as a table for people and as Markdown.

use jiff::tz::TimeZone;

use crate::check::limit::{Bound, Figure};
use crate::check::verdict::{LimitVerdict, Outcome};
use crate::metric::Metric;
use crate::text::clock;
use crate::text::escape;
use crate::text::table::{Align, Cell, Column, Table, Tone};
use crate::text::units;

/// The texts of one verdict.
pub(crate) struct Row {
    pub(crate) limit: String,
    pub(crate) measured: String,
    pub(crate) allowed: String,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn of(verdict: &LimitVerdict, time_zone: &TimeZone) -> Self {
        let limit = &verdict.limit;
        let amount = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| amount(limit.metric, limit.figure, value))
        };
        let mut notes: Vec<String> = verdict.why.iter().cloned().collect();
        if let Some((low, high)) = verdict.interval {
            notes.push(format!("{} to {}", amount(Some(low)), amount(Some(high))));
        }
        if let Some(at) = verdict.at_utc_ns {
            notes.push(format!("at {}", clock::local(at, time_zone)));
        }
        if let (Bound::AboveBaseline(percent), Some(baseline)) = (limit.bound, verdict.baseline) {
            notes.push(format!("baseline {}, +{percent}%", amount(Some(baseline))));
        }
        if verdict.measured.len() > 1 {
            let each: Vec<String> = verdict.measured.iter().map(|value| amount(*value)).collect();
            notes.push(format!("least of {}", each.join(", ")));
        }
        Self {
            limit: format!("{}: {} {}", verdict.label, limit.metric.words(), limit.figure),
            measured: amount(verdict.value),
            allowed: amount(verdict.allowed),
            note: notes.join("; "),
        }
    }
}

/// Writes a figure in the unit of its metric, signed if it is a difference.
fn amount(metric: Metric, figure: Figure, value: f64) -> String {
    match (metric.unit(), figure) {
        (_, Figure::Highest) => metric.unit().plain(value.max(0.0).round() as u64),
        (unit, Figure::Slope { .. }) => unit.rate(value),
        _ => metric.unit().signed(value.round() as i128),
    }
}

/// Returns verdicts as a table no wider than `width` where that can be.
pub fn check_table(
    verdicts: &[LimitVerdict],
    time_zone: &TimeZone,
    width: usize,
    color: bool,
) -> String {
    let columns = vec![
        Column::new("VERDICT", Align::Left),
        Column::new("LIMIT", Align::Left),
        Column::new("MEASURED", Align::Right),
        Column::new("ALLOWED", Align::Right),
        Column::new("", Align::Left).droppable(1),
    ];
    let mut table = Table::new(columns, 1, 24);
    for verdict in verdicts {
        let row = Row::of(verdict, time_zone);
        let tone = match verdict.outcome {
            Outcome::Kept => Tone::Plain,
            _ => Tone::Bad,
        };
        table.row(vec![
            Cell::new(verdict.outcome.word()).toned(tone),
            Cell::new(&row.limit),
            Cell::new(&row.measured).toned(tone),
            Cell::new(&row.allowed),
            Cell::new(&row.note),
        ]);
    }
    table.render(width, color)
}

/// Returns verdicts as a table of Markdown under a heading, for a pull request.
pub fn check_markdown(names: &[String], verdicts: &[LimitVerdict], time_zone: &TimeZone) -> String {
    let exceeded = count(verdicts, Outcome::Exceeded);
    let undecided = verdicts.len() - exceeded - count(verdicts, Outcome::Kept);
    let mut text = format!("### vmrec check: {}\n\n", summary(verdicts.len(), exceeded, undecided));
    for name in names {
        text += &format!("{}  \n", escape::markdown(name));
    }
    text += "\n| | limit | measured | allowed | |\n|---|---|---:|---:|---|\n";
    for verdict in verdicts {
        let row = Row::of(verdict, time_zone);
        let cells = [&row.limit, &row.measured, &row.allowed, &row.note];
        let cells = cells.map(|cell| escape::markdown(cell));
        text += &format!("| {} | {} |\n", verdict.outcome.word(), cells.join(" | "));
    }
    text
}

fn count(verdicts: &[LimitVerdict], outcome: Outcome) -> usize {
    verdicts.iter().filter(|verdict| verdict.outcome == outcome).count()
}

/// Returns how many limits were kept in words.
fn summary(all: usize, exceeded: usize, undecided: usize) -> String {
    let of = |number: usize| units::counted(number as u64, "limit", "limits");
    match (exceeded, undecided) {
        (0, 0) => format!("{} kept", of(all)),
        (0, _) => format!("{undecided} of {} undecided", of(all)),
        (_, 0) => format!("{exceeded} of {} exceeded", of(all)),
        _ => format!("{exceeded} of {} exceeded, {undecided} undecided", of(all)),
    }
}
