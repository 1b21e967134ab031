//! The arguments of `vmrec serve`.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use crate::args::FileArgs;

/// Serve metrics, the report and JSON over HTTP, while others record
///
/// It reads the file while others record to it, and never writes. /metrics has the newest sample
/// of each process that is being recorded, / the report of the newest session, /api/ JSON
/// (docs/serve.md).
#[derive(Args, Debug)]
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "the options are the same"))]
pub(crate) struct ServeArgs {
    /// Address to listen on: others than this machine's can be read by whoever reaches it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9190")]
    pub(super) listen: SocketAddr,

    /// Name by which it may be asked for, besides addresses and localhost
    #[arg(long, value_name = "NAME")]
    pub(super) name: Vec<String>,

    /// Whether metrics have a series for each process, or one for all processes of a name
    #[arg(long, value_enum, default_value_t = SeriesOf::Process)]
    pub(super) by: SeriesOf,

    /// Processes or names with series of their own; the smallest others are summed as `other`
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) max_processes: usize,

    #[command(flatten)]
    pub(super) file: FileArgs,
}

/// Of which processes metrics have a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeriesOf {
    /// Each process, with its number
    Process,
    /// All processes of a name
    Name,
}
