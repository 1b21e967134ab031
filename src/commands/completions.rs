//! `vmrec completions`: a script that completes vmrec's commands, options, recordings and marks.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::failure::Failure;
use crate::output;

/// The variable by which the script asks vmrec for candidates.
pub(crate) const VARIABLE: &str = "VMREC_COMPLETE";

/// Print a script that completes commands and recordings in a shell
///
/// For bash: `source <(vmrec completions bash)` in ~/.bashrc; zsh alike in
/// ~/.zshrc; for fish: vmrec completions fish | source.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: ShellName,
}

/// The shells there are scripts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ShellName {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// Runs the command.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let shell: &dyn EnvCompleter = match args.shell {
        ShellName::Bash => &Bash,
        ShellName::Elvish => &Elvish,
        ShellName::Fish => &Fish,
        ShellName::Powershell => &Powershell,
        ShellName::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "vmrec", "vmrec", "vmrec", &mut script)
        .map_err(output::unwritable)?;
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
