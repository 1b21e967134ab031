//! Compares all that is read from a file with all that was stored.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use vmrec_store::{RecordingId, Store, WhyEnded};

use crate::child::{Acked, Acks};
use crate::world::{Made, World, at, evidence, has_evidence, has_mark, mark_text};

/// What a fault did that it must not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Something known to be stored is gone.
    Lost(String),
    /// Something is there that was never put in, or cannot be read.
    Wrong(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(what) => write!(f, "LOST {what}"),
            Self::Wrong(what) => write!(f, "WRONG {what}"),
        }
    }
}

pub(crate) fn wrong(what: impl fmt::Display) -> Problem {
    Problem::Wrong(what.to_string())
}

/// What a file made from a seed must hold; samples are made once.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) seed: u64,
    made: BTreeMap<RecordingId, Vec<Made>>,
}

impl Expected {
    pub(crate) const fn of(seed: u64) -> Self {
        Self { seed, made: BTreeMap::new() }
    }

    fn made(&mut self, id: RecordingId, count: u64) -> &[Made] {
        let world = World::of(self.seed, id);
        let made = self.made.entry(id).or_default();
        made.extend((made.len() as u64 + 1..=count).map(|number| world.sample(number)));
        &made[..count as usize]
    }

    /// Returns the faults of the file at `path`, of which `acks` was durably stored.
    pub(crate) fn problems(&mut self, path: &Path, acks: &Acks) -> Vec<Problem> {
        let store = match Store::open(path) {
            Ok(store) => store,
            Err(vmrec_store::Error::Missing { .. }) if acks.recordings.is_empty() => return vec![],
            Err(error) => return vec![wrong(format!("cannot be opened: {error:?}"))],
        };
        let mut problems = Vec::new();
        let listed = match store.recordings() {
            Ok(listed) => listed,
            Err(error) => return vec![wrong(format!("recordings: {error:?}"))],
        };
        for id in acks.recordings.keys() {
            if !listed.iter().any(|summary| summary.recording.id == *id) {
                problems.push(Problem::Lost(format!("recording {}", id.0)));
            }
        }
        for summary in &listed {
            let id = summary.recording.id;
            let Some(acked) = acks.recordings.get(&id).copied() else {
                // begun, and the recorder did not come to say so
                if summary.samples > 0 {
                    problems.push(wrong(format!("recording {}", id.0)));
                }
                continue;
            };
            let mut found = self.of_recording(&store, id, acked);
            match (&summary.recording.why_ended, acked.ended) {
                (Some(WhyEnded::Finished), true) => {}
                // stored, and the recorder did not come to say so
                (Some(WhyEnded::Finished), false) if summary.recording.ended.is_some() => {}
                // the next recorder gives it that end before it begins its own: its last sample
                (Some(WhyEnded::RecorderLost), false)
                    if summary.recording.ended
                        == Some(summary.last.unwrap_or(summary.recording.begun)) => {}
                (None, false) if id.0 == listed.len() as i64 => {}
                (why, _) => found.push(wrong(format!("it ended: {why:?}, acked {acked:?}"))),
            }
            problems.extend(found.into_iter().map(|problem| match problem {
                Problem::Lost(what) => Problem::Lost(format!("recording {}: {what}", id.0)),
                Problem::Wrong(what) => Problem::Wrong(format!("recording {}: {what}", id.0)),
            }));
        }
        match store.verify() {
            Ok(told) => problems
                .extend(told.into_iter().take(5).map(|what| wrong(format!("verify: {what}")))),
            Err(error) => problems.push(wrong(format!("verify: {error:?}"))),
        }
        problems
    }

    /// Returns the faults of one recording, of which `acked` was durably stored.
    pub(crate) fn of_recording(
        &mut self,
        store: &Store,
        id: RecordingId,
        acked: Acked,
    ) -> Vec<Problem> {
        self.compare(store, id, acked).unwrap_or_else(|error| vec![wrong(format!("{error:?}"))])
    }

