//! The processes of a control group of Linux and of those below it; of a unit of systemd, or of a
//! container, found by the names of groups.

mod names;

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::commands::record::family::cgroup::names::{containers, id_prefix, units};
use crate::failure::{Failure, Status};

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The hierarchies that hold all processes, by their names below that: of version 2, of both
/// versions together, and of version 1.
const HIERARCHIES: [&str; 5] = ["", "unified", "systemd", "memory", "pids"];

/// The file with the processes of a group.
const PROCESSES: &str = "cgroup.procs";

/// The maximum number of groups, their depth, and bytes of one list.
const MAX_GROUPS: usize = 10_000;
const MAX_DEPTH: usize = 32;
const MAX_BYTES: u64 = 4 << 20;

/// How many groups an error lists.
const SHOWN: usize = 5;

/// A control group.
#[derive(Debug)]
pub(crate) struct ControlGroup {
    folder: PathBuf,
}

impl ControlGroup {
    /// Finds a group by its folder, or by its path as `/proc/PID/cgroup` has it.
    pub(crate) fn find(path: &Path) -> Result<Self, Failure> {
        let below = path.strip_prefix("/").unwrap_or(path);
        let below = HIERARCHIES.map(|name| Path::new(ROOT).join(name).join(below));
        let mut folders = std::iter::once(path.to_owned()).chain(below);
        let found = folders.find(|folder| folder.join(PROCESSES).is_file());
        found.map(|folder| Self { folder }).ok_or_else(|| {
            let missing = anyhow::anyhow!("{} is no control group", path.display());
            Failure::new(Status::Target, missing).hint(
                "`cat /proc/PID/cgroup` shows that of a process, such as /system.slice/x.service",
            )
        })
    }

    /// Finds the group of a unit of systemd, `nginx` or `nginx.service`.
    pub(crate) fn of_unit(name: &str) -> Result<Self, Failure> {
        Self::of_unit_in(Path::new(ROOT), name)
    }

    fn of_unit_in(root: &Path, name: &str) -> Result<Self, Failure> {
        let (hierarchy, found) = search(root, |groups| units(groups, name));
        match &found[..] {
            [group] => Ok(Self { folder: hierarchy.join(group) }),
            [] => Err(Failure::new(
                Status::Target,
                anyhow::anyhow!("no unit called `{name}` has a control group"),
            )
            .hint(format!(
                "it has one while it runs: `systemctl status {name}`; that of a process is in \
                 `cat /proc/PID/cgroup`, for --cgroup"
            ))),
            several => Err(several_groups(&format!("units are called `{name}`"), several)),
        }
    }

    /// Finds the group of a container by its id, or the first digits of that.
    pub(crate) fn of_container(id: &str) -> Result<Self, Failure> {
        Self::of_container_in(Path::new(ROOT), id)
    }

    fn of_container_in(root: &Path, id: &str) -> Result<Self, Failure> {
        let Some(prefix) = id_prefix(id) else {
            return Err(Failure::usage(format!("`{id}` is no id of a container")).hint(
                "give its id or the first 4 digits or more: `docker ps`, `podman ps`, \
                       `crictl ps` show ids; of a name: `docker inspect -f '{{.Id}}' NAME`",
            ));
        };
        let find = |groups: &[PathBuf]| containers(groups, &prefix).into_values().collect();
        let (hierarchy, found) = search(root, find);
        match &found[..] {
            [group] => Ok(Self { folder: hierarchy.join(group) }),
            [] => Err(Failure::new(
                Status::Target,
                anyhow::anyhow!("no running container has an id that begins with {prefix}"),
            )
            .hint(
                "`docker ps`, `podman ps` or `crictl ps` shows those that run; vmrec must run on \
                   their host, or with --pid=host and the host's /sys/fs/cgroup",
            )),
            several => Err(several_groups(&format!("containers begin with {prefix}"), several)),
        }
    }

    /// Returns the numbers of the processes in it and below.
    pub(crate) fn pids(&self) -> BTreeSet<u32> {
        let mut pids = BTreeSet::new();
        visit(&self.folder, |folder| {
            let mut text = String::new();
            let file = File::open(folder.join(PROCESSES));
            // A group that is gone by now has no processes.
            let _ = file.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
            let numbers = text.lines().filter_map(|line| line.parse::<u32>().ok());
            // 0 stands for a process of another namespace of pids.
            pids.extend(numbers.filter(|pid| *pid != 0));
        });
        pids
    }
}

fn several_groups(what: &str, groups: &[PathBuf]) -> Failure {
    let shown = groups.iter().take(SHOWN).map(|group| format!("/{}", group.display()));
    let mut shown: Vec<String> = shown.collect();
    if groups.len() > SHOWN {
        shown.push(format!("and {} more", groups.len() - SHOWN));
    }
    Failure::new(Status::Target, anyhow::anyhow!("{} {what}: {}", groups.len(), shown.join(", ")))
        .hint("name the one with --cgroup PATH")
}

