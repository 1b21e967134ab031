//! The page of a session: the finding by process and type, charts by process and by type, a table
//! of the processes with their types, and where the figures come from. It runs no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use vmrec_sampler::Timestamp;

use crate::amounts::Change;
use crate::chart;
use crate::chart::options::{ChartContext, ChartOptions};
use crate::chart::stated::Stated;
use crate::diff::group::GroupChange;
use crate::error::Error;
use crate::finding::outcome::Verdict;
use crate::metric::Metric;
use crate::page::bar::bar;
use crate::page::facts::shown_facts;
use crate::page::input::Page;
use crate::page::{head, style};
use crate::recordings::Listed;
use crate::series::Series;
use crate::session::diff::{Presence, ProcessChange, SessionDiff};
use crate::session::overview::{SessionOverview, facts};
use crate::text::escape::terminal;
use crate::text::{clock, units};
use crate::time::spec::Resolved;

/// The sums over processes, in the order of the page.
const SUMS: [Metric; 3] = [Metric::Own, Metric::PSS, Metric::RESIDENT];
/// The maximum number of processes listed with their types, and of types of each.
const MAX_PROCESSES: usize = 100;
const MAX_TYPES: usize = 12;
/// The maximum number of recordings listed.
const MAX_RECORDINGS: usize = 500;

/// All that the page of a session is made of.
#[derive(Debug)]
pub struct SessionPageInput<'a> {
    /// The session.
    pub overview: &'a SessionOverview<'a>,
    /// Private + swapped over time by process and type: the finding is of it.
    pub parts: &'a [Series],
    /// The same by process.
    pub processes: &'a [Series],
    /// The same by type.
    pub types: &'a [Series],
    /// The changes between the two moments.
    pub diff: &'a SessionDiff,
    /// The first moment.
    pub from: &'a Resolved,
    /// The second one.
    pub to: &'a Resolved,
    /// How the charts look, and the time zone.
    pub options: &'a ChartOptions,
    /// The text beside the data.
    pub context: &'a ChartContext,
    /// The name of its file.
    pub file: &'a str,
}

/// Returns the moment that the finding counts to: the last one, or that of a peak or dip.
pub fn session_page_end(
    parts: &[Series],
    options: &ChartOptions,
    context: &ChartContext,
) -> Result<Timestamp, Error> {
    let stated = Stated::of_first(parts, options, context)?;
    let point = match stated.finding.verdict {
        Verdict::Peaked => stated.finding.highest,
        Verdict::Dipped => stated.finding.lowest,
        _ => stated.finding.last,
    };
    stated.series.ticks.get(point.index).map(|tick| tick.taken).ok_or(Error::NoSamples)
}

/// Writes the page of a session.
pub fn session_page(source: &SessionPageInput<'_>) -> Result<Page, Error> {
    let stated = Stated::of_first(source.parts, source.options, source.context)?;
    let title = stated.titles.first().cloned().unwrap_or_default();
    let drawn = |series: &[Series]| -> Result<String, Error> {
        Ok(chart::draw(series, source.options, source.context)?.svg)
    };
    let (by_process, by_type) = (drawn(source.processes)?, drawn(source.types)?);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                  base-uri 'none'; form-action 'none'";
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (head::metadata(policy, &source.context.version, &title))
                style { (PreEscaped(style::sheet())) }
            }
            body {
                header {
                    h1 { (title) }
                    p.about { (stated.about) }
                    @if !stated.course.is_empty() {
                        section.finding aria-label="Finding" {
                            p.course { (terminal(&stated.course.join(" · "))) }
                        }
                    }
                }
                main {
                    (tiles(source.diff))
                    section #chart aria-label="Charts" {
                        h2 { "Processes over time" }
                        (PreEscaped(by_process))
                        h2 { "Types over time, of all processes" }
                        (PreEscaped(by_type))
                    }
                    (changes(source))
                    (recordings(source))
                    (about(source))
                }
            }
        }
    };
    Ok(Page { html: html.into_string(), finding: title })
}

fn plain(value: Option<u64>) -> String {
    value.map_or("-".to_owned(), units::size)
}

fn signed(change: Option<i128>) -> String {
    change.map_or("-".to_owned(), units::signed_size)
}

/// The three sums over all processes.
fn tiles(diff: &SessionDiff) -> Markup {
    html! {
        div #tiles role="group" aria-label="Sums over all processes" {
            @for metric in SUMS {
                @let total = diff.total.get(metric);
                div.tile title=(metric.meaning()) {
                    span.name { (metric.words()) }
                    span.change { (signed(total.delta())) }
                    span.ends { (plain(total.from)) " → " (plain(total.to)) }
                }
            }
        }
    }
}

