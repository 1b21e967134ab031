//! Which processes of the machine a session records.

use std::collections::{BTreeMap, BTreeSet};

use vmrec_sampler::ListedProcess;

/// How many looks a new process is given to become a program of a name that is recorded.
const MAX_TURNS: u32 = 50;

/// Chooses processes as they come.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Whether children of those recorded are recorded too.
    pub(crate) tree: bool,
    /// Whether every process is recorded.
    pub(crate) host: bool,
    /// The names of executables that are recorded whenever they start.
    pub(crate) names: BTreeSet<String>,
    /// New processes that may still become a program of such a name, and since which turn.
    unnamed: BTreeMap<u32, (u64, u32)>,
    /// vmrec's own number; never recorded.
    pub(crate) own_pid: u32,
    /// Whether vmrec becomes the parent of those whose own parent ends.
    pub(crate) adopts: bool,
    /// Those whose parent has not been listed yet: it may be chosen at the next look.
    undecided: Vec<ListedProcess>,
}

impl Selection {
    /// Creates a selection that knows of no process yet.
    pub(crate) const fn new(tree: bool, own_pid: u32, adopts: bool) -> Self {
        Self {
            tree,
            host: false,
            names: BTreeSet::new(),
            unnamed: BTreeMap::new(),
            own_pid,
            adopts,
            undecided: Vec::new(),
        }
    }

    /// Returns whether some processes are to be looked at again.
    pub(crate) fn is_undecided(&self) -> bool {
        !self.undecided.is_empty() || !self.unnamed.is_empty()
    }

