//! Opens a file in the user's browser.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// The program that opens a file with what the user prefers for its kind.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Opens a file in the browser, and does not wait for that to end.
pub(crate) fn open(path: &Path) -> Result<(), Failure> {
    // A relative name that begins with a dash would be an option.
    let path = path.canonicalize().map_err(|source| Failure::io("open", path, source))?;
    let started = Command::new(OPENER)
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.map(drop).map_err(|source| {
        Failure::io("start", Path::new(OPENER), source)
            .hint(format!("the page is written: open {} in a browser", path.display()))
    })
}
