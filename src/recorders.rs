//! The recorders that run now, found by the locks beside their files.

use std::path::Path;

use vmrec_store::{RecordingSummary, Store};

use crate::failure::Failure;
use crate::file;
use crate::file::Numbered;

/// A recorder that runs.
pub(crate) struct Recorder {
    pub(crate) file: Numbered<Store>,
    /// Its process, as its lock has it; `None` if that is unreadable.
    pub(crate) pid: Option<u32>,
    /// The recordings that have not ended.
    pub(crate) recordings: Vec<RecordingSummary>,
}

impl Recorder {
    /// Returns how many samples it has taken.
    pub(crate) fn samples(&self) -> u64 {
        self.recordings.iter().map(|one| one.samples).sum()
    }

    /// Returns how many ticks passed without a sample.
    pub(crate) fn missed_ticks(&self) -> u64 {
        self.recordings.iter().map(|one| one.missed_ticks).sum()
    }

    /// Returns when its newest sample was taken; `None` before the first.
    pub(crate) fn last_utc_ns(&self) -> Option<i64> {
        self.recordings.iter().filter_map(|one| one.last).map(|at| at.utc_ns).max()
    }
}

/// Finds the recorders that write to a file and to those beside it; none if there is no file.
pub(crate) fn running(path: &Path) -> Result<Vec<Recorder>, Failure> {
    let files = file::all_there(path)?.into_iter();
    files
        .filter(|file| file.content.being_recorded())
        .map(|file| {
            let mut recordings = file.content.recordings()?;
            recordings.retain(|one| one.recording.ended.is_none());
            // Those of a recorder that was killed have no end either.
            let newest = recordings.iter().map(|one| one.recording.session.0).max();
            recordings.retain(|one| Some(one.recording.session.0) == newest);
            Ok(Recorder { pid: file.content.recorder_pid(), file, recordings })
        })
        .collect()
}
