//! The words of a chart: title, headline, footer and the description for
//! screen readers.

use crate::chart::options::{ChartContext, ChartKind, ChartOptions, Means, TimeAxis};
use crate::chart::select::{Selection, Shown};
use crate::chart::{text, time};
use crate::finding::Finding;
use crate::finding::caveat::Caveat;
use crate::finding::clock::{self, Clock};
use crate::metric::Metric;
use crate::series::Series;
use crate::series::tick::TickState;
use crate::text::units;

/// Returns the line about the drawing: what is drawn, of which process, when.
pub(crate) fn about(series: &Series, options: &ChartOptions, context: &ChartContext) -> String {
    let what = series.metric.title();
    let by = series.by.title();
    let what = match options.kind {
        ChartKind::Area => format!("{what} by {by}"),
        ChartKind::Growth => {
            let mut letters = what.chars();
            let first = letters.next().map(|c| c.to_ascii_lowercase());
            let lower: String = first.into_iter().chain(letters).collect();
            format!("Growth of {lower} by {by}")
        }
    };
    format!("{what} — {} · {}", process(context), period(series, options, context))
}

/// Returns the line about a drawing of several metrics.
pub(crate) fn about_all(series: &Series, options: &ChartOptions, context: &ChartContext) -> String {
    let growth = if options.kind == ChartKind::Growth { "Growth of memory" } else { "Memory" };
    let (by, process) = (series.by.name(), process(context));
    format!("{growth} by {by} — {process} · {}", period(series, options, context))
}

/// Returns the same in fewer words, without the process that the title names.
pub(crate) fn about_briefly(
    series: &Series,
    options: &ChartOptions,
    context: &ChartContext,
) -> String {
    let growth = if options.kind == ChartKind::Growth { "growth of " } else { "" };
    let (metric, by) = (series.metric.words(), series.by.title());
    format!("{growth}{metric} by {by} · {}", period(series, options, context))
}

fn process(context: &ChartContext) -> String {
    if let Some(count) = context.processes {
        let processes = units::counted(count, "process", "processes");
        return format!("{} ({processes})", text::clean(&context.process));
    }
    let pid = context.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    format!("{} (pid {pid})", text::clean(&context.process))
}

/// Returns the stretch of time drawn, with the offset from UTC, after the recording's name.
fn period(series: &Series, options: &ChartOptions, context: &ChartContext) -> String {
    let Some(first) = series.ticks.first() else { return String::new() };
    let (utc_ns, span_ns) = (first.taken.utc_ns, series.span_ns());
    let (begin, end) =
        (clock::local(utc_ns, 0, &options.zone), clock::local(utc_ns, span_ns, &options.zone));
    let offsets =
        [0, span_ns].map(|elapsed| time::offset(clock::moment(utc_ns, elapsed), &options.zone));
    let mut period = match &context.recording {
        Some(name) => format!("{} · ", text::clean(name)),
        None => String::new(),
    };
    period.push_str(&begin.strftime("%Y-%m-%d %H:%M:%S").to_string());
    if span_ns > 0 {
        let format = if begin.date() == end.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        period.push_str(&format!(" to {}", end.strftime(format)));
    }
    match &offsets {
        [before, after] if before == after => period.push_str(&format!(" {before}")),
        [before, after] => period.push_str(&format!(" {before}, then {after}")),
    }
    if span_ns > 0 {
        period.push_str(&format!(" · {}", units::duration(span_ns)));
    }
    if context.means.is_some() {
        period.push_str(" · means");
    }
    period
}

/// Returns the parts of the line on the course of the total: its ends and shape, then what a
/// reader must know beside the footer.
pub(crate) fn course(finding: &Finding, clock: &Clock, marks: &[&str]) -> Vec<String> {
    let mut parts = finding.course_words(clock, marks);
    let said = |caveat: &&Caveat| {
        matches!(
            caveat,
            Caveat::Loaded { .. }
                | Caveat::Loading { .. }
                | Caveat::BecameShared { .. }
                | Caveat::Reserved { .. }
                | Caveat::OtherTypes { .. }
                | Caveat::Thinned { .. }
        )
    };
    let moment = |elapsed_ns| clock.moment(elapsed_ns);
    parts.extend(finding.caveats.iter().filter(said).map(|caveat| caveat.words(&moment)));
    parts.iter().map(|part| text::clean(part)).collect()
}

