//! Which functions made memory resident, between two times of a recording and over time, read for a
//! command.

use vmrec_report::{
    NamedStacks, Resolved, Series, StackChoice, StackDiff, StackPeaks, StacksOverTime,
};
use vmrec_sampler::{Consistency, Naming, Snapshot, StackMetric};
use vmrec_store::{LiveStacks, RecordingId};

use crate::failure::{Failure, Status};
use crate::recording::Opened;

/// A comparison of the stacks of two samples.
pub(crate) struct ComparedStacks {
    pub(crate) diff: StackDiff,
    /// Whether the regions of both samples are known, and of one moment.
    pub(crate) consistency: [Consistency; 2],
}

impl ComparedStacks {
    /// Compares the stacks of two samples, in the regions of one type or of all.
    pub(crate) fn read(
        opened: &Opened,
        from: &Resolved,
        to: &Resolved,
        choice: StackChoice<'_>,
    ) -> Result<Self, Failure> {
        let metric = choice.metric;
        let (live_before, live_after) = (live(opened, from, metric)?, live(opened, to, metric)?);
        let (before, after) = (opened.snapshot(from)?, opened.snapshot(to)?);
        let only_type = type_name(opened, choice.only_type, &[&before, &after])?;
        let choice = StackChoice { metric, only_type: only_type.as_deref() };
        let diff = StackDiff::new(
            opened.store.stack_nodes(opened.recording.id)?,
            [&live_before, &live_after],
            choice,
            [whole(&before, choice)?, whole(&after, choice)?],
        );
        Ok(Self { diff, consistency: [before.consistency, after.consistency] })
    }
}

/// Reads the stacks of one sample, in the regions of one type or of all: they differ from none. Returns
/// with them whether the regions are known, and of one moment.
pub(crate) fn at(
    opened: &Opened,
    at: &Resolved,
    choice: StackChoice<'_>,
) -> Result<(StackDiff, Consistency), Failure> {
    let metric = choice.metric;
    let live = live(opened, at, metric)?;
    let snapshot = opened.snapshot(at)?;
    let only_type = type_name(opened, choice.only_type, &[&snapshot])?;
    let choice = StackChoice { metric, only_type: only_type.as_deref() };
    let whole = whole(&snapshot, choice)?;
    let nodes = opened.store.stack_nodes(opened.recording.id)?;
    Ok((StackDiff::of_one(nodes, &live, choice, whole), snapshot.consistency))
}

/// Compares the stacks of two samples, if they were recorded and resident sizes are known.
pub(crate) fn found(
    opened: &Opened,
    [from, to]: [&Resolved; 2],
    [before, after]: [&Snapshot; 2],
) -> Result<Option<StackDiff>, Failure> {
    let id = opened.recording.id;
    let live = |at: &Resolved| opened.store.live_stacks(id, at.number);
    let (Some(live_before), Some(live_after)) = (live(from)?, live(to)?) else { return Ok(None) };
    let choice = StackChoice { metric: live_after.leading(), only_type: None };
    if !live_before.has(choice.metric) {
        return Ok(None);
    }
    let resident = [before, after].map(|snapshot| choice.whole_bytes(snapshot));
    let [Some(resident_before), Some(resident_after)] = resident else { return Ok(None) };
    Ok(Some(StackDiff::new(
        opened.store.stack_nodes(id)?,
        [&live_before, &live_after],
        choice,
        [resident_before, resident_after],
    )))
}

fn live(opened: &Opened, at: &Resolved, metric: StackMetric) -> Result<LiveStacks, Failure> {
    let id = opened.recording.id;
    let live = match opened.store.live_stacks(id, at.number)? {
        Some(live) => live,
        // A command loads the library, and allocates its first block, a moment after it starts.
        None if metric.is_of_blocks() => {
            let last = opened.store.live_stacks(id, u64::MAX)?;
            let counts = last.ok_or_else(|| without(id, at.number))?.counts;
            LiveStacks { counts: counts.at_begin(), ..LiveStacks::default() }
        }
        None => return Err(without(id, at.number)),
    };
    if live.has(metric) {
        Ok(live)
    } else {
        Err(without_metric(&format!("recording {}", id.0), metric))
    }
}

/// States that stacks were recorded without a metric.
pub(crate) fn without_metric(of: &str, metric: StackMetric) -> Failure {
    let why = format!("the stacks of {of} have no metric `{}`", metric.name());
    Failure::new(Status::Recording, anyhow::anyhow!(why)).hint(match metric {
        StackMetric::Resident => "record page faults: vmrec record --stacks TARGET",
        StackMetric::Live | StackMetric::Allocated => {
            "record blocks of the allocator: vmrec record --allocs -- COMMAND"
        }
        StackMetric::Mapped | StackMetric::Births | StackMetric::Deaths | StackMetric::Released => {
            "record the calls that map memory too: vmrec record --stacks=all TARGET"
        }
    })
}

