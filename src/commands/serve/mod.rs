//! `vmrec serve`: a file of recordings over HTTP, while others record: metrics for Prometheus, the
//! report as a page, and JSON.
//!
//! It reads only. It listens to this machine unless told otherwise, and answers requests for its
//! own names only, so that no page of another site can read it under a name of its own.

#[cfg(feature = "serve")]
mod answer;
#[cfg(feature = "serve")]
mod api;
#[cfg(feature = "serve")]
mod host;
#[cfg(feature = "serve")]
mod metrics;
#[cfg(feature = "serve")]
mod page;
#[cfg(feature = "serve")]
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::args::FileArgs;
use crate::failure::Failure;

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

/// Runs the command.
#[cfg(feature = "serve")]
pub(crate) fn run(args: &ServeArgs) -> Result<ExitCode, Failure> {
    server::run(args)
}

/// States that it is not part of this program.
#[cfg(not(feature = "serve"))]
pub(crate) fn run(_: &ServeArgs) -> Result<ExitCode, Failure> {
    Err(Failure::usage("this vmrec was built without a server")
        .hint("build it with it: cargo install --path . --features serve"))
}
