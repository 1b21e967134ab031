//! The course of a finding in words: its ends, its shape and its highest value.

use crate::finding::Finding;
use crate::finding::clock::Clock;
use crate::finding::course::{Point, Turn};
use crate::finding::outcome::Verdict;
use crate::finding::shape::{Shape, Stretch};
use crate::metric::Unit;
use crate::text::units;
use crate::time::span::SPAN_END;

/// Growth outside the stretches named is worth a word from this part of all on: 2 %.
const MIN_OUTSIDE_PART: u128 = 50;
/// The maximum number of characters of a mark in a sentence.
const MAX_MARK: usize = 24;
/// The maximum number of stretches between marks named.
const MAX_STRETCHES: usize = 3;

const SECOND: u64 = 1_000_000_000;

impl Finding {
    /// Returns the parts of the line below the headline: first and last value, the shape in
    /// words, the highest value. `marks` are the texts of the marks.
    pub fn course_words(&self, clock: &Clock, marks: &[&str]) -> Vec<String> {
        if matches!(self.verdict, Verdict::Zero | Verdict::Single) {
            return Vec::new();
        }
        let unit = self.metric.unit();
        if self.verdict == Verdict::Level {
            let [low, high] = [self.lowest, self.highest].map(|point| unit.plain(point.value));
            return if low == high {
                Vec::new()
            } else {
                vec![format!("between {low} and {high}")]
            };
        }
        let mut parts = vec![format!(
            "{} → {} ({})",
            unit.plain(self.first.value),
            unit.plain(self.last.value),
            unit.signed(self.change())
        )];
        parts.extend(self.shape_words(clock, marks));
        let highest = self.highest.value;
        let in_headline = matches!(self.verdict, Verdict::Peaked | Verdict::Swung);
        if !in_headline && highest > self.first.value.max(self.last.value) {
            let word = if self.means { "highest mean" } else { "highest" };
            let at = clock.at(self.highest.elapsed_ns);
            parts.push(format!("{word} {} {at}", unit.plain(highest)));
        }
        parts
    }

    /// Returns the shape in words, if one is stated.
    fn shape_words(&self, clock: &Clock, marks: &[&str]) -> Option<String> {
        let unit = self.metric.unit();
        let until = |turn: Turn| format!(", level from {}", clock.moment(turn.after.elapsed_ns));
        let level_after = self.until.map(until).unwrap_or_default();
        Some(match &self.shape {
            Shape::SawTooth { troughs, first, last } => {
                let count = match self.every_sample {
                    true => units::counted(*troughs as u64, "trough", "troughs"),
                    false => "troughs".to_owned(),
                };
                format!(
                    "saw-tooth, {count}: {} {}, {} {}",
                    unit.plain(first.value),
                    clock.at(first.elapsed_ns),
                    unit.plain(last.value),
                    clock.at(last.elapsed_ns),
                )
            }
            Shape::BetweenMarks(stretches) => between_words(stretches, self.change(), unit, marks),
            Shape::Steps(steps) => steps_words(steps, unit, clock),
            Shape::Slope { from, to } => {
                let rate = rate(unit, *from, *to)?;
                match self.since {
                    Some(turn) => flat_until(turn, clock) + &format!(", then {rate}{level_after}"),
                    None => format!("steadily, {rate}{level_after}"),
                }
            }
            Shape::Unstated => match self.since {
                Some(turn) => flat_until(turn, clock) + &level_after,
                None if self.until.is_some() => level_after.trim_start_matches(", ").to_owned(),
                None => return None,
            },
        })
    }
}

/// Returns the change of a stretch by second, minute, hour or day, whichever suits its length; as it
/// is where that would round to nothing.
fn rate(unit: Unit, from: Point, to: Point) -> Option<String> {
    const UNITS: [(u64, &str); 4] =
        [(SECOND, "s"), (60 * SECOND, "min"), (3600 * SECOND, "h"), (86_400 * SECOND, "day")];
    let span_ns = to.elapsed_ns.checked_sub(from.elapsed_ns).filter(|span| *span > 0)?;
    let fits = |(ns, _): &&(u64, &str)| span_ns >= ns * 2;
    let (ns, name) = UNITS.iter().rev().find(fits).unwrap_or(&UNITS[0]);
    let change = i128::from(to.value) - i128::from(from.value);
    match change * i128::from(*ns) / i128::from(span_ns) {
        0 => Some(format!("{} in {}", unit.signed(change), units::duration(span_ns))),
        each => Some(format!("{}/{name}", unit.signed(each))),
    }
}

fn flat_until(turn: Turn, clock: &Clock) -> String {
    let until = format!("flat until {}", clock.moment(turn.before.elapsed_ns));
    match turn.in_gap {
        true => format!("{until}, unknown until {}", clock.moment(turn.after.elapsed_ns)),
        false => until,
    }
}

fn steps_words(steps: &[Turn], unit: Unit, clock: &Clock) -> String {
    let step = |step: &Turn| {
        let change = i128::from(step.after.value) - i128::from(step.before.value);
        let when = match step.in_gap {
            false => clock.at(step.after.elapsed_ns),
            true => format!(
                "between {} and {}",
                clock.moment(step.before.elapsed_ns),
                clock.moment(step.after.elapsed_ns)
            ),
        };
        format!("{} {when}", unit.signed(change))
    };
    let all: Vec<String> = steps.iter().map(step).collect();
    match steps.len() {
        1 => format!("in one step, {}", all.join("")),
        count => format!("in {count} steps: {}", all.join(", ")),
    }
}

fn between_words(stretches: &[Stretch], change: i128, unit: Unit, marks: &[&str]) -> String {
    let name = |mark: Option<usize>, end: &str| match mark.and_then(|mark| marks.get(mark)) {
        None => end.to_owned(),
        Some(text) if text.chars().count() > MAX_MARK => {
            format!("“{}…”", text.chars().take(MAX_MARK - 1).collect::<String>())
        }
        Some(text) => format!("“{text}”"),
    };
    let stretch = |stretch: &Stretch| {
        let (from, to) = (name(stretch.from_mark, "the start"), name(stretch.to_mark, "the end"));
        let text = |mark: Option<usize>| mark.and_then(|mark| marks.get(mark)).copied();
        let is_span = text(stretch.from_mark)
            .zip(text(stretch.to_mark))
            .is_some_and(|(from, to)| to.strip_suffix(SPAN_END) == Some(from));
        let change = unit.signed(stretch.change());
        match is_span {
            true => format!("during {from} ({change})"),
            false => format!("from {from} to {to} ({change})"),
        }
    };
    let mut words: Vec<String> = stretches.iter().take(MAX_STRETCHES).map(stretch).collect();
    if stretches.len() > MAX_STRETCHES {
        let more = units::counted((stretches.len() - MAX_STRETCHES) as u64, "other", "others");
        words.push(format!("{more} between marks"));
    }
    let named: i128 = stretches.iter().map(Stretch::change).sum();
    let all = (change - named).unsigned_abs() * MIN_OUTSIDE_PART <= change.unsigned_abs();
    format!("rose {} {}", if all { "only" } else { "mostly" }, words.join(", "))
}
