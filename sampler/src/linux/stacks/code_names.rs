//! The file in which a runtime names the code that it makes, read again as it grows.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::linux::perf_map_file;
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
        let path = self.path.get_or_insert_with(|| perf_map_file::path(folder));
        let Some((file, bytes)) = perf_map_file::open(folder, path) else { return };
        if bytes != self.bytes {
            self.bytes = bytes;
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
