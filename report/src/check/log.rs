//! Verdicts in the forms that build servers read: JUnit's XML and GitHub's commands.

use std::fmt::Write;

use jiff::tz::TimeZone;

use crate::check::table::Row;
use crate::check::verdict::{LimitVerdict, Outcome};
use crate::text::escape;

/// Returns verdicts as a JUnit test suite: each limit is a test.
pub fn check_junit(verdicts: &[LimitVerdict], time_zone: &TimeZone) -> String {
    let count = |wanted: fn(Outcome) -> bool| {
        verdicts.iter().filter(|verdict| wanted(verdict.outcome)).count()
    };
    let failures = count(|outcome| outcome == Outcome::Exceeded);
    let errors = count(|outcome| matches!(outcome, Outcome::TooFewSamples | Outcome::Unknown));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"vmrec check\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">\n",
        verdicts.len()
    );
    for verdict in verdicts {
        let row = Row::of(verdict, time_zone);
        let element = match verdict.outcome {
            Outcome::Kept => None,
            Outcome::Exceeded => Some("failure"),
            Outcome::TooFewSamples | Outcome::Unknown => Some("error"),
        };
        let name = escape::xml(&row.limit);
        // Writing to a string cannot fail.
        let _ = match element {
            None => writeln!(text, "  <testcase classname=\"vmrec\" name=\"{name}\"/>"),
            Some(element) => writeln!(
                text,
                "  <testcase classname=\"vmrec\" name=\"{name}\">\n    \
                 <{element} message=\"{}\"/>\n  </testcase>",
                escape::xml(&sentence(&row))
            ),
        };
    }
    text + "</testsuite>\n"
}

/// Returns a line for each limit not kept, which GitHub shows beside the changes of a pull request.
pub fn check_github(verdicts: &[LimitVerdict], time_zone: &TimeZone) -> String {
    let missed = verdicts.iter().filter(|verdict| verdict.outcome != Outcome::Kept);
    missed
        .map(|verdict| {
            let row = Row::of(verdict, time_zone);
            let text = format!("{}: {}", row.limit, sentence(&row));
            format!("::error title=vmrec check::{}\n", escape::workflow_command(&text))
        })
        .collect()
}

fn sentence(row: &Row) -> String {
    let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
    format!("{}, allowed {}{note}", row.measured, row.allowed)
}
