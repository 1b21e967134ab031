//! `--when`: conditions that every sample is judged by, and what is done as one becomes true: a mark,
//! a command, denser samples.
//!
//! Whether one fires is decided in the report crate; here is its effect.

pub(crate) mod args;
mod beside;
mod command;
mod heap_on;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Instant;

use vmrec_report::units::counted;
use vmrec_report::{
    Condition, ConditionState, Fired, Judged, Metric, SeriesKey, TypeFilter, Unit, nearest_types,
};
use vmrec_sampler::{Naming, Snapshot, UserRule};
use vmrec_store::{Mark, RecordingId, SessionId};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::events::{GRACE, MemberId};
use crate::commands::record::triggers::args::{Burst, WrittenCondition};
use crate::commands::record::triggers::command::{Runner, Started};
use crate::commands::record::triggers::heap_on::HeapOn;
use crate::failure::Failure;

/// The conditions of a recording, with their state.
pub(crate) struct Triggers {
    conditions: Vec<Counted>,
    interval_ns: u64,
    mark: Option<String>,
    burst: Option<Burst>,
    runner: Option<Runner>,
    heap_on: HeapOn,
    states: BTreeMap<MemberId, MemberState>,
    /// Those that fired and have had no effect yet.
    firings: Vec<Firing>,
}

/// A condition, and what became of it.
struct Counted {
    text: String,
    condition: Condition,
    fired: u64,
    judged: u64,
    unknown: u64,
    early: u64,
    /// How often its command was started, failed, and was left out because it still ran.
    runs: u64,
    failed: u64,
    left_out: u64,
    /// How the last one that failed did.
    failure: String,
}

/// The state of all conditions for a process.
#[derive(Default)]
struct MemberState {
    conditions: Vec<ConditionState>,
    /// How many marks of each name it has.
    marks: BTreeMap<String, u64>,
}

/// A condition that became true.
struct Firing {
    member: MemberId,
    pid: u32,
    /// The name of the process, if there are several. Not escaped.
    name: Option<String>,
    utc_ns: i64,
    condition: usize,
    fired: Fired,
    mark: String,
}

/// Where the sample is that a condition fired at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoredSample {
    pub(crate) session: Option<SessionId>,
    pub(crate) recording: Option<RecordingId>,
    pub(crate) number: Option<u64>,
}

/// The effect of conditions that fired.
#[derive(Default)]
pub(crate) struct Effect {
    /// What to say. Not escaped.
    pub(crate) notes: Vec<String>,
    /// Denser samples, from now on.
    pub(crate) burst: Option<Burst>,
}

impl Triggers {
    /// Looks the types of conditions up.
    pub(crate) fn of(args: &RecordArgs, rules: &[UserRule]) -> Result<Self, Failure> {
        let written = &args.triggers;
        if let Some(burst) = written.burst
            && burst.every >= args.every
        {
            return Err(Failure::usage(
                "the samples of --burst are no denser than those of --every",
            )
            .hint("give a shorter time, such as --burst=100ms,10s"));
        }
        let own: Vec<SeriesKey> = rules
            .iter()
            .map(|rule| SeriesKey {
                family: rule.region_type.family(),
                name: rule.region_type.name().into(),
            })
            .collect();
        let conditions: Result<Vec<_>, _> =
            written.when.iter().map(|when| counted_from(when, &own)).collect();
        let conditions = conditions?;
        Ok(Self {
            runner: written.run.as_deref().map(|run| Runner::new(run, conditions.len())),
            conditions,
            interval_ns: u64::try_from(args.interval().as_nanos()).unwrap_or(u64::MAX),
            mark: written.mark.clone(),
            burst: written.burst,
            heap_on: HeapOn::new(&written.heap_on),
            states: BTreeMap::new(),
            firings: Vec::new(),
        })
    }

