//! Where a paste comes from, read within a bound.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use vmrec_report::escape;
use vmrec_sampler::{BadPaste, MAX_PASTE_BYTES, PasteFormat, Pasted, parse_paste};

use crate::failure::{Failure, Status};

/// A file, or the standard input.
#[derive(Clone, Debug)]
pub(crate) struct Source(Option<PathBuf>);

impl Source {
    /// Returns the source of that name; `-` is the standard input.
    pub(crate) fn of(named: &Path) -> Self {
        Self((named.as_os_str() != "-").then(|| named.to_owned()))
    }

    /// Returns the name of the file without its folder, if it is one.
    pub(crate) fn file_name(&self) -> Option<String> {
        Some(self.0.as_ref()?.file_stem()?.to_string_lossy().into_owned())
    }

    /// Reads and parses it.
    pub(crate) fn parse(&self, format: Option<PasteFormat>) -> Result<Vec<Pasted>, Failure> {
        let mut bytes = Vec::new();
        let mut read = |from: &mut dyn Read| from.take(MAX_PASTE_BYTES + 1).read_to_end(&mut bytes);
        let result = match &self.0 {
            Some(path) => File::open(path).and_then(|mut file| read(&mut file)),
            None => read(&mut io::stdin().lock()),
        };
        result.map_err(|source| {
            let path = self.0.clone().unwrap_or_else(|| PathBuf::from("standard input"));
            let not_found = source.kind() == io::ErrorKind::NotFound;
            let failure = Failure::new(
                Status::Usage,
                anyhow::Error::new(source).context(format!("cannot read {}", path.display())),
            );
            match not_found {
                true => failure.hint("name a file with the paste, or - for the standard input"),
                false => failure,
            }
        })?;
        if bytes.len() as u64 > MAX_PASTE_BYTES {
            return Err(Failure::usage(format!("{self} is longer than a paste may be"))
                .hint(format!("{} MB are enough for any process", MAX_PASTE_BYTES >> 20)));
        }
        parse_paste(&bytes, format).map_err(|error| self.failure(error))
    }

    fn failure(&self, error: BadPaste) -> Failure {
        let formats = PasteFormat::ALL.map(PasteFormat::name).join(", ");
        let hint = match &error {
            BadPaste::Empty => "paste the output of a tool into it".to_owned(),
            BadPaste::Unknown { .. } => {
                format!("vmrec reads {formats}; name the one it is with --format")
            }
            BadPaste::Failed { .. } => {
                "run the tool again on a process that runs, perhaps with sudo".to_owned()
            }
            BadPaste::Line { .. } => {
                "paste the whole output, with its heading; --format names the tool".to_owned()
            }
            BadPaste::Missing { .. } => {
                format!("paste the whole output; --format names another of {formats}")
            }
        };
        Failure::new(
            Status::Usage,
            anyhow::Error::new(error).context(format!("cannot import {self}")),
        )
        .hint(hint)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(path) => f.write_str(&escape::terminal(&path.display().to_string())),
            None => f.write_str("standard input"),
        }
    }
}
