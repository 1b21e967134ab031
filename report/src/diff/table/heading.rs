//! The process and the times that a diff compares, above its table, and how the table looks.

use jiff::tz::TimeZone;
use vmrec_sampler::{Consistency, Naming, ProcessInfo};
use vmrec_store::{Recording, RecordingId};

use crate::diff::Diff;
use crate::diff::group::View;
use crate::finding::made_by::MadeBy;
use crate::text::remark::remark;
use crate::text::{clock, escape, units};
use crate::time::spec::Resolved;

/// The process and the times that a diff compares.
#[derive(Clone, Debug)]
pub struct Heading<'a> {
    /// The process.
    pub process: &'a ProcessInfo,
    /// The recording.
    pub recording: RecordingId,
    /// The first time.
    pub from: &'a Resolved,
    /// The second time.
    pub to: &'a Resolved,
    /// Whether the regions of the first sample are known, and of one moment.
    pub from_consistency: &'a Consistency,
    /// Whether those of the second sample are.
    pub to_consistency: &'a Consistency,
    /// Where times are shown.
    pub time_zone: &'a TimeZone,
    /// The code that made most of the change of resident bytes, if that is known.
    pub made_by: Option<MadeBy>,
}

impl<'a> Heading<'a> {
    /// Creates the heading of two samples of a recording, whose regions have this consistency; the code that made
    /// the change is left open.
    pub fn new(
        recording: &'a Recording,
        [from, to]: [&'a Resolved; 2],
        [from_consistency, to_consistency]: [&'a Consistency; 2],
        time_zone: &'a TimeZone,
    ) -> Self {
        let Recording { process, id, .. } = recording;
        let recording = *id;
        Self {
            process,
            recording,
            from,
            to,
            from_consistency,
            to_consistency,
            time_zone,
            made_by: None,
        }
    }
}

/// How the table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffLayout {
    /// The kind of a row.
    pub view: View,
    /// How many rows at most, besides `other`; `None` for all.
    pub rows: Option<usize>,
    /// Whose words types and families have.
    pub naming: Naming,
    /// Terminal cells in a line.
    pub width: usize,
    /// Whether to colour growth and shrinking.
    pub color: bool,
}

/// Returns the lines that name the process and the times.
pub(crate) fn ends(heading: &Heading<'_>) -> Vec<String> {
    let name = escape::terminal(heading.process.name());
    let end = |word: &str, resolved: &Resolved, consistency: &Consistency| {
        let taken = clock::local_exact(resolved.taken.utc_ns, heading.time_zone);
        let off_by = units::duration(resolved.off_by_ns.unsigned_abs());
        let off_by = match resolved.off_by_ns.signum() {
            -1 => format!(", {off_by} before the time asked for"),
            1 => format!(", {off_by} after the time asked for"),
            _ => String::new(),
        };
        let mut lines = vec![format!("{word:<5} #{} of {taken}{off_by}", resolved.number)];
        let alone = consistency.totals_alone();
        let remark =
            remark(consistency).or_else(|| alone.map(|why| escape::terminal(why).into_owned()));
        lines.extend(remark.map(|remark| format!("      {remark}")));
        lines
    };
    let mut lines =
        vec![format!("{name} ({}), recording {}", heading.process.id, heading.recording.0)];
    lines.extend(end("from", heading.from, heading.from_consistency));
    lines.extend(end("to", heading.to, heading.to_consistency));
    lines
}

/// Returns the lines above the table.
pub(crate) fn head(heading: &Heading<'_>, view: View, diff: &Diff) -> Vec<String> {
    let ends = [heading.from.taken.monotonic_ns, heading.to.taken.monotonic_ns];
    let apart = units::duration(ends[0].abs_diff(ends[1]));
    let mut lines = self::ends(heading);
    if ends[1] < ends[0] {
        lines.push("the second time is the earlier: growth reads as shrinking".to_owned());
    }
    lines.push(match view {
        _ if diff.is_unread() => format!("{apart} apart"),
        View::Region => format!("{apart} apart; sizes are changes"),
        _ => format!(
            "{apart} apart; sizes are changes, AFTER is {} at the end",
            diff.sorted_by.words()
        ),
    });
    lines
}
