//! The arguments of `vmrec record`.

use std::convert::Infallible;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use vmrec_sampler::{AllocOptions, Limits, StackOptions};

use crate::args::{FileArgs, ReadingArgs, RetentionArgs, TypesArgs};
use crate::commands::record::stack_source::SourceOptions;
use crate::commands::record::triggers::args::TriggerArgs;
use crate::commands::record::via::MIN_INTERVAL;
use crate::file;
use crate::parse::{parse_duration, parse_interval, parse_size};
use crate::process::PickArgs;
use crate::shell::shell_word;

/// Record snapshots of processes at intervals
///
/// TARGET is a pid or a full or partial executable name: an exact name beats
/// one that begins so, which beats one that has it inside; or the path of a
/// program or script, or with -f a pattern of its command line. Ctrl-C or the
/// exit of all targets ends the recording. Several processes make a session,
/// with a recording of each.
#[derive(Args, Debug)]
pub(crate) struct RecordArgs {
    /// Pids, full or partial executable names, or paths
    #[arg(
        value_name = "TARGET",
        required_unless_present_any = ["launch", "pid", "host", "cgroup", "unit", "container"],
        conflicts_with_all = ["launch", "pid"]
    )]
    targets: Vec<String>,

    /// Record all processes that match a TARGET
    #[arg(long, conflicts_with_all = ["launch", "newest", "oldest", "largest", "wait"])]
    pub(crate) all: bool,

    /// Record processes of the same names too that start later, until Ctrl-C
    #[arg(long, conflicts_with_all = ["launch", "newest", "oldest", "largest", "wait", "full"])]
    pub(crate) follow: bool,

    /// Record every process that may be read, also those that start later, until Ctrl-C
    #[arg(long, conflicts_with_all = ["targets", "launch", "pid", "cgroup", "tree"])]
    pub(crate) host: bool,

    /// Record the processes of this control group and those below it, until Ctrl-C (Linux)
    #[arg(long, value_name = "PATH", conflicts_with_all = ["launch", "pid"])]
    pub(crate) cgroup: Option<PathBuf>,

    /// Record the processes of this unit of systemd, such as nginx, until Ctrl-C (Linux)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["launch", "pid", "cgroup", "host"])]
    pub(crate) unit: Option<String>,

    /// Record the processes of the container whose id begins so, of docker, podman, containerd,
    /// CRI-O or Kubernetes, until Ctrl-C (Linux)
    #[arg(long, value_name = "ID", conflicts_with_all = ["launch", "pid", "cgroup", "unit", "host"])]
    pub(crate) container: Option<String>,

    /// Record all processes that descend from the targets too, as they come and go
    #[arg(long)]
    pub(crate) tree: bool,

    /// Others' name for a TARGET that is a number
    #[arg(long, short, hide = true, value_name = "PID", conflicts_with = "launch")]
    pid: Option<u32>,

    /// Others' name for --db
    #[arg(long, short, hide = true, value_name = "FILE", value_parser = no_output)]
    output: Option<Infallible>,

    /// Command to start and record until it ends; its exit status is passed on
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) launch: Vec<std::ffi::OsString>,

    /// Time between samples: 50ms to 24h
    #[arg(long, alias = "interval", short_alias = 'i', value_name = "TIME", default_value = "2s", value_parser = parse_interval)]
    pub(crate) every: Duration,

    /// Stop after this time
    #[arg(long = "for", alias = "duration", value_name = "TIME", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,

    /// Stop after this many samples
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<NonZeroU64>,

    /// Delete samples older than this while recording, such as 7d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) keep: Option<Duration>,

    #[command(flatten)]
    pub(crate) retention: RetentionArgs,

    /// Name for the recording, shown in lists and charts
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) pick: PickArgs,

    /// File with limits to check the recording against at its end: as `vmrec check --budget`
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,

    /// Page to write at the end: as `vmrec report -o`
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<std::path::PathBuf>,

    /// Draw resident memory into this file at the end, SVG or PNG by its name
    #[arg(long, value_name = "FILE")]
    pub(crate) chart: Option<std::path::PathBuf>,

    /// Record which call stacks make memory resident, by sampled page faults (Linux); with =all also
    /// which map and unmap it, by each system call, which slows those of the whole machine
    #[arg(
        long,
        value_enum,
        value_name = "OF",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "faults",
        hide_possible_values = true,
        conflicts_with = "via"
    )]
    pub(crate) stacks: Option<StacksOf>,

    /// Sample one page fault in N [default: adapted to their rate]
    #[arg(long, value_name = "N", requires = "stacks", value_parser = parse_period)]
    stack_period: Option<u64>,

    /// Record which call stacks allocate blocks, by a library that COMMAND loads: one block in MEAN bytes
    /// is sampled [default: 512K] (Linux)
    #[arg(
        long,
        value_name = "MEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "512K",
        value_parser = parse_mean
    )]
    pub(crate) allocs: Option<u64>,

    /// Go on in the background once a sample is stored: `vmrec stop` ends it
    #[arg(long, conflicts_with_all = ["check", "report", "chart"])]
    pub(crate) detach: bool,

    /// Given to the recorder that --detach starts
    #[arg(long, hide = true)]
    pub(crate) detached: bool,

    /// Show nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Count the pages that a process maps, as its footprint does, not those of its objects
    #[cfg_attr(not(target_os = "macos"), arg(hide = true))]
    #[arg(long)]
    pub(crate) footprint: bool,

    /// Let vmmap read the process, which it suspends meanwhile, at least 5s apart: `vmmap` or a path
    #[cfg_attr(not(target_os = "macos"), arg(hide = true))]
    #[arg(long, value_name = "PROGRAM", conflicts_with = "footprint")]
    pub(crate) via: Option<PathBuf>,

    /// How long a sample may keep the process from mapping memory; else only its pages are counted (Linux)
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = parse_duration, conflicts_with = "reread")]
    pub(crate) max_stall: Duration,

    /// How much of one CPU reading all sizes of all processes may take; else they are read less often than pages are counted (Linux)
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = parse_overhead, conflicts_with = "reread")]
    pub(crate) max_overhead: Overhead,

    /// Read all regions at each sample, whatever it costs the process, and though it has not run (Linux)
    #[arg(long)]
    pub(crate) reread: bool,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    #[command(flatten)]
    pub(crate) triggers: TriggerArgs,

    #[command(flatten)]
    pub(crate) types: TypesArgs,

    #[command(flatten)]
    pub(crate) file: FileArgs,
}

