//! The report as a page, made anew for each request.

use std::path::Path;

use crate::args::{Choice, FileArgs, FileNumber, RecordingArgs, SpanArgs};
use crate::commands::report;
use crate::commands::serve::answer::Answer;
use crate::failure::Failure;
use crate::recording::Opened;
use crate::session::OpenedSession;

pub(super) fn file(path: &Path) -> FileArgs {
    FileArgs { db: Some(path.to_owned()) }
}

/// Opens a recording by the number of a request, which may be anything.
pub(super) fn opened(path: &Path, number: &str) -> Result<Opened, Failure> {
    let Ok(choice) = number.parse::<Choice>();
    Opened::open(&RecordingArgs { file: file(path), recording: Some(choice) })
}

/// Opens a session by the number of a request.
pub(super) fn opened_session(path: &Path, number: &str) -> Result<OpenedSession, Failure> {
    let number =
        number.parse::<FileNumber>().map_err(|_| Failure::usage("a session has a number"))?;
    OpenedSession::open(&file(path), Some(number))
}

/// Returns the page of the newest session, or of its recording if it has one alone.
pub(super) fn newest(path: &Path) -> Result<Answer, Failure> {
    let session = OpenedSession::open(&file(path), None)?;
    match session.recordings()?[..] {
        [only] => {
            let opened = Opened::at(&session.path, only)?;
            Ok(Answer::html(report::made(&opened, &SpanArgs::whole())?.html))
        }
        _ => Ok(Answer::html(report::of_session(&session, &SpanArgs::whole())?.html)),
    }
}

/// Returns the page of a session.
pub(super) fn session(path: &Path, number: &str) -> Result<Answer, Failure> {
    let opened = opened_session(path, number)?;
    Ok(Answer::html(report::of_session(&opened, &SpanArgs::whole())?.html))
}

/// Returns the page of a recording.
pub(super) fn recording(path: &Path, number: &str) -> Result<Answer, Failure> {
    let opened = opened(path, number)?;
    Ok(Answer::html(report::made(&opened, &SpanArgs::whole())?.html))
}
