//! Bits flipped, ends cut off and pages overwritten in copies of a recording:
//! whatever is then read is as it was, or the damage is reported.
//!
//! In the log of a file that was not closed, damage near its end may look like
//! a transaction that a power cut left unfinished: losing that one is no fault,
//! nor is losing the one before where the mark that ends it is overwritten, too.
//! Logs are not cut off: nothing would show that there had been more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use vmrec_store::{RecordingId, Store};

use crate::Options;
use crate::check::{Problem, Tally, wrong};
use crate::child::Task;
use crate::random::Random;
use crate::shown::{Differences, Shown};

/// Of each of two recordings: of the second one of a file that was not closed, a chunk and rows.
const SAMPLES: u64 = 350;
/// Its rows alone, which take less time to read each time.
const FEW_SAMPLES: u64 = 40;
/// Not the last ones: losing the last is judged by the lists.
const ALONE: [u64; 5] = [1, 30, 170, 301, 340];
const IDS: [RecordingId; 2] = [RecordingId(1), RecordingId(2)];
const PAGE_BYTES: usize = 1024;
const LOG_HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;

#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip { place: usize, bit: u32 },
    CutOff { bytes: usize },
    Page { place: usize, noise: Option<u64> },
}

/// A file as its recorder left it, and all that is read from it.
struct Original {
    name: &'static str,
    /// Its bytes, and those of its log.
    file: Vec<u8>,
    log: Vec<u8>,
    shown: Shown,
    /// Tables by page.
    tables: BTreeMap<u32, String>,
}

#[derive(Default)]
struct Counts {
    detected: u64,
    harmless: u64,
    unfinished: u64,
    undetected: BTreeMap<String, u64>,
}

pub(crate) fn run(options: &Options) -> bool {
    let mut tally = Tally::new();
    let mut random = Random::new(options.seed);
    let mut counts = Counts::default();
    let (samples, flips, others) =
        if options.quick { (FEW_SAMPLES, 10, 3) } else { (SAMPLES, 500, 50) };
    for hold in [false, true] {
        let original = Original::record(&tally, options.seed, samples, hold);
        let bytes = original.file.len() as u64;
        // of the closed file mostly, and of the other mostly the log
        let flips = if hold { flips / 4 } else { flips };
        let mut damages: Vec<_> = (0..flips).map(|_| Damage::flip(bytes, &mut random)).collect();
        if !hold {
            let cut = |random: &mut Random| Damage::CutOff { bytes: random.below(bytes) as usize };
            damages.extend((0..others).map(|_| cut(&mut random)));
        }
        damages.extend((0..others).map(|turn| Damage::page(bytes, turn, &mut random)));
        for damage in damages {
            original.ruin(damage, false, &mut tally, &mut counts);
        }
        if hold {
            let bytes = original.log.len() as u64;
            for _ in 0..flips * 2 {
                original.ruin(Damage::flip(bytes, &mut random), true, &mut tally, &mut counts);
            }
            for turn in 0..others {
                let damage = Damage::page(bytes, turn, &mut random);
                original.ruin(damage, true, &mut tally, &mut counts);
            }
        }
    }
    let Counts { detected, harmless, unfinished, undetected } = counts;
    for (place, count) in &undetected {
        println!("  UNDETECTED in {place}: {count}");
    }
    let sum: u64 = undetected.values().sum();
    tally.print(
        "flips",
        format_args!("{detected} detected, {harmless} harmless, {unfinished} like a power cut, {sum} UNDETECTED"),
    )
}

impl Damage {
    fn flip(bytes: u64, random: &mut Random) -> Self {
        Self::Flip { place: random.below(bytes) as usize, bit: random.below(8) as u32 }
    }

    fn page(bytes: u64, turn: u64, random: &mut Random) -> Self {
        let place = random.below(bytes / PAGE_BYTES as u64) as usize * PAGE_BYTES;
        Self::Page { place, noise: turn.is_multiple_of(2).then(|| random.next()) }
    }

    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip { place, bit } => bytes[place] ^= 1 << bit,
            Self::CutOff { bytes: length } => bytes.truncate(length),
            Self::Page { place, noise } => {
                let mut random = noise.map(Random::new);
                for byte in bytes.iter_mut().skip(place).take(PAGE_BYTES) {
                    *byte = random.as_mut().map_or(0, |random| random.next() as u8);
                }
            }
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Flip { place, .. } | Self::Page { place, .. } => place,
            Self::CutOff { bytes } => bytes,
        }
    }
}

impl Original {
    /// Lets a child record twice; with `hold` it is killed before it ends the second.
    fn record(tally: &Tally, seed: u64, samples: u64, hold: bool) -> Self {
        let name = if hold { "open" } else { "closed" };
        let path = tally.path(&format!("{name}.db"));
        let acks = tally.path(&format!("{name}.acks"));
        let task = Task { path, acks, seed, samples, recordings: 2, hold };
        task.spend();
        let file = fs::read(&task.path).unwrap();
        let log = fs::read(beside(&task.path, "-wal")).unwrap_or_default();
        assert_eq!(hold, !log.is_empty(), "a closed file has no log");
        let shown = Shown::by(&task.path, &IDS, &ALONE).unwrap();
        assert_eq!(shown.problems, Ok(vec![]));
        let tables = tables(&task.path);
        Self { name, file, log, shown, tables }
    }

