//! `vmrec check`: whether recordings keep to limits, for jobs that must fail when a program grows.

pub(crate) mod args;
pub(crate) mod budget;
pub(crate) mod limits;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use vmrec_report::escape::terminal;
use vmrec_report::{
    By, Check, Limit, LimitVerdict, Metric, NamedObjects, ObjectSeries, Run, SeriesBuilder,
    Subject, after_warm_up, check_github, check_junit, check_markdown, check_table, json, kept,
};
use vmrec_sampler::Naming;

use crate::args::{Choice, FileArgs, RecordingArgs, SpanArgs};
use crate::commands::check::args::CheckArgs;
use crate::commands::check::budget::Budget;
use crate::failure::Failure;
use crate::progress::Done;
use crate::recording::{Opened, same_counting};
use crate::session::OpenedSession;
use crate::{output, progress, stacks, zone};

/// Runs the command.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let budget = Budget::of(args)?;
    let judged = match args.session {
        Some(_) => Judged::of_session(&budget, &OpenedSession::open(&args.file, args.session)?)?,
        None => Judged::of(&budget, &args.file, &args.recording)?,
    };
    let time_zone = zone::local();
    if let Some(path) = &args.junit {
        let suite = check_junit(&judged.verdicts, &time_zone);
        output::replace_file(path, suite.as_bytes())?;
    }
    let Judged { recordings, baseline, verdicts, passed } = &judged;
    if args.json {
        output::print_json(&json::CheckDocument::new(*passed, recordings, baseline, verdicts))?;
    } else if args.md {
        output::print(&check_markdown(recordings, verdicts, &time_zone))?;
    } else {
        let mut text = judged.text(output::width(), output::color());
        if args.github {
            text += &check_github(verdicts, &time_zone);
        }
        output::print(&text)?;
    }
    Ok(if *passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verdicts, with the names of the recordings they are on.
pub(crate) struct Judged {
    recordings: Vec<String>,
    baseline: Vec<String>,
    verdicts: Vec<LimitVerdict>,
    pub(crate) passed: bool,
}

impl Judged {
    /// Checks the recordings of a file with these numbers or names, the newest without any.
    pub(crate) fn of(
        budget: &Budget,
        file: &FileArgs,
        choices: &[Choice],
    ) -> Result<Self, Failure> {
        let open = |recording| Opened::open(&RecordingArgs { file: file.clone(), recording });
        let opened: Vec<Opened> = match choices {
            [] => vec![open(None)?],
            choices => choices.iter().cloned().map(Some).map(open).collect::<Result<_, _>>()?,
        };
        let compared: Vec<Opened> = budget
            .baseline
            .iter()
            .map(|text| Opened::open(&baseline(text, file)))
            .collect::<Result<_, _>>()?;
        let span = SpanArgs { from: budget.after.clone(), to: budget.until.clone() };
        let metrics = budget.metrics();
        if !compared.is_empty() {
            same_counting(opened.iter().chain(&compared), &metrics)?;
        }
        let runs = |opened: &[Opened]| -> Result<Vec<Run>, Failure> {
            opened.iter().map(|one| of(one, budget, &span)).collect()
        };
        let naming = opened.first().map_or(Naming::Linux, |one| Naming::of(&one.recording.host));
        Self::checked(budget, runs(&opened)?, runs(&compared)?, naming)
    }

    /// Fails if a budget has limits that a session cannot be checked against.
    pub(crate) fn can_be_of_session(budget: &Budget) -> Result<(), Failure> {
        if !budget.baseline.is_empty() || budget.skip_warm_up {
            return Err(Failure::usage("a session has no baseline and no warm-up of its own")
                .hint("check one process with --recording N, or leave baseline and warm-up out"));
        }
        if !budget.objects().0.is_empty() || !budget.stacks().is_empty() {
            return Err(Failure::usage("a session has no limits on objects or stacks")
                .hint("check one process with --recording N"));
        }
        Ok(())
    }

    /// Checks the sums over all processes of a session.
    pub(crate) fn of_session(budget: &Budget, opened: &OpenedSession) -> Result<Self, Failure> {
        Self::can_be_of_session(budget)?;
        opened.must_have_samples()?;
        let span = SpanArgs { from: budget.after.clone(), to: budget.until.clone() };
        let series = opened.series(&budget.metrics(), By::Type, &span, true)?;
        let name = format!(
            "session {} of {}, all processes: {}",
            opened.session.id.0,
            opened.path.display(),
            opened.session.targets,
        );
        let naming = Naming::of(&opened.session.host);
        Self::checked(
            budget,
            vec![Run {
                name,
                series,
                objects: ObjectSeries::default(),
                stacks: None,
                max_mappings: None,
            }],
            Vec::new(),
            naming,
        )
    }

    fn checked(
        budget: &Budget,
        runs: Vec<Run>,
        baseline: Vec<Run>,
        naming: Naming,
    ) -> Result<Self, Failure> {
        let limits = Vec::new();
        let min_samples = budget.min_samples;
        let mut check = Check { runs, baseline, limits, min_samples, naming };
        check.limits = budget.limits(&check)?;
        // Of a recording of blocks, a limit on a function is on those.
        let metrics = check.runs.iter().filter_map(|run| Some(run.stacks.as_ref()?.metric));
        if metrics.into_iter().any(|metric| metric == Metric::Live) {
            let of_stacks = |limit: &&mut Limit| matches!(limit.of, Subject::Stack(_));
            check.limits.iter_mut().filter(of_stacks).for_each(|limit| limit.metric = Metric::Live);
        }
        let verdicts = check.verdicts();
        let names = |runs: Vec<Run>| runs.into_iter().map(|run| run.name).collect();
        Ok(Self {
            passed: kept(&verdicts, budget.lenient),
            verdicts,
            recordings: names(check.runs),
            baseline: names(check.baseline),
        })
    }

    /// Returns the verdicts as a table under the names of the recordings.
    pub(crate) fn text(&self, width: usize, color: bool) -> String {
        let recordings = self.recordings.iter().map(|name| format!("{}\n", terminal(name)));
        let baseline = self.baseline.iter().map(|name| format!("baseline: {}\n", terminal(name)));
        let mut text: String = recordings.chain(baseline).collect();
        text += &check_table(&self.verdicts, &zone::local(), width, color);
        text
    }
}

/// Reads the sums of a recording that limits are on.
fn of(opened: &Opened, budget: &Budget, span: &SpanArgs) -> Result<Run, Failure> {
    let metrics = &budget.metrics();
    let warm = match opened.extent {
        // It is one of the process, so the same for all metrics.
        Some(_) if budget.skip_warm_up => {
            let resident = opened.series(&[Metric::RESIDENT], By::Family, span)?;
            resident.first().and_then(after_warm_up)
        }
        _ => None,
    };
    let span = &SpanArgs {
        from: warm.map_or_else(|| span.from.clone(), |number| format!("#{number}")),
        to: span.to.clone(),
    };
    let series = match opened.extent {
        Some(_) => opened.series(metrics, By::Type, span)?,
        // Without a sample there is no time to resolve, and every limit is undecided.
        None => SeriesBuilder::new(metrics, By::Type, opened.recording.interval_ns).finish(),
    };
    let from = warm.map(|number| format!(", from #{number}, after its warm-up"));
    let name = opened.title(true) + &from.unwrap_or_default();
    let last = opened.extent.as_ref().map(|extent| extent.last.totals);
    let max_mappings = last.and_then(|totals| totals.max_mappings);
    let names = budget.stacks();
    let resident = series.iter().find(|series| series.metric == Metric::RESIDENT);
    let stacks = match resident.filter(|_| !names.is_empty() && opened.extent.is_some()) {
        Some(base) => Some(stacks::of_functions(opened, base.clone(), names)?),
        None => None,
    };
    Ok(Run { name, series, objects: objects(opened, budget, span)?, stacks, max_mappings })
}

/// Sums the objects that limits are on, which takes decoding the regions.
fn objects(opened: &Opened, budget: &Budget, span: &SpanArgs) -> Result<ObjectSeries, Failure> {
    let (names, metrics) = budget.objects();
    if names.is_empty() {
        return Ok(ObjectSeries::default());
    }
    let recording = &opened.recording;
    let mut sums = NamedObjects::new(&metrics, names, opened.owner(), recording.interval_ns);
    if opened.extent.is_some() {
        let (from, to) = opened.between(span)?;
        let steps = to.number.saturating_sub(from.number) + 1;
        let (numbers, measures) = (from.number..=to.number, sums.measures().to_vec());
        let work = |done: &Done| {
            opened.store.for_each_kind_sums(recording.id, numbers, &measures, |block| {
                done.add(block.ticks.len() as u64);
                sums.push(block);
                ControlFlow::Continue(())
            })
        };
        progress::counted("reading regions", steps, work)?;
    }
    Ok(sums.finish())
}

/// Reads `FILE`, `FILE#N` or `#N`: a recording of another file, or another one of the same.
fn baseline(text: &str, file: &FileArgs) -> RecordingArgs {
    let split = text.rsplit_once('#').and_then(|(path, number)| Some((path, number.parse().ok()?)));
    let (path, recording) = match split {
        Some((path, number)) => (path, Some(Choice::Number(number))),
        None => (text, None),
    };
    let db = if path.is_empty() { file.db.clone() } else { Some(PathBuf::from(path)) };
    RecordingArgs { file: FileArgs { db }, recording }
}
