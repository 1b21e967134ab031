//! Finds processes by name.

use crate::process::ProcessInfo;

/// Returns the indices in `processes` of the best matches of `pattern`, never this process itself.
///
/// The file names of the executable and of the first argument count, and after them the short name,
/// which `ps` shows. Exact beats prefix beats substring; letter case is ignored only if nothing
/// matches with it. A pattern with `/` is compared with whole paths.
pub fn matching(pattern: &str, processes: &[ProcessInfo]) -> Vec<usize> {
    let own_pid = std::process::id();
    let mut best = u8::MAX;
    let mut found = Vec::new();
    for (index, process) in processes.iter().enumerate() {
        let Some(rank) = rank(pattern, process).filter(|_| process.id.pid != own_pid) else {
            continue;
        };
        if rank < best {
            best = rank;
            found.clear();
        }
        if rank == best {
            found.push(index);
        }
    }
    found
}

/// Ranks a short name below every name of an executable or first argument.
const AFTER_NAMES: u8 = 6;

/// Returns the rank of the match of `pattern`, 0 for the best.
fn rank(pattern: &str, process: &ProcessInfo) -> Option<u8> {
    let executable = process.executable.as_deref();
    let called = process.arguments.first().map(String::as_str);
    if pattern.contains('/') {
        return (executable == Some(pattern) || called == Some(pattern)).then_some(0);
    }
    let names = [executable.map(file_name), called.map(called_name)];
    let names = names.into_iter().flatten().filter(|name| !name.is_empty());
    let rank = names.filter_map(|name| rank_name(pattern, name)).min();
    let by_short_name = || Some(rank_name(pattern, &process.short_name)? + AFTER_NAMES);
    rank.or_else(by_short_name)
}

fn rank_name(pattern: &str, name: &str) -> Option<u8> {
    fn closeness(pattern: &str, name: &str) -> Option<u8> {
        match name.find(pattern)? {
            0 if name.len() == pattern.len() => Some(0),
            0 => Some(1),
            _ => Some(2),
        }
    }
    if pattern.is_empty() {
        return None;
    }
    closeness(pattern, name)
        .or_else(|| closeness(&pattern.to_lowercase(), &name.to_lowercase()).map(|rank| rank + 3))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the file name in a first argument, which many processes overwrite with a title of several words.
fn called_name(argument: &str) -> &str {
    let first = argument.split(' ').next().unwrap_or(argument);
    file_name(first).trim_start_matches('-').trim_end_matches(':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::ProcessId;

    fn process(pid: u32, executable: Option<&str>, called: &[&str], short: &str) -> ProcessInfo {
        ProcessInfo {
            id: ProcessId { pid, start_ticks: 1, boot_id: String::new() },
            parent_pid: None,
            started_utc_ns: None,
            executable: executable.map(str::to_owned),
            executable_deleted: false,
            architecture: None,
            arguments: called.iter().map(|text| text.to_string()).collect(),
            short_name: short.to_owned(),
            user_id: None,
        }
    }

    fn some() -> Vec<ProcessInfo> {
        vec![
            process(
                u32::MAX - 1,
                Some("/usr/lib/chromium/chromium"),
                &["/usr/lib/chromium/chromium --type=renderer"],
                "chromium",
            ),
            process(u32::MAX - 2, Some("/opt/chromium/helper"), &["helper"], "helper"),
            process(
                u32::MAX - 3,
                Some("/usr/bin/python3.11"),
                &["a-program-of-more-than-15"],
                "a-program-of-mo",
            ),
            process(u32::MAX - 4, None, &["postgres: checkpointer "], "postgres"),
            process(u32::MAX - 5, None, &[], "kworker"),
            process(u32::MAX - 6, Some("/usr/bin/Chrom"), &["-Chrom"], "other"),
        ]
    }

    #[test]
    fn exact_beats_prefix_beats_substring_and_case_is_tried_last() {
        assert_eq!(matching("chromium", &some()), [0]);
        assert_eq!(matching("chrom", &some()), [0], "a prefix in this case beats exact in another");
        assert_eq!(matching("Chrom", &some()), [5]);
        assert_eq!(matching("CHROM", &some()), [5]);
        assert_eq!(matching("hrom", &some()), [0, 5]);
        assert_eq!(matching("", &some()), [0; 0]);
    }

    #[test]
    fn names_are_of_files_and_never_of_folders() {
        assert_eq!(matching("usr", &some()), [0; 0]);
        assert_eq!(matching("opt", &some()), [0; 0]);
        assert_eq!(matching("renderer", &some()), [0; 0]);
        assert_eq!(matching("/usr/bin/python3.11", &some()), [2]);
        assert_eq!(matching("bin/python3.11", &some()), [0; 0]);
    }

    #[test]
    fn the_short_name_counts_after_the_others() {
        assert_eq!(matching("a-program-of-more-than-15", &some()), [2]);
        assert_eq!(matching("postgres", &some()), [3]);
        assert_eq!(matching("kworker", &some()), [4]);
        // As `ps` shows a process that gave itself a name.
        assert_eq!(matching("other", &some()), [5]);
        let mut both = some();
        both.push(process(u32::MAX - 7, Some("/usr/bin/other"), &["other"], "main"));
        assert_eq!(matching("other", &both), [6]);
    }

    #[test]
    fn this_process_does_not_find_itself() {
        let me = process(std::process::id(), Some("/usr/bin/vmrec"), &["vmrec"], "vmrec");
        let other = process(u32::MAX - 1, Some("/usr/bin/vmrec"), &["vmrec"], "vmrec");
        assert_eq!(matching("vmrec", &[me, other]), [1]);
    }
}
