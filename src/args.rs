//! Arguments that several commands share.

use std::convert::Infallible;
use std::fmt;
use std::fmt::{Display, Formatter};
use std::num::ParseIntError;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use vmrec_report::By;
use vmrec_sampler::Sampler;
use vmrec_store::Retention;

use crate::failure::Failure;
use crate::parse::{parse_duration, parse_size};
use crate::process::PickArgs;

/// Which running process, stopped for how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct LiveArgs {
    /// Pid or full or partial executable name
    pub(crate) target: String,

    #[command(flatten)]
    pub(crate) pick: PickArgs,

    /// Give up rather than stop the process for longer at a time [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) max_stop: Option<Duration>,
}

/// Which file.
#[derive(Args, Clone, Debug)]
pub(crate) struct FileArgs {
    /// File that holds the recordings [default: vmrec/vmrec.db in your data folder]
    #[arg(long, env = "VMREC_DB", value_name = "FILE", hide_env_values = true)]
    pub(crate) db: Option<PathBuf>,
}

/// Whether a report on a heap is kept, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct SaveArgs {
    /// Keep the report with the recording of the process, for `vmrec diff --by class` and `vmrec report`
    #[arg(long)]
    pub(crate) save: bool,

    #[command(flatten)]
    pub(crate) file: FileArgs,
}

/// Which recording of which file.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecordingArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,

    /// Number of the recording, its name, or that of its process [default: the newest]
    #[arg(long, short, value_name = "N|NAME")]
    pub(crate) recording: Option<Choice>,
}

/// One recording of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The one with this number.
    Number(i64),
    /// That of this number in a file beside the first: `2.5`.
    Beside(FileNumber),
    /// The newest that is called so, or else the newest of a process called so.
    Name(String),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        Ok(match digits.parse::<FileNumber>() {
            Ok(FileNumber { file: 1, number }) => Self::Number(number),
            Ok(beside) => Self::Beside(beside),
            Err(_) => Self::Name(text.to_owned()),
        })
    }
}

impl Display for Choice {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Beside(number) => write!(formatter, "{number}"),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

/// The number of a recording or session: `5`, or `2.5` of the second of files that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileNumber {
    pub(crate) file: u32,
    pub(crate) number: i64,
}

impl FromStr for FileNumber {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        match text.split_once('.') {
            Some((file, number)) => Ok(Self { file: file.parse()?, number: number.parse()? }),
            None => Ok(Self { file: 1, number: text.parse()? }),
        }
    }
}

impl Display for FileNumber {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.file {
            1 => write!(formatter, "{}", self.number),
            file => write!(formatter, "{file}.{}", self.number),
        }
    }
}

/// The user's own types.
#[derive(Args, Clone, Debug)]
pub(crate) struct TypesArgs {
    /// File with types of your own, which go before the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) types: Option<PathBuf>,
}

/// What is read of a process beside its tables in the kernel.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct ReadingArgs {
    /// Read mapped files on FUSE and network file systems too, which may hang
    #[arg(long)]
    pub(crate) read_remote_files: bool,

    /// Ask a JVM for its list of its memory, as jcmd does; it needs -XX:NativeMemoryTracking=detail (Linux)
    #[arg(long)]
    pub(crate) ask_jvm: bool,
}

impl ReadingArgs {
    /// Has `sampler` read so.
    pub(crate) fn apply(self, sampler: &mut Sampler) {
        sampler.set_read_remote_files(self.read_remote_files);
        sampler.set_asks_jvm(self.ask_jvm);
    }
}

/// How old samples are pruned, but for their age.
#[derive(Args, Clone, Debug)]
pub(crate) struct RetentionArgs {
    /// Keep the file, with its log, within this size, such as 200M: the oldest samples go
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_size: Option<u64>,

    /// Keep one sample a minute of those older than this, such as 1d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) thin_after: Option<Duration>,

    /// Keep samples within a minute of a mark, unless --max-size needs their room
    #[arg(long)]
    pub(crate) keep_marks: bool,
}

impl RetentionArgs {
    /// Returns what is asked for, with what is older than `older_than` to go; `None` if nothing is to go.
    pub(crate) fn policy(
        &self,
        older_than: Option<Duration>,
    ) -> Result<Option<Retention>, Failure> {
        let Self { max_size: max_bytes, thin_after, keep_marks } = *self;
        let any = older_than.is_some() || thin_after.is_some() || max_bytes.is_some();
        if keep_marks && !any {
            return Err(Failure::usage(
                "--keep-marks has no effect without --thin-after, --max-size or an age",
            )
            .hint("add one, such as --thin-after 1d"));
        }
        Ok(any.then_some(Retention { older_than, thin_after, max_bytes, keep_marks }))
    }
}

/// Which session, in place of a recording.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct SessionArgs {
    /// All processes of this session, of one run of `vmrec record`, in place of one
    #[arg(long, short, value_name = "N", conflicts_with = "recording")]
    pub(crate) session: Option<FileNumber>,
}

/// Tables for people unless a format for programs is asked for.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,

    /// Print CSV
    #[arg(long)]
    pub(crate) csv: bool,
}

/// Which part of a recording.
#[derive(Args, Clone, Debug)]
pub(crate) struct SpanArgs {
    /// Begin at this time
    #[arg(long, value_name = "TIME", default_value = "start", allow_hyphen_values = true)]
    pub(crate) from: String,

    /// End at this time
    #[arg(long, value_name = "TIME", default_value = "end", allow_hyphen_values = true)]
    pub(crate) to: String,
}

impl SpanArgs {
    /// Returns the whole of a recording.
    pub(crate) fn whole() -> Self {
        Self { from: "start".to_owned(), to: "end".to_owned() }
    }
}

/// The keys that values over time are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SumBy {
    Family,
    Type,
}

/// The same, of a process or of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeriesBy {
    Family,
    Type,
    /// Libraries, files and threads
    Object,
    /// Functions, of a recording made with --stacks: estimates
    Stack,
    /// Of a session
    Process,
    /// Of a session: processes of one name together
    Name,
    /// Of a session: each type of each process
    ProcessType,
}

impl SeriesBy {
    /// Returns the keys of one process, which has no others.
    pub(crate) fn of_process(self) -> Result<By, Failure> {
        match self {
            Self::Family => Ok(By::Family),
            Self::Type => Ok(By::Type),
            Self::Object => Ok(By::Object),
            Self::Stack => Ok(By::Stack),
            Self::Process | Self::Name | Self::ProcessType => Err(Failure::usage(
                "a recording is of one process: sums by process are of a session",
            )
            .hint("name one with --session N; `vmrec list --sessions` shows them")),
        }
    }

    /// Returns the keys of a session.
    pub(crate) fn of_session(self) -> Result<By, Failure> {
        Ok(match self {
            Self::Family => By::Family,
            Self::Type => By::Type,
            Self::Stack => By::Stack,
            Self::Object => {
                return Err(Failure::usage("sums by object are of one process").hint(
                    "name it with --recording N, or take another kind, such as process-type",
                ));
            }
            Self::Process => By::Process,
            Self::Name => By::Name,
            Self::ProcessType => By::ProcessAndType,
        })
    }
}
