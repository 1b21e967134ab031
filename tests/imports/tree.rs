//! The files of a crate and the arrows between them: who imports from whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{self, Source};

/// One file that names an item of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) line: usize,
}

/// The files of a crate by module, without its tests.
#[derive(Debug)]
pub(crate) struct Tree {
    files: BTreeMap<Vec<String>, (String, Source)>,
}

impl Tree {
    /// Reads the crate whose root is `root`, such as `lib.rs`; `read` returns the
    /// text of a file of the crate, if there is one.
    pub(crate) fn of(root: &str, read: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut tree = Self { files: BTreeMap::new() };
        tree.add(root, Vec::new(), read);
        tree
    }

    fn add(&mut self, file: &str, module: Vec<String>, read: &dyn Fn(&str) -> Option<String>) {
        let text = read(file).unwrap_or_else(|| panic!("no file {file}"));
        let source = paths::read(&text, &module);
        for child in &source.children {
            let mut below = module.clone();
            below.push(child.clone());
            let stem = below.join("/");
            let own = format!("{stem}.rs");
            let file = if read(&own).is_some() { own } else { format!("{stem}/mod.rs") };
            self.add(&file, below, read);
        }
        self.files.insert(module, (file.to_owned(), source));
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.values().map(|(file, _)| file.as_str())
    }

    /// Returns each pair of files once, with the first line that imports.
    pub(crate) fn arrows(&self) -> Vec<Arrow> {
        let mut found = BTreeMap::new();
        for (from, source) in self.files.values() {
            for (path, line) in &source.paths {
                let to = self.defines(path, &mut BTreeSet::new());
                if to != from {
                    found.entry((from, to)).or_insert(*line);
                }
            }
        }
        found
            .into_iter()
            .map(|((from, to), line)| Arrow { from: from.clone(), to: to.to_owned(), line })
            .collect()
    }

    /// Returns the file that defines what `path` names, past every `use` of it on the way.
    fn defines<'a>(&'a self, path: &[String], passed: &mut BTreeSet<Vec<String>>) -> &'a str {
        let module = (0..=path.len()).rev().map(|length| &path[..length]);
        let (module, (file, source)) =
            module.filter_map(|m| Some((m, self.files.get(m)?))).next().expect("a root");
        let rest = &path[module.len()..];
        let target = rest.first().and_then(|name| source.imported.get(name));
        match target {
            Some(target) if passed.insert(path.to_vec()) => {
                let full: Vec<_> = target.iter().chain(&rest[1..]).cloned().collect();
                self.defines(&full, passed)
            }
            _ => file,
        }
    }
}
