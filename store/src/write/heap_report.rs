//! Writes reports on heaps, beside the recorder.

use std::path::Path;

use rusqlite::params;

use crate::db::columns::HEAP_REPORT;
use crate::db::insert;
use crate::error::Error;
use crate::recording::HeapReport;
use crate::tables::recording;
use crate::write::mark::beside;

/// Adds a report to its recording in the file at `path`, also while a recorder writes to it.
pub fn add_heap_report(path: &Path, report: &HeapReport) -> Result<(), Error> {
    let HeapReport { recording, utc_ns, kind, document } = report;
    let added = beside(path, |transaction| {
        let there = recording::exists(transaction, *recording)?;
        if there {
            let id = insert::next_id(transaction, &HEAP_REPORT)?;
            let values = params![id, recording.0, utc_ns, kind.name(), document];
            insert::row(transaction, &HEAP_REPORT, values)?;
        }
        Ok(there)
    })?;
    match added {
        true => Ok(()),
        false => Err(Error::NoSuchRecording { id: *recording, path: path.to_owned() }),
    }
}
