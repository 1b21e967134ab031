//! Reads the limits of a process and the figures of its control group, which are charged beside
//! its regions: the caches of files, buffers and the kernel's own memory count there.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::linux::files::{PROC, read};
use crate::procfs::cgroup::{Hierarchy, bound, keyed, memory_group, soft_limit, stalled_ns};
use crate::procfs::line::decimal;
use crate::snapshot::ProcessTotals;

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// How long limits and the group of a process are good for.
const LIMITS_NS: u64 = 1_000_000_000;

/// How long the figures of a group are good for: processes of one tick share them.
const FIGURES_NS: u64 = 20_000_000;

/// The same where they need not be current.
const RECENT_FIGURES_NS: u64 = 1_000_000_000;

/// Which figures of the surroundings will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Those of the moment.
    Current,
    /// Those of a group may be a second old, limits as old as the last sample that read all.
    Recent,
}

/// The maximum number of groups whose figures are kept.
const MAX_GROUPS: usize = 1024;

/// The figures of groups, for all samplers, with the monotonic time of their reading.
static GROUPS: Mutex<Option<HashMap<PathBuf, (u64, GroupFigures)>>> = Mutex::new(None);

/// What surrounds one process.
#[derive(Debug)]
pub(crate) struct Surroundings {
    folder: PathBuf,
    looked_ns: Option<u64>,
    group: Option<(Hierarchy, PathBuf)>,
    max_mappings: Option<u64>,
    address_space_limit_bytes: Option<u64>,
    data_limit_bytes: Option<u64>,
}

/// The figures of a group.
#[derive(Clone, Copy, Debug, Default)]
struct GroupFigures {
    charged: Option<u64>,
    peak: Option<u64>,
    max: Option<u64>,
    anonymous: Option<u64>,
    file: Option<u64>,
    kernel: Option<u64>,
    slab: Option<u64>,
    socket: Option<u64>,
    oom_kills: Option<u64>,
    some_stalled_ns: Option<u64>,
    all_stalled_ns: Option<u64>,
}

impl Surroundings {
    /// Creates those of the process in `folder`, of which nothing is known yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            looked_ns: None,
            group: None,
            max_mappings: None,
            address_space_limit_bytes: None,
            data_limit_bytes: None,
        }
    }

    /// Returns how many mappings the process may have, as of the last sample.
    pub(crate) const fn max_mappings(&self) -> Option<u64> {
        self.max_mappings
    }

    /// Adds what may be read to the totals of a sample taken now.
    pub(crate) fn add_to(&mut self, totals: &mut ProcessTotals, now_ns: u64, freshness: Freshness) {
        let old = |looked: u64| {
            freshness == Freshness::Current && now_ns.saturating_sub(looked) >= LIMITS_NS
        };
        if self.looked_ns.is_none_or(old) {
            self.looked_ns = Some(now_ns);
            self.look();
        }
        totals.max_mappings = self.max_mappings;
        totals.address_space_limit_bytes = self.address_space_limit_bytes;
        totals.data_limit_bytes = self.data_limit_bytes;
        let Some((hierarchy, folder)) = &self.group else { return };
        let figures = {
            let max_age_ns = match freshness {
                Freshness::Current => FIGURES_NS,
                Freshness::Recent => RECENT_FIGURES_NS,
            };
            shared(*hierarchy, folder, now_ns, max_age_ns)
        };
        totals.cgroup_bytes = figures.charged;
        totals.cgroup_peak_bytes = figures.peak;
        totals.cgroup_max_bytes = figures.max;
        totals.cgroup_anonymous_bytes = figures.anonymous;
        totals.cgroup_file_bytes = figures.file;
        totals.cgroup_kernel_bytes = figures.kernel;
        totals.cgroup_slab_bytes = figures.slab;
        totals.cgroup_socket_bytes = figures.socket;
        totals.cgroup_oom_kills = figures.oom_kills;
        totals.cgroup_some_stalled_ns = figures.some_stalled_ns;
        totals.cgroup_all_stalled_ns = figures.all_stalled_ns;
    }

    /// Reads the limits, and which group the process is in: it may be moved.
    fn look(&mut self) {
        let Some(proc) = self.folder.parent() else { return };
        let whole = |path: PathBuf| read(path).ok();
        self.max_mappings =
            whole(proc.join("sys/vm/max_map_count")).and_then(|text| decimal(text.trim_ascii()));
        // Of a process that ends they may not be read any more, and are what they were.
        if let Some(limits) = whole(self.folder.join("limits")) {
            self.address_space_limit_bytes = soft_limit(&limits, b"Max address space");
            self.data_limit_bytes = soft_limit(&limits, b"Max data size");
        }
        // The groups of another /proc are not those of this system.
        self.group = (proc == Path::new(PROC))
            .then(|| whole(self.folder.join("cgroup")))
            .flatten()
            .and_then(|text| memory_group(&text).map(|(tree, path)| (tree, folder(tree, path))));
    }
}