    /// Judges a sample of a process; `name` is given where there are several.
    pub(crate) fn judge(
        &mut self,
        member: MemberId,
        pid: u32,
        name: Option<&str>,
        snapshot: &Snapshot,
    ) {
        if self.conditions.is_empty() || self.is_own(pid) {
            return;
        }
        let interval_ns = self.interval_ns;
        let start = |conditions: &[Counted]| MemberState {
            conditions: conditions.iter().map(|of| of.condition.start(interval_ns)).collect(),
            ..MemberState::default()
        };
        let state = self.states.entry(member).or_insert_with(|| start(&self.conditions));
        let states = &mut state.conditions;
        for (index, (counted, state_of)) in self.conditions.iter_mut().zip(states).enumerate() {
            counted.judged += 1;
            match counted.condition.judge(state_of, snapshot) {
                Judged::Unknown => counted.unknown += 1,
                Judged::TooEarly => counted.early += 1,
                Judged::False | Judged::Holds => {}
                Judged::Fires(fired) => {
                    counted.fired += 1;
                    let mark = self.mark.as_ref().unwrap_or(&counted.text);
                    let times = state.marks.entry(mark.clone()).or_default();
                    *times += 1;
                    self.firings.push(Firing {
                        member,
                        pid,
                        name: name.map(str::to_owned),
                        utc_ns: snapshot.taken.utc_ns,
                        condition: index,
                        fired,
                        mark: mark_name(mark, *times),
                    });
                }
            }
        }
    }

    /// Forgets a process that is gone, or runs another program now.
    pub(crate) fn forget(&mut self, member: MemberId) {
        self.states.remove(&member);
    }

    /// Returns whether a process is one of a command that was run.
    pub(crate) fn is_own(&self, pid: u32) -> bool {
        self.runner.as_ref().is_some_and(|runner| runner.has(pid))
    }

    /// Marks what fired and runs the command, now that the samples are stored in the file at `path`.
    pub(crate) fn act(
        &mut self,
        path: &Path,
        stored: impl Fn(MemberId) -> StoredSample,
        mut mark: impl FnMut(RecordingId, i64, &str) -> Result<(), Failure>,
    ) -> Effect {
        self.take_ends(Instant::now());
        let mut effect = Effect::default();
        for firing in std::mem::take(&mut self.firings) {
            let sample = stored(firing.member);
            let counted = &mut self.conditions[firing.condition];
            let of = firing.name.as_ref().map(|name| format!("{name} (pid {}) ", firing.pid));
            let number = sample.number.map(|number| format!("#{number} "));
            effect.notes.push(format!(
                "{}{}{}: {}",
                of.unwrap_or_default(),
                number.unwrap_or_default(),
                counted.text,
                counted.condition.words(&firing.fired)
            ));
            let marked = sample.recording.map(|of| mark(of, firing.utc_ns, &firing.mark));
            if let Some(Err(failure)) = marked {
                effect.notes.push(format!("not marked: {}", failure.sentence()));
            }
            if let Some(runner) = &mut self.runner {
                let variables = variables(counted, &firing, sample, path);
                let borrowed = variables.iter().map(|(name, value)| (*name, OsStr::new(value)));
                match runner.start(firing.condition, borrowed) {
                    Started::Running => counted.runs += 1,
                    Started::StillRunning => counted.left_out += 1,
                    Started::Failed(error) => {
                        counted.runs += 1;
                        counted.fails(format!("it cannot be started: {error}"));
                    }
                }
            }
            effect.burst = self.burst;
        }
        effect
    }

    /// Looks at the heaps of processes that were marked since, now that marks are stored in the file at
    /// `path`; `marks` returns those after a number, and `pid_of` the process of a recording that is
    /// being made. Returns what to say. Not escaped.
    pub(crate) fn look_at_heaps(
        &mut self,
        path: &Path,
        marks: impl FnOnce(i64) -> Result<(i64, Vec<Mark>), Failure>,
        pid_of: impl Fn(RecordingId) -> Option<u32>,
    ) -> Vec<String> {
        let Some(last) = self.heap_on.last_mark() else { return Vec::new() };
        match marks(last) {
            Ok((last, marks)) => self.heap_on.see((last, &marks), path, pid_of),
            Err(failure) => vec![format!("marks cannot be read: {}", failure.sentence())],
        }
    }

    /// Returns a line on each condition and on heaps, at the end of the recording.
    pub(crate) fn summary(&mut self) -> Vec<String> {
        self.take_ends(Instant::now() + GRACE);
        let line = |(index, counted): (usize, &Counted)| {
            let runs = self.runner.as_ref().map(|runner| runner.is_running(index));
            counted.line(runs)
        };
        let lines: Vec<String> = self.conditions.iter().enumerate().map(line).collect();
        lines.into_iter().chain(self.heap_on.summary()).collect()
    }

