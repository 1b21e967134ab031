//! The arguments of `vmrec check`.

use std::path::PathBuf;

use clap::Args;

use crate::args::{Choice, FileArgs, FileNumber};
use crate::commands::check::limits::{Percent, Written, growth, max, percent};

/// Check a recording against limits; exit with 1 if it exceeds one
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// File with limits; vmrec.toml in the current folder is read where no limit is given
    #[arg(long, value_name = "FILE")]
    pub(crate) budget: Option<PathBuf>,

    /// Highest sample allowed: 200M, private=150M, "V8 heap=80M", "private:V8 heap=80M", +5%;
    /// of objects: "object:lib*.so=8M"; of functions: stack:handle=8M
    #[arg(long, value_name = "LIMIT", value_parser = max)]
    pub(crate) max: Vec<Written>,

    /// Growth allowed, from the first sample to the last or per time: 20M, private=5M/min, +5%
    #[arg(long, value_name = "LIMIT", value_parser = growth)]
    pub(crate) growth: Vec<Written>,

    /// Begin at this time, such as @warm [default: start]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) after: Option<String>,

    /// Leave out a warm-up at the begin, as `vmrec trend` finds it in each recording
    #[arg(long)]
    pub(crate) skip_warm_up: bool,

    /// End at this time [default: end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,

    /// Recordings to compare with: FILE, FILE#N, or #N of the same file; several with commas
    #[arg(long, value_name = "RECORDING", value_delimiter = ',')]
    pub(crate) baseline: Vec<String>,

    /// How far the highest resident total and each large type may be above the baseline
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) tolerance: Option<Percent>,

    /// Samples that growth per time needs [default: 20]
    #[arg(long, value_name = "N")]
    pub(crate) min_samples: Option<usize>,

    /// Pass where too few samples, or unknown ones, leave a limit undecided
    #[arg(long)]
    pub(crate) lenient: bool,

    /// Print JSON
    #[arg(long, conflicts_with_all = ["md", "github"])]
    pub(crate) json: bool,

    /// Print Markdown, for a pull request
    #[arg(long, conflicts_with = "github")]
    pub(crate) md: bool,

    /// Print an error command of GitHub's for each limit not kept, after the table
    #[arg(long)]
    pub(crate) github: bool,

    /// Also write a JUnit test suite to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Check the sums over all processes of this session; sums of resident sizes have a shared page
    /// once for each process, those of private-and-swapped and pss do not
    #[arg(long, short, value_name = "N", conflicts_with_all = ["recording", "baseline", "tolerance", "skip_warm_up"])]
    pub(crate) session: Option<FileNumber>,

    #[command(flatten)]
    pub(crate) file: FileArgs,

    /// Numbers or names of the recordings, with commas; of several, the least figure counts [default: the newest]
    #[arg(long, short, value_name = "N|NAME", value_delimiter = ',')]
    pub(crate) recording: Vec<Choice>,
}
