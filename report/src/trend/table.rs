//! A trend as a headline, a table for a terminal, and the time left to limits.

use crate::finding::clock::Clock;
use crate::limits::LimitKind;
use crate::metric::{Metric, Unit};
use crate::text::escape;
use crate::text::table::{Align, Cell, Column, Table, cut_middle};
use crate::text::units;
use crate::trend::Trend;
use crate::trend::course::TrendCourse;
use crate::trend::limit::{TimeLeft, TrendLimit};
use crate::trend::row::TrendRow;

/// The number of parts shown by themselves.
const SHOWN: usize = 10;
/// The minimum of a name that a table shows when it cuts it.
const MIN_NAME: usize = 14;
const MINUTE_NS: u64 = 60_000_000_000;
const HOUR_NS: u64 = 60 * MINUTE_NS;
const DAY_NS: u64 = 24 * HOUR_NS;

/// A time that slopes are per.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Per {
    pub(crate) ns: u64,
    word: &'static str,
    title: &'static str,
}

/// How a trend is shown.
#[derive(Clone, Debug)]
pub struct TrendLayout<'a> {
    /// The process and its recording.
    pub name: &'a str,
    /// How times are written.
    pub clock: &'a Clock,
    /// Whether every part has a row.
    pub all: bool,
    /// The width of the terminal.
    pub width: usize,
    /// Whether it shows colours.
    pub color: bool,
}

impl Trend {
    /// Returns the time that slopes are per: one that suits the time that counts.
    pub(crate) fn per(&self) -> Per {
        match self.span_ns() {
            short if short < 2 * HOUR_NS => Per { ns: MINUTE_NS, word: "minute", title: "PER MIN" },
            long if long < 4 * DAY_NS => Per { ns: HOUR_NS, word: "hour", title: "PER HOUR" },
            _ => Per { ns: DAY_NS, word: "day", title: "PER DAY" },
        }
    }

    pub(crate) fn span_ns(&self) -> u64 {
        self.window_ns.1.saturating_sub(self.window_ns.0)
    }

    /// Returns what the total does, with its figures and their window.
    pub fn headline(&self, clock: &Clock) -> String {
        let unit = self.metric.unit();
        let subject = &self.subject;
        let total = &self.total;
        let moment = |at: u64| clock.moment(at);
        let change = unit.signed_or_unknown(total.change());
        let window = |from: u64| {
            let to = self.window_ns.1;
            let length = units::duration(to.saturating_sub(from));
            format!("from {} to {} ({length})", moment(from), moment(to))
        };
        let from = self.window_ns.0;
        match total.course {
            TrendCourse::TooFew { samples, needed } => {
                format!("{subject}: not enough samples for a trend, {samples} of {needed} needed")
            }
            TrendCourse::Unknown => format!("{subject} is unknown in some samples: no trend"),
            TrendCourse::Level => {
                let last = unit.plain_or_unknown(total.last);
                format!("{subject} is level at {last} ({change}) {}", window(from))
            }
            TrendCourse::Excursion { value, at_ns } => format!(
                "{subject} went to {} at {} and came back ({change}) {}",
                unit.plain(value),
                moment(at_ns),
                window(from)
            ),
            TrendCourse::Slope { since_ns } => {
                format!("{subject} {} {}", self.moves(), window(since_ns))
            }
            TrendCourse::Uneven if total.ended_against_slope() => format!(
                "{subject} {}, not evenly, and ended {change} from its begin, {}",
                self.moves(),
                window(from)
            ),
            TrendCourse::Uneven => {
                format!("{subject} {}, not evenly, {}", self.moves(), window(from))
            }
            TrendCourse::SawTooth { troughs, .. } => format!(
                "{subject} swings; the line through its {troughs} troughs {} {}",
                self.moves(),
                window(from)
            ),
            TrendCourse::Steps { count, last_ns } => format!(
                "{subject} moved {change} in {}, the last at {}: no slope {}",
                units::counted(count as u64, "step", "steps"),
                moment(last_ns),
                window(from)
            ),
            TrendCourse::Settled { since_ns } => format!(
                "{subject} is level since {} (for {}), after {change} since {}",
                moment(since_ns),
                units::duration(self.window_ns.1.saturating_sub(since_ns)),
                moment(from)
            ),
            TrendCourse::BetweenMarks { stretches: 1, marks: (begin, end) } => {
                let name = |mark: Option<usize>, end: &str| {
                    let text = mark.and_then(|mark| self.marks.get(mark));
                    text.map_or_else(|| end.to_owned(), |(_, text)| format!("@{text}"))
                };
                format!(
                    "{subject} moved {change}, only between {} and {}: no slope {}",
                    name(begin, "start"),
                    name(end, "end"),
                    window(from)
                )
            }
            TrendCourse::BetweenMarks { stretches, .. } => format!(
                "{subject} moved {change}, only in {stretches} stretches between marks: no slope {}",
                window(from)
            ),
        }
    }