/// Returns the groups found in the first hierarchy that has any, and its folder.
fn search(root: &Path, find: impl Fn(&[PathBuf]) -> Vec<PathBuf>) -> (PathBuf, Vec<PathBuf>) {
    let folders = HIERARCHIES.map(|name| root.join(name));
    let hierarchies = folders.into_iter().filter(|folder| folder.join(PROCESSES).is_file());
    let mut found = hierarchies.map(|folder| {
        let groups = find(&groups(&folder));
        (folder, groups)
    });
    let first = found.find(|(_, groups)| !groups.is_empty());
    first.unwrap_or_else(|| (root.to_owned(), Vec::new()))
}

/// Returns all groups below a folder, by their paths there, in order.
fn groups(root: &Path) -> Vec<PathBuf> {
    let mut groups = Vec::new();
    visit(root, |folder| {
        if folder.join(PROCESSES).is_file()
            && let Ok(below) = folder.strip_prefix(root)
        {
            groups.push(below.to_owned());
        }
    });
    groups.sort();
    groups
}

/// Calls `each` with a folder and those below it. No link is followed.
fn visit(root: &Path, mut each: impl FnMut(&Path)) {
    let mut open = vec![(root.to_owned(), 0)];
    let mut count = 0;
    while let Some((folder, depth)) = open.pop() {
        count += 1;
        each(&folder);
        if depth >= MAX_DEPTH || count >= MAX_GROUPS {
            continue;
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((entry.path(), depth + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(root: &Path, name: &str, text: &str) {
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(PROCESSES), text).unwrap();
    }

    #[test]
    fn groups_below_count_and_links_do_not() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), "a", "7\n9\n");
        make(root.path(), "a/b", "11\n0\nno number\n-3\n");
        make(root.path(), "other", "99\n");
        std::os::unix::fs::symlink(root.path().join("other"), root.path().join("a/link")).unwrap();
        let group = ControlGroup::find(&root.path().join("a")).unwrap();
        assert_eq!(group.pids(), BTreeSet::from([7, 9, 11]));
        assert!(ControlGroup::find(&root.path().join("missing")).is_err());
    }

    /// A tree of a host with systemd, docker, podman and Kubernetes.
    fn host() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let [docker, podman, pod] = ["1a2b", "1a2c", "ffff"].map(|id| id.repeat(16));
        for (group, pid) in [
            (String::new(), 1),
            ("system.slice".to_owned(), 2),
            ("system.slice/nginx.service".to_owned(), 3),
            ("system.slice/nginx.service/workers".to_owned(), 4),
            ("system.slice/getty@tty1.service".to_owned(), 5),
            ("system.slice/_cpu.service".to_owned(), 6),
            ("user.slice/user-1000.slice".to_owned(), 14),
            ("user.slice/user-1000.slice/user@1000.service/app.slice/pipe.service".to_owned(), 7),
            ("user.slice/user-1001.slice/user@1001.service/app.slice/pipe.service".to_owned(), 8),
            (format!("system.slice/docker-{docker}.scope"), 9),
            (format!("machine.slice/libpod-{podman}.scope"), 10),
            (format!("machine.slice/libpod-{podman}.scope/container"), 11),
            (format!("machine.slice/libpod-conmon-{podman}.scope"), 12),
            (format!("kubepods.slice/kubepods-podab_cd.slice/cri-containerd-{pod}.scope"), 13),
        ] {
            make(root.path(), &group, &format!("{pid}\n"));
        }
        root
    }

    #[test]
    fn a_unit_is_found_by_its_name_with_or_without_its_type() {
        let root = host();
        let pids = |name| ControlGroup::of_unit_in(root.path(), name).map(|group| group.pids());
        assert_eq!(pids("nginx").unwrap(), BTreeSet::from([3, 4]));
        assert_eq!(pids("nginx.service").unwrap(), BTreeSet::from([3, 4]));
        assert_eq!(pids("getty@tty1").unwrap(), BTreeSet::from([5]));
        assert_eq!(pids("cpu").unwrap(), BTreeSet::from([6]));
        assert_eq!(pids("user-1000.slice").unwrap(), BTreeSet::from([7, 14]));
        assert!(pids("ngin").is_err());
        assert!(pids("pipe").is_err(), "two users have it");
    }

    #[test]
    fn a_container_is_found_by_the_first_digits_of_its_id() {
        let root = host();
        let pids =
            |id: &str| ControlGroup::of_container_in(root.path(), id).map(|group| group.pids());
        assert_eq!(pids("1a2b1a2b").unwrap(), BTreeSet::from([9]));
        assert_eq!(pids("1A2C").unwrap(), BTreeSet::from([10, 11]), "without its monitor");
        let full = format!("containerd://{}", "ffff".repeat(16));
        assert_eq!(pids(&full).unwrap(), BTreeSet::from([13]));
        assert!(pids("1a2").is_err(), "too short");
        assert!(pids("1a2b1a2c").is_err(), "of none");
        assert!(pids("web").is_err(), "a name");
    }

    #[test]
    fn digits_that_begin_two_ids_name_none() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), "", "");
        for end in ["0", "1"] {
            make(root.path(), &format!("docker/{}{end}", "a".repeat(63)), "5\n");
        }
        assert!(ControlGroup::of_container_in(root.path(), "aaaa").is_err());
        let whole = format!("{}1", "a".repeat(63));
        assert!(ControlGroup::of_container_in(root.path(), &whole).is_ok());
    }
}