fn whole(snapshot: &Snapshot, choice: StackChoice<'_>) -> Result<u64, Failure> {
    choice.whole_bytes(snapshot).ok_or_else(|| {
        Failure::new(Status::Recording, anyhow::anyhow!("resident sizes are unknown"))
    })
}

/// Finds the type that words name, if any are there, by its key or label, among those of samples.
fn type_name(
    opened: &Opened,
    words: Option<&str>,
    snapshots: &[&Snapshot],
) -> Result<Option<String>, Failure> {
    let Some(words) = words else { return Ok(None) };
    let naming = Naming::of(&opened.recording.host);
    let found = snapshots.iter().find_map(|snapshot| named_type(words, naming, snapshot));
    found.map(Some).ok_or_else(|| no_such_type(words))
}

/// Returns the name of the type of a region of a snapshot that words name, by its key or label.
pub(crate) fn named_type(words: &str, naming: Naming, snapshot: &Snapshot) -> Option<String> {
    let mut types = snapshot.regions.iter().map(|region| &region.identity.label.region_type);
    let is_meant = |name: &str| name.eq_ignore_ascii_case(words);
    let found =
        types.find(|of| is_meant(of.name()) || is_meant(naming.type_label(of.name(), of.family())));
    found.map(|of| of.name().to_owned())
}

/// States that words name the type of no region.
pub(crate) fn no_such_type(words: &str) -> Failure {
    Failure::usage(format!("no region there has the type `{words}`"))
        .hint("`vmrec diff --by type` shows the types")
}

/// Sums the resident bytes of a part of a recording, `base`, by the functions that made them.
pub(crate) fn over_time(opened: &Opened, base: Series) -> Result<Series, Failure> {
    let last = ends(&base)[1];
    let metric = leading(opened, last)?;
    let (series, any) = over_time_if_any(opened, base, metric)?;
    if any { Ok(series) } else { Err(without(opened.recording.id, last)) }
}

/// Does the same; all is unattributed where no stacks were recorded. Returns whether there are any.
pub(crate) fn over_time_if_any(
    opened: &Opened,
    base: Series,
    metric: StackMetric,
) -> Result<(Series, bool), Failure> {
    let id = opened.recording.id;
    let ends = ends(&base);
    let (mut peaks, mut any) = (StackPeaks::default(), false);
    opened.store.for_each_live_stacks(id, ends, |_, live| {
        any = true;
        peaks.see(&live);
    })?;
    let mut series = StacksOverTime::new(base, opened.store.stack_nodes(id)?, &peaks, metric);
    opened.store.for_each_live_stacks(id, ends, |number, live| series.push(number, &live))?;
    Ok((series.finish(), any))
}

/// Returns the metric chosen, or that which explains the memory of a recording.
pub(crate) fn chosen(opened: &Opened, metric: Option<StackMetric>) -> Result<StackMetric, Failure> {
    metric.map_or_else(|| leading(opened, u64::MAX), Ok)
}

/// Returns the metric of the stacks that explain the memory of a recording over time.
pub(crate) fn leading(opened: &Opened, number: u64) -> Result<StackMetric, Failure> {
    let live = opened.store.live_stacks(opened.recording.id, number)?;
    Ok(live.map_or(StackMetric::Resident, |live| live.leading()))
}

/// Sums the stacks of a part of a recording, `base`, that have functions of these names.
pub(crate) fn of_functions(
    opened: &Opened,
    base: Series,
    names: Vec<String>,
) -> Result<Series, Failure> {
    let id = opened.recording.id;
    let ends = ends(&base);
    let mut any = false;
    let mut series = NamedStacks::new(base, opened.store.stack_nodes(id)?, names);
    opened.store.for_each_live_stacks(id, ends, |number, live| {
        any = true;
        series.push(number, &live);
    })?;
    if any { Ok(series.finish()) } else { Err(without(id, ends[1])) }
}

/// Returns the first and the last sample of a series.
fn ends(of: &Series) -> [u64; 2] {
    [of.ticks.first(), of.ticks.last()].map(|tick| tick.map_or(0, |tick| tick.number))
}

/// States that a recording has no stacks at a sample.
fn without(id: RecordingId, number: u64) -> Failure {
    let why = format!("recording {} has no stacks at sample #{number}", id.0);
    Failure::new(Status::Recording, anyhow::anyhow!(why))
        .hint("record them: vmrec record --stacks TARGET, or record --allocs -- COMMAND")
}