    /// Returns the slope of the total in words: `rises by 5.0M per minute (4.8M to 5.2M)`.
    fn moves(&self) -> String {
        let (per, unit) = (self.per(), self.metric.unit());
        let Some([slope, low, high]) = self.total.slope_per(per.ns) else {
            return "has no slope".to_owned();
        };
        let [low, high] = [low, high].map(|end| unit.rate(end));
        let verb = match slope {
            _ if unit.rate(slope) == unit.rate(0.0) => {
                return format!("stays (slope 0 per {}, {low} to {high})", per.word);
            }
            // An interval that touches 0 proves no direction.
            _ if low.starts_with('-') != high.starts_with('-')
                || [&low, &high].contains(&&unit.rate(0.0)) =>
            {
                let slope = unit.rate(slope);
                return format!(
                    "moves by {slope} per {} ({low} to {high}: in no sure direction)",
                    per.word
                );
            }
            up if up > 0.0 => "rises",
            _ => "falls",
        };
        let size = unit.rate(slope).trim_start_matches(['+', '-']).to_owned();
        format!("{verb} by {size} per {} ({low} to {high})", per.word)
    }
}

/// Returns a trend as text, with the time left to limits, each with the trend of its metric.
pub fn trend_table(
    trend: &Trend,
    limits: &[(TrendLimit, Trend)],
    layout: &TrendLayout<'_>,
) -> String {
    let TrendLayout { name, clock, width, .. } = *layout;
    let mut lines = vec![trend.headline(clock), String::new(), name.to_owned()];
    if let Some(warm_up) = trend.warm_up {
        lines.push(format!(
            "warm-up until {} ({} in {}) is left out",
            clock.moment(warm_up.ends_ns),
            trend.metric.unit().signed(warm_up.rise.into()),
            units::duration(warm_up.ends_ns),
        ));
    }
    lines.push(String::new());
    let mut text = String::new();
    for line in lines {
        text += &format!("{}\n", wrapped(&escape::terminal(&line), width));
    }
    text += &table(trend, layout).render(width, layout.color);
    for (limit, of) in limits {
        let line = time_left(limit, of, clock);
        text += &format!("{}\n", wrapped(&escape::terminal(&line), width));
    }
    text
}

fn table(trend: &Trend, layout: &TrendLayout<'_>) -> Table {
    let unit = trend.metric.unit();
    let mut table = Table::new(
        vec![
            Column::named(&trend.metric.words().to_uppercase(), Align::Left),
            Column::new("LAST", Align::Right),
            Column::new("CHANGE", Align::Right),
            Column::new(trend.per().title, Align::Right),
            Column::new("INTERVAL", Align::Right).droppable(1),
            Column::new("COURSE", Align::Left),
        ],
        0,
        MIN_NAME,
    );
    let moving = trend.rows.iter().filter(|row| row.last != Some(0) || row.moved() > 0).count();
    let shown = match layout.all {
        true => trend.rows.len(),
        false if moving <= SHOWN + 1 => moving,
        false => SHOWN,
    };
    for row in trend.rows.iter().take(shown) {
        table.row(cells(trend, row, layout.clock));
    }
    let rest = trend.rows.get(shown..).unwrap_or_default();
    if rest.iter().any(|row| row.last != Some(0) || row.moved() > 0) {
        let sum = |of: fn(&TrendRow) -> Option<i128>| -> Option<i128> { rest.iter().map(of).sum() };
        let last = sum(|row| row.last.map(i128::from));
        table.row(vec![
            Cell::new(&format!("other ({} types)", rest.len())),
            unit.cell(last.map(|bytes| u64::try_from(bytes).unwrap_or(0))),
            unit.delta_cell(sum(TrendRow::change)),
        ]);
    }
    table.sum(cells(trend, &trend.total, layout.clock));
    table
}

