//! The program's help: commands in groups, examples, times and exit statuses.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// The commands by what they are for.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Record", &["record", "mark", "status", "stop", "demo"]),
    (
        "Look",
        &[
            "list", "info", "map", "explain", "diff", "compare", "trend", "chart", "flame",
            "history", "watch", "sql",
        ],
    ),
    ("Share", &["report", "check", "export", "import", "serve"]),
    ("Keep", &["rename", "delete", "backup", "repair", "prune", "reclassify"]),
    ("Set up", &["selftest", "completions", "man"]),
    ("Heap", &["heap", "leaks", "strings"]),
];

const EXAMPLES: &str = "\
Examples:
  vmrec record -- ./server --port 80    start it, record until it ends
  vmrec record Safari --every 2s        or a pid; Ctrl-C ends the recording
  vmrec diff -10m now                   any two times, marks or sample numbers
  vmrec chart                           resident memory by family, over time
  vmrec report -o page.html --open      all of it in one page to share
  vmrec check --max 200M                exit with 1 if it grew beyond";

const NOTES: &str = "\
Times are 14:05[:09], '2026-03-01 14:05' (local), RFC 3339, -10m (before the
end, or now while recording), +90s (after the start), start, end, now, peak,
#12 (a sample), @text (a mark), 50%, '10m ago'; peak-5s and @text+5s too.

Output longer than the terminal goes through $VMREC_PAGER, $PAGER or
`less -FRX`; --no-pager prints it.

Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 target not found or
not permitted, 4 recording unusable; record -- COMMAND passes on its own.

`vmrec help COMMAND` shows the options of a command.";

/// Returns the command line, with the help in groups.
pub(crate) fn command() -> Command {
    let mut command = Cli::command();
    // What a command is for is known once its options are built.
    command.build();
    let text = text(&command);
    command.override_help(text)
}

/// Returns the parser for a command line that begins with `word`, without the overview where a command is named.
pub(crate) fn parser(word: Option<&String>) -> Command {
    let parser = Cli::command();
    match word.and_then(|word| parser.find_subcommand(word)) {
        Some(_) => parser,
        None => command(),
    }
}

fn text(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut text = format!("{about}\n\nUsage: vmrec COMMAND [OPTIONS]\n");
    for (title, names) in GROUPS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{title}:");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {name:<13}{about}");
        }
    }
    format!("{text}\n{EXAMPLES}\n\n{NOTES}\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_every_line_fits() {
        let shown: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let command = command();
        let real: BTreeSet<&str> = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(Command::get_name)
            .filter(|name| *name != "help")
            .collect();
        assert_eq!(shown.len(), real.len());
        assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), real);
        let text = text(&command);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
