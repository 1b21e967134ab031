//! `vmrec map`: vmmap's page of a process now, or of a recording at a time.

pub(crate) mod advice;
mod libraries;
pub(crate) mod picture;
pub(crate) mod spelling;
mod stacks;
pub(crate) mod zones;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use vmrec_report::{
    Metric, PageLayout, PageOptions, PageSource, RowChoice, SeriesKey, TypeFilter, delta_text,
    json, page_text,
};
use vmrec_sampler::{Host, Naming, ProcessInfo, Region, Sampler, Snapshot, StackMetric};

use crate::args::{ReadingArgs, RecordingArgs, TypesArgs};
use crate::commands::map::spelling::is_vmmap;
use crate::failure::Failure;
use crate::metric_choice::stack_metric_parser;
use crate::parse::{metric_parser, parse_address};
use crate::process::PickArgs;
use crate::recording::Opened;
use crate::recording::types::unknown_type;
use crate::{output, process, types_file, zone};

/// The maximum number of seconds between two snapshots: a week.
const MAX_SECONDS: f64 = 7.0 * 86_400.0;

/// Show every region of a process as vmmap does, now or recorded
///
/// Each line has a region's type, addresses, [virtual size], rights now and at
/// most, share mode, and what lies behind it; a legend and sums by type follow.
/// Options may be spelled as vmmap does (-resident, -noCoalesce), and called by
/// the name vmmap, vmrec takes vmmap's arguments.
#[derive(Args, Debug)]
#[command(
    override_usage = "vmrec map [OPTIONS] <TARGET> [ADDRESS]\n       vmrec map [OPTIONS] --at <TIME>"
)]
pub(crate) struct MapArgs {
    /// Pid, full or partial executable name, or path
    #[arg(required_unless_present_any = ["at", "recording", "against", "by"], conflicts_with_all = ["at", "recording"])]
    target: Option<String>,

    /// Only the region that holds this address of TARGET, as of vmmap; --address of a recording
    #[arg(value_name = "ADDRESS", value_parser = parse_address, conflicts_with_all = ["json", "svg", "delta", "summary"])]
    operand: Option<u64>,

    /// List only the region that holds this address
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address, conflicts_with_all = ["operand", "json", "svg", "delta", "summary"])]
    address: Option<u64>,

    /// Time of a recording [default with --recording: end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,

    #[command(flatten)]
    pick: PickArgs,

    /// Show what changes within so many seconds
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_seconds, conflicts_with_all = ["at", "recording", "json", "rules"])]
    delta: Option<Duration>,

    /// Count the pages that a process maps, as its footprint does, not those of its objects
    #[cfg_attr(not(target_os = "macos"), arg(hide = true))]
    #[arg(long, conflicts_with_all = ["at", "recording"])]
    footprint: bool,

    #[command(flatten)]
    reading: ReadingArgs,

    /// Do not truncate columns
    #[arg(long, short)]
    wide: bool,

    /// Show [virtual/resident] sizes
    #[arg(long)]
    resident: bool,

    /// Show written and swapped sizes too
    #[arg(long)]
    dirty: bool,

    /// Show how purgeable each region is, where there is purgeable memory
    #[arg(long)]
    purge: bool,

    /// Show sizes in pages
    #[arg(long)]
    pages: bool,

    /// Show all regions by address, not those that cannot be written to first
    #[arg(long)]
    interleaved: bool,

    /// List the largest regions first, by this metric
    #[arg(long, value_name = "METRIC", value_parser = metric_parser(), conflicts_with_all = ["json", "svg", "delta", "summary"])]
    sort: Option<Metric>,

    /// List at most so many rows; the largest resident ones, unless sorted otherwise
    #[arg(long, value_name = "N", conflicts_with_all = ["json", "svg", "delta", "summary"])]
    top: Option<usize>,

    /// List regions of this type or family only; may be given several times
    #[arg(long = "type", value_name = "TYPE", conflicts_with_all = ["svg", "delta", "summary"])]
    chosen_types: Vec<String>,

    /// List the call stacks that made memory resident instead, of a recording made with --stacks
    #[arg(
        long,
        value_enum,
        conflicts_with_all = ["target", "svg", "rules", "summary", "sort", "top"]
    )]
    by: Option<MapBy>,

    /// With --by stack: the metric of the stacks [default: resident, of a recording made by --allocs live]
    #[arg(long, value_name = "METRIC", value_parser = stack_metric_parser(), requires = "by")]
    metric: Option<StackMetric>,

    /// Describe VM submaps, where there are any
    #[arg(long)]
    submap: bool,

    /// Show the library pages shared with other processes
    #[arg(long)]
    all_split_libs: bool,

    /// Show adjacent identical regions one by one
    #[arg(long)]
    no_coalesce: bool,

    /// -w --resident --dirty --purge --submap --all-split-libs --no-coalesce
    #[arg(long, short)]
    verbose: bool,

    /// Show how sure each type is, and the rule that decided with its meaning; cut nothing
    #[arg(long)]
    rules: bool,

    /// Show the sums without the regions
    #[arg(long)]
    summary: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Draw where regions lie, how full they are and what they are for
    #[arg(long, conflicts_with_all = ["json", "rules", "summary", "delta"])]
    svg: bool,

    /// With --svg: also what is new, gone and grown between this time and --at; the later is drawn
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        requires = "svg",
        conflicts_with = "target"
    )]
    against: Option<String>,

    /// With --svg: file to write, SVG or PNG by its name
    #[arg(long, short, value_name = "FILE", requires = "svg")]
    output: Option<PathBuf>,

    #[command(flatten)]
    types: TypesArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// The kind of a row, if that is no region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MapBy {
    Stack,
}

