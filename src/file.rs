//! Which file and which recording a command works on, and what lies in it.

use std::env;
use std::path::{Path, PathBuf};

use vmrec_report::TimeSpec;
use vmrec_store::{Error as StoreError, Store};

use crate::args::FileArgs;
use crate::failure::{Failure, Status};
use crate::output;
use crate::shell::shell_word;

/// Parses a time of the command line.
pub(crate) fn parse_time(text: &str) -> Result<TimeSpec, Failure> {
    TimeSpec::parse(text).map_err(|error| {
        let nearest: Vec<_> = TimeSpec::nearest(text).iter().map(|near| shell_word(near)).collect();
        let meant = match nearest.is_empty() {
            true => String::new(),
            false => format!("did you mean {}?\n", nearest.join(", ")),
        };
        let hint = format!("{meant}a mark is @TEXT; `vmrec help` lists all forms of times");
        Failure::new(Status::Usage, error).hint(hint)
    })
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

/// The maximum number of files that recorders write at a time beside each other.
const MAX_FILES: u32 = 99;

/// Returns the file that a recorder writes while others write to those before it: `vmrec.db`,
/// `vmrec.2.db`, `vmrec.3.db`, …
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number <= 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// A file among those that belong together.
pub(crate) struct Numbered<T> {
    /// 1 for the file that is named, 2 and more for those beside it.
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
    pub(crate) content: T,
}

impl<T> Numbered<T> {
    /// Returns its number, unless it is the first.
    pub(crate) fn beside(&self) -> Option<u32> {
        (self.number > 1).then_some(self.number)
    }
}

/// Opens a file and those beside it that recorders wrote while others wrote to it; one at least must
/// be there.
pub(crate) fn all(path: &Path) -> Result<Vec<Numbered<Store>>, Failure> {
    let files = all_there(path)?;
    if files.is_empty() {
        return Err(StoreError::Missing { path: path.to_owned() }.into());
    }
    Ok(files)
}

/// Opens a file and those beside it that recorders wrote while others wrote to it, as far as there are
/// any; other files beside it are left out.
pub(crate) fn all_there(path: &Path) -> Result<Vec<Numbered<Store>>, Failure> {
    let first = Store::open(path);
    let mut files = Vec::new();
    for number in 2..=MAX_FILES {
        let beside = numbered(path, number);
        if !beside.is_file() {
            continue;
        }
        match Store::open(&beside) {
            Ok(content) => files.push(Numbered { number, path: beside, content }),
            // A file of another program, or one that is only just being made.
            Err(StoreError::NotARecording { .. } | StoreError::Missing { .. }) => {}
            Err(error) => {
                output::note(&format!("note: {} is left out: {error}", beside.display()));
            }
        }
    }
    match first {
        Ok(content) => {
            files.insert(0, Numbered { number: 1, path: path.to_owned(), content });
            Ok(files)
        }
        Err(StoreError::Missing { .. }) => Ok(files),
        Err(error) => Err(error.into()),
    }
}

/// Returns the first of these files that no recorder writes to now.
pub(crate) fn to_record(path: &Path) -> PathBuf {
    let is_free = |path: &PathBuf| !Store::open(path).is_ok_and(|store| store.being_recorded());
    let mut all = (1..=MAX_FILES).map(|number| numbered(path, number));
    all.find(is_free).unwrap_or_else(|| path.to_owned())
}

/// Returns the file of that number among those that belong together.
pub(crate) fn one(path: &Path, number: u32) -> PathBuf {
    numbered(path, number)
}

/// Returns the first of these files that `open` can write to, with all it returned for the busy ones
/// before; `None` if that is another error, or all are busy.
pub(crate) fn first_free<T>(
    path: &Path,
    open: impl Fn(&Path) -> Result<T, StoreError>,
) -> Result<Numbered<T>, StoreError> {
    let mut busy = None;
    for number in 1..=MAX_FILES {
        let candidate = numbered(path, number);
        match open(&candidate) {
            Ok(content) => return Ok(Numbered { number, path: candidate, content }),
            Err(error @ StoreError::Busy { .. }) => busy = busy.or(Some(error)),
            // A file of another program has the name: the next one is tried.
            Err(StoreError::NotARecording { .. } | StoreError::Draft { .. }) if number > 1 => {}
            Err(error) => return Err(error),
        }
    }
    Err(busy.unwrap_or(StoreError::Missing { path: path.to_owned() }))
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
    fn files_beside_each_other_are_numbered_before_their_extension() {
        let name = |path: &str, number| numbered(Path::new(path), number).display().to_string();
        assert_eq!(name("/d/vmrec.db", 1), "/d/vmrec.db");
        assert_eq!(name("/d/vmrec.db", 2), "/d/vmrec.2.db");
        assert_eq!(name("run", 3), "run.3");
        assert_eq!(name("a.b/c.tar.db", 12), "a.b/c.tar.12.db");
    }

    #[test]
    fn words_a_shell_would_split_are_quoted() {
        assert_eq!(shell_word("/tmp/a.db"), "/tmp/a.db");
        assert_eq!(shell_word("my file's.db"), r"'my file'\''s.db'");
        assert_eq!(shell_word(""), "''");
    }
}
