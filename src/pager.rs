//! Results longer than the terminal go through a pager: $VMREC_PAGER, $PAGER, or `less -FRX`.
//!
//! A pager is a convenience: one that is missing, cannot be run or is left early is no error, and
//! where standard output is no terminal there is none.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, io};

use signal_hook::consts::{SIGINT, SIGQUIT};

use crate::terminal;

/// Shows one screen without waiting, colours as such, and leaves the text on the screen.
const DEFAULT: &str = "less -FRX";
/// How `less` behaves where the user has no settings: as above.
const LESS: &str = "FRX";

/// Exit statuses of a shell that cannot run a command, or read one.
const CANNOT_RUN: [i32; 3] = [2, 126, 127];

/// Whether the user wants no pager.
static OFF: AtomicBool = AtomicBool::new(false);

/// Lets every result be printed at once.
pub(crate) fn turn_off() {
    OFF.store(true, Ordering::Relaxed);
}

/// Shows a text in a pager, and returns whether it was: where it was not, it is yet to be printed.
pub(crate) fn show(text: &str) -> bool {
    if OFF.load(Ordering::Relaxed) || !io::stdout().is_terminal() || terminal::is_dumb() {
        return false;
    }
    let Some((columns, lines)) = terminal::size() else { return false };
    if lines_taken(text, columns) < lines {
        return false;
    }
    let Some(pager) = chosen(|name| env::var_os(name)) else { return false };
    run(&pager, text)
}

/// Returns the command that pages; `None` if the user wants none.
fn chosen(variable: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    let pager = variable("VMREC_PAGER").or_else(|| variable("PAGER"));
    match pager {
        None => Some(DEFAULT.into()),
        // As with git, `cat` and nothing at all both print.
        Some(pager) => Some(pager).filter(|pager| !pager.is_empty() && pager != OsStr::new("cat")),
    }
}

/// Returns how many lines of a terminal a text takes, by which a pager is worth while.
fn lines_taken(text: &str, columns: usize) -> usize {
    let taken = |line: &str| line.chars().count().div_ceil(columns.max(1)).max(1);
    text.lines().map(taken).sum()
}

/// Runs the pager in a shell, as its words are the user's, and gives it the text. Returns whether it
/// could be run.
fn run(pager: &OsStr, text: &str) -> bool {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(pager).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        shell.env("LESS", LESS);
    }
    // Ctrl-C is the pager's while it runs; vmrec would otherwise end and leave it the terminal.
    let heard = Arc::new(AtomicBool::new(false));
    let ignored = [SIGINT, SIGQUIT]
        .map(|signal| signal_hook::flag::register(signal, Arc::clone(&heard)).ok());
    let ended = shell.spawn().and_then(|child| feed(child, text));
    ignored.into_iter().flatten().for_each(|one| {
        signal_hook::low_level::unregister(one);
    });
    // Who stops a pager by a key has seen what it shows, whatever its status then is.
    let is_stopped = heard.load(Ordering::Relaxed);
    let ran = |code: Option<i32>| is_stopped || !code.is_some_and(|it| CANNOT_RUN.contains(&it));
    ended.is_ok_and(|status| ran(status.code()))
}

/// Writes the text to the pager and waits for its end; one that is left early reads no more.
fn feed(mut child: Child, text: &str) -> io::Result<ExitStatus> {
    if let Some(mut input) = child.stdin.take() {
        // An error means that it reads no more, which is its right.
        let _ = input.write_all(text.as_bytes());
    }
    child.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_words_choose_the_pager() {
        let of = |set: &'static [(&str, &str)]| {
            chosen(move |name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(of(&[]), Some("less -FRX".into()));
        assert_eq!(of(&[("PAGER", "more -s")]), Some("more -s".into()));
        assert_eq!(of(&[("PAGER", "more"), ("VMREC_PAGER", "most")]), Some("most".into()));
        for none in [&[("PAGER", "")][..], &[("PAGER", "cat")], &[("VMREC_PAGER", "")]] {
            assert_eq!(of(none), None, "{none:?}");
        }
        assert_eq!(of(&[("VMREC_PAGER", ""), ("PAGER", "more")]), None);
    }

    #[test]
    fn long_lines_take_more_than_one() {
        assert_eq!(lines_taken("", 80), 0);
        assert_eq!(lines_taken("a\n\nb\n", 80), 3);
        assert_eq!(lines_taken(&format!("{}\nb\n", "é".repeat(161)), 80), 4);
    }

    #[test]
    fn a_pager_that_is_missing_leaves_the_text_to_be_printed() {
        assert!(!run(OsStr::new("/nowhere/pager 2> /dev/null"), "text"));
        assert!(!run(OsStr::new("exit 126"), &"text\n".repeat(100_000)));
    }

    #[test]
    fn a_pager_that_is_left_early_is_no_error() {
        assert!(run(OsStr::new("true"), &"text\n".repeat(100_000)));
        assert!(run(OsStr::new("exit 3"), "text"));
    }
}
