//! Finds the file of each entry with few questions.
//!
//! The kernel looks for files at the top level only, and at an address *or above* it: it passes
//! over submaps and over entries without a file, and answers with the next file's mapping. The
//! address in its answer says which entry that is, so one answer serves every entry up to there.

use std::sync::Arc;

use crate::darwin::entry::Entry;
use crate::region::{AddressRange, Object};

/// An entry with a file behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileMapping {
    /// The entry's addresses.
    pub range: AddressRange,
    /// The file; `None` if it has no name any more or, asked for one entry, there is none.
    pub object: Option<Arc<Object>>,
}

/// The answer to a question for the first file mapping at or above an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is this one.
    Found(FileMapping),
    /// There is none.
    Nothing,
    /// The kernel did not say.
    Failed,
}

/// The source of answers about files.
pub(crate) trait Files {
    /// Returns the first file mapping at or above `address`.
    fn next_file(&mut self, address: u64) -> Answer;

    /// Returns the file of the entry that holds `address` or, where none does, of the next entry;
    /// costs a look at each of its pages.
    fn file_of(&mut self, address: u64) -> Answer;
}

/// The answers of one walk.
#[derive(Debug, Default)]
pub(crate) struct PathFinder {
    /// The address of the last question and its answer.
    last: Option<(u64, Answer)>,
    /// Whether the kernel has found a file in this walk.
    answers: bool,
}

impl PathFinder {
    /// Returns the file of `entry`, which is at or above the entry before.
    pub(crate) fn object(&mut self, files: &mut impl Files, entry: &Entry) -> Option<Arc<Object>> {
        // The kernel does not look into submaps.
        if entry.depth > 0 {
            return None;
        }
        let is_known = match &self.last {
            Some((from, Answer::Found(file))) => (*from..file.range.end).contains(&entry.start),
            Some((from, Answer::Nothing)) => *from <= entry.start && self.answers,
            Some((_, Answer::Failed)) | None => false,
        };
        if !is_known {
            let mut answer = files.next_file(entry.start);
            self.answers |= matches!(answer, Answer::Found(_));
            // A process without any file is rare: rather, the system does not know the question.
            if answer == Answer::Nothing && !self.answers {
                answer = files.file_of(entry.start);
            }
            self.last = Some((entry.start, answer));
        }
        match &self.last {
            Some((_, Answer::Found(file))) if file.range.start <= entry.start => {
                file.object.clone()
            }
            _ => None,
        }
    }
}