/// A part of one processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overhead(f64);

/// Reads a part of one processor, in percent.
fn parse_overhead(text: &str) -> Result<Overhead, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end().parse().ok();
    let percent = number.filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent: f64| Overhead(percent / 100.0)).ok_or_else(|| {
        "not a percentage from 0 to 100\nhint: 1 is the default, and --reread sets no limit"
            .to_owned()
    })
}

/// Reads how many page faults a sampled one stands for.
fn parse_period(text: &str) -> Result<u64, String> {
    let period = text.parse().ok().filter(|period| (1..=MAX_PERIOD).contains(period));
    period.ok_or_else(|| {
        format!("not a number from 1 to {MAX_PERIOD}\nhint: 1 samples every page fault, which may slow the target")
    })
}

/// What stacks are recorded of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StacksOf {
    /// Sampled page faults.
    Faults,
    /// Each system call that maps or unmaps memory, too.
    All,
}

/// The longest time between sampled page faults: it stands for 256 MB.
const MAX_PERIOD: u64 = 1 << 16;

/// The page faults that are sampled in a second, for each processor.
const STACK_BUDGET: u64 = 2000;

/// Time left before the next tick without which nothing is pruned: some of what one step may take.
pub(crate) const SPARE: Duration = Duration::from_millis(25);

/// Bounds of `--allocs`: below, each allocation would be sampled; above, none.
const MEAN_BYTES: std::ops::RangeInclusive<u64> = 64..=1 << 40;

