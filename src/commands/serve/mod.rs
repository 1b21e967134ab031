//! `vmrec serve`: a file of recordings over HTTP, while others record: metrics for Prometheus, the
//! report as a page, and JSON.
//!
//! It reads only. It listens to this machine unless told otherwise, and answers requests for its
//! own names only, so that no page of another site can read it under a name of its own.

#[cfg(feature = "serve")]
mod answer;
#[cfg(feature = "serve")]
mod api;
pub(crate) mod args;
#[cfg(feature = "serve")]
mod host;
#[cfg(feature = "serve")]
mod metrics;
#[cfg(feature = "serve")]
mod page;
#[cfg(feature = "serve")]
mod server;

use std::process::ExitCode;

use crate::commands::serve::args::ServeArgs;
use crate::failure::Failure;

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
