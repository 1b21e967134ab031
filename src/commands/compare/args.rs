//! The arguments of `vmrec compare`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use vmrec_report::{CompareBy, Metric};

use crate::args::FileArgs;
use crate::parse::metric_parser;

/// Show which memory differs between runs of two builds
///
/// A run is a recording's number or name, FILE, FILE:NUMBER or FILE:NAME; @TIME after it takes one
/// sample. Several runs have commas between them: 1,2,3 or before.db:1,2,3.
#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// The runs before
    #[arg(value_name = "BEFORE")]
    pub(crate) before: String,

    /// The runs after
    #[arg(value_name = "AFTER")]
    pub(crate) after: String,

    /// Metric to compare
    #[arg(long, value_name = "METRIC", default_value = "resident", value_parser = metric_parser())]
    pub(crate) metric: Metric,

    /// Kind of the rows; none is matched by its address
    #[arg(long, value_enum, default_value_t = Parts::Type)]
    pub(crate) by: Parts,

    /// Moment that runs have in common: start, end, or a mark as @TEXT, which begins what counts
    #[arg(long, value_name = "MOMENT", default_value = "start", value_parser = align)]
    pub(crate) align: Align,

    /// Count only as long a time of each run as the shortest has
    #[arg(long)]
    pub(crate) common: bool,

    /// Show every row instead of those that differ most
    #[arg(long)]
    pub(crate) all: bool,

    /// Also draw both sides over time, and the types that differ, into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Print JSON
    #[arg(long, conflicts_with = "md")]
    pub(crate) json: bool,

    /// Print Markdown, for a pull request
    #[arg(long)]
    pub(crate) md: bool,

    #[command(flatten)]
    pub(crate) file: FileArgs,
}

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Parts {
    Family,
    Type,
    Object,
}

impl From<Parts> for CompareBy {
    fn from(by: Parts) -> Self {
        match by {
            Parts::Family => Self::Family,
            Parts::Type => Self::Type,
            Parts::Object => Self::Object,
        }
    }
}

/// The moment that runs are aligned at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Start,
    End,
    /// A mark, with its `@`, and an offset where one is given.
    Mark(String),
}

impl Align {
    /// Returns it as it is written.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Start => "start",
            Self::End => "end",
            Self::Mark(text) => text,
        }
    }
}

/// Reads the value of `--align`.
fn align(text: &str) -> Result<Align, String> {
    match text {
        "start" => Ok(Align::Start),
        "end" => Ok(Align::End),
        mark if mark.len() > 1 && mark.starts_with('@') => Ok(Align::Mark(mark.to_owned())),
        _ => Err("not a moment that runs have in common\nhint: write start, end or @TEXT, a mark of each".to_owned()),
    }
}