    fn compare(
        &mut self,
        store: &Store,
        id: RecordingId,
        acked: Acked,
    ) -> Result<Vec<Problem>, vmrec_store::Error> {
        let mut problems = Vec::new();
        let samples = store.samples(id)?;
        let stored = samples.len() as u64;
        problems.extend(amount("samples", stored, acked.samples));
        let made = self.made(id, stored);
        for (sample, made) in samples.iter().zip(made) {
            let expected =
                (made.taken(), made.state(), made.snapshot().map(|s| s.regions.len() as u64));
            if (sample.taken, sample.state.clone(), sample.regions) != expected {
                problems.push(wrong(format!("sample {sample:?}, put in {expected:?}")));
                break;
            }
        }
        let mut next = 1;
        store.for_each_snapshot(id, 1..=u64::MAX, |sample, snapshot| {
            let expected = made.get(sample.number as usize - 1);
            let same = expected.is_some_and(|made| made.snapshot() == snapshot);
            if sample.number != next || !same {
                problems.push(wrong(format!("snapshot {} where {next} should be", sample.number)));
                return ControlFlow::Break(());
            }
            next += 1;
            ControlFlow::Continue(())
        })?;
        if next != stored + 1 && problems.is_empty() {
            problems.push(wrong(format!("{} snapshots of {stored} samples", next - 1)));
        }
        // Alone too, as then it is looked up another way.
        for number in [1, stored / 2, stored] {
            let Some(Made::Taken(expected)) = made.get((number as usize).wrapping_sub(1)) else {
                continue;
            };
            if store.snapshot(id, number)? != *expected {
                problems.push(wrong(format!("snapshot {number} alone")));
            }
        }
        let marks = store.marks(id)?;
        let end = stored + 1;
        problems.extend(amount("marks", marks.len() as u64, acked.marks as u64));
        for (mark, number) in marks.iter().zip((1..=stored).filter(|n| has_mark(*n)).chain([end])) {
            if (mark.utc_ns, &mark.text) != (at(number).utc_ns, &mark_text(number)) {
                problems.push(wrong(format!("{mark:?}")));
            }
        }
        let numbers = store.evidence_numbers(id)?;
        problems.extend(amount("rows of evidence", numbers.len() as u64, acked.evidence as u64));
        for (number, expected) in numbers.iter().zip((1..=stored).filter(|n| has_evidence(*n))) {
            if *number != expected || store.evidence(id, expected)? != Some(evidence(expected)) {
                problems.push(wrong(format!("the evidence of sample {number}")));
            }
        }
        Ok(problems)
    }
}

/// Compares how many there are with how many are known to be stored: one more may be.
fn amount(what: &str, stored: u64, acked: u64) -> Option<Problem> {
    match stored {
        _ if stored < acked => Some(Problem::Lost(format!("{} of {acked} {what}", acked - stored))),
        _ if stored > acked + 1 => Some(wrong(format!("{stored} {what}, {acked} put in"))),
        _ => None,
    }
}

/// What a command did and found.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    lost: u64,
    wrong: u64,
    /// Kept if anything was found.
    folder: tempfile::TempDir,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("torture").tempdir().unwrap();
        Self { done: 0, lost: 0, wrong: 0, folder }
    }

    /// Returns where `name` lies in the command's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        // SQLite and the journal are to name files alike.
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Counts one try that had these problems, and prints them.
    pub(crate) fn count(&mut self, what: impl fmt::Display, problems: &[Problem]) {
        self.done += 1;
        for problem in problems {
            println!("  {what}: {problem}");
            match problem {
                Problem::Lost(_) => self.lost += 1,
                Problem::Wrong(_) => self.wrong += 1,
            }
        }
    }

    /// Prints the summary and returns whether all was well.
    pub(crate) fn print(self, name: &str, more: impl fmt::Display) -> bool {
        println!("{name}: {} done, {} lost, {} wrong; {more}", self.done, self.lost, self.wrong);
        let well = self.lost + self.wrong == 0;
        if !well {
            println!("  kept: {}", self.folder.keep().display());
        }
        well
    }
}
