//! All that is asked of a check: the flags over the file `vmrec.toml`.

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use vmrec_report::{Bound, Check, ENOUGH_SAMPLES, Figure, Limit, Metric, Subject};

use crate::commands::check::args::CheckArgs;
use crate::commands::check::limits::{Name, Percent, Written, bound, percent, rate};
use crate::failure::{Failure, Status};
use crate::parse::parse_metric;
use crate::toml_text;

/// The file that is read where no limit is given.
const USUAL_FILE: &str = "vmrec.toml";

/// The maximum number of objects that a hint names.
const MAX_NAMED: usize = 12;

/// The limits and options of a check.
#[derive(Debug)]
pub(crate) struct Budget {
    written: Vec<Written>,
    pub(crate) after: String,
    pub(crate) until: String,
    pub(crate) skip_warm_up: bool,
    pub(crate) baseline: Vec<String>,
    tolerance: Option<Percent>,
    pub(crate) min_samples: usize,
    pub(crate) lenient: bool,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    after: Option<String>,
    until: Option<String>,
    #[serde(default)]
    skip_warm_up: bool,
    #[serde(default)]
    baseline: Vec<String>,
    tolerance: Option<String>,
    min_samples: Option<usize>,
    #[serde(default)]
    lenient: bool,
    #[serde(rename = "limit", default)]
    limits: Vec<Table>,
}

/// One `[[limit]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    metric: Option<String>,
    of: Option<String>,
    object: Option<String>,
    stack: Option<String>,
    max: Option<String>,
    growth: Option<String>,
}

impl Budget {
    /// Reads the flags, and the file that they name or the usual one.
    pub(crate) fn of(args: &CheckArgs) -> Result<Self, Failure> {
        let none = args.max.is_empty() && args.growth.is_empty() && args.tolerance.is_none();
        let mut budget = match &args.budget {
            Some(path) => Self::of_file(path)?,
            None if none => {
                let path = Path::new(USUAL_FILE);
                read(path)?.ok_or_else(no_limits)?.budget(path)?
            }
            None => File::default().budget(Path::new(USUAL_FILE))?,
        };
        budget.written.splice(0..0, args.max.iter().chain(&args.growth).cloned());
        if let Some(after) = &args.after {
            budget.after.clone_from(after);
        }
        if let Some(until) = &args.until {
            budget.until.clone_from(until);
        }
        if !args.baseline.is_empty() {
            budget.baseline.clone_from(&args.baseline);
        }
        budget.tolerance = args.tolerance.or(budget.tolerance);
        budget.min_samples = args.min_samples.unwrap_or(budget.min_samples);
        budget.lenient |= args.lenient;
        budget.skip_warm_up |= args.skip_warm_up;
        budget.whole()
    }

    /// Reads a file with limits.
    pub(crate) fn of_file(path: &Path) -> Result<Self, Failure> {
        let missing = || {
            Failure::io("read", path, ErrorKind::NotFound.into()).hint("name a file with limits")
        };
        read(path)?.ok_or_else(missing)?.budget(path)
    }

    /// Returns itself if something can be decided by it.
    pub(crate) fn whole(self) -> Result<Self, Failure> {
        let relative = |written: &Written| matches!(written.bound, Bound::AboveBaseline(_));
        let needs_baseline = self.tolerance.is_some() || self.written.iter().any(relative);
        if needs_baseline && self.baseline.is_empty() {
            return Err(Failure::usage("a limit in percent needs a recording to compare with")
                .hint("name it: --baseline FILE, FILE#N, or #N of the same file"));
        }
        if self.written.is_empty() && self.tolerance.is_none() {
            return Err(no_limits());
        }
        let of_stack = |written: &Written| matches!(written.name, Some(Name::Stack(_)));
        let other = |written: &&Written| written.metric != Metric::RESIDENT;
        if self.written.iter().filter(|written| of_stack(written)).any(|one| other(&one)) {
            return Err(Failure::usage("stacks explain resident memory alone")
                .hint("leave the metric of limits on stacks out"));
        }
        Ok(self)
    }

    /// Returns the metrics that limits are on.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let tolerated = self.tolerance.map(|_| Metric::RESIDENT);
        let mut metrics: Vec<Metric> =
            self.written.iter().map(|written| written.metric).chain(tolerated).collect();
        metrics.sort();
        metrics.dedup();
        metrics
    }

    /// Returns the names of the objects that limits are on, and the metrics of them.
    pub(crate) fn objects(&self) -> (Vec<String>, Vec<Metric>) {
        let of_object = |written: &Written| match &written.name {
            Some(Name::Object(name)) => Some((name.clone(), written.metric)),
            Some(Name::Type(_) | Name::Stack(_)) | None => None,
        };
        let (mut names, mut metrics): (Vec<String>, Vec<Metric>) =
            self.written.iter().filter_map(of_object).unzip();
        names.sort();
        names.dedup();
        metrics.sort();
        metrics.dedup();
        (names, metrics)
    }

    /// Returns the names of functions that limits are on.
    pub(crate) fn stacks(&self) -> Vec<String> {
        let of_stack = |written: &Written| match &written.name {
            Some(Name::Stack(name)) => Some(name.clone()),
            Some(Name::Type(_) | Name::Object(_)) | None => None,
        };
        let mut names: Vec<String> = self.written.iter().filter_map(of_stack).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns the limits, with the names of types and families looked up.
    pub(crate) fn limits(&self, check: &Check) -> Result<Vec<Limit>, Failure> {
        let mut limits = Vec::new();
        for Written { metric, name, figure, bound } in &self.written {
            let of = match name {
                None => Subject::Total,
                Some(Name::Type(name)) => subject(name, check)?,
                Some(Name::Object(name)) => object(name, check)?,
                Some(Name::Stack(name)) => check.stack(name).ok_or_else(|| {
                    Failure::usage(format!("no recorded stack has a function `{name}`"))
                        .hint("`vmrec map --by stack` lists them; --wide in full")
                })?,
            };
            limits.push(Limit { metric: *metric, of, figure: *figure, bound: *bound });
        }
        if let Some(Percent(percent)) = self.tolerance {
            limits.extend(check.tolerance(Metric::RESIDENT, percent));
        }
        Ok(limits)
    }
}

