//! Which file and which recording a command works on, and what lies in it.

use std::env;
use std::path::{Path, PathBuf};

use vmrec_report::TimeSpec;

use crate::args::FileArgs;
use crate::failure::{Failure, Status};
use crate::shell::shell_word;

/// How times are written, for those who wrote one wrong.
const TIME_FORMS: &str = "times are 2026-03-01T14:05:09Z, '2026-03-01 14:05', 14:05[:09] (local),
-1h30m (before the end, or before now while recording), +90s (after the
start), start, end, now, peak (largest footprint), #12 (a sample), @TEXT
(a mark), 50%, '10m ago'; peak-5s, #12+1m, @TEXT+5s count from there";

/// Parses a time of the command line.
pub(crate) fn parse_time(text: &str) -> Result<TimeSpec, Failure> {
    TimeSpec::parse(text).map_err(|error| Failure::new(Status::Usage, error).hint(TIME_FORMS))
}

/// Returns the file to use: the one given, else `vmrec/vmrec.db` in the user's data folder.
pub(crate) fn path(args: &FileArgs) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.db {
        if path.as_os_str().is_empty() {
            return Err(Failure::usage("the file name given with --db or VMREC_DB is empty"));
        }
        return Ok(path.clone());
    }
    default_path().ok_or_else(|| {
        Failure::usage("cannot find your data folder: HOME is not set")
            .hint("name a file with --db FILE")
    })
}

/// Returns the default file, unless the environment does not say where the user's data lies.
pub(crate) fn default_path() -> Option<PathBuf> {
    let folder =
        |variable| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = if cfg!(target_os = "macos") {
        folder("HOME")?.join("Library/Application Support")
    } else {
        folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?
    };
    Some(data.join("vmrec/vmrec.db"))
}

/// Returns ` --db FILE` as it must be typed after a command to mean `path`, or nothing for the default file.
pub(crate) fn db_option(path: &Path) -> String {
    let by_environment = env::var_os("VMREC_DB").is_some_and(|set| set == path.as_os_str());
    if by_environment || default_path().as_deref() == Some(path) {
        return String::new();
    }
    format!(" --db {}", shell_word(&path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_a_shell_would_split_are_quoted() {
        assert_eq!(shell_word("/tmp/a.db"), "/tmp/a.db");
        assert_eq!(shell_word("my file's.db"), r"'my file'\''s.db'");
        assert_eq!(shell_word(""), "''");
    }
}
