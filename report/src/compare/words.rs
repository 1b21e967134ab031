//! The outcome of a comparison in words: a headline, and what a reader must know.

use std::collections::BTreeSet;

use crate::check::run::Unmeasured;
use crate::compare::Comparison;
use crate::compare::figures::{ComparedFigure, Difference, FigureRows, Row, Spread};
use crate::compare::run::ComparedRun;
use crate::finding::outcome::Shares;
use crate::metric::{Metric, Unit};
use crate::slope::ENOUGH_SAMPLES;
use crate::text::units;

/// Lengths of time that differ by more than this part are worth a word: a tenth.
const SPAN_PART: u64 = 10;
/// Intervals between samples that differ by more than this factor are worth a word.
const INTERVAL_FACTOR: u64 = 2;

/// Writes a figure in the unit of its metric; growth has a sign.
pub(crate) fn amount(metric: Metric, figure: ComparedFigure, value: f64) -> String {
    match (figure, metric.unit()) {
        (ComparedFigure::PerMinute, unit) => unit.rate(value),
        (_, unit) => unit.plain(value.max(0.0).round() as u64),
    }
}

/// Writes a difference in the unit of a metric, with its sign.
pub(crate) fn change(metric: Metric, figure: ComparedFigure, value: f64) -> String {
    match (figure, metric.unit()) {
        (ComparedFigure::PerMinute, unit) => unit.rate(value),
        (_, unit) => unit.signed(value.round() as i128),
    }
}

/// Writes the median of a spread; unknown is `-`.
pub(crate) fn median(metric: Metric, figure: ComparedFigure, spread: &Spread) -> String {
    spread.median.map_or_else(|| "-".to_owned(), |value| amount(metric, figure, value))
}

/// Writes the range of a spread, unit and sign once; nothing of equal values.
pub(crate) fn range(metric: Metric, figure: ComparedFigure, spread: &Spread) -> String {
    let Some((low, high)) = spread.range else { return "-".to_owned() };
    let [low, high] = [low, high].map(|value| amount(metric, figure, value));
    if low == high {
        return String::new();
    }
    units::between(&low, &high)
}

/// Returns a difference in percent of the figure before: `+20%`, `+0.4%`, `21x`, `new`, `gone`.
pub(crate) fn percent(figure: ComparedFigure, row: &Row) -> String {
    let (Difference::By(change), Some(before)) = (row.difference, row.before.median) else {
        return String::new();
    };
    match (figure, row.after.median) {
        (ComparedFigure::PerMinute, _) => String::new(),
        (_, Some(0.0)) => "gone".to_owned(),
        _ if before == 0.0 => "new".to_owned(),
        _ => {
            let percent = change / before * 100.0;
            match percent.abs() {
                few if few < 9.95 => format!("{percent:+.1}%"),
                // Not all of it, so it is no whole hundred.
                nearly if percent < 0.0 && nearly >= 99.5 => format!("-{:.1}%", nearly.min(99.9)),
                some if some < 999.5 => format!("{percent:+.0}%"),
                _ => format!("{:.0}x", (before + change) / before),
            }
        }
    }
}

