//! The file in which a runtime names the code that it makes, read again as it grows.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::linux::files;
use crate::stacks::perf_map::PerfMap;

/// The maximum bytes to read of it.
const MAX_BYTES: u64 = 64 << 20;
/// The time between two looks at its size.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The names of a process's own code.
pub(crate) struct CodeNames {
    folder: PathBuf,
    path: Option<PathBuf>,
    bytes: u64,
    looked: Option<Instant>,
    map: PerfMap,
}

impl CodeNames {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, path: None, bytes: 0, looked: None, map: PerfMap::default() }
    }

    /// Returns the name of the code at `address`.
    pub(crate) fn name(&mut self, address: u64) -> Option<String> {
        self.refresh();
        self.map.name(address)
    }

    fn refresh(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return;
        }
        self.looked = Some(Instant::now());
        let folder = &self.folder;
        let path = self.path.get_or_insert_with(|| {
            folder.join(format!("root/tmp/perf-{}.map", own_pid(folder).unwrap_or_default()))
        });
        // Others may write to that folder: no links, no pipes, no other user's file.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        let Ok(file) = OpenOptions::new().read(true).custom_flags(flags).open(path) else { return };
        let Ok(metadata) = file.metadata() else { return };
        let owner = std::fs::metadata(&self.folder).map(|it| it.uid());
        let is_its_own = owner.is_ok_and(|owner| owner == metadata.uid() || metadata.uid() == 0);
        if metadata.is_file() && is_its_own && metadata.len() != self.bytes {
            self.bytes = metadata.len();
            self.map = read(file);
        }
    }
}

fn read(file: File) -> PerfMap {
    let mut text = Vec::new();
    match file.take(MAX_BYTES).read_to_end(&mut text) {
        Ok(_) => PerfMap::parse(text),
        Err(_) => PerfMap::default(),
    }
}

/// Returns the number that a process has in its own namespace.
fn own_pid(folder: &std::path::Path) -> Option<String> {
    let status = files::read(folder.join("status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().next_back().map(str::to_owned)
}
