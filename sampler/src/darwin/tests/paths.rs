//! Which entry a file belongs to, before a kernel that answers with the next file above.

use std::sync::Arc;

use proptest::prelude::*;

use crate::darwin::entry::Entry;
use crate::darwin::paths::{Answer, FileMapping, Files, PathFinder};
use crate::darwin::tests::{entry, object};

/// A kernel with files at some entries of the top level.
#[derive(Default)]
struct Kernel {
    entries: Vec<(Entry, Option<&'static str>)>,
    /// Whether it does not know the question for the next file.
    is_old: bool,
    /// A question at this address fails.
    fails: Option<u64>,
    asked: Vec<u64>,
}

impl Kernel {
    fn answer(&self, address: u64, skips: bool) -> Answer {
        let mut above = self.entries.iter().filter(|(entry, _)| {
            entry.depth == 0 && !entry.is_submap && entry.range().end > address
        });
        match above.find(|(_, path)| path.is_some() || !skips) {
            // A file that was unlinked has no name.
            Some((entry, path)) => Answer::Found(FileMapping {
                range: entry.range(),
                object: path.filter(|path| !path.is_empty()).map(object),
            }),
            None => Answer::Nothing,
        }
    }
}

impl Files for Kernel {
    fn next_file(&mut self, address: u64) -> Answer {
        self.asked.push(address);
        match self.fails {
            Some(fails) if fails == address => Answer::Failed,
            _ if self.is_old => Answer::Nothing,
            _ => self.answer(address, true),
        }
    }

    fn file_of(&mut self, address: u64) -> Answer {
        self.answer(address, false)
    }
}

/// Returns the path found for each entry.
fn found(kernel: &mut Kernel) -> Vec<Option<String>> {
    let mut finder = PathFinder::default();
    let entries: Vec<Entry> = kernel.entries.iter().map(|(entry, _)| *entry).collect();
    let path = |entry: Entry| finder.object(kernel, &entry).map(|object| object.name.to_string());
    entries.into_iter().map(path).collect()
}

fn paths(kernel: &Kernel) -> Vec<Option<String>> {
    let own = |(entry, path): &(Entry, Option<&str>)| {
        path.filter(|path| entry.depth == 0 && !path.is_empty()).map(str::to_owned)
    };
    kernel.entries.iter().map(own).collect()
}

#[test]
fn a_file_is_that_of_the_entry_it_is_mapped_at() {
    let inside = Entry { depth: 1, external_pager: true, ..entry(0x9000) };
    let mut kernel = Kernel {
        entries: vec![
            (entry(0x1000), Some("/bin/demo")),
            // Written as a whole: neither pager nor shadow.
            (Entry { pages_dirtied: 2, ..entry(0x5000) }, Some("/bin/demo")),
            (inside, None),
            (Entry { shadow_depth: 2, external_pager: true, ..entry(0xd000) }, None),
            (entry(0x2_0000), Some("")),
            (entry(0x2_8000), Some("/data")),
            (entry(0x3_0000), None),
            (entry(0x4_0000), None),
        ],
        ..Kernel::default()
    };
    assert_eq!(found(&mut kernel), paths(&kernel));
    assert_eq!(
        kernel.asked,
        [0x1000, 0x5000, 0xd000, 0x2_8000, 0x3_0000],
        "one question for each file"
    );
}

#[test]
fn an_older_kernel_is_asked_entry_by_entry() {
    let mut kernel = Kernel {
        entries: vec![(entry(0x1000), None), (entry(0x5000), Some("/a")), (entry(0x9000), None)],
        is_old: true,
        ..Kernel::default()
    };
    assert_eq!(found(&mut kernel), paths(&kernel));
}

#[test]
fn a_failure_hides_one_file_only() {
    let mut kernel = Kernel {
        entries: vec![(entry(0x1000), Some("/a")), (entry(0x5000), Some("/b"))],
        fails: Some(0x1000),
        ..Kernel::default()
    };
    assert_eq!(found(&mut kernel), [None, Some("/b".to_owned())]);
}

#[test]
fn a_file_has_its_device_and_inode() {
    let mut kernel = Kernel { entries: vec![(entry(0x1000), Some("/a"))], ..Kernel::default() };
    let file = PathFinder::default().object(&mut kernel, &entry(0x1000)).unwrap();
    assert_eq!((file.device, file.inode), ((1, 16), 7));
    assert!(Arc::ptr_eq(&file, &file));
}

proptest! {
    #[test]
    fn every_entry_gets_its_own_file_or_none(
        kinds in proptest::collection::vec((0_u8..4, 0_u64..3), 0..30),
        is_old in any::<bool>(),
    ) {
        let mut at = 0x1000;
        let entries = kinds.into_iter().map(|(kind, gap)| {
            at += gap * 0x1000 + 0x4000;
            let path = [None, Some("/a"), Some(""), None][usize::from(kind)];
            (Entry { depth: u32::from(kind == 3), ..entry(at) }, path)
        }).collect();
        let mut kernel = Kernel { entries, is_old, ..Kernel::default() };
        let wanted = paths(&kernel);
        prop_assert_eq!(found(&mut kernel), wanted);
        let files = kernel.entries.iter().filter(|(_, path)| path.is_some()).count();
        prop_assert!(is_old || files == 0 || kernel.asked.len() <= files + 1 + kernel.entries.len());
    }
}
