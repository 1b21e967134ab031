//! `vmrec man`: manual pages of vmrec and each of its commands.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};

use crate::failure::Failure;
use crate::output;

/// Write manual pages of vmrec and its commands to a folder
///
/// `man -l man1/vmrec.1` shows one; ~/.local/share/man/man1 is on man's path.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Folder to write to, which must exist
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &ManArgs, command: &Command) -> Result<ExitCode, Failure> {
    // `vmrec help COMMAND` is described by the overview.
    let has_page = |page: &&clap::Command| !page.is_hide_set() && page.get_name() != "help";
    let pages = command.get_subcommands().filter(has_page);
    let named = pages.map(|page| {
        let name = format!("vmrec-{}", page.get_name());
        page.clone().name(&name).bin_name(name.replacen('-', " ", 1))
    });
    for page in std::iter::once(command.clone()).chain(named) {
        let path = args.folder.join(format!("{}.1", page.get_name()));
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text).map_err(output::unwritable)?;
        output::replace_file(&path, &text)?;
    }
    Ok(ExitCode::SUCCESS)
}
