//! `vmrec record --detach`: a recorder that goes on without its terminal.
//!
//! vmrec starts itself again with the same arguments, and returns once that recorder has stored a
//! sample or has failed. Standard input of the recorder is a pipe to the one that waits, until then.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::{env, io};

use signal_hook::consts::SIGTERM;

use crate::commands::record::args::RecordArgs;
use crate::failure::{Failure, Status};
use crate::{file, output};

/// The hidden option of the recorder that is started.
const OPTION: &str = "--detached";
/// Written to the pipe after the first sample.
const BEGUN: &[u8] = b"begun";

/// Starts the recorder, waits for its first sample, and returns what it ends with if it ends before.
pub(super) fn start(args: &RecordArgs) -> Result<ExitCode, Failure> {
    let cannot = |source: io::Error| {
        let error = anyhow::Error::new(source).context("cannot start a recorder");
        Failure::new(Status::Recording, error)
    };
    let program = env::current_exe().map_err(cannot)?;
    let (mut said, says) = io::pipe().map_err(cannot)?;
    let mut words: Vec<OsString> = env::args_os().skip(1).collect();
    // After the name of the command: what follows `--` is another's.
    words.insert(words.len().min(1), OPTION.into());
    let mut command = Command::new(program);
    command.args(words).stdin(says);
    if args.launch.is_empty() {
        command.stdout(Stdio::null());
    }
    let mut recorder = command.spawn().map_err(cannot)?;
    // It has an end of the pipe too, which would never be closed.
    drop(command);
    let mut word = Vec::new();
    said.read_to_end(&mut word).map_err(cannot)?;
    if word != BEGUN {
        let status = recorder.wait().map_err(cannot)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
    }
    if !args.quiet {
        let db = file::db_option(&file::path(&args.file)?);
        output::note(&format!(
            "goes on in the background, as process {}\n\
             hint: `vmrec status{db}` shows it, `vmrec stop{db}` ends it",
            recorder.id()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves the terminal before a command is started, which shall survive it too.
pub(super) fn before_command(args: &RecordArgs) -> Result<(), Failure> {
    if !args.detached || args.launch.is_empty() {
        return Ok(());
    }
    vmrec_sampler::begin_session()
        .map_err(|source| Failure::io("leave the terminal of", Path::new("vmrec"), source))
}

/// The recorder's end of the pipe.
pub(super) struct Starter(File);

impl Starter {
    /// Takes it from standard input, if this is such a recorder.
    pub(super) fn take(args: &RecordArgs) -> Option<Self> {
        if !args.detached {
            return None;
        }
        let pipe = io::stdin().as_fd().try_clone_to_owned().ok()?;
        vmrec_sampler::discard_stream(io::stdin().as_fd()).ok()?;
        Some(Self(pipe.into()))
    }

    /// Goes on by itself: the first sample is stored. If nobody waits any more, it was interrupted.
    pub(super) fn begun(mut self) {
        // It fails for a recorder that left its terminal before it started the command.
        let _ = vmrec_sampler::begin_session();
        // A file is a log; whoever reads a pipe would wait for its end.
        let error = io::stderr().as_fd().try_clone_to_owned().map(File::from);
        if !error.and_then(|error| error.metadata()).is_ok_and(|error| error.is_file()) {
            let _ = vmrec_sampler::discard_stream(io::stderr().as_fd());
        }
        if self.0.write_all(BEGUN).is_err() {
            let _ = vmrec_sampler::send_signal(std::process::id(), SIGTERM);
        }
    }
}