impl Comparison<'_> {
    /// Returns the headline: by how much the highest sample differs, and in which parts.
    ///
    /// The labels of parts may hold anything: escape what is shown.
    pub fn headline(&self) -> String {
        let metric = self.sides.metric;
        let Some(highest) = self.figures.first() else { return String::new() };
        let FigureRows { figure, total, .. } = highest;
        let highest_of = if *figure == ComparedFigure::Highest { "highest " } else { "" };
        let [before, after] =
            [&total.before, &total.after].map(|spread| median(metric, *figure, spread));
        let what = match metric.unit() {
            Unit::Bytes => format!("{highest_of}{}", metric.words()),
            Unit::Count => format!("{highest_of}number of regions"),
        };
        match total.difference {
            Difference::Unknown => format!("{what} is not known on both sides"),
            Difference::Same => format!("{what} is the same: {before}"),
            Difference::Within => {
                format!("{what} {before} and {after}: {}", self.within())
            }
            Difference::By(by) => {
                let verb = if by > 0.0 { "rose" } else { "fell" };
                let size = metric.unit().plain(by.abs().round() as u64);
                let size = if metric.unit() == Unit::Count { format!("by {size}") } else { size };
                let percent = percent(*figure, total);
                let percent = Some(percent).filter(|text| !text.is_empty());
                let percent = percent.map(|text| format!(" ({text})")).unwrap_or_default();
                let parts = self.parts(highest, by);
                format!("{what} {verb} {size}{percent}, from {before} to {after}{parts}")
            }
        }
    }

    /// Returns the parts that took most of a change of the total: `: malloc -51.5M, other -0.9M`.
    fn parts(&self, highest: &FigureRows, by: f64) -> String {
        let unit = self.sides.metric.unit();
        let part = |row: &Row| match row.difference {
            Difference::By(by) => Some((row.label.clone(), by.round() as i128)),
            _ => None,
        };
        let shares = Shares::of(highest.rows.iter().filter_map(part), by.round() as i128);
        let named = shares.named.iter().map(|share| (share.label.as_str(), share.change));
        let rest = Some(("other", shares.rest)).filter(|(_, rest)| *rest != 0);
        let words =
            named.chain(rest).map(|(label, change)| format!("{label} {}", unit.signed(change)));
        let words: Vec<String> = words.collect();
        match shares.named.is_empty() {
            true => String::new(),
            false => format!(": {}", words.join(", ")),
        }
    }

    /// Returns the figures after the highest one in words: `last 28.5M (+94%), …`.
    pub(crate) fn course(&self) -> Vec<String> {
        let metric = self.sides.metric;
        let words = |of: &FigureRows| {
            let total = &of.total;
            let [from, to] =
                [&total.before, &total.after].map(|spread| median(metric, of.figure, spread));
            let outcome = match total.difference {
                Difference::Unknown => return None,
                Difference::Same => return Some(format!("{} the same: {from}", of.figure.words())),
                Difference::Within => self.within(),
                Difference::By(by) => change(metric, of.figure, by),
            };
            Some(format!("{}: {from} before, {to} after ({outcome})", of.figure.words()))
        };
        self.figures.iter().skip(1).filter_map(words).collect()
    }

    /// Returns the words for a difference that runs of one side have too.
    pub(crate) fn within(&self) -> String {
        let [before, after] = [&self.sides.before, &self.sides.after].map(|runs| runs.len() as u64);
        format!("within the spread of {}", units::counted(before.max(after), "run", "runs"))
    }

    /// Returns what a reader must know.
    pub(crate) fn notes(&self) -> Vec<String> {
        let sides = self.sides;
        let mut notes = Vec::new();
        notes.extend(self.chance());
        let spans = || sides.runs().map(ComparedRun::span_ns).filter(|span| *span > 0);
        if let (Some(short), Some(long)) = (spans().min(), spans().max())
            && long - short > long / SPAN_PART
        {
            let [short, long] = [short, long].map(units::duration);
            notes.push(format!(
                "runs take from {short} to {long}: --common counts as long a time of each"
            ));
        }
        let intervals = || sides.runs().map(|run| run.interval_ns);
        if let (Some(short), Some(long)) = (intervals().min(), intervals().max())
            && long / INTERVAL_FACTOR > short
        {
            let [short, long] = [short, long].map(units::duration);
            notes.push(format!(
                "samples are from {short} to {long} apart: short peaks are seen in some runs only"
            ));
        }
        let machines: BTreeSet<_> = sides.runs().map(|run| &run.machine).collect();
        if machines.len() > 1 {
            let machine = |(architecture, page): &&(String, u64)| {
                format!("{architecture} with pages of {}", units::size(*page))
            };
            let machines: Vec<String> = machines.iter().map(machine).collect();
            notes.push(format!("machines differ, so sizes may: {}", machines.join(", ")));
        }
        notes.extend(self.unknown());
        notes.extend(self.too_few());
        notes
    }

    /// Returns how often ranges lie apart by chance.
    fn chance(&self) -> Option<String> {
        let (before, after) = (self.sides.before.len() as u64, self.sides.after.len() as u64);
        if before + after == 2 {
            return Some(
                "one run a side: how much runs differ by themselves is not known".to_owned(),
            );
        }
        let rows = || self.figures.iter().flat_map(|of| std::iter::once(&of.total).chain(&of.rows));
        rows().find(|row| matches!(row.difference, Difference::By(_)))?;
        // The ways to choose the runs of one side, of which two lie apart.
        let few = before.min(after).min(10);
        let ways = (1..=few).fold(1_u64, |ways, n| ways * (before + after + 1 - n) / n);
        let (apart, ways) = if ways.is_multiple_of(2) { (1, ways / 2) } else { (2, ways) };
        Some(format!(
            "ranges of {before} and {after} runs lie apart by chance in {apart} of {} cases",
            units::count(ways)
        ))
    }

    /// Returns the runs of which something is not known.
    fn unknown(&self) -> Option<String> {
        let unknown = |run: &&ComparedRun| matches!(run.highest(), Err(Unmeasured::Unknown(_)));
        let runs: Vec<&str> = self.sides.runs().filter(unknown).map(|run| &*run.name).collect();
        let what = self.sides.metric.words();
        (!runs.is_empty()).then(|| format!("{what} is unknown in {}", runs.join(", ")))
    }

    /// Returns the least number of samples that is too few for growth.
    fn too_few(&self) -> Option<String> {
        self.figures.iter().find(|of| of.figure == ComparedFigure::PerMinute)?;
        let few = |run: &ComparedRun| match run.slope() {
            Err(Unmeasured::TooFew(samples)) => Some(samples),
            _ => None,
        };
        let samples = self.sides.runs().filter_map(few).min()?;
        Some(format!(
            "not enough samples for growth per minute: {samples} of {ENOUGH_SAMPLES} needed"
        ))
    }
}
