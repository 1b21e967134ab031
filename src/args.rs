//! Arguments that several commands share.

use std::convert::Infallible;
use std::fmt;
use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
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
    /// The newest that is called so, or else the newest of a process called so.
    Name(String),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let number = text.strip_prefix('#').unwrap_or(text).parse();
        Ok(number.map_or_else(|_| Self::Name(text.to_owned()), Self::Number))
    }
}

impl Display for Choice {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Name(name) => formatter.write_str(name),
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

/// The keys that values over time are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SumBy {
    Family,
    Type,
}
