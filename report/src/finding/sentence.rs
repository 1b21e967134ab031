//! A finding in words: the headline, and the lines below it.

use vmrec_sampler::Quantity;

use crate::finding::caveat::Caveat;
use crate::finding::clock::Clock;
use crate::finding::course::{Point, Turn};
use crate::finding::outcome::{Share, Verdict, tolerance};
use crate::finding::shape::{Shape, Stretch};
use crate::finding::{Finding, Leader};
use crate::metric::{Metric, Unit};
use crate::text::units;

/// The rest of a change is named from this part of it on: half a percent.
const MIN_REST_PART: u128 = 200;
/// Growth outside the stretches named is worth a word from this part of all on: 2 %.
const MIN_OUTSIDE_PART: u128 = 50;
/// The maximum number of characters of a mark in a sentence.
const MAX_MARK: usize = 24;
/// The maximum number of stretches between marks named.
const MAX_STRETCHES: usize = 3;

const SECOND: u64 = 1_000_000_000;

impl Finding {
    /// Returns the headline in its forms, from the most complete to the shortest: what became
    /// of the process, by how much, and the parts that took most of it.
    ///
    /// `process` and the labels of parts may hold anything: escape what is shown.
    pub fn headlines(&self, process: &str, clock: &Clock) -> Vec<String> {
        let subject = self.subject(process);
        let unit = self.metric.unit();
        let plain = |point: Point| unit.plain(point.value);
        match self.verdict {
            Verdict::Zero => vec![format!("0 throughout: {}", nothing(self.metric))],
            Verdict::Single => {
                vec![format!("{subject} was at {} in the only sample", plain(self.last))]
            }
            Verdict::Level => {
                let change = unit.signed(self.change());
                vec![format!("{subject} stayed at {} ({change})", plain(self.last))]
            }
            Verdict::Grew | Verdict::Fell => {
                let verb = if self.verdict == Verdict::Grew { "grew" } else { "fell" };
                let amount = amount(unit, self.change());
                let lead = format!("{subject} {verb} {amount}");
                let elapsed = units::duration(self.last.elapsed_ns - self.first.elapsed_ns);
                let timed = format!("{lead} in {elapsed}");
                let whole = format!("{timed}{}", self.shared_words());
                let mut forms = with_shares(&whole, self, ": ");
                forms.extend([timed, lead]);
                forms.dedup();
                forms
            }
            Verdict::Peaked | Verdict::Dipped => {
                let (verb, at) = match self.verdict {
                    Verdict::Peaked => ("peaked at", self.highest),
                    _ => ("dipped to", self.lowest),
                };
                let leader =
                    |leader: &Leader| format!(" ({} {})", leader.label, unit.plain(leader.value));
                let leader = self.leader.as_ref().map(leader).unwrap_or_default();
                let (value, when) = (plain(at), clock.at(at.elapsed_ns));
                let mean = if self.means { ", a mean," } else { "" };
                let ended = format!(", ended at {}", plain(self.last));
                vec![
                    format!("{subject} {verb} {value}{mean}{leader} {when}{ended}"),
                    format!("{subject} {verb} {value}{leader}{ended}"),
                    format!("{subject} {verb} {value}{ended}"),
                    format!("{subject} {verb} {value}"),
                ]
            }
            Verdict::Swung => {
                let [low, high] = [self.lowest, self.highest].map(plain);
                let lead = format!("{subject} swung between {low} and {high}");
                let (troughs, level) = (self.shares.change, self.troughs_level());
                let verb = if troughs > 0 { "rose" } else { "fell" };
                let moved = format!("{lead}; its troughs {verb} {}", amount(unit, troughs));
                match level {
                    Some(trough) => vec![
                        format!(
                            "{lead}; its troughs stayed at {} ({})",
                            unit.plain(trough),
                            unit.signed(troughs)
                        ),
                        lead,
                    ],
                    None => {
                        let short = format!(
                            "{subject} swung up to {high}; troughs {verb} {}",
                            amount(unit, troughs)
                        );
                        let forms = with_shares(&moved, self, ": ");
                        forms.into_iter().chain([short, lead]).collect()
                    }
                }
            }
        }
    }

    /// Returns the most complete headline.
    pub fn headline(&self, process: &str, clock: &Clock) -> String {
        self.headlines(process, clock).into_iter().next().unwrap_or_default()
    }

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

    /// Returns how much became shared, which a change of private memory is wrong without.
    fn shared_words(&self) -> String {
        let shared = |caveat: &Caveat| match caveat {
            Caveat::BecameShared { bytes } => {
                Some(format!(" ({} became shared, not freed)", units::size(*bytes)))
            }
            _ => None,
        };
        self.caveats.iter().find_map(shared).unwrap_or_default()
    }

