//! Where the bytes of a recording go, and what a sample takes of memory that was
//! never seen before: the second half of a single pass through a trace.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io, thread};

use rusqlite::Connection;

use crate::trace::Trace;

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

/// Returns the bytes a sample takes where the program zstd compresses the text of the trace's second
/// half.
pub(crate) fn compressed_text(trace: &Path) -> f64 {
    let trace = Trace::open(trace).expect("a trace");
    let half = &trace.frames[trace.frames.len() / 2..];
    let mut zstd = Command::new("zstd")
        .args(["-19", "--long", "--stdout", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program zstd");
    let mut output = zstd.stdout.take().expect("its output");
    let counted = thread::spawn(move || io::copy(&mut output, &mut io::sink()).expect("its bytes"));
    let mut input = zstd.stdin.take().expect("its input");
    for frame in half {
        let mut frame = trace.text(frame).expect("its text");
        io::copy(&mut frame, &mut input).expect("readable text");
    }
    drop(input);
    assert!(zstd.wait().expect("its end").success(), "zstd failed");
    counted.join().expect("a count") as f64 / half.len() as f64
}
