//! The recording that functions of SQL read from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vmrec_store::{Error as StoreError, TableRows, Value};

use crate::args::{FileArgs, FileNumber};
use crate::failure::Failure;
use crate::recording::Opened;
use crate::session::OpenedSession;

/// Where functions find recordings.
pub(crate) struct Source {
    path: PathBuf,
    found: Mutex<Found>,
}

impl Source {
    /// Names the file to look into.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), found: Mutex::default() }
    }

    /// Runs `work` on the recording that an argument names, the newest by default.
    pub(crate) fn with<T>(
        &self,
        recording: &Value<'_>,
        work: impl FnOnce(&Opened) -> Result<T, Failure>,
    ) -> Result<T, String> {
        let number = match recording {
            Value::Null => None,
            Value::Integer(number) => Some(*number),
            _ => return Err("a recording is given by its number".to_owned()),
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.find(number, &mut found).and_then(work);
        done.map_err(|failure| {
            let sentence = failure.sentence();
            found.failure = Some(failure);
            sentence
        })
    }

    /// Runs `work` on the session that an argument names, the newest by default.
    pub(crate) fn with_session<T>(
        &self,
        session: &Value<'_>,
        work: impl FnOnce(&OpenedSession) -> Result<T, Failure>,
    ) -> Result<T, String> {
        let number = match session {
            Value::Null => None,
            Value::Integer(number) => Some(FileNumber { file: 1, number: *number }),
            _ => return Err("a session is given by its number".to_owned()),
        };
        let file = FileArgs { db: Some(self.path.clone()) };
        OpenedSession::open(&file, number).and_then(|opened| work(&opened)).map_err(|failure| {
            let sentence = failure.sentence();
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.failure = Some(failure);
            sentence
        })
    }

    fn find<'a>(&self, number: Option<i64>, found: &'a mut Found) -> Result<&'a Opened, Failure> {
        let number = match number.or(found.newest) {
            Some(number) if found.opened.contains_key(&number) => number,
            _ => {
                let opened = Opened::alone(&self.path, number)?;
                let id = opened.recording.id.0;
                if number.is_none() {
                    found.newest = Some(id);
                }
                found.opened.entry(id).or_insert(opened);
                id
            }
        };
        Ok(&found.opened[&number])
    }

    /// Returns why a statement failed: as the function that did says it, if one did.
    pub(crate) fn failure(&self, error: StoreError) -> Failure {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.failure.take().unwrap_or_else(|| error.into())
    }
}

/// The recordings asked for, each as of the first time it was, so that one statement sees one state of it.
#[derive(Default)]
pub(crate) struct Found {
    opened: BTreeMap<i64, Opened>,
    newest: Option<i64>,
    /// Why a function failed: SQLite hands on no more than a sentence.
    failure: Option<Failure>,
}

/// Returns the text of an argument; `what` says what it should be.
pub(crate) fn text<'a>(argument: &'a Value<'_>, what: &str) -> Result<&'a str, String> {
    match argument {
        Value::Text(text) => Ok(text),
        _ => Err(format!("{what} is given as text")),
    }
}

/// Boxes rows, as a function answers.
pub(crate) fn rows(rows: impl TableRows + 'static) -> Box<dyn TableRows> {
    Box::new(rows)
}