/// The processes with their types, the largest change first.
fn changes(source: &SessionPageInput<'_>) -> Markup {
    let diff = source.diff;
    let moved = |change: &Change| change.get(Metric::Own).delta().unwrap_or(0).unsigned_abs();
    let largest = diff.processes.iter().map(|row| moved(&row.change)).max().unwrap_or(0);
    let mut rest = Change::default();
    let left_out = diff.processes.iter().skip(MAX_PROCESSES);
    let left_out = left_out.fold(0_u64, |count, row| {
        rest.merge(&row.change);
        count + 1
    });
    let moment = |at: &Resolved| clock::local(at.taken.utc_ns, &source.options.zone);
    html! {
        section #growth aria-labelledby="growth-title" {
            h2 #growth-title { "What changed: processes ▸ types" }
            p #span {
                "From " (moment(source.from)) " (A) to " (moment(source.to)) " (B). "
                "Sizes are private + swapped, which count no page twice; PSS and resident are changes."
            }
            table {
                thead {
                    tr {
                        th scope="col" { "process ▸ type" }
                        th.n.a scope="col" { "at A" }
                        th.n scope="col" { "at B" }
                        th.n scope="col" { "change" }
                        th.n.regions scope="col" { "PSS" }
                        th.n.regions scope="col" { "resident" }
                        th.share scope="col" { "share" }
                    }
                }
                @for process in diff.processes.iter().take(MAX_PROCESSES) {
                    tbody {
                        (row("", &process_name(process), &process.change, largest))
                        @let shown = process.types.iter().filter(|of| moved_at_all(&of.change)).count().min(MAX_TYPES);
                        @for of in process.types.iter().filter(|of| moved_at_all(&of.change)).take(MAX_TYPES) {
                            (row("level2", of.key.label(source.context.naming), &of.change, largest))
                        }
                        @if process.types.len() > shown {
                            (row("level2", &other_types(process.types.len() - shown), &others(process), largest))
                        }
                    }
                }
                @if left_out > 0 {
                    tbody {
                        (row("", &units::counted(left_out, "other process", "other processes"), &rest, largest))
                    }
                }
                tfoot { (row("", "TOTAL", &diff.total, 0)) }
            }
        }
    }
}

fn process_name(process: &ProcessChange) -> String {
    let pid = process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let state = match process.presence() {
        Presence::Stayed => String::new(),
        other => format!(" [{}]", other.name()),
    };
    format!("{} ({pid}){state}", process.name)
}

fn other_types(count: usize) -> String {
    units::counted(count as u64, "other type", "other types")
}

/// Returns whether any of the sums changed.
fn moved_at_all(change: &Change) -> bool {
    SUMS.into_iter().any(|metric| change.get(metric).delta() != Some(0))
}

fn others(process: &ProcessChange) -> Change {
    let mut sum = Change::default();
    let mut shown = 0;
    for GroupChange { change, .. } in &process.types {
        if shown < MAX_TYPES && moved_at_all(change) {
            shown += 1;
        } else {
            sum.merge(change);
        }
    }
    sum
}

fn row(class: &str, name: &str, change: &Change, largest: u128) -> Markup {
    let own = change.get(Metric::Own);
    html! {
        tr class=[Some(class).filter(|class| !class.is_empty())] {
            th scope="row" { (terminal(name)) }
            td.n.a { (plain(own.from)) }
            td.n { (plain(own.to)) }
            td.n.change { (signed(own.delta())) }
            td.n.regions { (signed(change.get(Metric::PSS).delta())) }
            td.n.regions { (signed(change.get(Metric::RESIDENT).delta())) }
            td.share { @if largest > 0 { (bar(own.delta(), largest)) } }
        }
    }
}

/// When each process ran, and how it ended.
fn recordings(source: &SessionPageInput<'_>) -> Markup {
    let all = source.overview.recordings;
    html! {
        section aria-labelledby="processes-title" {
            details open {
                summary { h2 #processes-title { "Processes that came and went" } }
                table {
                    thead {
                        tr {
                            th scope="col" { "recording" }
                            th scope="col" { "process" }
                            th scope="col" { "from" }
                            th.n scope="col" { "length" }
                            th.n scope="col" { "samples" }
                            th scope="col" { "state" }
                        }
                    }
                    tbody {
                        @for summary in all.iter().take(MAX_RECORDINGS) {
                            @let recording = &summary.recording;
                            @let running = source.overview.running && recording.ended.is_none();
                            @let listed = Listed::of(summary, running, None);
                            tr {
                                td { (recording.id.0) }
                                th scope="row" {
                                    (terminal(recording.process.name())) " (" (recording.process.id.pid_text()) ")"
                                }
                                td { (clock::local(recording.begun.utc_ns, &source.options.zone)) }
                                td.n { (units::duration(listed.length_ns())) }
                                td.n { (units::count(summary.samples)) }
                                td { (terminal(&listed.state())) }
                            }
                        }
                    }
                }
                @if all.len() > MAX_RECORDINGS {
                    p { (units::count((all.len() - MAX_RECORDINGS) as u64)) " more are left out." }
                }
            }
        }
    }
}

fn about(source: &SessionPageInput<'_>) -> Markup {
    let mut facts = facts(source.overview, &source.options.zone);
    facts.push(("file", source.file.to_owned()));
    facts.push(("made by", format!("vmrec {}", source.context.version)));
    let words = SUMS.map(|metric| {
        let double = if metric == Metric::RESIDENT { "; a shared page is in each" } else { "" };
        (metric.words(), format!("{}{double}", metric.meaning()))
    });
    html! {
        section #facts aria-labelledby="facts-title" {
            h2 #facts-title { "Where this comes from" }
            (shown_facts(&facts))
        }
        section #glossary {
            h2 { "Words" }
            dl.words {
                @for (word, meaning) in &words {
                    div { dt { (word) } dd { (meaning) } }
                }
                div {
                    dt { "a moment of a session" }
                    dd { "each process counts with its newest sample at or before it" }
                }
            }
        }
    }
}
