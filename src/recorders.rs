//! The recorders that run now, found by the locks beside their files.

use std::path::Path;

use vmrec_store::{Error as StoreError, RecordingSummary, Store};

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

/// Finds the recorders that write to a file and to those beside it; none if there is no file.
pub(crate) fn running(path: &Path) -> Result<Vec<Recorder>, Failure> {
    let missing = matches!(Store::open(path), Err(StoreError::Missing { .. }));
    let files = match file::all(path) {
        Err(_) if missing => Vec::new(),
        files => files?,
    };
    let recorded = files.into_iter().filter(|file| file.content.being_recorded());
    recorded
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
