//! The history of an address as text.

use jiff::tz::TimeZone;
use vmrec_sampler::{ProcessInfo, StackFrame, Timestamp};
use vmrec_store::RecordingId;

use crate::stacks::frame_name;
use crate::stacks::history::{BlockHistory, HeldBlock, HeldEnd};
use crate::text::{clock, escape, units};
use crate::time::spec::Resolved;

/// The facts above the blocks.
#[derive(Clone, Copy, Debug)]
pub struct HistoryHead<'a> {
    /// The recording.
    pub recording: RecordingId,
    /// Its process.
    pub process: &'a ProcessInfo,
    /// The sample that was asked for; all without it.
    pub at: Option<&'a Resolved>,
    /// The region of that sample that holds the address, in words.
    pub region: Option<&'a str>,
    /// A sample, whose both times relate the clocks.
    pub clock: Timestamp,
    /// The zone of times.
    pub time_zone: &'a TimeZone,
}

impl HistoryHead<'_> {
    /// Returns the time of day of a moment on the clock of samples.
    pub(crate) const fn utc_ns(&self, monotonic_ns: u64) -> i64 {
        let since = monotonic_ns as i64 - self.clock.monotonic_ns as i64;
        self.clock.utc_ns.saturating_add(since)
    }

    fn time(&self, monotonic_ns: u64) -> String {
        clock::local_exact(self.utc_ns(monotonic_ns), self.time_zone)
    }
}

impl BlockHistory {
    /// Returns the page of blocks, of which `max` are shown.
    pub fn page(&self, head: &HistoryHead<'_>, blocks: &[HeldBlock], max: usize) -> String {
        let process = head.process;
        let mut lines = vec![format!(
            "{} ({}), recording {}",
            escape::terminal(process.name()),
            process.id,
            head.recording.0
        )];
        let address = format!("{:#x}", self.address);
        if let Some(at) = head.at {
            lines.push(at.sentence(head.time_zone));
            let region = head.region.map_or_else(|| "no region".to_owned(), escaped);
            lines.push(format!("{address} in {region}"));
        }
        let mean = self.counts.map_or_else(units::unknown, |it| units::size(it.mean_bytes));
        if blocks.is_empty() {
            let when = if head.at.is_some() { "then" } else { "at any time" };
            lines.push(format!(
                "{address} was in no sampled block {when}: not sampled (1 in {mean} allocated is)"
            ));
        } else {
            let count = units::counted(blocks.len() as u64, "sampled block", "sampled blocks");
            lines.push(format!("{address} was in {count}; 1 sampled in {mean} allocated"));
        }
        for block in blocks.iter().take(max) {
            self.push(&mut lines, head, block);
        }
        if blocks.len() > max {
            lines.push(String::new());
            let rest = units::counted((blocks.len() - max) as u64, "older block", "older blocks");
            lines.push(format!("{rest} more: --all shows them"));
        }
        if self.left_out > 0 {
            let count = units::counted(self.left_out, "sampled block", "sampled blocks");
            lines.push(format!(
                "note: {count} that came and went between two samples were too many to be kept"
            ));
        }
        lines.join("\n") + "\n"
    }

    fn push(&self, lines: &mut Vec<String>, head: &HistoryHead<'_>, block: &HeldBlock) {
        let begin = block.begin;
        let offset = match self.address - begin.address {
            0 => String::new(),
            offset => format!(", {} before the address", units::counted(offset, "byte", "bytes")),
        };
        let bytes = units::counted(begin.bytes, "byte", "bytes");
        lines.extend([String::new(), format!("{bytes} at {:#x}{offset}", begin.address)]);
        lines.push(format!("  allocated {}", head.time(begin.time_ns)));
        lines.extend(frames(&self.stack(begin.stack)));
        match block.end {
            None => lines.push("  not freed".to_owned()),
            Some(HeldEnd { end, number }) => match end.time_ns {
                Some(time_ns) => {
                    lines.push(format!("  freed     {}", head.time(time_ns)));
                    lines.extend(frames(&self.stack(end.stack)));
                }
                None => lines.push(format!("  gone at sample #{number}: who freed it was lost")),
            },
        }
    }
}

fn escaped(text: &str) -> String {
    escape::terminal(text).into_owned()
}

/// Returns the lines of a stack, innermost first.
fn frames(stack: &[&StackFrame]) -> Vec<String> {
    if stack.is_empty() {
        return vec!["    stack unknown".to_owned()];
    }
    stack.iter().map(|frame| format!("    {}", escaped(&frame_name(frame)))).collect()
}
