//! Where the figures of a page come from.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::limits::RecordedLimit;
use crate::page::input::PageInput;
use crate::recordings::table::{command_line, every, executable, machine};
use crate::recordings::{Listed, overhead};
use crate::text::escape::terminal;
use crate::text::{clock, units};

/// Returns the facts about the recording and its machine.
pub(crate) fn facts(source: &PageInput<'_>) -> Markup {
    shown_facts(&list(source, &source.options.zone))
}

/// Returns facts as a list.
pub(crate) fn shown_facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, fact) in facts {
                div { dt { (name) } dd { (terminal(fact)) } }
            }
        }
    }
}

fn list(source: &PageInput<'_>, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let summary = source.recording;
    let recording = &summary.recording;
    let (process, host) = (&recording.process, &recording.host);
    let local = |utc_ns| clock::local(utc_ns, zone);
    let listed = Listed::of(summary, false, None);
    let end = recording.ended.or(summary.last);
    let mut facts = vec![("process", format!("{} ({})", process.name(), process.id))];
    facts.push(("executable", executable(process)));
    facts.push(("arguments", command_line(&process.arguments)));
    facts.extend(process.started_utc_ns.map(|at| ("process started", local(at))));
    facts.push(("machine", machine(host)));
    facts.push(("recording", format!("{} of {}", recording.id.0, source.file)));
    facts.extend(recording.imported_from.clone().map(|from| ("imported from", from)));
    facts.extend(recording.name.clone().map(|name| ("name", name)));
    facts.push(("from", local(recording.begun.utc_ns)));
    facts.extend(end.map(|end| ("to", local(end.utc_ns))));
    let length = units::duration(listed.length_ns());
    facts.push((
        "length",
        match (&recording.why_ended, end) {
            (None, _) => length,
            _ => format!("{length}, {}", listed.state()),
        },
    ));
    facts.push((
        "samples",
        format!(
            "{} every {}, {} torn{}{}, {} missed",
            units::count(summary.samples),
            every(recording),
            units::count(summary.torn),
            units::carried(summary.unchanged, summary.cheap),
            units::totals_alone(summary.totals_alone),
            units::count(summary.missed_ticks),
        ),
    ));
    let measured = recording.imported_from.is_none();
    let cost = summary.cost_cpu_ns.checked_div(summary.samples).filter(|_| measured);
    let part = summary.first.zip(summary.last);
    let part = part.and_then(|(first, last)| overhead(summary.cost_cpu_ns, first, last));
    let part = part.map_or(String::new(), |part| format!(", {:.2}% of one CPU", part * 100.0));
    facts.extend(cost.map(|cost| {
        ("cost", format!("{} of processor time a sample{part}", units::duration(cost)))
    }));
    let peak = source.context.kernel_peak_bytes;
    facts.extend(peak.map(|bytes| {
        ("kernel's peak", format!("{} resident, since the process began", units::size(bytes)))
    }));
    let limits: Vec<String> = source.context.limits.iter().map(RecordedLimit::words).collect();
    if !limits.is_empty() {
        facts.push(("limits", limits.join(", ")));
    }
    facts.push(("kept in this page", kept(source)));
    facts.push(("made by", format!("vmrec {}", source.context.version)));
    facts
}

/// Returns how much of the recording the page has.
fn kept(source: &PageInput<'_>) -> String {
    let samples = source.plan.samples.len() as u64;
    let regions: u64 = source.snapshots.iter().map(|(_, one)| one.regions.len() as u64).sum();
    let all = source.recording.samples;
    let samples = match samples < all {
        true => {
            format!("sums by type of {} of {} samples", units::count(samples), units::count(all))
        }
        false => format!("sums by type of all {} samples", units::count(all)),
    };
    let snapshots = source.snapshots.len() as u64;
    format!(
        "{samples}, every region of {} of them ({} in all)",
        units::count(snapshots),
        units::count(regions)
    )
}