fn parse_mean(text: &str) -> Result<u64, String> {
    let mean = parse_size(text)?;
    match MEAN_BYTES.contains(&mean) {
        true => Ok(mean),
        false => Err("one block is sampled in 64 bytes to 1T; usual is 512K".to_owned()),
    }
}

/// Refuses `--output`, other tools' name for --db.
fn no_output(_: &str) -> Result<Infallible, String> {
    Err("a recording goes into a file of many\nhint: name that file with --db FILE; `vmrec chart -o FILE` draws it".to_owned())
}

impl RecordArgs {
    /// Returns the processes asked for; none if a command is to be started.
    pub(crate) fn processes(&self) -> Vec<String> {
        let pid = self.pid.iter().map(|pid| pid.to_string());
        self.targets.iter().cloned().chain(pid).collect()
    }

    /// Returns the limits of the cost of samples, unless each reads all.
    pub(crate) fn limits(&self) -> Option<Limits> {
        let (max_stall, Overhead(max_overhead)) = (self.max_stall, self.max_overhead);
        (!self.reread).then_some(Limits { max_stall, max_overhead })
    }

    /// Returns the time between samples: longer where another program takes them.
    pub(crate) fn interval(&self) -> Duration {
        match self.via {
            Some(_) => self.every.max(MIN_INTERVAL),
            None => self.every,
        }
    }

    /// Returns how stacks are recorded, if they are.
    pub(crate) fn stack_options(&self) -> Option<StackOptions> {
        let options = StackOptions {
            period: self.stack_period,
            budget: STACK_BUDGET,
            children: self.tree || self.host,
            several: self.is_family(),
            calls: self.stacks == Some(StacksOf::All),
        };
        self.stacks.map(|_| options)
    }

    /// Returns how the stacks of a command are recorded, if they are. `path` is that of the recording.
    pub(crate) fn source_options(&self, path: &Path) -> Option<SourceOptions> {
        let Some(mean_bytes) = self.allocs else {
            return self.stack_options().map(SourceOptions::PageFaults);
        };
        let data = file::default_path();
        let folder = data.as_deref().unwrap_or(path).parent().unwrap_or(Path::new("."));
        let (children, folder) = (self.is_family(), folder.to_owned());
        Some(SourceOptions::Blocks(AllocOptions { mean_bytes, children, folder }))
    }

    /// Returns whether stacks are recorded.
    pub(crate) const fn records_stacks(&self) -> bool {
        self.stacks.is_some() || self.allocs.is_some()
    }

    /// Returns whether several processes may be recorded.
    pub(crate) const fn is_family(&self) -> bool {
        self.tree
            || self.all
            || self.follow
            || self.host
            || self.has_group()
            || self.targets.len() > 1
    }

    /// Returns whether the processes of a control group are recorded.
    pub(crate) const fn has_group(&self) -> bool {
        self.cgroup.is_some() || self.unit.is_some() || self.container.is_some()
    }

    /// Returns the targets asked for, as on the command line.
    pub(crate) fn targets(&self) -> String {
        let given = [
            (self.tree, "--tree"),
            (self.all, "--all"),
            (self.follow, "--follow"),
            (self.host, "--host"),
        ];
        let options = given.into_iter().filter(|(given, _)| *given);
        let options = options.map(|(_, option)| option.to_owned());
        let cgroup = self.cgroup.as_ref().map(|path| path.to_string_lossy().into_owned());
        let group = [
            ("--cgroup", cgroup),
            ("--unit", self.unit.clone()),
            ("--container", self.container.clone()),
        ];
        let group = group
            .into_iter()
            .filter_map(|(option, value)| Some(format!("{option} {}", shell_word(&value?))));
        let command = (!self.launch.is_empty()).then(|| "--".to_owned());
        let launch = self.launch.iter().map(|word| shell_word(&word.to_string_lossy()));
        let words = options.chain(group).chain(self.processes()).chain(command).chain(launch);
        words.collect::<Vec<_>>().join(" ")
    }
}
