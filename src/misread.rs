//! A command line that is refused: which words were probably meant.

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::shell::shell_word;

/// Adds a tip to an error about a word that is no option, where a recording can be chosen: its number
/// or name stands behind -r.
pub(crate) fn with_tip(mut error: clap::Error, command: &Command, words: &[String]) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        && !word.starts_with('-')
        && let Some(tip) = tip(command, words)
    {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

fn tip(command: &Command, words: &[String]) -> Option<StyledStr> {
    let (name, rest) = words.split_first()?;
    let chooses = |of: &Command| of.get_arguments().any(|option| option.get_short() == Some('r'));
    command.find_subcommand(name).filter(|of| chooses(of))?;
    let (first, rest) = rest.split_first()?;
    let tip = match first.starts_with('-') {
        true => "-r NUMBER, or -r NAME, chooses a recording".to_owned(),
        false => {
            let rest: String = rest.iter().map(|word| format!(" {}", shell_word(word))).collect();
            format!("-r chooses a recording: vmrec {name} -r {}{rest}", shell_word(first))
        }
    };
    Some(tip.into())
}
