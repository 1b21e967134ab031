//! `vmrec diff`: what changed between two times.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vmrec_report::{
    Counting, DEFAULT_ROWS, DiffLayout, Direction, Heading, HeapDiff, HeapDiffDocument, Libraries,
    Metric, Resolved, SessionLayout, SessionStackDocument, SessionView, StackChoice, StackDocument,
    StackLayout, View, csv, diff, diff_markdown, diff_table, direction, escape, heap_diff_text,
    json, session_stack_table, session_table, stack_table,
};
use vmrec_sampler::{Naming, StackMetric};

use crate::args::{FormatArgs, RecordingArgs, SessionArgs, SpanArgs};
use crate::failure::Failure;
use crate::heap_reports::{HeapOfTime, HeapReports};
use crate::metric_choice::{MetricChoice, any_metric_parser};
use crate::recording::Opened;
use crate::session::OpenedSession;
use crate::shell::shell_word;
use crate::stacks::{self, ComparedStacks};
use crate::{heap_reports, output, zone};

/// Show what changed between two times
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// First time, such as start, -10m, 14:05, #12 or @mark
    #[arg(allow_hyphen_values = true, value_name = "T1", default_value = "start")]
    from: String,

    /// Second time, such as end or now
    #[arg(allow_hyphen_values = true, value_name = "T2", default_value = "end")]
    to: String,

    /// Kind of the rows of the table or CSV [default: type; of a session: process and type]
    #[arg(long, value_enum)]
    by: Option<DiffBy>,

    /// Metric that rows are sorted by [default: resident; of a session: private + swapped]; with --by
    /// stack the metric compared: resident, or of `record --stacks=all` mapped (what is there), births,
    /// deaths (mapped and unmapped between both times) or released, or of `record --allocs` live
    /// (blocks that are allocated) or allocated (all between both times)
    #[arg(long, value_name = "METRIC", value_parser = any_metric_parser(), hide_possible_values = true)]
    metric: Option<MetricChoice>,

    /// With --by stack: compare the regions of this type alone
    #[arg(long = "type", value_name = "TYPE")]
    only_type: Option<String>,

    /// Show every row instead of the 20 that moved most
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    session: SessionArgs,

    #[command(flatten)]
    format: FormatArgs,

    /// Print Markdown, for a pull request
    #[arg(long, conflicts_with_all = ["json", "csv", "session"])]
    md: bool,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffBy {
    Process,
    Family,
    Type,
    Object,
    Region,
    /// The call stacks that made memory resident, or mapped it, of `record --stacks`
    Stack,
    /// The classes of a heap's blocks, of `heap --save` or `record --heap-on`: the reports nearest to both times
    Class,
}

impl DiffBy {
    /// Returns the view of one process; of it alone there is no row a process.
    const fn view(self) -> Option<View> {
        Some(match self {
            Self::Process | Self::Stack | Self::Class => return None,
            Self::Family => View::Family,
            Self::Type => View::Type,
            Self::Object => View::Object,
            Self::Region => View::Region,
        })
    }
}

impl DiffArgs {
    /// Returns the metric of regions, if one is chosen.
    fn metric(&self) -> Result<Option<Metric>, Failure> {
        MetricChoice::of_regions(self.metric.as_ref())
    }

    /// Returns the parts of stacks to compare.
    fn stack_choice(&self, metric: StackMetric) -> StackChoice<'_> {
        StackChoice { metric, only_type: self.only_type.as_deref() }
    }
}

