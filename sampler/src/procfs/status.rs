//! `/proc/PID/status`: totals of the process's memory, its owner and threads.

use crate::procfs::line::decimal;
use crate::procfs::sizes::{kilobytes, split_line};

/// The fields of `/proc/PID/status` that vmrec uses; missing lines are unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The pid; different from the requested one if that was a thread's.
    pub process_pid: Option<u32>,
    /// The owner's real user number.
    pub user_id: Option<u32>,
    /// Maximum resident bytes so far (`VmHWM`).
    pub peak_resident_bytes: Option<u64>,
    /// Resident bytes of no file (`RssAnon`).
    pub anonymous_bytes: Option<u64>,
    /// Resident bytes of files (`RssFile`).
    pub file_bytes: Option<u64>,
    /// Resident bytes of shared memory (`RssShmem`).
    pub shmem_bytes: Option<u64>,
    /// Resident bytes of hugetlb, which no other figure counts (`HugetlbPages`).
    pub hugetlb_bytes: Option<u64>,
    /// Bytes of page tables (`VmPTE`).
    pub page_table_bytes: Option<u64>,
    /// Its number in its own namespace of pids and how many namespaces it has a number in (`NSpid`).
    pub inner_pid: Option<(u32, usize)>,
    /// The number of threads.
    pub threads: Option<u64>,
}

/// Reads the text of `/proc/PID/status`.
pub fn parse_status(text: &[u8]) -> Status {
    let mut status = Status::default();
    for line in text.split(|byte| *byte == b'\n') {
        // The name can be set to look like another line, but cannot contain a newline.
        let Some((key, value)) = split_line(line) else { continue };
        match key {
            b"Tgid" => status.process_pid = first(value),
            b"Uid" => status.user_id = first(value),
            b"VmHWM" => status.peak_resident_bytes = kilobytes(value),
            b"RssAnon" => status.anonymous_bytes = kilobytes(value),
            b"RssFile" => status.file_bytes = kilobytes(value),
            b"RssShmem" => status.shmem_bytes = kilobytes(value),
            b"HugetlbPages" => status.hugetlb_bytes = kilobytes(value),
            b"VmPTE" => status.page_table_bytes = kilobytes(value),
            b"NSpid" => status.inner_pid = inner(value),
            b"Threads" => status.threads = decimal(value),
            _ => {}
        }
    }
    status
}

/// Reads the numbers in each namespace from the outermost on.
fn inner(value: &[u8]) -> Option<(u32, usize)> {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let pids: Option<Vec<u32>> = words.map(|word| decimal(word)?.try_into().ok()).collect();
    let pids = pids?;
    Some((*pids.last()?, pids.len()))
}

fn first(value: &[u8]) -> Option<u32> {
    let word = value.split(u8::is_ascii_whitespace).next()?;
    decimal(word)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_lines_are_read_and_missing_ones_unknown() {
        let status = parse_status(
            b"Name:\tUid: 5\nTgid:\t42\nPid:\t43\nUid:\t1000\t0\t0\t0\nVmHWM:\t    1640 kB\n\
              RssAnon:\t     100 kB\nRssFile:\t 20 kB\nRssShmem:\t 3 kB\nVmPTE:\t  48 kB\nThreads:\t7\n",
        );
        assert_eq!((status.process_pid, status.user_id), (Some(42), Some(1000)));
        assert_eq!(status.peak_resident_bytes, Some(1640 * 1024));
        assert_eq!(status.anonymous_bytes, Some(100 * 1024));
        assert_eq!(status.file_bytes, Some(20 * 1024));
        assert_eq!(status.shmem_bytes, Some(3 * 1024));
        assert_eq!(status.page_table_bytes, Some(48 * 1024));
        assert_eq!(status.threads, Some(7));
        assert_eq!((status.hugetlb_bytes, status.inner_pid), (None, None));
        assert_eq!(parse_status(b"NSpid:\t812\t40\t5\n").inner_pid, Some((5, 3)));
        assert_eq!(parse_status(b"NSpid:\t812\tx\n").inner_pid, None);
    }

    proptest! {
        #[test]
        fn a_line_is_read_exactly_or_unknown(
            lines in proptest::collection::vec(
                (
                    proptest::sample::select(&["Tgid", "VmHWM", "Threads", "Future"][..]),
                    "[0-9]{0,21}( kB| MB)?",
                ),
                0..8,
            ),
            noise: Vec<u8>,
        ) {
            let mut text = noise;
            text.retain(|byte| *byte != b':');
            for (key, value) in &lines {
                text.extend_from_slice(format!("\n{key}:\t{value}").as_bytes());
            }
            let status = parse_status(&text);
            let last = |key| lines.iter().rev().find(|line| line.0 == key).map(|line| &*line.1);
            let pid = last("Tgid").and_then(|value| value.split(' ').next()?.parse::<u32>().ok());
            prop_assert_eq!(status.process_pid, pid);
            let peak = last("VmHWM").and_then(|value| {
                value.strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
            });
            prop_assert_eq!(status.peak_resident_bytes, peak);
            prop_assert_eq!(status.threads, last("Threads").and_then(|value| value.parse().ok()));
            prop_assert_eq!(status.user_id, None);
        }
    }
}