    /// Takes note of commands that have ended, or end until `deadline`.
    fn take_ends(&mut self, deadline: Instant) {
        let Some(runner) = &mut self.runner else { return };
        while runner.is_running_any()
            && let Some(end) = runner.ended(deadline)
        {
            if end.status != Some(0)
                && let Some(counted) = self.conditions.get_mut(end.condition)
            {
                let status = end.status.map_or("unknown".to_owned(), |status| status.to_string());
                counted.fails(format!("status {status}"));
            }
        }
    }
}

/// Returns the name of a mark: one that is set again is numbered, so that each is a time of its own.
fn mark_name(mark: &str, times: u64) -> String {
    match times {
        1 => mark.to_owned(),
        times => format!("{mark} ({times})"),
    }
}

/// Looks the type or family of a condition up.
fn counted_from(written: &WrittenCondition, own: &[SeriesKey]) -> Result<Counted, Failure> {
    let WrittenCondition { text, metric, name, test } = written;
    let naming = Naming::of(&vmrec_sampler::host());
    let find = |name: &String| TypeFilter::find(std::slice::from_ref(name), own, naming);
    let of = name.as_ref().map(find).transpose().map_err(|name| {
        let nearest = nearest_types(&name, own, naming);
        let failure = Failure::usage(format!("there is no metric, type or family `{name}`"));
        match nearest.is_empty() {
            true => failure.hint(format!(
                "the metrics are {};\n`vmrec map TARGET` shows the types of a process",
                Metric::ALL.map(Metric::name).join(", ")
            )),
            false => failure.hint(format!("the likest are {}", nearest.join(", "))),
        }
    })?;
    Ok(Counted {
        text: text.clone(),
        condition: Condition { metric: *metric, of, test: *test },
        fired: 0,
        judged: 0,
        unknown: 0,
        early: 0,
        runs: 0,
        failed: 0,
        left_out: 0,
        failure: String::new(),
    })
}

/// Returns the environment of a command.
fn variables(
    counted: &Counted,
    firing: &Firing,
    sample: StoredSample,
    path: &Path,
) -> Vec<(&'static str, OsString)> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Condition { metric, of, .. } = &counted.condition;
    let naming = Naming::of(&vmrec_sampler::host());
    let (value, slope) = match metric.unit() {
        Unit::Bytes => ("VMREC_VALUE_BYTES", "VMREC_GROWTH_BYTES"),
        Unit::Count => ("VMREC_VALUE_REGIONS", "VMREC_GROWTH_REGIONS"),
    };
    let growth = firing.fired.growth;
    let known: Vec<(&str, Option<OsString>)> = vec![
        ("VMREC_FILE", Some(path.clone().into())),
        // `vmrec` in the command reads this file.
        ("VMREC_DB", Some(path.into())),
        ("VMREC_SESSION", sample.session.map(|SessionId(id)| id.to_string().into())),
        ("VMREC_RECORDING", sample.recording.map(|RecordingId(id)| id.to_string().into())),
        ("VMREC_SAMPLE", sample.number.map(|number| number.to_string().into())),
        ("VMREC_PID", Some(firing.pid.to_string().into())),
        ("VMREC_WHEN", Some(counted.text.clone().into())),
        ("VMREC_MARK", Some(firing.mark.clone().into())),
        ("VMREC_METRIC", Some(metric.name().into())),
        ("VMREC_TYPE", of.as_ref().map(|of| of.labels(naming).join(", ").into())),
        (value, Some(firing.fired.value.to_string().into())),
        (slope, growth.map(|growth| (growth.round() as i64).to_string().into())),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

impl Counted {
    fn fails(&mut self, how: String) {
        self.failed += 1;
        self.failure = how;
    }

    /// Returns what became of it; `runs` is whether its command still runs, if there is one.
    fn line(&self, runs: Option<bool>) -> String {
        let mut line = format!("when {}: ", self.text);
        line += &match self.fired {
            0 if self.judged > 0 && self.unknown == self.judged => {
                format!("unknown in all {}", counted(self.judged, "sample", "samples"))
            }
            0 if self.judged > 0 && self.unknown + self.early == self.judged => {
                format!("not decided, too few samples for a slope: {}", self.early)
            }
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        if runs.is_none() || self.fired == 0 {
            return line;
        }
        line += &format!("; --run {}", counted(self.runs, "time", "times"));
        if self.failed > 0 {
            line += &format!(", {} failed ({})", self.failed, self.failure);
        }
        if self.left_out > 0 {
            line += &format!(", {} left out while it ran", self.left_out);
        }
        if runs == Some(true) {
            line += ", still running";
        }
        line
    }
}