impl MapArgs {
    fn options(&self, host: &Host) -> PageOptions {
        let all = self.verbose;
        let cut = !(self.wide || all || self.rules);
        let vmmap = is_vmmap_page(host);
        PageOptions {
            layout: if vmmap { PageLayout::Vmmap } else { PageLayout::Own },
            width: cut.then(output::width),
            naming: naming(host),
            resident: self.resident || all || self.sort.is_some() || self.top.is_some(),
            dirty: self.dirty || all,
            purge: self.purge || all,
            pages: self.pages,
            interleaved: self.interleaved,
            submap: self.submap || all,
            all_split_libs: self.all_split_libs || all,
            no_coalesce: self.no_coalesce || all,
            rules: self.rules,
            summary: self.summary,
            color: output::color(),
        }
    }

    /// Returns which rows are listed of the regions of `snapshot`.
    fn choice(&self, naming: Naming, snapshot: &Snapshot) -> Result<RowChoice, Failure> {
        let types = match self.chosen_types.is_empty() {
            true => None,
            false => Some(types_among(&self.chosen_types, &snapshot.regions, naming)?),
        };
        let sorted_by = self.sort.or(self.top.map(|_| Metric::RESIDENT));
        let address = self.operand.or(self.address);
        if let Some(address) = address
            && !snapshot.regions.iter().any(|region| region.identity.range.holds(address))
        {
            return Err(Failure::usage(format!("no region holds the address {address:#x}"))
                .hint("without an address, all regions are listed"));
        }
        Ok(RowChoice { types, address, sorted_by, max: self.top })
    }
}

/// Finds the types that words name, among those of `regions` and those that vmrec knows.
fn types_among(
    words: &[String],
    regions: &[Region],
    naming: Naming,
) -> Result<TypeFilter, Failure> {
    let mut there: Vec<SeriesKey> = Vec::new();
    for region in regions {
        let of = &region.identity.label.region_type;
        let key = SeriesKey { name: of.name().into(), family: of.family() };
        if !there.contains(&key) {
            there.push(key);
        }
    }
    TypeFilter::find(words, &there, naming).map_err(|word| unknown_type(&word, &there, naming))
}

/// How long mapped files are read before a page is shown without the rest.
const MAX_READING: Duration = Duration::from_secs(10);