    /// Damages a copy, compares all that is read from it, and counts.
    fn ruin(&self, damage: Damage, of_log: bool, tally: &mut Tally, counts: &mut Counts) {
        let path = tally.path("copy.db");
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&path, suffix));
        }
        let (mut file, mut log) = (self.file.clone(), self.log.clone());
        damage.apply(if of_log { &mut log } else { &mut file });
        fs::write(&path, file).unwrap();
        if !log.is_empty() {
            fs::write(beside(&path, "-wal"), log).unwrap();
        }
        let place = self.place(damage.place(), of_log);
        let what = format!("{} {place}: {damage:?}", self.name);
        let problems = match Shown::by(&path, &IDS, &ALONE) {
            Err(_) => {
                counts.detected += 1;
                vec![]
            }
            Ok(shown) => {
                let differences = shown.differences(&self.shown);
                let like_a_cut = if of_log { self.like_a_cut(damage) } else { 0 };
                let mut problems = judge(&shown, &differences, like_a_cut, &place, counts);
                if of_log && shown.problems.is_ok_and(|problems| !problems.is_empty()) {
                    problems.extend(unnamed(&path, tally));
                }
                problems
            }
        };
        tally.count(&what, &problems);
    }

    /// Returns how many of the last transactions look unfinished, if they are lost: the last one, and
    /// with it those before whose marks of their ends are overwritten.
    fn like_a_cut(&self, damage: Damage) -> usize {
        let frame_bytes = FRAME_HEAD_BYTES + PAGE_BYTES;
        let salts = &self.log[16..24];
        let (heads, _) =
            self.log[LOG_HEAD_BYTES..].as_chunks::<{ FRAME_HEAD_BYTES + PAGE_BYTES }>();
        let ends: Vec<usize> = (heads.iter().enumerate())
            .filter(|(_, frame)| frame[8..16] == *salts && frame[4..8] != [0; 4])
            .map(|(place, _)| LOG_HEAD_BYTES + place * frame_bytes + 4)
            .collect();
        let gone = |mark: &usize| match damage {
            Damage::Page { place, .. } => *mark + 4 > place && *mark < place + PAGE_BYTES,
            Damage::Flip { .. } | Damage::CutOff { .. } => false,
        };
        1 + ends.iter().rev().skip(1).take_while(|mark| gone(mark)).count()
    }

    /// Names the table whose page holds a byte.
    fn place(&self, byte: usize, of_log: bool) -> String {
        let table = |page: u32| self.tables.get(&page).map_or("no table", String::as_str);
        if !of_log {
            return table((byte / PAGE_BYTES) as u32 + 1).to_owned();
        }
        let Some(after) = byte.checked_sub(LOG_HEAD_BYTES) else {
            return "log, its head".to_owned();
        };
        let frame = after / (FRAME_HEAD_BYTES + PAGE_BYTES);
        let start = LOG_HEAD_BYTES + frame * (FRAME_HEAD_BYTES + PAGE_BYTES);
        let page = u32::from_be_bytes(self.log[start..start + 4].try_into().unwrap());
        format!("log, {}", table(page))
    }
}

fn judge(
    shown: &Shown,
    differences: &Differences,
    like_a_cut: usize,
    place: &str,
    counts: &mut Counts,
) -> Vec<Problem> {
    let Differences { errors, changed, missing, last_missing } = differences;
    let verified = shown.problems.as_ref().is_ok_and(Vec::is_empty);
    let silent = if let Some(what) = changed.first() {
        Some(wrong(format!("{what} (verify: {:?})", shown.problems)))
    } else if let (true, Some(error)) = (verified, errors.first()) {
        Some(wrong(format!("verify is content, and {error}")))
    } else if verified && last_missing.is_none_or(|gone| gone > like_a_cut) {
        missing.first().map(|what| Problem::Lost(what.clone()))
    } else {
        None
    };
    match &silent {
        Some(_) => *counts.undetected.entry(place.to_owned()).or_default() += 1,
        None if !verified => counts.detected += 1,
        None if !missing.is_empty() => counts.unfinished += 1,
        None => counts.harmless += 1,
    }
    silent.into_iter().collect()
}

/// Returns a fault of each of backup and repair that does not name the loss that `verify` names.
fn unnamed(path: &Path, tally: &Tally) -> Vec<Problem> {
    let (copy, new) = (tally.path("backup.db"), tally.path("repaired.db"));
    let _ = fs::remove_file(&new);
    let copied = Store::open(path).and_then(|store| store.backup(&copy, true));
    let repaired = vmrec_store::repair(path, &new);
    let mut problems = Vec::new();
    if copied.is_ok_and(|copied| copied.problems.is_empty()) {
        problems.push(wrong("backup does not name the loss"));
    }
    match repaired {
        Ok(repaired) if !repaired.lost_something() => {
            problems.push(wrong("repair does not name the loss"));
        }
        Ok(repaired) if !repaired.problems.is_empty() => {
            problems.push(wrong(format!("repaired, and wrong: {:?}", repaired.problems)));
        }
        _ => {}
    }
    problems
}

/// Returns the table, or index, of each page of a file.
fn tables(path: &Path) -> BTreeMap<u32, String> {
    let connection = Connection::open(path).unwrap();
    let mut pages = connection.prepare("SELECT pageno, name FROM dbstat").unwrap();
    let pages = pages.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    pages.collect::<rusqlite::Result<_>>().unwrap()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
