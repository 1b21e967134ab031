//! The arguments of triggers: conditions on samples, and what happens as one becomes true.

use std::time::Duration;

use clap::Args;
use vmrec_report::{Bound, Figure, Metric, Test, Unit};

use crate::commands::check::limits::{self, Name};
use crate::parse::{parse_duration, parse_interval, size_of};

/// What to look for, and what to do then.
#[derive(Args, Clone, Debug)]
pub(crate) struct TriggerArgs {
    /// Set a mark as a condition becomes true, again only after it was false: 'private > 2G',
    /// 'malloc > 500M', 'private:V8 heap > 1G', 'regions > 50000', 'private grows > 50M/min';
    /// of each process by itself
    #[arg(long, value_name = "CONDITION", value_parser = condition)]
    pub(crate) when: Vec<WrittenCondition>,

    /// Name of the marks that --when sets [default: the condition]
    #[arg(long, value_name = "NAME", requires = "when", value_parser = not_blank)]
    pub(crate) mark: Option<String>,

    /// Run this by `sh -c` too as a condition becomes true; VMREC_PID, VMREC_SAMPLE, VMREC_WHEN …
    /// say of what: docs/triggers.md
    #[arg(long, value_name = "CMD", requires = "when", value_parser = not_blank)]
    pub(crate) run: Option<String>,

    /// Save a report on the heap as a mark of this name is set, by --when or by `vmrec mark`, as
    /// `vmrec heap --save` does: `vmrec diff --by class` compares two
    #[arg(long, value_name = "MARK", value_parser = heap_on)]
    pub(crate) heap_on: Vec<String>,

    /// Sample more often for a while too as a condition becomes true; --burst alone is 100ms,10s
    #[arg(
        long,
        value_name = "EVERY[,FOR]",
        requires = "when",
        conflicts_with = "via",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "100ms,10s",
        value_parser = burst
    )]
    pub(crate) burst: Option<Burst>,
}

impl TriggerArgs {
    /// Returns whether programs may be started while recording.
    pub(crate) fn starts_programs(&self) -> bool {
        self.run.is_some() || !self.heap_on.is_empty()
    }
}

/// Denser samples for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Burst {
    pub(crate) every: Duration,
    pub(crate) lasts: Duration,
}

/// A condition whose type or family is not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenCondition {
    /// As it was written.
    pub(crate) text: String,
    pub(crate) metric: Metric,
    /// The name of a type or family; all of the process without one.
    pub(crate) name: Option<String>,
    pub(crate) test: Test,
}

const FORMS: &str = "hint: write [METRIC:][NAME] > SIZE or [METRIC:][NAME] grows > SIZE/TIME, such as\n\
     'private > 2G', 'malloc > 500M', 'private:V8 heap grows > 50M/min' or 'regions > 50000'";

/// How long a burst lasts unless a user says otherwise.
const USUAL_BURST: Duration = Duration::from_secs(10);

/// Reads the value of `--when`, in the words of `vmrec check`.
fn condition(text: &str) -> Result<WrittenCondition, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wrong = || format!("not a condition\n{FORMS}");
    let (of, bound) = text.rsplit_once('>').ok_or_else(wrong)?;
    let of = of.trim();
    let (of, grows) = match of.strip_suffix("grows") {
        Some(of) if of.is_empty() || of.ends_with(' ') => (of.trim(), true),
        _ => (of, false),
    };
    let (metric, name) = match of {
        "" if grows => (Metric::RESIDENT, None),
        "" => return Err(wrong()),
        of => limits::named(of),
    };
    let name = match name {
        None => None,
        Some(Name::Type(name)) if !name.is_empty() => Some(name),
        Some(Name::Type(_)) => return Err(wrong()),
        Some(Name::Object(_) | Name::Stack(_)) => {
            return Err("a condition is on a process, a type or a family\n\
                 hint: leave `object:` and `stack:` to `vmrec check`"
                .to_owned());
        }
    };
    let bound = bound.trim();
    let amount = bound.split_once('/').map_or(bound, |(amount, _)| amount).trim_end();
    if metric.unit() == Unit::Count && amount.ends_with(['K', 'M', 'G', 'T']) {
        return Err("regions are counted, not measured\nhint: write a number, such as \
                    'regions > 50000'"
            .to_owned());
    }
    let test = if grows {
        match limits::rate(bound)? {
            (Figure::Slope { per_ns }, Bound::Absolute(amount)) => Test::Grows { amount, per_ns },
            _ => {
                return Err("growth is per time\nhint: write /s, /min, /h or /d, such as \
                            'private grows > 50M/min'"
                    .to_owned());
            }
        }
    } else if bound.contains('/') {
        return Err(
            "a size is not per time\nhint: growth is, such as 'private grows > 50M/min'".to_owned()
        );
    } else {
        Test::Above(size_of(bound).ok_or_else(wrong)?)
    };
    Ok(WrittenCondition { metric, name, test, text })
}

