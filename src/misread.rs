//! A command line that is refused: which words were probably meant.

mod synonyms;

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::shell::shell_word;

/// Adds a tip to an error about a word that is no option: other tools' names of options, and where a recording
/// can be chosen that its number or name stands behind -r.
pub(crate) fn with_tip(mut error: clap::Error, command: &Command, words: &[String]) -> clap::Error {
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        // A metric of regions, where --metric is of stacks.
        && let Some(word) = match error.kind() {
            ErrorKind::UnknownArgument => Some(&**word),
            ErrorKind::InvalidValue => word.strip_suffix(" <METRIC>"),
            _ => None,
        }
        && let Some(tip) = match word.starts_with('-') {
            true => synonyms::tip(command, words, word).map(StyledStr::from),
            false => tip(command, words),
        }
    {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// Returns the error about an option that a command does not have, where it would be read as a time: a time may
/// begin with one hyphen, none with two.
pub(crate) fn unknown_option(command: &Command, words: &[String]) -> Option<clap::Error> {
    let options = words.get(1..)?.iter().take_while(|word| *word != "--");
    let options: Vec<&String> = options.filter(|word| word.starts_with("--")).collect();
    options.first()?;
    let mut of = command.find_subcommand(words.first()?)?.clone();
    of.build();
    of.get_positionals().find(|word| word.is_allow_hyphen_values_set())?;
    let known = |word: &str| {
        let name = word.trim_start_matches('-').split('=').next().unwrap_or_default();
        let of_command = of.get_arguments().chain(command.get_arguments()).any(|option| {
            let others = option.get_all_aliases().unwrap_or_default();
            option.get_long() == Some(name) || others.contains(&name)
        });
        of_command || name == "help"
    };
    let wrong = options.into_iter().find(|word| !known(word))?;
    let option = wrong.split('=').next().unwrap_or_default();
    let mut error = clap::Error::new(ErrorKind::UnknownArgument).with_cmd(&of);
    error.insert(ContextKind::InvalidArg, ContextValue::String(option.to_owned()));
    Some(error)
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