/// Returns how times are written.
pub(crate) fn clock(series: &Series, options: &ChartOptions) -> Clock {
    match (options.axis, series.ticks.first()) {
        (TimeAxis::Wall, Some(first)) => {
            Clock::Wall { begin_utc_ns: first.taken.utc_ns, zone: options.zone.clone() }
        }
        _ => Clock::Elapsed,
    }
}

/// Elements that the drawing had to leave out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeftOut {
    /// Marks without their text.
    pub(crate) mark_texts: usize,
    /// Whether torn samples are shown on the axis.
    pub(crate) torn_shown: bool,
}

/// Returns the parts of the footer, to be wrapped: what is measured, where and how.
pub(crate) fn footer(
    series: &Series,
    context: &ChartContext,
    selection: Option<&Selection>,
    reserved: Option<u64>,
    left_out: LeftOut,
) -> Vec<String> {
    let metric = series.metric;
    let mut parts = vec![format!("{}: {}", metric.words(), metric.meaning())];
    if let Some(reserved) = reserved {
        let size = metric.unit().plain(reserved);
        parts.push(format!("left out: {size} of reserved address space"));
    }
    if !series.unknown.is_empty() {
        let names: Vec<_> = series
            .unknown
            .iter()
            .map(|key| text::clean(key.label(series.by, context.naming)))
            .collect();
        parts.push(format!("unknown, so left out: {}", names.join(", ")));
    }
    parts.push(process(context));
    let host = [&context.host, &context.kernel].map(|words| text::clean(words));
    parts.push(match host {
        [host, kernel] if kernel.is_empty() => host,
        [host, kernel] if host.is_empty() => kernel,
        [host, kernel] => format!("{host}, {kernel}"),
    });
    match context.means {
        Some(means) => parts.extend(of_means(means, context)),
        None => parts.push(of_samples(series, context, left_out)),
    }
    if let (Some(peak), true) = (context.kernel_peak_bytes, metric == Metric::RESIDENT) {
        parts.push(format!("kernel's peak since the process began: {}", units::size(peak)));
    }
    if let Some(cost) = context.cost_ns {
        let percent = context.cost_percent.filter(|percent| percent.is_finite());
        let percent =
            percent.map_or(String::new(), |percent| format!(", {percent:.2}% of one CPU"));
        parts.push(format!("measuring took {} a sample{percent}", precise(cost)));
    }
    parts.extend(selection.into_iter().flat_map(|selection| drawn(selection, context)));
    if left_out.mark_texts > 0 {
        let marks = units::counted(left_out.mark_texts as u64, "mark", "marks");
        parts.push(format!("{marks} without room for text"));
    }
    if let Some(change) = clock_change(series) {
        parts.push(format!("the clock was set by {change} meanwhile"));
    }
    parts.push(match context.version.is_empty() {
        true => "vmrec".to_owned(),
        false => format!("vmrec {}", text::clean(&context.version)),
    });
    parts.retain(|part| !part.is_empty());
    parts
}

/// Returns the number of samples of each state, and their planned interval.
fn of_samples(series: &Series, context: &ChartContext, left_out: LeftOut) -> String {
    let in_state = |state| series.ticks.iter().filter(|tick| tick.state == state).count() as u64;
    let torn = in_state(TickState::Torn);
    let unread = in_state(TickState::TotalsAlone);
    let unchanged = in_state(TickState::Unchanged);
    let cheap = in_state(TickState::Cheap);
    let taken = in_state(TickState::Complete) + cheap + unchanged + torn + unread;
    let samples = match series.deleted() {
        0 => units::counted(taken, "sample", "samples"),
        // Samples once taken every few seconds are rarer now.
        deleted => {
            let all = units::count(taken.saturating_add(deleted));
            format!("{} left of {all}, taken", units::counted(taken, "sample", "samples"))
        }
    };
    format!(
        "{samples} every {} ({} torn{}{}{}, {} missed)",
        units::duration(context.interval_ns),
        units::count(torn),
        if left_out.torn_shown { ": triangles below the axis" } else { "" },
        units::carried(unchanged, cheap),
        units::totals_alone(unread),
        units::count(series.missed),
    )
}

