//! Options that other tools have under another name.

use clap::Command;

/// Others' words, an option that a command must have for the tip to hold, and the tip.
const SYNONYMS: &[(&[&str], &str, &str)] = &[
    (
        &[
            "--children",
            "--include-children",
            "--follow-children",
            "--recursive",
            "--descendants",
            "--multiprocess",
            "-C",
            "-R",
        ],
        "tree",
        "--tree records all processes that descend from the TARGET too",
    ),
    (&["-n", "--count", "--iterations"], "samples", "--samples N ends after N samples"),
    (
        &["-t", "-d", "--timeout", "--time", "--seconds"],
        "for",
        "--for TIME ends after that time, such as --for 30s; --every TIME is the time between samples",
    ),
    (
        &["-s", "--delay", "--period", "--sleep", "--rate", "--freq", "--frequency"],
        "every",
        "--every TIME is the time between samples, such as --every 500ms",
    ),
    (
        &["--attach", "--process"],
        "tree",
        "the process is the TARGET: vmrec record PID, or its name",
    ),
    (&["--command", "--exec", "-c"], "tree", "a command stands behind --: vmrec record -- COMMAND"),
    (
        &["--plot", "--graph", "--svg", "--png"],
        "chart",
        "--chart FILE draws the recording at its end, FILE.svg or FILE.png",
    ),
    (&["--svg", "--png"], "output", "-o FILE: its name ends in .svg or .png"),
    (
        &["--database", "--file", "--input", "-i", "-D"],
        "db",
        "--db FILE names the file of recordings",
    ),
    (
        &["-n", "--limit", "--head", "--lines", "--rows", "-l"],
        "top",
        "--top N shows the N largest rows",
    ),
    (&["-n", "--limit", "--head", "--lines", "--rows", "--top"], "all", "--all shows every row"),
    (
        &["--stacks"],
        "all-split-libs",
        "--by stack --at TIME shows the stacks of a recording of record --stacks (Linux); on a Mac, \
         /usr/bin/vmmap -stacks",
    ),
    (&["--since", "--start", "--begin", "--after"], "from", "--from TIME, such as --from -10m"),
    (&["--until", "--end", "--before", "--stop"], "to", "--to TIME, such as --to end"),
    (
        &["--from", "--to", "--since", "--until", "--start", "--end"],
        "by",
        "times are words of their own: vmrec diff start end, vmrec diff -10m now",
    ),
    (&["--metric"], "series", "--series has a column of each metric"),
    (
        &["-r", "--recording"],
        "N|NAME",
        "the recording is a word of its own: vmrec rename 1 NAME, vmrec delete 1",
    ),
    (&["--sort", "--sort-by", "-k"], "metric", "rows are sorted by --metric METRIC"),
    (&["--format", "-F", "--markdown", "--table"], "md", "formats are --json, --csv and --md"),
    (
        &["--format", "-F", "--output-format"],
        "json",
        "--json prints JSON; --csv prints CSV where rows are of one kind",
    ),
    (
        &["--color", "--colour", "--no-color", "--no-colour"],
        "help",
        "colours are for terminals alone, and for none with NO_COLOR=1 set",
    ),
];

/// Returns a tip for an option that the command does not have.
pub(super) fn tip(command: &Command, words: &[String], option: &str) -> Option<&'static str> {
    let of = command.find_subcommand(words.first()?)?;
    let has = |name: &str| {
        let named = |argument: &clap::Arg| {
            let value = argument.get_value_names().and_then(|names| names.first());
            argument.get_long() == Some(name)
                || argument.is_positional() && value.is_some_and(|it| it == name)
        };
        name == "help" || of.get_arguments().any(named)
    };
    let fits = |(others, ours, _): &&(&[&str], &str, &str)| others.contains(&option) && has(ours);
    SYNONYMS.iter().find(fits).map(|(.., tip)| *tip)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// The parser with the options of all commands.
    fn built() -> Command {
        let mut command = Cli::command();
        command.build();
        command
    }

    fn tip_of(command: &str, option: &str) -> Option<&'static str> {
        tip(&built(), &[command.to_owned()], option)
    }

    #[test]
    fn a_tip_names_options_that_the_command_has() {
        let command = built();
        for (others, ours, text) in SYNONYMS {
            let of = |name: &&str| *name == "help" || text.contains(&format!("--{name}"));
            let words = ["output", "tree", "by", "N|NAME", "all-split-libs"].contains(ours);
            assert!(of(ours) || words, "{ours}: {text}");
            let mut names = command.get_subcommands().map(Command::get_name);
            assert!(
                names.any(|name| tip(&command, &[name.to_owned()], others[0]) == Some(text)),
                "{others:?}: {ours}"
            );
        }
    }

    #[test]
    fn one_word_means_what_the_command_can_do() {
        assert!(tip_of("record", "-n").unwrap().contains("--samples"));
        assert!(tip_of("map", "-n").unwrap().contains("--top"));
        assert!(tip_of("diff", "-n").unwrap().contains("--all"));
        assert!(tip_of("record", "--children").unwrap().contains("--tree"));
        assert!(tip_of("chart", "--since").unwrap().contains("--from"));
        assert!(tip_of("diff", "--since").unwrap().contains("vmrec diff"));
        assert_eq!(tip_of("list", "--children"), None);
        assert_eq!(tip_of("record", "--nonsense"), None);
    }
}
