//! The headline of a finding.

use vmrec_sampler::Quantity;

use crate::finding::caveat::Caveat;
use crate::finding::clock::Clock;
use crate::finding::course::Point;
use crate::finding::outcome::{Share, Verdict, tolerance};
use crate::finding::shape::Shape;
use crate::finding::{Finding, Leader};
use crate::metric::{Metric, Unit};
use crate::text::units;

/// The rest of a change is named from this part of it on: half a percent.
const MIN_REST_PART: u128 = 200;
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

/// Returns the name of a metric in a sentence; the usual ones need none: resident memory of a
/// process, private + swapped of a session.
fn noun(metric: Metric) -> Option<String> {
    match metric {
        Metric::RESIDENT | Metric::Own => None,
        Metric::PSS => Some("PSS".to_owned()),
        Metric::Regions => Some("the number of regions".to_owned()),
        Metric::Footprint => Some("the footprint".to_owned()),
        Metric::Live => Some("the blocks".to_owned()),
        Metric::Measured(Quantity::Huge) => Some("memory in huge pages".to_owned()),
        _ => Some(format!("{} memory", metric.words())),
    }
}

/// Returns the meaning of a metric that is 0 throughout.
pub(crate) fn nothing(metric: Metric) -> String {
    match metric {
        Metric::Virtual => "nothing was mapped".to_owned(),
        Metric::PSS => "nothing was resident".to_owned(),
        Metric::Regions => "there was no region".to_owned(),
        Metric::Footprint => "the process was charged for nothing".to_owned(),
        Metric::Own => "nothing was private or swapped".to_owned(),
        Metric::Live => "no sampled block was there".to_owned(),
        Metric::Measured(Quantity::Huge) => "nothing was in huge pages".to_owned(),
        _ => format!("nothing was {}", metric.words()),
    }
}