/// Runs the command.
pub(crate) fn run(args: &MapArgs) -> Result<ExitCode, Failure> {
    if args.by == Some(MapBy::Stack) {
        let form = match (args.json, args.wide || args.verbose) {
            (true, _) => stacks::Form::Json,
            (_, true) => stacks::Form::WholeTable,
            _ => stacks::Form::Table,
        };
        stacks::print(&args.recording, args.at.as_deref(), &args.chosen_types, args.metric, form)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.json && !args.chosen_types.is_empty() {
        return Err(Failure::usage("--json has all regions, of every type")
            .hint("leave out --type; with --by stack it chooses the stacks"));
    }
    let rules = types_file::rules(&args.types)?;
    process::count_as_footprint(args.footprint)?;
    match &args.target {
        Some(target) => {
            let mut sampler = Sampler::attach(process::find(target, args.pick)?)?;
            sampler.set_user_rules(rules);
            args.reading.apply(&mut sampler);
            let mut began = Instant::now();
            let mut snapshot = sampler.sample()?;
            let begun = began;
            // One sample reads only so many files; a page is of all of them, within reason.
            while sampler.is_pending() && begun.elapsed() < MAX_READING {
                began = Instant::now();
                snapshot = sampler.sample()?;
            }
            for note in sampler.notes() {
                output::note(&format!("note: {note}"));
            }
            let host = vmrec_sampler::host();
            let process = sampler.process().clone();
            let parent = parent(&process);
            let program = vmrec_sampler::program(&process);
            let is_page = !args.json && !args.svg;
            let zones = is_page.then(|| zones::known(process.id.pid)).flatten();
            let pages = libraries::pages(is_page, &sampler, &snapshot);
            let source = PageSource {
                pages: &pages,
                parent: parent.as_ref().map(ProcessInfo::name),
                program: program.as_ref(),
                zones: zones.as_deref(),
                ..PageSource::recorded(&process, &host)
            };
            match args.delta {
                Some(time) => {
                    thread::sleep(time.saturating_sub(began.elapsed()));
                    let later = sampler.sample()?;
                    let time_zone = zone::local();
                    let options = args.options(&host);
                    output::print(&delta_text(&source, &snapshot, &later, &options, &time_zone))?;
                }
                None => print(args, &source, &snapshot)?,
            }
        }
        None => {
            let opened = Opened::open(&args.recording)?;
            let at = opened.resolve(args.at.as_deref().unwrap_or("end"))?;
            let mut snapshot = opened.snapshot(&at)?;
            types_file::apply(&rules, &mut snapshot.regions);
            snapshot.images = opened.store.images(opened.recording.id, at.number)?;
            let recording = &opened.recording;
            let host = &recording.host;
            let source = PageSource::recorded(&recording.process, host);
            match &args.against {
                None => print(args, &source, &snapshot)?,
                Some(time) => {
                    let mut other = opened.snapshot(&opened.resolve(time)?)?;
                    types_file::apply(&rules, &mut other.regions);
                    if snapshot.taken.monotonic_ns < other.taken.monotonic_ns {
                        std::mem::swap(&mut snapshot, &mut other);
                    }
                    let output = args.output.as_deref();
                    picture::draw(output, naming(host), &source, &snapshot, Some(&other))?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns whose words types have: vmmap's own when called by its name.
fn naming(host: &Host) -> Naming {
    let program = std::env::args_os().next();
    match program.is_some_and(|program| is_vmmap(&program)) {
        true => Naming::Apple,
        false => Naming::of(host),
    }
}

/// Returns whether the page has vmmap's own lines: called by its name, and for processes of macOS.
fn is_vmmap_page(host: &Host) -> bool {
    host.os == "macos" || std::env::args_os().next().is_some_and(|program| is_vmmap(&program))
}

/// Returns the process that started `process`, if it may be seen.
fn parent(process: &ProcessInfo) -> Option<ProcessInfo> {
    process.parent_pid.and_then(|pid| vmrec_sampler::process_info(pid).ok())
}

fn print(args: &MapArgs, source: &PageSource<'_>, snapshot: &Snapshot) -> Result<(), Failure> {
    let PageSource { process, host, .. } = source;
    if args.svg {
        return picture::draw(args.output.as_deref(), naming(host), source, snapshot, None);
    }
    if args.json {
        output::print_json(&json::SnapshotDocument::new(process, host, snapshot))?;
    } else {
        let (options, choice) = (args.options(host), args.choice(naming(host), snapshot)?);
        output::print(&page_text(source, snapshot, &options, &choice, &zone::local()))?;
    }
    if let Some(hint) = crate::commands::map::advice::hint(host, snapshot) {
        for line in hint.lines() {
            output::note(&format!("hint: {line}"));
        }
    }
    Ok(())
}

/// Reads a number of seconds such as `2` or `0.5`.
fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().parse::<f64>().ok();
    seconds
        .filter(|seconds| *seconds > 0.0 && *seconds <= MAX_SECONDS)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| {
            "not a number of seconds up to a week\nhint: write it like 2 or 0.5; `vmrec record` \
             and `vmrec diff` compare any two times"
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_some_and_not_too_many() {
        assert_eq!(parse_seconds("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_seconds(" 0.5 "), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "-1", "nan", "inf", "1e9", "2s"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
