//! All that is read from a file, to be compared with the same before it was damaged.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::ControlFlow;
use std::path::Path;

use vmrec_sampler::Evidence;
use vmrec_sampler::Snapshot;
use vmrec_store::{Mark, RecordingId, RecordingSummary, Sample, Store};

type Told<T> = Result<T, String>;

/// What a file shows, or the error it gives instead.
#[derive(Debug)]
pub(crate) struct Shown {
    recordings: Told<Vec<RecordingSummary>>,
    each: BTreeMap<RecordingId, ShownRecording>,
    /// What `verify` says.
    pub(crate) problems: Told<Vec<String>>,
}

#[derive(Debug)]
struct ShownRecording {
    samples: Told<Vec<Sample>>,
    marks: Told<Vec<Mark>>,
    /// All of them in one walk, up to an error.
    walked: Vec<(Sample, Option<Snapshot>)>,
    walk: Told<()>,
    /// Some of them, each asked for alone.
    alone: Vec<(u64, Told<Snapshot>)>,
    evidence_numbers: Told<Vec<u64>>,
    evidence: Vec<(u64, Told<Option<Evidence>>)>,
}

/// The differences between two readings of a file.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// Errors given where something was shown before.
    pub(crate) errors: Vec<String>,
    /// Other values than before.
    pub(crate) changed: Vec<String>,
    /// Things not shown, and no error given.
    pub(crate) missing: Vec<String>,
    /// The maximum missing from any one list, if only its last entries are and nothing else differs.
    pub(crate) last_missing: Option<usize>,
}

impl Shown {
    /// Asks the file at `path`, and for snapshots alone by `alone`; the error says why it cannot be opened.
    pub(crate) fn by(path: &Path, ids: &[RecordingId], alone: &[u64]) -> Told<Self> {
        let store = Store::open(path).map_err(text)?;
        let each = ids.iter().map(|id| (*id, ShownRecording::by(&store, *id, alone))).collect();
        Ok(Self {
            recordings: store.recordings().map_err(text),
            each,
            problems: store.verify().map_err(text),
        })
    }

    /// Returns how this differs from `original`.
    pub(crate) fn differences(&self, original: &Self) -> Differences {
        let mut to = Differences { last_missing: Some(0), ..Differences::default() };
        let mut summaries = Differences::default();
        summaries.list("recordings", &self.recordings, &original.recordings);
        for (id, shown) in &self.each {
            shown.differences(&original.each[id], &format!("recording {} ", id.0), &mut to);
        }
        // A sum over fewer samples counts as missing, as those samples do.
        let fewer = !to.missing.is_empty()
            && summaries.changed.iter().all(|_| {
                let (Ok(now), Ok(before)) = (&self.recordings, &original.recordings) else {
                    return false;
                };
                now.iter().zip(before).all(|(now, before)| {
                    now.recording == before.recording && now.samples <= before.samples
                })
            });
        to.errors.append(&mut summaries.errors);
        if !summaries.missing.is_empty() {
            to.last_missing = None;
        }
        to.missing.append(&mut summaries.missing);
        if fewer {
            to.missing.append(&mut summaries.changed);
        } else {
            to.changed.append(&mut summaries.changed);
        }
        if !(to.changed.is_empty() && to.errors.is_empty()) {
            to.last_missing = None;
        }
        to
    }
}

impl ShownRecording {
    fn by(store: &Store, id: RecordingId, alone: &[u64]) -> Self {
        let mut walked = Vec::new();
        let walk = store.for_each_snapshot(id, 0..=u64::MAX, |sample, snapshot| {
            walked.push((sample.clone(), snapshot.cloned()));
            ControlFlow::Continue(())
        });
        let evidence_numbers = store.evidence_numbers(id).map_err(text);
        let evidence = evidence_numbers.iter().flatten();
        Self {
            samples: store.samples(id).map_err(text),
            marks: store.marks(id).map_err(text),
            walked,
            walk: walk.map_err(text),
            alone: alone.iter().map(|n| (*n, store.snapshot(id, *n).map_err(text))).collect(),
            evidence: evidence.map(|n| (*n, store.evidence(id, *n).map_err(text))).collect(),
            evidence_numbers,
        }
    }

    fn differences(&self, original: &Self, place: &str, to: &mut Differences) {
        to.list(&format!("{place}samples"), &self.samples, &original.samples);
        to.list(&format!("{place}marks"), &self.marks, &original.marks);
        let walked = Ok(self.walked.clone());
        let before = Ok(original.walked.clone());
        if let Err(error) = &self.walk {
            to.errors.push(format!("{place}walk: {error}"));
            to.prefix(&format!("{place}walk"), &self.walked, &original.walked);
        } else {
            to.list(&format!("{place}walk"), &walked, &before);
        }
        for ((number, now), (_, before)) in self.alone.iter().zip(&original.alone) {
            match (now, before) {
                (Ok(now), Ok(before)) if now == before => {}
                (Ok(_), _) => to.changed.push(format!("{place}snapshot {number} alone")),
                // An error in both; a sample that is missing is counted with those above.
                (Err(_), Err(_)) => {}
                (Err(error), Ok(_)) if error.contains("NoSuchSample") => {
                    to.missing.push(format!("{place}snapshot {number} alone"));
                }
                (Err(error), Ok(_)) => to.errors.push(format!("{place}snapshot {number}: {error}")),
            }
        }
        to.list(
            &format!("{place}evidence numbers"),
            &self.evidence_numbers,
            &original.evidence_numbers,
        );
        for (number, now) in &self.evidence {
            match (now, original.evidence.iter().find(|(n, _)| n == number)) {
                (Err(error), _) => to.errors.push(format!("{place}evidence {number}: {error}")),
                (now, Some((_, before))) if now == before => {}
                _ => to.changed.push(format!("{place}evidence {number}")),
            }
        }
    }
}

impl Differences {
    fn list<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        now: &Told<Vec<T>>,
        before: &Told<Vec<T>>,
    ) {
        let (now, before) = match (now, before) {
            (Ok(now), Ok(before)) => (now, before),
            (Err(error), _) => return self.errors.push(format!("{what}: {error}")),
            (Ok(_), Err(_)) => return self.changed.push(format!("{what}: an error before")),
        };
        self.prefix(what, now, before);
        if now.len() < before.len() {
            let gone = before.len() - now.len();
            self.missing.push(format!("{what}: {gone} of {} gone", before.len()));
            self.last_missing =
                self.last_missing.filter(|_| before.starts_with(now)).map(|most| most.max(gone));
        }
    }

    /// Compares what there is of both; a thing gone from between others is missing, not changed.
    fn prefix<T: PartialEq + Debug>(&mut self, what: &str, now: &[T], before: &[T]) {
        let mut rest = before.iter();
        for (place, item) in now.iter().enumerate() {
            if !rest.any(|before| before == item) {
                let before = before.get(place).map_or_else(String::new, |item| format!("{item:?}"));
                let differ = difference(&format!("{item:?}"), &before);
                return self.changed.push(format!("{what} [{place}]: {differ}"));
            }
        }
    }
}

/// Returns the words about the first byte that differs.
fn difference(now: &str, before: &str) -> String {
    let common = now.bytes().zip(before.bytes()).take_while(|(now, before)| now == before).count();
    let around = |text: &str| {
        let text: Vec<char> =
            text.bytes().map(char::from).skip(common.saturating_sub(24)).collect();
        text.into_iter().take(60).collect::<String>().escape_debug().to_string()
    };
    format!("`{}` was `{}`", around(now), around(before))
}

fn text(error: vmrec_store::Error) -> String {
    format!("{error:?}")
}