    /// Returns the value of the last trough, if the first was about the same.
    fn troughs_level(&self) -> Option<u64> {
        let Shape::SawTooth { first, last, .. } = &self.shape else { return None };
        let tolerance = tolerance(self.highest.value, self.metric.unit());
        (first.value.abs_diff(last.value) <= tolerance).then_some(last.value)
    }

    /// Returns the process, or what of it was measured: `node`, `private memory of node`.
    fn subject(&self, process: &str) -> String {
        match noun(self.metric) {
            None => process.to_owned(),
            Some(noun) => format!("{noun} of {process}"),
        }
    }
}

/// Adds the parts of the change, all of them, then fewer, then none. What moved the other way is
/// never left out, as the parts would exceed the whole.
fn with_shares(lead: &str, finding: &Finding, separator: &str) -> Vec<String> {
    let shares = &finding.shares;
    let unit = finding.metric.unit();
    let share = |share: &Share| format!("{} {}", share.label, unit.signed(share.change));
    let percent = |of: &Share| match of.percent {
        Some(percent) if percent < 100 => format!("{} ({percent}%)", share(of)),
        _ => share(of),
    };
    let all = |word: &dyn Fn(&Share) -> String, count: usize| {
        let mut words: Vec<String> = shares.named[..count].iter().map(word).collect();
        let named: i128 = shares.named[..count].iter().map(|share| share.change).sum();
        let rest = shares.change - named;
        let large = rest.unsigned_abs() * MIN_REST_PART >= shares.change.unsigned_abs();
        let opposed = rest.signum() == -shares.change.signum();
        if rest != 0 && large && (opposed || count == shares.named.len()) {
            words.push(format!("other {}", unit.signed(rest)));
        }
        format!("{lead}{separator}{}", words.join(", "))
    };
    let count = shares.named.len();
    let mut forms = Vec::new();
    if count > 0 {
        forms.extend([all(&percent, count), all(&share, count)]);
        forms.extend((1..count).rev().map(|count| all(&share, count)));
    }
    forms.push(lead.to_owned());
    forms.dedup();
    forms
}

/// Returns the size of a change in words: `139.3M`, or `by 12` for a count.
fn amount(unit: Unit, change: i128) -> String {
    let size = u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX);
    match unit {
        Unit::Bytes => unit.plain(size),
        Unit::Count => format!("by {}", unit.plain(size)),
    }
}

/// Returns the change of a stretch by second, minute, hour or day, whichever suits its length.
fn rate(unit: Unit, from: Point, to: Point) -> Option<String> {
    const UNITS: [(u64, &str); 4] =
        [(SECOND, "s"), (60 * SECOND, "min"), (3600 * SECOND, "h"), (86_400 * SECOND, "day")];
    let span_ns = to.elapsed_ns.checked_sub(from.elapsed_ns).filter(|span| *span > 0)?;
    let fits = |(ns, _): &&(u64, &str)| span_ns >= ns * 2;
    let (ns, name) = UNITS.iter().rev().find(fits).unwrap_or(&UNITS[0]);
    let change = i128::from(to.value) - i128::from(from.value);
    let each = change * i128::from(*ns) / i128::from(span_ns);
    Some(format!("{}/{name}", unit.signed(each)))
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
        format!("from {from} to {to} ({})", unit.signed(stretch.change()))
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

/// Returns the name of a metric in a sentence; resident memory, the usual one, needs none.
fn noun(metric: Metric) -> Option<String> {
    match metric {
        Metric::RESIDENT => None,
        Metric::PSS => Some("PSS".to_owned()),
        Metric::Regions => Some("the number of regions".to_owned()),
        Metric::Footprint => Some("the footprint".to_owned()),
        Metric::Measured(Quantity::Huge) => Some("memory in huge pages".to_owned()),
        _ => Some(format!("{} memory", metric.words())),
    }
}

/// Returns the meaning of a metric that is 0 throughout.
fn nothing(metric: Metric) -> String {
    match metric {
        Metric::Virtual => "nothing was mapped".to_owned(),
        Metric::PSS => "nothing was resident".to_owned(),
        Metric::Regions => "there was no region".to_owned(),
        Metric::Footprint => "the process was charged for nothing".to_owned(),
        Metric::Measured(Quantity::Huge) => "nothing was in huge pages".to_owned(),
        _ => format!("nothing was {}", metric.words()),
    }
}
