//! Reports on heaps that are kept with the recording of their process.

use serde::Serialize;
use vmrec_report::{HeapAt, SavedHeap, SavedLeaks, escape};
use vmrec_sampler::StoppedHeap;
use vmrec_store::{HeapReport, HeapReportKind, Recording};

use crate::args::SaveArgs;
use crate::failure::{Failure, Status};
use crate::file::{all_there, db_option, path};
use crate::output;
use crate::recording::Opened;
use crate::shell::shell_word;

/// Keeps a report, which `document` makes, with the newest recording of its process, if that is asked for.
pub(crate) fn save<T: Serialize>(
    args: &SaveArgs,
    found: &StoppedHeap,
    kind: HeapReportKind,
    document: impl FnOnce() -> T,
) -> Result<(), Failure> {
    if !args.save {
        return Ok(());
    }
    let path = path(&args.file)?;
    let mut newest: Option<(i64, std::path::PathBuf, Recording)> = None;
    for file in all_there(&path)? {
        for summary in file.content.recordings()? {
            let recording = summary.recording;
            let begun = recording.begun.utc_ns;
            let is_newer = newest.as_ref().is_none_or(|(before, ..)| begun >= *before);
            if recording.process.id == found.process.id && is_newer {
                newest = Some((begun, file.path.clone(), recording));
            }
        }
    }
    let Some((_, file, recording)) = newest else {
        let (name, id) = (found.process.name(), &found.process.id);
        let why = anyhow::anyhow!("no recording in {} is of {name} ({id})", path.display());
        return Err(Failure::new(Status::Recording, why).hint(format!(
            "record it first, such as by `vmrec record{} --detach {}`",
            db_option(&path),
            shell_word(&id.pid_text())
        )));
    };
    let report = HeapReport {
        recording: recording.id,
        utc_ns: found.taken.utc_ns,
        kind,
        document: output::json(&document())?,
    };
    vmrec_store::add_heap_report(&file, &report)?;
    output::note(&format!("saved with recording {}", recording.id.0));
    Ok(())
}

/// A report on all blocks of a heap, and when the process stood still.
pub(crate) struct HeapOfTime {
    pub(crate) utc_ns: i64,
    pub(crate) heap: SavedHeap,
}

impl HeapOfTime {
    /// Returns the report to be compared.
    pub(crate) fn at(&self) -> HeapAt<'_> {
        HeapAt { utc_ns: self.utc_ns, heap: &self.heap }
    }
}

/// A report on leaks, and when the process stood still.
pub(crate) struct LeaksOfTime {
    pub(crate) utc_ns: i64,
    pub(crate) leaks: SavedLeaks,
}

/// The reports of a recording, each kind in the order of time.
pub(crate) struct HeapReports {
    pub(crate) heaps: Vec<HeapOfTime>,
    pub(crate) leaks: Vec<LeaksOfTime>,
}

impl HeapReports {
    /// Reads the reports of a recording.
    pub(crate) fn of(opened: &Opened) -> Result<Self, Failure> {
        let (mut heaps, mut leaks) = (Vec::new(), Vec::new());
        for HeapReport { utc_ns, kind, document, .. } in
            opened.store.heap_reports(opened.recording.id)?
        {
            let unreadable = |error| Failure::new(Status::Recording, anyhow::Error::new(error));
            match kind {
                HeapReportKind::Heap => {
                    let heap = SavedHeap::read(&document).map_err(unreadable)?;
                    heaps.push(HeapOfTime { utc_ns, heap });
                }
                HeapReportKind::Leaks => {
                    let leaked = SavedLeaks::read(&document).map_err(unreadable)?;
                    leaks.push(LeaksOfTime { utc_ns, leaks: leaked });
                }
            }
        }
        Ok(Self { heaps, leaks })
    }

    /// Returns the report on all blocks that is nearest to a time.
    pub(crate) fn nearest(&self, utc_ns: i64) -> Option<&HeapOfTime> {
        self.heaps.get(self.index_near(utc_ns)?)
    }

    /// Returns the two reports on all blocks that are nearest to two times, the earlier one first: where
    /// one report is the nearest to both, with the one before or after it that is nearer.
    pub(crate) fn pair(&self, from_ns: i64, to_ns: i64) -> Option<[&HeapOfTime; 2]> {
        let (mut before, mut after) = (self.index_near(from_ns)?, self.index_near(to_ns)?);
        if before == after {
            let distance = |index: usize, utc_ns: i64| {
                self.heaps.get(index).map(|report| report.utc_ns.abs_diff(utc_ns))
            };
            let earlier = before.checked_sub(1).and_then(|index| distance(index, from_ns));
            match (earlier, distance(after + 1, to_ns)) {
                (None, None) => return None,
                (Some(earlier), later) if later.is_none_or(|later| earlier <= later) => before -= 1,
                _ => after += 1,
            }
        }
        Some([self.heaps.get(before.min(after))?, self.heaps.get(before.max(after))?])
    }

    fn index_near(&self, utc_ns: i64) -> Option<usize> {
        (0..self.heaps.len()).min_by_key(|index| self.heaps[*index].utc_ns.abs_diff(utc_ns))
    }
}

/// States that a recording has fewer than two reports to compare.
pub(crate) fn too_few(opened: &Opened, reports: &HeapReports) -> Failure {
    let (id, name) = (opened.recording.id.0, opened.recording.process.name());
    let why = match reports.heaps.len() {
        0 => format!("recording {id} has no report on the heap of {}", escape::terminal(name)),
        _ => format!("recording {id} has one report on the heap: nothing can be compared"),
    };
    Failure::new(Status::Recording, anyhow::anyhow!(why)).hint(format!(
        "take them while it runs: `vmrec heap{} --save {}`, or `vmrec record --heap-on MARK`",
        db_option(&opened.path),
        opened.recording.process.id.pid_text()
    ))
}
