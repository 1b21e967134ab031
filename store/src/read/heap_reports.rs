//! Reads reports on heaps.

use rusqlite::types::Type;

use crate::db::columns::HEAP_REPORT;
use crate::db::row_checksum;
use crate::error::Error;
use crate::read::store::Store;
use crate::recording::{HeapReport, HeapReportKind, RecordingId};

impl Store {
    /// Returns the reports of a recording, in the order of time.
    pub fn heap_reports(&self, id: RecordingId) -> Result<Vec<HeapReport>, Error> {
        self.recording(id)?;
        self.read(|connection| {
            let list = HEAP_REPORT.list();
            let sql =
                format!("SELECT {list} FROM heap_report WHERE recording = ? ORDER BY utc_ns, id");
            let mut statement = connection.prepare_cached(&sql)?;
            let reports = statement.query_map([id.0], |row| {
                row_checksum::check(&HEAP_REPORT, row)?;
                let kind = row.get_ref(3)?.as_str()?;
                let unknown = || rusqlite::Error::InvalidColumnType(3, kind.into(), Type::Text);
                Ok(HeapReport {
                    recording: RecordingId(row.get(1)?),
                    utc_ns: row.get(2)?,
                    kind: HeapReportKind::from_name(kind).ok_or_else(unknown)?,
                    document: row.get(4)?,
                })
            })?;
            reports.collect()
        })
    }
}
