//! The list of all processes, as it changes: who came, who is gone.

use std::collections::BTreeMap;

use crate::order::sort_by_key;

/// A process as the list of all shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedProcess {
    /// The process number.
    pub pid: u32,
    /// When it started, in the platform's own ticks: with the number it names one process.
    pub start_ticks: u64,
    /// The process that started it, or that it belongs to since that one ended; macOS: for what
    /// launchd started, the process that it works for.
    pub parent_pid: u32,
    /// The kernel's short name, which the process can set itself.
    pub short_name: String,
    /// Whether it has ended and only waits for its parent to ask for its status.
    pub ended: bool,
}

/// How a list differs from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListChanges {
    /// Processes that are new, in ascending order of their numbers.
    pub came: Vec<ListedProcess>,
    /// Processes that are no longer listed: number and start.
    pub gone: Vec<(u32, u64)>,
}

/// The processes of the list before.
#[derive(Debug, Default)]
pub(crate) struct KnownProcesses {
    by_pid: BTreeMap<u32, Known>,
    turn: u64,
}

#[derive(Debug)]
struct Known {
    /// Changes if the number is given to another process, and perhaps if not.
    entry: u64,
    /// `None` for one that is not looked at: a thread of the kernel, or one that was gone at once.
    start_ticks: Option<u64>,
    turn: u64,
}

impl KnownProcesses {
    /// Returns whether the last list had a process of this number.
    pub(crate) fn contains(&self, pid: u32) -> bool {
        self.by_pid.contains_key(&pid)
    }

    /// Takes a new list: process numbers with a number that another process of that number would
    /// not have. `look` reads one process; it is called only for those that may be new.
    pub(crate) fn update(
        &mut self,
        list: impl Iterator<Item = (u32, u64)>,
        mut look: impl FnMut(u32) -> Option<ListedProcess>,
    ) -> ListChanges {
        self.turn += 1;
        let turn = self.turn;
        let mut changes = ListChanges::default();
        for (pid, entry) in list {
            if let Some(known) = self.by_pid.get_mut(&pid)
                && known.entry == entry
            {
                known.turn = turn;
                continue;
            }
            let found = look(pid);
            let start_ticks = found.as_ref().map(|process| process.start_ticks);
            let before = self.by_pid.insert(pid, Known { entry, start_ticks, turn });
            let before = before.and_then(|known| known.start_ticks);
            if before == start_ticks {
                continue;
            }
            changes.gone.extend(before.map(|ticks| (pid, ticks)));
            changes.came.extend(found);
        }
        self.by_pid.retain(|pid, known| {
            let stays = known.turn == turn;
            changes.gone.extend(known.start_ticks.filter(|_| !stays).map(|ticks| (*pid, ticks)));
            stays
        });
        sort_by_key(&mut changes.came, |process| process.pid);
        changes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    fn listed(pid: u32, start_ticks: u64) -> ListedProcess {
        ListedProcess { pid, start_ticks, parent_pid: 1, short_name: String::new(), ended: false }
    }

    #[test]
    fn only_what_may_be_new_is_looked_at() {
        let mut known = KnownProcesses::default();
        let changes = known.update([(7, 70), (9, 90)].into_iter(), |pid| Some(listed(pid, 1)));
        assert_eq!(changes.came, [listed(7, 1), listed(9, 1)]);
        let mut looked = Vec::new();
        let changes = known.update([(7, 70), (9, 91), (12, 1), (3, 3)].into_iter(), |pid| {
            looked.push(pid);
            (pid != 12).then(|| listed(pid, if pid == 9 { 2 } else { 1 }))
        });
        assert_eq!(looked, [9, 12, 3]);
        assert_eq!(changes.came, [listed(3, 1), listed(9, 2)]);
        assert_eq!(changes.gone, [(9, 1)], "its number is another process's now");
        // The entry of the same process may change.
        let changes = known.update([(7, 71), (9, 91)].into_iter(), |pid| Some(listed(pid, 1)));
        assert_eq!(changes, ListChanges { came: vec![], gone: vec![(3, 1)] });
    }

    proptest! {
        #[test]
        fn those_that_came_and_are_not_gone_are_those_listed(
            lists in proptest::collection::vec(btree_map(1_u32..20, 1_u64..4, 0..12), 1..12)
        ) {
            let mut known = KnownProcesses::default();
            let mut alive = BTreeSet::new();
            for list in lists {
                let entries = list.iter().map(|(pid, start)| (*pid, *start));
                let changes = known.update(entries, |pid| Some(listed(pid, list[&pid])));
                for one in changes.gone {
                    prop_assert!(alive.remove(&one));
                }
                for one in changes.came {
                    prop_assert!(alive.insert((one.pid, one.start_ticks)));
                }
                let expected: BTreeSet<(u32, u64)> = list.into_iter().collect();
                prop_assert_eq!(&alive, &expected);
            }
        }
    }
}
