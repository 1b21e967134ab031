//! `vmrec report`: writes the page of a recording, one HTML file to open, print or send.

mod browser;
mod code;
mod heap;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use vmrec_report::{
    By, ChartContext, ChartOptions, Metric, PAGE_METRICS, Page, PageInput, PagePlan, Resolved,
    SeriesBuilder, SessionPageInput, TornValues, escape, page, session_page, session_page_end,
    units,
};
use vmrec_sampler::{Snapshot, sort_by_key};

use crate::args::{Choice, FileArgs, RecordingArgs, SessionArgs, SpanArgs};
use crate::commands::chart::source;
use crate::failure::Failure;
use crate::progress::Done;
use crate::recording::Opened;
use crate::session::OpenedSession;
use crate::{output, progress, zone};

/// With more regions than this in all, fewer samples are listed region by region.
const MAX_REGIONS: usize = 80_000;

/// Write a page to share: finding, chart, and what changed
///
/// The page is one HTML file that loads nothing from elsewhere. It has the sums by type of up to
/// 2000 samples, among them the lowest and the highest of every stretch of time, and every
/// region of up to 40.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// File to write; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "vmrec-report.html")]
    output: PathBuf,

    /// Open the page in a browser
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    span: SpanArgs,

    #[command(flatten)]
    session: SessionArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let to_stdout = args.output == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        return Err(Failure::usage("a terminal cannot show a page")
            .hint("write it to a file: vmrec report -o page.html"));
    }
    if to_stdout && args.open {
        return Err(Failure::usage("--open needs a file, and -o - names none")
            .hint("name one, such as -o page.html"));
    }
    let written = match args.session.session {
        Some(_) => {
            let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
            of_session(&opened, &args.span)?
        }
        None => made(&Opened::open(&args.recording)?, &args.span)?,
    };
    if to_stdout {
        output::print(&written.html)?;
        return Ok(ExitCode::SUCCESS);
    }
    write(&args.output, &written)?;
    if args.open {
        browser::open(&args.output)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks that a page can be written to a file later: a wrong name must not cost the user a run.
pub(crate) fn check_path(path: &Path) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |source| Failure::io("write", path, source);
    if !fs::metadata(folder).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    if path.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()).hint("name a file in it"));
    }
    Ok(())
}

/// Writes the page of a whole recording, which has just been made.
pub(crate) fn at_end(path: &Path, db: &Path, number: i64) -> Result<(), Failure> {
    let file = FileArgs { db: Some(db.to_owned()) };
    let recording = Some(Choice::Number(number));
    let opened = Opened::open(&RecordingArgs { file, recording })?;
    write(path, &made(&opened, &SpanArgs::whole())?)
}

/// Writes the page of a whole session, which has just been recorded.
pub(crate) fn session_at_end(path: &Path, opened: &OpenedSession) -> Result<(), Failure> {
    write(path, &of_session(opened, &SpanArgs::whole())?)
}

/// Writes a page to its file, and says so.
fn write(path: &Path, page: &Page) -> Result<(), Failure> {
    output::replace_file(path, page.html.as_bytes())?;
    output::note(&format!(
        "{} ({}): {}",
        path.display(),
        units::size(page.html.len() as u64),
        escape::terminal(&page.finding)
    ));
    Ok(())
}

/// Makes the page of a part of a session.
pub(crate) fn of_session(opened: &OpenedSession, span: &SpanArgs) -> Result<Page, Failure> {
    opened.must_have_samples()?;
    let (from, _) = opened.between(span)?;
    let failed = Failure::undrawable;
    let summaries = opened.summaries()?;
    let series = |by| opened.series(&[Metric::Own], by, span, false);
    let file = opened.path.file_name().unwrap_or(opened.path.as_os_str()).to_string_lossy();
    let parts = series(By::ProcessAndType)?;
    let options = ChartOptions { zone: zone::local(), ..ChartOptions::default() };
    let context = opened.context()?;
    let taken = session_page_end(&parts, &options, &context).map_err(failed)?;
    let to = Resolved { number: from.number, taken, asked_utc_ns: taken.utc_ns, off_by_ns: 0 };
    let source = SessionPageInput {
        overview: &opened.overview(&summaries)?,
        parts: &parts,
        processes: &series(By::Process)?,
        types: &series(By::Type)?,
        diff: &opened.diff(&from, &to, Metric::Own)?,
        from: &from,
        to: &to,
        options: &options,
        context: &context,
        file: &file,
    };
    session_page(&source).map_err(failed)
}

/// Makes the page of a part of a recording.
pub(crate) fn made(opened: &Opened, span: &SpanArgs) -> Result<Page, Failure> {
    let failed = Failure::undrawable;
    let (from, to) = opened.between(span)?;
    let limits = opened.limits(&(from.number..=to.number))?;
    let context = &ChartContext { limits, ..source::context(opened)? };
    let options = &ChartOptions { zone: zone::local(), ..ChartOptions::default() };
    let series = opened.series(&[Metric::RESIDENT, Metric::PRIVATE], By::Type, span)?;
    let totals = opened.series(&PAGE_METRICS, By::Family, span)?;
    let plan = PagePlan::of(&series, &totals, options, context).map_err(failed)?;

    let recording = &opened.recording;
    // The cursors show each sample as `diff` does, torn ones too.
    let builder = SeriesBuilder::new(&PAGE_METRICS, By::Type, recording.interval_ns);
    let mut builder = builder.torn(TornValues::Kept);
    let measures = builder.measures().to_vec();
    if let (Some(first), Some(last)) = (plan.samples.first(), plan.samples.last()) {
        let work = |done: &Done| {
            opened.store.for_each_sums(recording.id, *first..=*last, &measures, |block| {
                done.add(block.ticks.len() as u64);
                builder.push(&plan.picked(block));
            })
        };
        progress::counted("reading samples", last - first + 1, work)?;
    }
    let file = opened.path.file_name().unwrap_or(opened.path.as_os_str()).to_string_lossy();
    let source = PageInput {
        plan: &plan,
        series: &series,
        columns: &builder.finish(),
        snapshots: &snapshots(opened, &plan)?,
        options,
        context,
        recording: &opened.store.summary(recording.id)?,
        code: code::code(opened, plan.ends)?,
        heap: heap::heap(opened, [&from, &to])?,
        file: &file,
    };
    page(&source).map_err(failed)
}

/// Reads the samples whose regions are listed: fewer of a process with very many, two at least.
fn snapshots(opened: &Opened, plan: &PagePlan) -> Result<Vec<(u64, Snapshot)>, Failure> {
    let mut snapshots: Vec<(u64, Snapshot)> = Vec::new();
    let mut regions = 0;
    for number in &plan.snapshots {
        let snapshot = opened.store.snapshot(opened.recording.id, *number)?;
        regions += snapshot.regions.len();
        if regions > MAX_REGIONS && snapshots.len() >= 2 {
            break;
        }
        snapshots.push((*number, snapshot));
    }
    sort_by_key(&mut snapshots, |(number, _)| *number);
    Ok(snapshots)
}