/// Returns the folder of a group.
fn folder(hierarchy: Hierarchy, path: &[u8]) -> PathBuf {
    let root = match hierarchy {
        Hierarchy::One => Path::new(ROOT).join("memory"),
        Hierarchy::Two => PathBuf::from(ROOT),
    };
    root.join(OsStr::from_bytes(path))
}

/// Returns the figures of a group, which another process of it may have had read just now.
fn shared(hierarchy: Hierarchy, folder: &Path, now_ns: u64, max_age_ns: u64) -> GroupFigures {
    let groups = || GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read_ns, figures)) = groups().as_ref().and_then(|groups| groups.get(folder))
        && now_ns.abs_diff(*read_ns) < max_age_ns
    {
        return *figures;
    }
    let figures = match hierarchy {
        Hierarchy::One => figures_of_one(folder),
        Hierarchy::Two => figures_of_two(folder),
    };
    let mut groups = groups();
    let groups = groups.get_or_insert_default();
    if groups.len() >= MAX_GROUPS {
        groups.clear();
    }
    groups.insert(folder.to_owned(), (now_ns, figures));
    figures
}

/// Reads the figures of a group of the first interface.
fn figures_of_one(folder: &Path) -> GroupFigures {
    let text = |name: &str| read(folder.join(name)).unwrap_or_default();
    let number = |name: &str| decimal(text(name).trim_ascii());
    let stat = text("memory.stat");
    GroupFigures {
        charged: number("memory.usage_in_bytes"),
        peak: number("memory.max_usage_in_bytes"),
        max: keyed(&stat, b"hierarchical_memory_limit")
            .and_then(|limit| bound(limit.to_string().as_bytes())),
        anonymous: keyed(&stat, b"total_rss"),
        file: keyed(&stat, b"total_cache"),
        kernel: number("memory.kmem.usage_in_bytes"),
        slab: None,
        socket: number("memory.kmem.tcp.usage_in_bytes"),
        oom_kills: keyed(&text("memory.oom_control"), b"oom_kill"),
        some_stalled_ns: None,
        all_stalled_ns: None,
    }
}

/// Reads the figures of a group of the second interface.
fn figures_of_two(folder: &Path) -> GroupFigures {
    let text = |name: &str| read(folder.join(name)).unwrap_or_default();
    let number = |name: &str| decimal(text(name).trim_ascii());
    let (stat, pressure) = (text("memory.stat"), text("memory.pressure"));
    let above = folder.ancestors().take_while(|folder| folder.starts_with(ROOT));
    let limits = above.filter_map(|folder| bound(&read(folder.join("memory.max")).ok()?));
    GroupFigures {
        charged: number("memory.current"),
        peak: number("memory.peak"),
        max: limits.min(),
        anonymous: keyed(&stat, b"anon"),
        file: keyed(&stat, b"file"),
        kernel: keyed(&stat, b"kernel"),
        slab: keyed(&stat, b"slab"),
        socket: keyed(&stat, b"sock"),
        oom_kills: keyed(&text("memory.events"), b"oom_kill"),
        some_stalled_ns: stalled_ns(&pressure, b"some"),
        all_stalled_ns: stalled_ns(&pressure, b"full"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_groups_above_count_and_missing_files_are_unknown() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("group");
        std::fs::create_dir(&group).unwrap();
        std::fs::write(group.join("memory.current"), "8192\n").unwrap();
        std::fs::write(group.join("memory.stat"), "anon 4096\nsock 0\n").unwrap();
        let figures = figures_of_two(&group);
        assert_eq!((figures.charged, figures.peak), (Some(8192), None));
        assert_eq!((figures.anonymous, figures.socket), (Some(4096), Some(0)));
        assert_eq!((figures.file, figures.max, figures.some_stalled_ns), (None, None, None));
        std::fs::write(group.join("memory.stat"), "hierarchical_memory_limit 65536\n").unwrap();
        assert_eq!(figures_of_one(&group).max, Some(65536));
    }

    #[test]
    fn a_process_of_this_system_has_its_limits() {
        let mut totals = ProcessTotals::default();
        Surroundings::new(Path::new("/proc/self")).add_to(&mut totals, 5, Freshness::Current);
        assert!(totals.max_mappings.unwrap() > 0);
        let charged = read(PathBuf::from("/proc/self/cgroup")).ok().and_then(|text| {
            let (tree, path) = memory_group(&text)?;
            let name = match tree {
                Hierarchy::One => "memory.usage_in_bytes",
                Hierarchy::Two => "memory.current",
            };
            read(folder(tree, path).join(name)).ok()
        });
        assert_eq!(totals.cgroup_bytes.is_some(), charged.is_some());
    }
}
