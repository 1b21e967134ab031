//! Where the bytes of a recording go, and what a sample takes of memory that was
//! never seen before: the second half of a single pass through a trace.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use rusqlite::Connection;

use crate::trace::Trace;

/// The level of zstd that plain text is compressed with beside it.
const LEVEL: i32 = 19;
/// As `zstd --long` has it.
const WINDOW_LOG: u32 = 27;

/// Returns the bytes that each table or index of a recording uses, those of no row left out.
pub(crate) fn by_table(db: &Path) -> Vec<(String, u64)> {
    let file = Connection::open(db).expect("a recording");
    let mut statement = file
        .prepare(
            "SELECT coalesce(s.tbl_name, d.name), sum(d.pgsize - d.unused) AS bytes FROM dbstat AS d \
             LEFT JOIN sqlite_schema AS s ON s.name = d.name GROUP BY 1 ORDER BY bytes DESC",
        )
        .expect("SQLite's own statistics");
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
    let rows = statement.query_map([], row).expect("rows");
    rows.collect::<rusqlite::Result<_>>().expect("readable rows")
}

/// Returns the bytes in use.
pub(crate) fn used(db: &Path) -> u64 {
    by_table(db).iter().map(|(_, bytes)| bytes).sum()
}

/// Returns the bytes of a file.
pub(crate) fn of_file(db: &Path) -> u64 {
    fs::metadata(db).expect("a recording").len()
}

/// Returns the bytes a sample takes where the text of the trace's second half is compressed.
pub(crate) fn compressed_text(trace: &Path) -> f64 {
    let trace = Trace::open(trace).expect("a trace");
    let half = &trace.frames[trace.frames.len() / 2..];
    let mut encoder = zstd::Encoder::new(Counted(0), LEVEL).expect("an encoder");
    encoder.long_distance_matching(true).expect("a known parameter");
    encoder.window_log(WINDOW_LOG).expect("a known parameter");
    let mut text = Vec::new();
    for frame in half {
        text.clear();
        let mut frame = trace.text(frame).expect("its text");
        frame.read_to_end(&mut text).expect("readable text");
        encoder.write_all(&text).expect("memory");
    }
    encoder.finish().expect("memory").0 as f64 / half.len() as f64
}

/// Counts what is written to it.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
