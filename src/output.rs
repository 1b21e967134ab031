//! Where results go: standard output, or a file that appears whole or not at all.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Serialize;
use vmrec_report::{Error as ReportError, json, units};
use vmrec_store::Counts;

use crate::failure::{Failure, Status};
use crate::{pager, terminal};

/// Writes a result to standard output, through a pager where that is a terminal that it does not fit.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    if pager::show(text) {
        return Ok(());
    }
    print_bytes(text.as_bytes())
}

/// Writes a result to standard output as it is.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|source| Failure::io("write to", Path::new("standard output"), source))
}

/// Returns in words how much a file holds.
pub(crate) fn counted(counts: &Counts) -> String {
    format!(
        "{}, {}",
        units::counted(counts.recordings, "recording", "recordings"),
        units::counted(counts.samples, "sample", "samples")
    )
}

/// Returns a document as JSON.
pub(crate) fn json(document: &impl Serialize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    json::write(&mut bytes, document).map_err(unwritable)?;
    String::from_utf8(bytes).map_err(unwritable)
}

/// Returns what `write` writes as CSV.
pub(crate) fn csv(
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), ReportError>,
) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    write(&mut bytes).map_err(unwritable)?;
    String::from_utf8(bytes).map_err(unwritable)
}

/// Writes a document to standard output as JSON.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    print(&json(document)?)
}

/// States that a result could not be written.
pub(crate) fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(Status::Recording, error)
}

/// Writes a note to standard error; a standard error that is gone is no reason to stop.
pub(crate) fn note(text: &str) {
    let mut error = io::stderr().lock();
    for line in text.lines() {
        let _ = writeln!(error, "{}", vmrec_report::escape::terminal(line));
    }
}

/// Returns whether results may be coloured: standard output is a terminal and NO_COLOR is not set.
pub(crate) fn color() -> bool {
    io::stdout().is_terminal()
        && !terminal::is_dumb()
        && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

/// Returns the columns of the terminal on standard output, or 80 where it is none.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0).max(40))
}

/// Bytes by which results of one form are alike.
const ALIKE_BYTES: usize = 8;
/// How a trace of Perfetto begins; the length that follows is not always the same.
const TRACE_TAG: u8 = 0x0a;

/// Returns whether the file at `path` has something else than an earlier result of the form of
/// `bytes`: that begins alike.
fn holds_something_else(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let count = if bytes.first() == Some(&TRACE_TAG) { 1 } else { bytes.len().min(ALIKE_BYTES) };
    let mut old = Vec::new();
    fs::File::open(path)?.take(count as u64).read_to_end(&mut old)?;
    Ok(!old.is_empty() && old != bytes[..count])
}

/// Writes `bytes` to `path` through a neighbouring file that is renamed, so that a file there stays whole until then.
/// Only an earlier result, or nothing, is replaced.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |source| Failure::io("write", path, source);
    // A device or pipe (/dev/stdout, a fifo) is written to, not replaced.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return fs::write(path, bytes).map_err(failed);
    }
    if holds_something_else(path, bytes).is_ok_and(|other| other) {
        let text = format!("{} holds something else than such a result", path.display());
        return Err(Failure::usage(text).hint("remove it, or write to another file"));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let unfinished: PathBuf = path.with_file_name(name);
    // Results name a process and its files, and a link planted under this name is not followed.
    let create = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
    let written = create().and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        return Err(Failure::io("write", &unfinished, io::ErrorKind::AlreadyExists.into())
            .hint("remove what is there, or write to another folder"));
    }
    written.and_then(|()| fs::rename(&unfinished, path)).map_err(|source| {
        // The rest of an unfinished file is of no use; the first error is the one to report.
        let _ = fs::remove_file(&unfinished);
        failed(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("missing/chart.svg");
        assert!(replace_file(&target, b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_planted_link_is_not_followed_and_results_are_private() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let (target, victim) = (folder.path().join("c.svg"), folder.path().join("victim"));
        fs::write(&victim, b"mine").unwrap();
        let planted = folder.path().join(format!("c.svg.{}.tmp", std::process::id()));
        std::os::unix::fs::symlink(&victim, &planted).unwrap();
        assert!(replace_file(&target, b"new").is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        fs::remove_file(&planted).unwrap();
        replace_file(&target, b"new").unwrap();
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("chart.svg");
        fs::write(&target, b"<svg xmlns='old and longer'>").unwrap();
        replace_file(&target, b"<svg xmlns=''>").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"<svg xmlns=''>");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(&target, b"").unwrap();
        replace_file(&target, b"<svg xmlns=''>").unwrap();
    }

    #[test]
    fn a_file_of_another_form_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("notes.txt");
        fs::write(&target, b"my notes").unwrap();
        let failure = replace_file(&target, b"<svg xmlns=''>").unwrap_err();
        assert!(failure.sentence().contains("notes.txt holds something else"));
        assert_eq!(fs::read(&target).unwrap(), b"my notes");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
