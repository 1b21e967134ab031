//! One side of a comparison as it is written: recordings of one file or several, or moments of them.

use std::path::{Path, PathBuf};

use crate::args::{Choice, FileArgs, RecordingArgs};
use crate::failure::{Failure, Status};

/// A run of a side: a recording, or one sample of it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) recording: RecordingArgs,
    /// The time of the sample; all of the recording without one.
    pub(crate) at: Option<String>,
}

/// Reads `A1,A2,A3`: each a number or name, FILE, FILE:NUMBER or FILE:NAME, and @TIME after any of
/// them. A number after a file is of that file too.
pub(crate) fn side(text: &str, file: &FileArgs) -> Result<Vec<Chosen>, Failure> {
    let is_file = |path: &str| Path::new(path).is_file();
    let parts: Vec<&str> = if is_file(text) { vec![text] } else { text.split(',').collect() };
    let mut chosen: Vec<Chosen> = Vec::new();
    for part in parts {
        let Written { path, choice, at } = written(part, &is_file)?;
        let number = matches!(choice, Some(Choice::Number(_)));
        let before = chosen.last().map(|before| before.recording.file.clone()).filter(|_| number);
        let file = match path {
            Some(path) => FileArgs { db: Some(path) },
            None => before.unwrap_or_else(|| file.clone()),
        };
        chosen.push(Chosen { recording: RecordingArgs { file, recording: choice }, at });
    }
    Ok(chosen)
}

/// One run as it is written.
#[derive(Debug, PartialEq)]
struct Written {
    path: Option<PathBuf>,
    choice: Option<Choice>,
    at: Option<String>,
}

/// Reads one run; a name or path may hold the signs that come after it, so a file that is there
/// goes before a part of its name.
fn written(text: &str, is_file: &dyn Fn(&str) -> bool) -> Result<Written, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::usage("a run to compare has no name")
            .hint("write the recordings with commas between them: 1,2,3"));
    }
    let number = |text: &str| {
        let digits = text.strip_prefix('#').unwrap_or(text);
        digits.parse().ok().map(Choice::Number)
    };
    let of_file = |path: &str, choice, at: Option<&str>| Written {
        path: Some(PathBuf::from(path)),
        choice,
        at: at.map(str::to_owned),
    };
    let splits = |sign: char| text.char_indices().filter(move |(_, c)| *c == sign);
    let ends = splits('@').map(|(at, _)| (&text[..at], Some(&text[at + 1..])));
    let forms: Vec<(&str, Option<&str>)> = std::iter::once((text, None)).chain(ends).collect();
    for (recording, at) in &forms {
        if is_file(recording) {
            return Ok(of_file(recording, None, *at));
        }
        for sign in [':', '#'] {
            if let Some((path, choice)) = recording.rsplit_once(sign)
                && is_file(path)
                && !choice.is_empty()
                && !choice.contains('@')
            {
                let choice = number(choice).unwrap_or_else(|| Choice::Name(choice.to_owned()));
                return Ok(of_file(path, Some(choice), *at));
            }
        }
    }
    if let Some((choice, at)) = forms.iter().find_map(|(text, at)| Some((number(text)?, at))) {
        return Ok(Written { path: None, choice: Some(choice), at: at.map(str::to_owned) });
    }
    let like_file = |text: &str| text.contains('/') || text.ends_with(".db");
    if text.split([':', '#', '@']).any(like_file) {
        let missing = anyhow::anyhow!("there is no file of recordings like `{text}`");
        return Err(Failure::new(Status::Recording, missing)
            .hint("write FILE, FILE:NUMBER, or the number or name of a recording"));
    }
    let (name, at) = match text.split_once('@') {
        Some((name, at)) if !name.is_empty() => (name, Some(at.to_owned())),
        _ => (text, None),
    };
    Ok(Written { path: None, choice: Some(Choice::Name(name.to_owned())), at })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Written {
        written(text, &|path| ["a.db", "b:2.db", "x@y", "dir/c.db"].contains(&path)).unwrap()
    }

    fn of(path: Option<&str>, choice: Option<Choice>, at: Option<&str>) -> Written {
        Written { path: path.map(PathBuf::from), choice, at: at.map(str::to_owned) }
    }

    #[test]
    fn a_run_is_a_number_a_name_or_a_file_with_a_time_after_it() {
        let name = |text: &str| Some(Choice::Name(text.to_owned()));
        let number = |n| Some(Choice::Number(n));
        assert_eq!(read("3"), of(None, number(3), None));
        assert_eq!(read("#3@peak"), of(None, number(3), Some("peak")));
        assert_eq!(read("build 1.4"), of(None, name("build 1.4"), None));
        assert_eq!(read("build@@warm"), of(None, name("build"), Some("@warm")));
        assert_eq!(read("a.db"), of(Some("a.db"), None, None));
        assert_eq!(read("a.db:2"), of(Some("a.db"), number(2), None));
        assert_eq!(read("a.db#2@@warm+5s"), of(Some("a.db"), number(2), Some("@warm+5s")));
        assert_eq!(
            read("dir/c.db:load test@14:05"),
            of(Some("dir/c.db"), name("load test"), Some("14:05"))
        );
        assert_eq!(read("b:2.db"), of(Some("b:2.db"), None, None));
        assert_eq!(read("b:2.db#2@peak"), of(Some("b:2.db"), number(2), Some("peak")));
        assert_eq!(read("x@y@end"), of(Some("x@y"), None, Some("end")));
        assert!(written("dir/none.db:3", &|_| false).is_err());
        assert!(written("", &|_| false).is_err());
    }

    #[test]
    fn numbers_after_a_file_are_of_that_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::fs::write(&path, b"").unwrap();
        let text = format!("{}:1,2,#3,other", path.display());
        let chosen = side(&text, &FileArgs { db: None }).unwrap();
        let files: Vec<bool> =
            chosen.iter().map(|run| run.recording.file.db.as_ref() == Some(&path)).collect();
        assert_eq!(files, [true, true, true, false]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), files in "[a-c@:#,]{0,6}") {
            let _ = written(&text, &|path| path == files);
            let _ = written(&files, &|path| path.len() == 2);
        }
    }
}