/// Reads `100ms` or `100ms,10s`.
fn burst(text: &str) -> Result<Burst, String> {
    let (every, lasts) = match text.split_once(',') {
        Some((every, lasts)) => (every, parse_duration(lasts)?),
        None => (text, USUAL_BURST),
    };
    let every = parse_interval(every)?;
    if lasts < every {
        return Err("a burst shorter than the time between its samples has none\n\
                    hint: write EVERY,FOR, such as --burst=100ms,10s"
            .to_owned());
    }
    Ok(Burst { every, lasts })
}

/// Reads the name of marks, or a condition as `--when` names its marks.
fn heap_on(text: &str) -> Result<String, String> {
    not_blank(text)?;
    match condition(text) {
        Ok(condition) => Ok(condition.text),
        Err(_) => Ok(text.to_owned()),
    }
}

fn not_blank(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000_000;

    #[test]
    fn a_condition_is_written_as_limits_are() {
        let read = |text: &str| {
            let WrittenCondition { metric, name, test, .. } = condition(text).unwrap();
            (metric.name(), name.unwrap_or_default(), test)
        };
        let of = |metric: &str, name: &str, test| (metric.to_owned(), name.to_owned(), test);
        let above = Test::Above(2 << 30);
        assert_eq!(read("private > 2G"), of("private", "", above));
        assert_eq!(read("private>2G"), of("private", "", above));
        assert_eq!(read("malloc > 2G"), of("resident", "malloc", above));
        assert_eq!(read("private:V8 heap  > 2G "), of("private", "V8 heap", above));
        assert_eq!(read("regions > 50000"), of("regions", "", Test::Above(50_000)));
        let grows = Test::Grows { amount: 50 << 20, per_ns: MINUTE };
        assert_eq!(read("private grows > 50M/min"), of("private", "", grows));
        assert_eq!(read("grows>50M/min"), of("resident", "", grows));
        assert_eq!(read("private:V8 heap grows > 50M / min"), of("private", "V8 heap", grows));
        assert_eq!(condition(" private   >2G").unwrap().text, "private >2G");
    }

    #[test]
    fn nonsense_is_refused_with_the_forms_there_are() {
        for (wrong, why) in [
            ("", "not a condition"),
            ("private", "not a condition"),
            ("> 2G", "not a condition"),
            ("private < 2G", "not a condition"),
            ("private > much", "not a condition"),
            ("private > -1", "not a condition"),
            ("private: > 2G", "not a condition"),
            ("regions > 2G", "regions are counted"),
            ("regions grows > 2G/min", "regions are counted"),
            ("private grows > 50M", "growth is per time"),
            ("private grows > 50M/week", "no unit of time"),
            ("private grows > +5%", "growth is per time"),
            ("private > 50M/min", "a size is not per time"),
            ("regions > max_map_count", "not a condition"),
            ("object:lib.so > 1M", "a condition is on a process"),
        ] {
            let error = condition(wrong).unwrap_err();
            assert!(error.starts_with(why) && error.contains("hint: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_burst_has_an_interval_and_a_length() {
        let of = |every, lasts| {
            Ok(Burst { every: Duration::from_millis(every), lasts: Duration::from_secs(lasts) })
        };
        assert_eq!(burst("100ms,10s"), of(100, 10));
        assert_eq!(burst("1s"), of(1000, 10));
        for wrong in ["", "10ms", "1s,500ms", "100ms,", "100ms,10s,3"] {
            assert!(burst(wrong).is_err(), "{wrong}");
        }
    }
}
