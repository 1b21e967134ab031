//! The processes of a control group of Linux and of those below it.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Status};

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The file with the processes of a group.
const PROCESSES: &str = "cgroup.procs";

/// The maximum number of groups, their depth, and bytes of one list.
const MAX_GROUPS: usize = 10_000;
const MAX_DEPTH: usize = 32;
const MAX_BYTES: u64 = 4 << 20;

/// A control group.
#[derive(Debug)]
pub(crate) struct ControlGroup {
    folder: PathBuf,
}

impl ControlGroup {
    /// Finds a group by its folder, or by its path as `/proc/PID/cgroup` has it.
    pub(crate) fn find(path: &Path) -> Result<Self, Failure> {
        let below = path.strip_prefix("/").unwrap_or(path);
        let folders = [path.to_owned(), Path::new(ROOT).join(below)];
        let found = folders.into_iter().find(|folder| folder.join(PROCESSES).is_file());
        found.map(|folder| Self { folder }).ok_or_else(|| {
            let missing = anyhow::anyhow!("{} is no control group", path.display());
            Failure::new(Status::Target, missing).hint(
                "`cat /proc/PID/cgroup` shows that of a process, such as /system.slice/x.service",
            )
        })
    }

    /// Returns the numbers of the processes in it and below.
    pub(crate) fn pids(&self) -> BTreeSet<u32> {
        let mut pids = BTreeSet::new();
        let mut open = vec![(self.folder.clone(), 0)];
        let mut groups = 0;
        while let Some((folder, depth)) = open.pop() {
            groups += 1;
            let mut text = String::new();
            let file = File::open(folder.join(PROCESSES));
            // A group that is gone by now has no processes.
            let _ = file.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
            pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
            if depth >= MAX_DEPTH || groups >= MAX_GROUPS {
                continue;
            }
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                // No link is followed.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push((entry.path(), depth + 1));
                }
            }
        }
        pids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_below_count_and_links_do_not() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, text: &str| {
            let folder = root.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(PROCESSES), text).unwrap();
        };
        make("a", "7\n9\n");
        make("a/b", "11\nno number\n-3\n");
        make("other", "99\n");
        std::os::unix::fs::symlink(root.path().join("other"), root.path().join("a/link")).unwrap();
        let group = ControlGroup::find(&root.path().join("a")).unwrap();
        assert_eq!(group.pids(), BTreeSet::from([7, 9, 11]));
        assert!(ControlGroup::find(&root.path().join("missing")).is_err());
    }
}