impl File {
    /// Returns what it asks; `path` is where it lies.
    fn budget(self, path: &Path) -> Result<Budget, Failure> {
        let wrong = |what: String| wrong(path, &what);
        let tolerance = self.tolerance.as_deref().map(percent).transpose().map_err(wrong)?;
        let mut written = Vec::new();
        for table in &self.limits {
            written.extend(table.limits().map_err(wrong)?);
        }
        Ok(Budget {
            written,
            after: self.after.unwrap_or_else(|| "start".to_owned()),
            until: self.until.unwrap_or_else(|| "end".to_owned()),
            skip_warm_up: self.skip_warm_up,
            baseline: self.baseline,
            tolerance,
            min_samples: self.min_samples.unwrap_or(ENOUGH_SAMPLES),
            lenient: self.lenient,
        })
    }
}

impl Table {
    fn limits(&self) -> Result<Vec<Written>, String> {
        let metric = self.metric.as_deref().map_or(Ok(Metric::RESIDENT), parse_metric)?;
        let names = [
            self.of.clone().map(Name::Type),
            self.object.clone().map(Name::Object),
            self.stack.clone().map(Name::Stack),
        ];
        let mut names = names.into_iter().flatten();
        let name = names.next();
        if names.next().is_some() {
            return Err("a [[limit]] has more than one of `of`, `object` and `stack`".to_owned());
        }
        let written = |figure, bound| Written { metric, name: name.clone(), figure, bound };
        let mut limits = Vec::new();
        if let Some(text) = &self.max {
            limits.push(written(Figure::Highest, bound(text)?));
        }
        if let Some(text) = &self.growth {
            let (figure, bound) = rate(text)?;
            limits.push(written(figure, bound));
        }
        if limits.is_empty() {
            return Err("a [[limit]] has neither `max` nor `growth`".to_owned());
        }
        Ok(limits)
    }
}

/// Finds the type or family of a name.
fn subject(name: &str, check: &Check) -> Result<Subject, Failure> {
    check.subject(name).map_err(|labels| {
        Failure::usage(format!("there is no type or family `{name}`"))
            .hint(format!("the types here are {}", labels.join(", ")))
    })
}

/// Finds the objects of a name.
fn object(name: &str, check: &Check) -> Result<Subject, Failure> {
    check.object(name).map_err(|seen| {
        let lower = name.to_lowercase();
        let alike = |one: &&String| one.to_lowercase().contains(lower.trim_matches('*'));
        let mut shown: Vec<&String> = seen.iter().filter(alike).collect();
        if shown.is_empty() {
            shown = seen.iter().collect();
        }
        let more = shown.len().saturating_sub(MAX_NAMED);
        shown.truncate(MAX_NAMED);
        let shown: Vec<&str> = shown.into_iter().map(String::as_str).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Failure::usage(format!("there is no object `{name}`"))
            .hint(format!("objects here are {}{more}", shown.join(", ")))
    })
}

/// Reads a file with limits; `None` if there is none.
fn read(path: &Path) -> Result<Option<File>, Failure> {
    let text = match toml_text::read(path) {
        Ok(text) => text.ok_or_else(|| wrong(path, "it is larger than 1M"))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("read", path, error).hint("name another file")),
    };
    toml::from_str(&text).map(Some).map_err(|error| {
        let line = error.span().map(|span| toml_text::line_of(&text, span.start));
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        wrong(path, &format!("{line}{}", error.message().trim_end()))
    })
}

/// States that a file with limits is wrong.
fn wrong(path: &Path, what: &str) -> Failure {
    let mut lines = what.lines();
    let first = lines.next().unwrap_or_default();
    let error = anyhow::anyhow!("{}: {first}", path.display());
    let hint = lines.next().and_then(|line| line.strip_prefix("hint: "));
    Failure::new(Status::Usage, error)
        .hint(hint.unwrap_or("docs/check.md shows how limits are written"))
}

/// States that there is nothing to check.
fn no_limits() -> Failure {
    Failure::new(Status::Usage, anyhow::anyhow!("no limit is given")).hint(
        "give one, such as --max 200M, --growth 5M/min or --baseline FILE --tolerance 5%,\n\
         or name a file with limits: --budget vmrec.toml",
    )
}
