//! Where a process names code in its file for perf: the ranges only, merged.
//!
//! Runtimes append to that file as they compile, so that each refresh reads the new part of it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::classify::predicates::{is_anonymous, is_executable};
use crate::linux::perf_map_file;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::stacks::perf_map;

/// The maximum bytes to read in one refresh.
const MAX_REFRESH_BYTES: usize = 4 << 20;
/// The maximum number of ranges; where code is further apart, the rest is not listed.
const MAX_RANGES: usize = 4096;
/// Code at most so far apart is one range.
const GAP_BYTES: u64 = 64 << 10;

/// The code that a process lists.
#[derive(Debug, Default)]
pub(crate) struct ListedCode {
    path: Option<PathBuf>,
    /// The end of the lines that were read.
    read_bytes: u64,
    ranges: Vec<AddressRange>,
}

impl ListedCode {
    /// Reads the new lines of the file of the process of `folder`, if it has memory for code;
    /// returns the ranges that all lines name, ascending and disjoint.
    pub(crate) fn refresh(&mut self, folder: &Path, mappings: &[Mapping]) -> &[AddressRange] {
        if mappings.iter().any(|mapping| is_anonymous(mapping) && is_executable(mapping)) {
            let path = self.path.get_or_insert_with(|| perf_map_file::path(folder));
            match perf_map_file::open(folder, path) {
                Some((file, bytes)) => self.read(&file, bytes),
                None => (self.read_bytes, self.ranges) = (0, Vec::new()),
            }
        }
        &self.ranges
    }

    fn read(&mut self, file: &File, bytes: u64) {
        if bytes < self.read_bytes {
            (self.read_bytes, self.ranges) = (0, Vec::new());
        }
        let new = usize::try_from(bytes - self.read_bytes).unwrap_or(usize::MAX);
        let mut text = vec![0; new.min(MAX_REFRESH_BYTES)];
        let count = file.read_at(&mut text, self.read_bytes).unwrap_or(0);
        // A line that is being written is read when it is complete.
        let lines = text[..count].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read_bytes += lines as u64;
        let listed = text[..lines].split(|byte| *byte == b'\n').filter_map(perf_map::line);
        self.ranges.extend(listed.filter_map(|(start, bytes, _)| {
            let end = start.checked_add(bytes)?;
            (start < end).then_some(AddressRange::new(start, end))
        }));
        self.ranges = merged(std::mem::take(&mut self.ranges));
    }
}

/// Returns `ranges` ascending, with those that are close as one.
fn merged(mut ranges: Vec<AddressRange>) -> Vec<AddressRange> {
    ranges.sort_unstable();
    let mut merged: Vec<AddressRange> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP_BYTES) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged.truncate(MAX_RANGES);
    merged
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn new_lines_are_read_as_they_are_complete() {
        let mut file = tempfile::tempfile().unwrap();
        let mut code = ListedCode::default();
        let mut read = |text: &str| {
            file.write_all(text.as_bytes()).unwrap();
            code.read(&file, file.metadata().unwrap().len());
            code.ranges.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(read("7000000 100 first\nbad\n7000200 10 near\n90"), ["7000000-7000210"]);
        assert_eq!(read("00000 20 far\n"), ["7000000-7000210", "9000000-9000020"]);
        assert_eq!(read("6fff000 1000 below\n").first().unwrap(), "6fff000-7000210");
    }

    #[test]
    fn a_file_that_became_shorter_is_read_anew() {
        let mut file = tempfile::tempfile().unwrap();
        let mut code = ListedCode::default();
        file.write_all(b"7000000 100 first of the old process\n").unwrap();
        code.read(&file, 37);
        file.set_len(0).unwrap();
        file.write_all_at(b"8000000 100 new\n", 0).unwrap();
        code.read(&file, 16);
        assert_eq!(code.ranges, [AddressRange::new(0x800_0000, 0x800_0100)]);
    }
}
