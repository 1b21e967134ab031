//! `vmrec import`: turns a pasted output of another tool into a recording.

pub(crate) mod source;
pub(crate) mod store;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use vmrec_sampler::{PasteFormat, Pasted};

use crate::args::FileArgs;
use crate::commands::import::source::Source;
use crate::commands::import::store::Import;
use crate::failure::Failure;
use crate::{file, output};

/// Turn pasted smaps, pmap, vmmap or footprint into a recording
///
/// Prompts, quotes, colours, line numbers and the prefixes of logs around a paste do not matter. What
/// it does not say is unknown in the recording; sums that it states are compared with the regions.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// Files with the output of one tool each; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    sources: Vec<PathBuf>,

    /// Tool that printed it [default: detected]
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(PasteFormat::ALL.map(PasteFormat::name)))]
    format: Option<String>,

    /// Name of the recording
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Make one recording of all files, which are of one process, with a sample from each
    #[arg(long)]
    as_one: bool,

    #[command(flatten)]
    file: FileArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let path = file::path(&args.file)?;
    let format = args
        .format
        .as_deref()
        .and_then(|name| PasteFormat::ALL.into_iter().find(|format| format.name() == name));
    // Everything is read before anything is written.
    let mut pastes: Vec<(Source, Pasted)> = Vec::new();
    for named in &args.sources {
        let source = Source::of(named);
        for pasted in source.parse(format)? {
            for remark in &pasted.remarks {
                let line = remark.line.map_or_else(String::new, |line| format!(":{line}"));
                output::note(&format!("note: {source}{line}: {}", remark.text));
            }
            pastes.push((source.clone(), pasted));
        }
    }
    let mut pastes: Vec<Import> = pastes.into_iter().map(Import::from).collect();
    if args.as_one {
        pastes = vec![store::joined(pastes)?];
    }
    if let (Some(name), 2..) = (&args.name, pastes.len()) {
        return Err(Failure::usage(format!(
            "--name {name} names one recording, and these are {}",
            pastes.len()
        ))
        .hint("import them one by one, or with --as-one if they are of one process"));
    }
    for line in store::store(&path, pastes, args.name.as_deref())? {
        output::print(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}