/// Returns the number of samples behind the means, and the figures that means do not show.
fn of_means(means: Means, context: &ChartContext) -> Vec<String> {
    let mut parts = vec![
        format!(
            "means of about {} each, {} every {}",
            units::counted(means.each(), "sample", "samples"),
            units::count(means.samples),
            units::duration(context.interval_ns),
        ),
        "peaks, lows and gaps within a mean are not seen".to_owned(),
    ];
    if means.not_drawn > 0 {
        let newest = units::counted(means.not_drawn, "sample", "samples");
        parts.push(format!("{newest} since the last mean are not drawn"));
    }
    parts
}

/// Says how many of the samples or means are drawn, and how many gaps.
fn drawn(selection: &Selection, context: &ChartContext) -> Vec<String> {
    let thinned = &selection.thinned;
    let mut parts = Vec::new();
    // The total's extremes are all drawn; a part may have one at another sample of a column.
    if thinned.known > thinned.kept.len() * 2 {
        parts.push(format!(
            "of each of {} columns the lowest and highest total {} drawn: parts may peak between",
            units::count(thinned.columns as u64),
            if context.means.is_some() { "of means is" } else { "is" },
        ));
    }
    if !selection.gaps.is_empty() {
        let gaps = units::counted(selection.gaps.len() as u64, "gap", "gaps");
        parts.push(format!("{gaps} hatched: not measured"));
    }
    if selection.hidden_gaps > 0 {
        let gaps = units::counted(selection.hidden_gaps as u64, "gap", "gaps");
        parts.push(format!("{gaps} too short to be seen"));
    }
    parts
}

/// Milliseconds with a digit after the point: short costs are the usual ones.
fn precise(ns: u64) -> String {
    match ns {
        1_000_000..100_000_000 => format!("{:.1}ms", ns as f64 / 1e6),
        ns => units::duration(ns),
    }
}

/// How far the wall clock moved against the monotonic one, if that is worth saying.
fn clock_change(series: &Series) -> Option<String> {
    let (first, last) = (series.ticks.first()?.taken, series.ticks.last()?.taken);
    let wall = i128::from(last.utc_ns) - i128::from(first.utc_ns);
    let change = wall - i128::from(last.monotonic_ns.saturating_sub(first.monotonic_ns));
    let size = u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX);
    let sign = if change < 0 { '-' } else { '+' };
    (size > 1_000_000_000).then(|| format!("{sign}{}", units::duration(size)))
}

/// Returns the description for screen readers: the main figures of every series, gaps and marks.
pub(crate) fn description(
    series: &Series,
    context: &ChartContext,
    lead: &[String],
    shown: &[Shown],
    marks: &[String],
) -> String {
    let unit = series.metric.unit();
    let said = lead.iter().filter(|words| !words.is_empty());
    let mut sentences: Vec<String> = said.map(|words| format!("{words}.")).collect();
    let most = if context.means.is_some() { "highest mean" } else { "at most" };
    for shown in shown.iter().rev() {
        sentences.push(format!(
            "{}: {} to {}, {most} {}.",
            shown.name,
            unit.plain(shown.first),
            unit.plain(shown.last),
            unit.plain(shown.peak),
        ));
    }
    let gaps = series.gaps.len() as u64;
    if gaps > 0 {
        sentences.push(format!("{} without measurements.", units::counted(gaps, "gap", "gaps")));
    }
    if !marks.is_empty() {
        sentences.push(format!("Marks: {}.", marks.join("; ")));
    }
    sentences.join(" ")
}
