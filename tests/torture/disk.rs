//! A disk as a power cut leaves it, from a journal of what was asked of it
//! (`journal.c` writes one).
//!
//! What a file's last fsync came after is there. Of what was written later, any
//! part may be, sector by sector; so may any later change of a name, unless
//! its folder was synced since.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use crate::random::Random;

const SECTOR_BYTES: usize = 512;
const HEAD_BYTES: usize = 24;

/// One record of a journal.
#[derive(Clone, Debug)]
pub(crate) enum Event<'a> {
    Created { file: u32, name: &'a str },
    Written { file: u32, place: usize, data: &'a [u8] },
    Cut { file: u32, bytes: usize },
    Synced { file: u32 },
    Unlinked { name: &'a str },
    Renamed { from: &'a str, to: &'a str },
    FolderSynced,
}

/// Returns the events of a journal; names are without their folder.
pub(crate) fn events(journal: &[u8]) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    let mut rest = journal;
    while let Some((head, after)) = rest.split_at_checked(HEAD_BYTES) {
        let u32_at = |place: usize| u32::from_le_bytes(head[place..place + 4].try_into().unwrap());
        let u64_at = |place: usize| u64::from_le_bytes(head[place..place + 8].try_into().unwrap());
        let (file, place) = (u32_at(4), u64_at(8) as usize);
        let (data, after) = after.split_at(u64_at(16) as usize);
        let text = || std::str::from_utf8(data).unwrap();
        let name = |path| str::rsplit(path, '/').next().unwrap();
        events.push(match u32_at(0) {
            1 => Event::Created { file, name: name(text()) },
            2 => Event::Written { file, place, data },
            3 => Event::Cut { file, bytes: place },
            4 => Event::Synced { file },
            5 => Event::Unlinked { name: name(text()) },
            6 => {
                let (from, to) = text().split_once('\n').unwrap();
                Event::Renamed { from: name(from), to: name(to) }
            }
            7 => Event::FolderSynced,
            kind => panic!("a record of kind {kind}"),
        });
        rest = after;
    }
    events
}

/// The state after some events: what is durable, and what may or may not be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk<'a> {
    files: HashMap<u32, FileState<'a>>,
    names: BTreeMap<&'a str, u32>,
    /// Changes of names since the folder was synced; `None` takes a name away.
    renames: Vec<Vec<(&'a str, Option<u32>)>>,
    /// Names as the program sees them.
    live: BTreeMap<&'a str, u32>,
}

#[derive(Clone, Debug, Default)]
struct FileState<'a> {
    durable: Vec<u8>,
    pending: Vec<Change<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Change<'a> {
    Write(usize, &'a [u8]),
    Cut(usize),
}

impl<'a> Disk<'a> {
    /// Goes on by one event.
    pub(crate) fn apply(&mut self, event: &Event<'a>) {
        match *event {
            Event::Created { file, name } => {
                self.files.insert(file, FileState::default());
                self.live.insert(name, file);
                self.renames.push(vec![(name, Some(file))]);
            }
            Event::Written { file, place, data } => {
                self.files.entry(file).or_default().pending.push(Change::Write(place, data));
            }
            Event::Cut { file, bytes } => {
                self.files.entry(file).or_default().pending.push(Change::Cut(bytes));
            }
            Event::Synced { file } => {
                let FileState { durable, pending } = self.files.entry(file).or_default();
                for change in pending.drain(..) {
                    change.apply(durable);
                }
            }
            Event::Unlinked { name } => {
                self.live.remove(name);
                self.renames.push(vec![(name, None)]);
            }
            Event::Renamed { from, to } => {
                let file = self.live.remove(from).unwrap();
                self.live.insert(to, file);
                self.renames.push(vec![(from, None), (to, Some(file))]);
            }
            Event::FolderSynced => {
                for (name, file) in self.renames.drain(..).flatten() {
                    put(&mut self.names, name, file);
                }
            }
        }
    }

    /// Returns every file as the program sees it.
    pub(crate) fn whole(&self) -> impl Iterator<Item = (&'a str, Vec<u8>)> {
        self.live.iter().map(|(name, file)| {
            let FileState { durable, pending } = &self.files[file];
            let mut bytes = durable.clone();
            pending.iter().for_each(|change| change.apply(&mut bytes));
            (*name, bytes)
        })
    }

    /// Writes to `folder` what a power cut now may leave.
    pub(crate) fn cut(&self, random: &mut Random, folder: &Path) {
        let mut names = self.names.clone();
        // A journalling file system keeps the first few; others keep any.
        let kept_first = random.below(self.renames.len() as u64 + 1) as usize;
        let in_order = random.once_in(2);
        for (place, change) in self.renames.iter().enumerate() {
            if if in_order { place < kept_first } else { random.once_in(2) } {
                for (name, file) in change {
                    put(&mut names, name, *file);
                }
            }
        }
        for (name, file) in &names {
            fs::write(folder.join(name), self.files[file].cut(random)).unwrap();
            if random.once_in(4) && folder.join(format!("{name}-wal")).exists() {
                // What the index of the log says then is of another time.
                let noise: Vec<u8> = (0..32 << 10).map(|_| random.next() as u8).collect();
                fs::write(folder.join(format!("{name}-shm")), noise).unwrap();
            }
        }
    }
}

fn put<'a>(names: &mut BTreeMap<&'a str, u32>, name: &'a str, file: Option<u32>) {
    match file {
        Some(file) => names.insert(name, file),
        None => names.remove(name),
    };
}

impl FileState<'_> {
    fn cut(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let way = random.below(5);
        let stop = random.below(self.pending.len() as u64 + 1) as usize;
        for (place, change) in self.pending.iter().enumerate() {
            match way {
                0 => {}                                        // nothing more came to the disk
                1 => change.apply(&mut bytes),                 // all did
                2 if place < stop => change.apply(&mut bytes), // in order, and then no more
                2 if place == stop => change.tear(random, &mut bytes),
                3 if random.once_in(2) => change.apply(&mut bytes), // any of them
                4 => change.tear(random, &mut bytes),               // any sector of any of them
                _ => {}
            }
        }
        bytes
    }
}

impl Change<'_> {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match *self {
            Change::Write(place, data) => {
                if bytes.len() < place + data.len() {
                    bytes.resize(place + data.len(), 0);
                }
                bytes[place..place + data.len()].copy_from_slice(data);
            }
            Change::Cut(length) => bytes.resize(length, 0),
        }
    }

    /// Applies some of its sectors.
    fn tear(&self, random: &mut Random, bytes: &mut Vec<u8>) {
        match *self {
            Change::Write(place, data) => {
                let mut done = 0;
                while done < data.len() {
                    let sector_end = (place + done) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES;
                    let end = (sector_end - place).min(data.len());
                    if random.once_in(2) {
                        Change::Write(place + done, &data[done..end]).apply(bytes);
                    }
                    done = end;
                }
            }
            Change::Cut(_) if random.once_in(2) => self.apply(bytes),
            Change::Cut(_) => {}
        }
    }
}