/// Runs the command.
pub(crate) fn run(args: &DiffArgs) -> Result<ExitCode, Failure> {
    if args.session.session.is_some() {
        return run_session(args);
    }
    let opened = Opened::open(&args.recording)?;
    let (from, to) = ends(&opened, &args.recording, "diff", [&args.from, &args.to])?;
    match args.by {
        Some(DiffBy::Stack) => print_stacks(args, &opened, &from, &to)?,
        Some(DiffBy::Class) if args.only_type.is_none() => {
            print_classes(args, &opened, [&from, &to])?;
        }
        _ if args.only_type.is_some() => {
            return Err(type_without_stacks());
        }
        _ => print(args, &opened, &from, &to)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds the two times that a command compares; the second is not the earlier.
pub(crate) fn ends(
    opened: &Opened,
    recording: &RecordingArgs,
    command: &str,
    [first, second]: [&str; 2],
) -> Result<(Resolved, Resolved), Failure> {
    let (from, to) = (opened.resolve(first)?, opened.resolve(second)?);
    match direction(&from, &to) {
        Direction::Forward => {}
        Direction::Same => output::note(&format!(
            "note: `{first}` and `{second}` are the same sample, #{}: nothing can differ",
            from.number
        )),
        Direction::Backward => {
            return Err(Failure::usage(format!("`{first}` is later than `{second}`")).hint(
                format!(
                    "swap them: vmrec {command}{} {} {}",
                    opened.options(recording),
                    shell_word(second),
                    shell_word(first)
                ),
            ));
        }
    }
    Ok((from, to))
}

fn print(args: &DiffArgs, opened: &Opened, from: &Resolved, to: &Resolved) -> Result<(), Failure> {
    let view = args.by.unwrap_or(DiffBy::Type).view().ok_or_else(|| {
        Failure::usage("--by process compares the processes of a session")
            .hint("name one with --session N; `vmrec list --sessions` shows them")
    })?;
    let (before, after) = (opened.snapshot(from)?, opened.snapshot(to)?);
    let counting = [&before, &after].map(Counting::of);
    if let [Some(one), Some(two)] = counting.map(|counting| counting.map(Counting::words))
        && one != two
    {
        return Err(Failure::usage(format!(
            "samples #{} and #{} are not comparable: sizes of {one}, and of {two}",
            from.number, to.number
        )));
    }
    let mut changes = diff(&before, &after);
    let images = |at: &Resolved| opened.store.images(opened.recording.id, at.number);
    if let [Some(first), Some(second)] = [images(from)?, images(to)?] {
        // Of the shared cache, regions name no library.
        changes.libraries = Some(Libraries::of_lists(&first, &second));
    }
    changes.sort_by(args.metric()?.unwrap_or(Metric::RESIDENT));
    let time_zone = zone::local();
    let (from_consistency, to_consistency) = (&before.consistency, &after.consistency);
    let (recording, naming) = (opened.recording.id, Naming::of(&opened.recording.host));
    if args.format.json {
        let ends = (json::End::new(from, from_consistency), json::End::new(to, to_consistency));
        output::print_json(&json::DiffDocument::new(recording, naming, ends.0, ends.1, &changes))
    } else if args.format.csv {
        output::print(&output::csv(|out| csv::diff(out, &changes, view, naming))?)?;
        if changes.is_unread() {
            output::note("note: the regions of a sample are unknown, so there are no rows");
        }
        Ok(())
    } else {
        let stacks = stacks::found(opened, [from, to], [&before, &after])?;
        let made_by = stacks.and_then(|stacks| stacks.made_by());
        let consistency = [from_consistency, to_consistency];
        let heading = Heading {
            made_by,
            ..Heading::new(&opened.recording, [from, to], consistency, &time_zone)
        };
        let layout = DiffLayout {
            view,
            naming,
            rows: (!args.all).then_some(DEFAULT_ROWS),
            width: output::width(),
            color: output::color(),
        };
        match args.md {
            true => output::print(&diff_markdown(&heading, &changes, &layout)),
            false => output::print(&diff_table(&heading, &changes, &layout)),
        }
    }
}

/// Prints which call stacks made memory resident.
fn print_stacks(
    args: &DiffArgs,
    opened: &Opened,
    from: &Resolved,
    to: &Resolved,
) -> Result<(), Failure> {
    must_be_table_or_json(args, "stack")?;
    let id = opened.recording.id;
    let metric = MetricChoice::of_stacks(args.metric.as_ref())?;
    let choice = args.stack_choice(stacks::chosen(opened, metric)?);
    let only_type = choice.only_type;
    let ComparedStacks { diff, consistency } = ComparedStacks::read(opened, from, to, choice)?;
    let [from_consistency, to_consistency] = &consistency;
    if args.format.json {
        let ends = (json::End::new(from, from_consistency), json::End::new(to, to_consistency));
        return output::print_json(&StackDocument::new(id, ends.0, ends.1, only_type, &diff));
    }
    let time_zone = zone::local();
    let heading =
        Heading::new(&opened.recording, [from, to], [from_consistency, to_consistency], &time_zone);
    output::print(&stack_table(&heading, &diff, &stack_layout(args)))
}

/// Prints which classes of blocks in the heap grew.
fn print_classes(args: &DiffArgs, opened: &Opened, ends: [&Resolved; 2]) -> Result<(), Failure> {
    must_be_table_or_json(args, "class")?;
    let reports = HeapReports::of(opened)?;
    let [from, to] = ends.map(|end| end.asked_utc_ns);
    let Some([before, after]) = reports.pair(from, to) else {
        return Err(heap_reports::too_few(opened, &reports));
    };
    let diff = HeapDiff::new([before, after].map(HeapOfTime::at));
    if args.format.json {
        output::print_json(&HeapDiffDocument::new(opened.recording.id.0, &diff))?;
    } else {
        let rows = if args.all { usize::MAX } else { DEFAULT_ROWS };
        let look = (output::width(), output::color());
        let (recording, time_zone) = (&opened.recording, zone::local());
        output::print(&heap_diff_text(recording, &diff, &time_zone, rows, look))?;
    }
    for (when, report) in [("first", before), ("second", after)] {
        for problem in report.heap.problems() {
            output::note(&format!("note: at the {when} time {}", escape::terminal(problem)));
        }
    }
    Ok(())
}

fn run_session(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
    let span = SpanArgs { from: args.from.clone(), to: args.to.clone() };
    let (from, to) = opened.between(&span)?;
    if args.by == Some(DiffBy::Stack) {
        return print_session_stacks(args, &opened, [&from, &to]);
    }
    if args.only_type.is_some() {
        return Err(type_without_stacks());
    }
    let view = match args.by {
        None => SessionView::ProcessAndType,
        Some(DiffBy::Process) => SessionView::Process,
        Some(DiffBy::Type) => SessionView::Type,
        Some(DiffBy::Family | DiffBy::Object | DiffBy::Region | DiffBy::Stack | DiffBy::Class) => {
            return Err(Failure::usage("a session is compared by process, type or stack")
                .hint("leave --by out for both; --recording N compares one process by anything"));
        }
    };
    let changes = opened.diff(&from, &to, args.metric()?.unwrap_or(Metric::Own))?;
    let (session, naming) = (&opened.session, Naming::of(&opened.session.host));
    if args.format.json {
        let document = json::SessionDiffDocument::new(session.id, naming, &from, &to, &changes);
        output::print_json(&document)?;
    } else if args.format.csv {
        output::print(&output::csv(|out| csv::session_diff(out, &changes, naming))?)?;
    } else {
        let time_zone = zone::local();
        let heading = opened.heading([&from, &to], &time_zone);
        let layout = SessionLayout {
            view,
            naming,
            rows: (!args.all).then_some(DEFAULT_ROWS),
            width: output::width(),
            color: output::color(),
        };
        output::print(&session_table(&heading, &changes, &layout))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints which call stacks of which process made memory resident.
fn print_session_stacks(
    args: &DiffArgs,
    opened: &OpenedSession,
    ends: [&Resolved; 2],
) -> Result<ExitCode, Failure> {
    must_be_table_or_json(args, "stack")?;
    let metric = MetricChoice::of_stacks(args.metric.as_ref())?;
    let choice = args.stack_choice(opened.chosen_metric(metric)?);
    let (diff, only_type) = opened.compared_stacks(ends, choice)?;
    if args.format.json {
        let document =
            SessionStackDocument::new(opened.session.id, ends, only_type.as_deref(), &diff);
        output::print_json(&document)?;
        return Ok(ExitCode::SUCCESS);
    }
    let time_zone = zone::local();
    let heading = opened.heading(ends, &time_zone);
    output::print(&session_stack_table(&heading, &diff, &stack_layout(args)))?;
    Ok(ExitCode::SUCCESS)
}

fn stack_layout(args: &DiffArgs) -> StackLayout {
    StackLayout {
        rows: (!args.all).then_some(DEFAULT_ROWS),
        width: if args.all { usize::MAX } else { output::width() },
        color: output::color(),
    }
}

/// Refuses --type where there are no stacks to choose from.
fn type_without_stacks() -> Failure {
    Failure::usage("--type chooses the regions of --by stack")
        .hint("add --by stack; without it `--by type` has a row for each type")
}

/// Refuses --csv and --md, which the view by `by` has not.
fn must_be_table_or_json(args: &DiffArgs, by: &str) -> Result<(), Failure> {
    match args.format.csv || args.md {
        true => Err(Failure::usage(format!("--by {by} is printed as a table or with --json"))),
        false => Ok(()),
    }
}