    /// Returns those among new processes, and those that were new a moment ago, that run a program
    /// of a name that is recorded; `look` and `program` read one process.
    ///
    /// A process begins as a copy of its parent and becomes another program soon after.
    pub(crate) fn by_name(
        &mut self,
        came: &[ListedProcess],
        members: &BTreeSet<u32>,
        look: impl Fn(u32) -> Option<ListedProcess>,
        program: impl Fn(u32) -> Option<String>,
    ) -> Vec<ListedProcess> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let new = came.iter().filter(|process| process.pid != self.own_pid);
        self.unnamed.extend(new.map(|process| (process.pid, (process.start_ticks, 0))));
        let mut chosen = Vec::new();
        let names = &self.names;
        self.unnamed.retain(|pid, (start_ticks, turns)| {
            let Some(process) = look(*pid).filter(|now| now.start_ticks == *start_ticks) else {
                return false;
            };
            if members.contains(pid) {
                return false;
            }
            let named = program(*pid).is_some_and(|name| names.contains(&name))
                || names.contains(&process.short_name);
            if named {
                chosen.push(process);
                return false;
            }
            *turns += 1;
            *turns < MAX_TURNS
        });
        chosen
    }

    /// Returns those that are to be recorded too, parents before their children.
    ///
    /// `members` are the numbers of living processes that are recorded, and `is_listed` is asked
    /// about others.
    pub(crate) fn choose(
        &mut self,
        came: Vec<ListedProcess>,
        members: &BTreeSet<u32>,
        is_listed: impl Fn(u32) -> bool,
        look: impl Fn(u32) -> Option<ListedProcess>,
    ) -> Vec<ListedProcess> {
        if self.host {
            let others = came.into_iter().filter(|process| process.pid != self.own_pid);
            return others.filter(|process| !members.contains(&process.pid)).collect();
        }
        if !self.tree {
            return Vec::new();
        }
        // A parent that was not seen may have ended since: then another one is named now.
        let again = std::mem::take(&mut self.undecided);
        let again = again.into_iter().filter_map(|old| {
            look(old.pid).filter(|process| process.start_ticks == old.start_ticks)
        });
        let late: BTreeMap<u32, u64> =
            again.clone().map(|process| (process.pid, process.start_ticks)).collect();
        let mut left: Vec<ListedProcess> = again.chain(came).collect();
        left.retain(|process| process.pid != self.own_pid && !members.contains(&process.pid));
        let mut chosen: Vec<ListedProcess> = Vec::new();
        let mut family = members.clone();
        loop {
            let belongs = |process: &ListedProcess| {
                family.contains(&process.parent_pid)
                    || self.adopts && process.parent_pid == self.own_pid
            };
            let (found, others): (Vec<_>, Vec<_>) = left.into_iter().partition(belongs);
            left = others;
            if found.is_empty() {
                break;
            }
            family.extend(found.iter().map(|process| process.pid));
            chosen.extend(found);
        }
        let undecided = |process: &ListedProcess| {
            process.parent_pid != 0
                && !late.contains_key(&process.pid)
                && !is_listed(process.parent_pid)
        };
        self.undecided = left.into_iter().filter(undecided).collect();
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(pid: u32, parent_pid: u32) -> ListedProcess {
        ListedProcess { pid, start_ticks: 1, parent_pid, short_name: "x".to_owned(), ended: false }
    }

    fn choose(
        selection: &mut Selection,
        came: &[ListedProcess],
        members: &[u32],
        all: &[ListedProcess],
    ) -> Vec<u32> {
        let members = members.iter().copied().collect();
        let find = |pid| all.iter().find(|process| process.pid == pid).cloned();
        let chosen = selection.choose(came.to_vec(), &members, |pid| find(pid).is_some(), find);
        chosen.into_iter().map(|process| process.pid).collect()
    }

    #[test]
    fn descendants_are_chosen_parents_first_whatever_their_numbers() {
        let mut selection = Selection::new(true, 5, false);
        // 30 → 9 → 8, numbers having begun anew; 5 is vmrec itself, a child of the target.
        let came = [listed(8, 9), listed(9, 30), listed(5, 30), listed(6, 5), listed(7, 1)];
        let all = [&came[..], &[listed(1, 0), listed(30, 1)]].concat();
        assert_eq!(choose(&mut selection, &came, &[30], &all), [9, 8]);
        assert_eq!(choose(&mut Selection::new(false, 5, false), &came, &[30], &all), [0; 0]);
    }

    #[test]
    fn orphans_of_a_command_are_adopted_and_others_are_not_known() {
        let came = [listed(8, 5), listed(9, 1)];
        let all = [&came[..], &[listed(1, 0), listed(5, 4)]].concat();
        assert_eq!(choose(&mut Selection::new(true, 5, true), &came, &[30], &all), [8]);
        assert_eq!(choose(&mut Selection::new(true, 5, false), &came, &[30], &all), [0; 0]);
    }

    #[test]
    fn a_process_that_becomes_a_program_of_a_followed_name_is_chosen_then() {
        let mut selection = Selection::new(false, 5, false);
        selection.names.insert("server".to_owned());
        let (came, none) = ([listed(5, 1), listed(8, 1), listed(9, 1)], BTreeSet::new());
        let look = |pid| Some(listed(pid, 1));
        let mut chosen = |came: &[ListedProcess], becomes: u32| -> Vec<u32> {
            let program = |pid| Some(if pid == becomes { "server" } else { "sh" }.to_owned());
            let chosen = selection.by_name(came, &none, look, program);
            chosen.into_iter().map(|process| process.pid).collect()
        };
        assert_eq!(chosen(&came, 5), [0; 0], "vmrec does not record itself");
        assert_eq!(chosen(&[], 9), [9]);
        assert_eq!(chosen(&[], 9), [0; 0], "once");
        (0..MAX_TURNS).for_each(|_| assert!(chosen(&[], 0).is_empty()));
        assert_eq!(chosen(&[], 8), [0; 0], "it kept its name for long");
        assert!(!selection.is_undecided());
    }

    #[test]
    fn a_host_is_all_but_vmrec() {
        let mut selection = Selection::new(false, 5, false);
        selection.host = true;
        let came = [listed(1, 0), listed(5, 1), listed(9, 1)];
        assert_eq!(choose(&mut selection, &came, &[9], &came), [1]);
    }

    #[test]
    fn a_child_seen_before_its_parent_is_decided_at_the_next_look() {
        let mut selection = Selection::new(true, 5, true);
        let child = [listed(9, 8)];
        let all = [&child[..], &[listed(1, 0), listed(30, 1)]].concat();
        assert_eq!(choose(&mut selection, &child, &[30], &all), [0; 0]);
        // Its parent appears …
        let parent = listed(8, 30);
        let all = [&all[..], std::slice::from_ref(&parent)].concat();
        assert_eq!(choose(&mut selection, &[parent], &[30], &all), [8, 9]);
        // … or has ended, and vmrec has become the parent; or another process has its number.
        for (now, chosen) in [(listed(9, 5), vec![9]), (listed(9, 1), vec![])] {
            let mut selection = Selection::new(true, 5, true);
            choose(&mut selection, &child, &[30], &child);
            assert_eq!(choose(&mut selection, &[], &[30], &[listed(1, 0), now]), chosen);
        }
    }
}