fn cells(trend: &Trend, row: &TrendRow, clock: &Clock) -> Vec<Cell> {
    let unit = trend.metric.unit();
    let dash = || "-".to_owned();
    let slope = row.slope_per(trend.per().ns);
    vec![
        Cell::new(&row.label),
        unit.cell(row.last),
        unit.delta_cell(row.change()),
        unit.rate_cell(slope.map(|[median, ..]| median)),
        Cell::new(
            &slope.map_or_else(dash, |[_, low, high]| {
                units::between(&unit.rate(low), &unit.rate(high))
            }),
        ),
        Cell::new(&words(row.course, trend, clock)),
    ]
}

/// Returns a course in a few words.
fn words(course: TrendCourse, trend: &Trend, clock: &Clock) -> String {
    match course {
        TrendCourse::TooFew { samples, needed } => format!("{samples} of {needed} samples"),
        TrendCourse::Unknown => "unknown".to_owned(),
        TrendCourse::Level => "level".to_owned(),
        TrendCourse::Excursion { value, .. } => {
            format!("to {} and back", trend.metric.unit().plain(value))
        }
        TrendCourse::Slope { since_ns } if since_ns > trend.window_ns.0 => {
            format!("even since {}", clock.moment(since_ns))
        }
        TrendCourse::Slope { .. } => "even".to_owned(),
        TrendCourse::Uneven => "uneven".to_owned(),
        TrendCourse::SawTooth { troughs, .. } => format!("{troughs} troughs"),
        TrendCourse::Steps { count, .. } => units::counted(count as u64, "step", "steps"),
        TrendCourse::Settled { since_ns } => format!("level since {}", clock.moment(since_ns)),
        TrendCourse::BetweenMarks { .. } => "between marks".to_owned(),
    }
}

/// Returns the time left to a limit in words.
fn time_left(limit: &TrendLimit, trend: &Trend, clock: &Clock) -> String {
    let unit = limit.metric.unit();
    let noun = if unit == Unit::Count { " regions" } else { "" };
    let mut bound = bound(limit, noun);
    if let (Some(_), Some(last)) = (limit.recorded, trend.total.last) {
        bound += &format!(", {} used", unit.plain(last));
    }
    match trend.time_left(limit.value) {
        TimeLeft::Reached { highest } => {
            format!("limit {bound}: reached, the highest was {}{noun}", unit.plain(highest))
        }
        TimeLeft::NoSlope => {
            format!("limit {bound}: no time left is derived, as {}", trend.headline(clock))
        }
        TimeLeft::In { ns, soonest_ns, latest_ns } => {
            let latest = latest_ns.map_or_else(|| "never".to_owned(), units::duration);
            format!(
                "limit {bound}: in {} ({} to {latest}) after {}, if it goes on as {} to {}",
                units::duration(ns),
                units::duration(soonest_ns),
                clock.moment(trend.window_ns.1),
                clock.moment(trend.window_ns.0),
                clock.moment(trend.window_ns.1),
            )
        }
    }
}

/// Returns a limit in words: `resident 512.0M`, `512.0M of address space (RLIMIT_AS)`.
fn bound(limit: &TrendLimit, noun: &str) -> String {
    let unit = limit.metric.unit();
    let value = unit.plain(limit.value);
    let Some(recorded) = limit.recorded else {
        let named = limit.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let metric = match limit.metric {
            Metric::Regions => String::new(),
            metric => format!("{} ", metric.words()),
        };
        return format!("{metric}{value}{noun}{named}");
    };
    let of = match recorded.kind {
        LimitKind::Mappings => noun.to_owned(),
        kind => format!(" of {}", kind.words()),
    };
    let before = recorded.before.map(|before| format!(", {} before", unit.plain(before)));
    format!("{value}{of} ({}{})", recorded.kind.name(), before.unwrap_or_default())
}

/// Breaks a line at spaces so that it keeps within the width; the rest is indented.
fn wrapped(line: &str, width: usize) -> String {
    use unicode_width::UnicodeWidthStr;
    let mut lines: Vec<String> = vec![String::new()];
    for word in line.split(' ') {
        let current = lines.last().map_or(0, |line| line.width());
        match lines.last_mut() {
            Some(line) if current == 0 => line.push_str(word),
            Some(line) if current + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("  {word}")),
        }
    }
    let cut = lines.iter().map(|line| cut_middle(line, width).into_owned());
    cut.collect::<Vec<_>>().join("\n")
}
