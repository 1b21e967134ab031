//! The floors of a crate, and what breaks them: an arrow that runs up, a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Arrow, Tree};

/// A crate and the order in which its files may import.
#[derive(Clone, Copy, Debug)]
pub(crate) struct House<'a> {
    pub(crate) folder: &'a str,
    pub(crate) root: &'a str,
    /// From the ground up; each names files without `.rs` and folders. A file
    /// imports from its own floor and those below.
    pub(crate) floors: &'a [&'a [&'a str]],
    /// Arrows `(from, to, reason)` that are allowed all the same.
    pub(crate) exceptions: &'a [(&'a str, &'a str, &'a str)],
}

impl House<'_> {
    /// Returns one line for each thing that is wrong.
    pub(crate) fn problems(&self, tree: &Tree) -> Vec<String> {
        let mut problems = Vec::new();
        let homes: BTreeMap<&str, Option<(usize, &str)>> =
            tree.files().map(|file| (file, self.home(file))).collect();
        for (file, _) in homes.iter().filter(|(_, home)| home.is_none()) {
            problems.push(format!("{}/{file}: is on no floor", self.folder));
        }
        let rooms: BTreeSet<_> = homes.values().flatten().map(|(_, room)| *room).collect();
        for room in self.floors.iter().copied().flatten().filter(|room| !rooms.contains(*room)) {
            problems.push(format!("{}: has no file of the floor's {room}", self.folder));
        }

        let (mut arrows, mut unused) = (tree.arrows(), self.exceptions.to_vec());
        arrows.retain(|arrow| {
            let is_same = |one: &(&str, &str, &str)| (one.0, one.1) == (&*arrow.from, &*arrow.to);
            unused.retain(|one| !is_same(one));
            !self.exceptions.iter().any(is_same)
        });
        for (from, to, _) in unused {
            problems.push(format!("{}/{from}: no longer imports from {to}", self.folder));
        }

        let home = |file: &str| homes.get(file).copied().flatten();
        for arrow in &arrows {
            if let (Some((from, _)), Some((to, _))) = (home(&arrow.from), home(&arrow.to))
                && to > from
            {
                problems.push(format!("{} runs up", self.line(arrow)));
            }
        }
        for arrow in within_circles(&arrows, |file| file.to_owned()) {
            problems.push(format!("{} is part of a circle of files", self.line(arrow)));
        }
        let room = |file: &str| home(file).map_or_else(|| file.to_owned(), |(_, r)| r.to_owned());
        let level: Vec<_> = arrows
            .iter()
            .filter(|arrow| home(&arrow.from).map(|h| h.0) == home(&arrow.to).map(|h| h.0))
            .cloned()
            .collect();
        for arrow in within_circles(&level, room) {
            problems.push(format!("{} is part of a circle of rooms", self.line(arrow)));
        }
        problems
    }

    /// Returns the floor of a file and its entry there: the longest that fits.
    fn home(&self, file: &str) -> Option<(usize, &str)> {
        let stem = file.strip_suffix(".rs").unwrap_or(file);
        let fits = |entry: &str| {
            stem.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let entries = self.floors.iter().enumerate();
        let entries = entries.flat_map(|(at, floor)| floor.iter().map(move |entry| (at, *entry)));
        entries.filter(|(_, entry)| fits(entry)).max_by_key(|(_, entry)| entry.len())
    }

    fn line(&self, arrow: &Arrow) -> String {
        format!("{}/{}:{}: the import from {}", self.folder, arrow.from, arrow.line, arrow.to)
    }
}

/// Returns the arrows whose end leads back to their start, between groups of files.
fn within_circles(arrows: &[Arrow], group: impl Fn(&str) -> String) -> Vec<&Arrow> {
    let mut next: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for arrow in arrows {
        next.entry(group(&arrow.from)).or_default().insert(group(&arrow.to));
    }
    let leads_back = |arrow: &&Arrow| {
        let (from, to) = (group(&arrow.from), group(&arrow.to));
        let (mut reached, mut open) = (BTreeSet::new(), vec![&to]);
        while let Some(at) = open.pop() {
            if reached.insert(at) {
                open.extend(next.get(at).into_iter().flatten());
            }
        }
        from != to && reached.contains(&from)
    };
    arrows.iter().filter(leads_back).collect()
}
