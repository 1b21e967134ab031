//! Mistakes in a file of types.

use std::path::PathBuf;
use std::{fmt, io};

/// A mistake in a file of types, and its line.
#[derive(Debug)]
pub(crate) struct TypesError {
    pub(crate) path: PathBuf,
    pub(crate) line: Option<usize>,
    pub(crate) what: Wrong,
}

impl fmt::Display for TypesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for TypesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.what)
    }
}

/// The mistake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    #[error("it is longer than 1 MiB")]
    TooLong,
    #[error("{0}")]
    Toml(String),
    #[error("the type has no name")]
    Name,
    #[error("there is no family `{0}`")]
    Family(String),
    #[error("`{0}` is no size")]
    Size(String),
    #[error("min_size is larger than max_size")]
    NoSize,
    #[error("`{0}` are no rights")]
    Protection(String),
    #[error("the type has no condition, so that it would take all memory")]
    NoCondition,
}
