//! A disk that fills up while recording goes on, again and again, and gets room again.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use vmrec_store::{Error, RecordingId, Store, WhyEnded, Writer};

use crate::Options;
use crate::check::{Expected, Tally, wrong};
use crate::child::Acked;
use crate::random::Random;
use crate::world::{World, at, begin, evidence, has_evidence};

const DISK_BYTES: u64 = 24 << 20;
/// Appends tried on a full disk, each of which must say so.
const TRIES: u64 = 5;

pub(crate) fn run(options: &Options) -> bool {
    let mut tally = Tally::new();
    let disk = tally.path("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "torture"])
        .arg(&disk)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: disk_full needs root, to mount a small file system");
        return true;
    }
    let _unmount = Unmount(&disk);
    let (path, ballast) = (disk.join("full.db"), disk.join("ballast"));
    let rounds = if options.quick { 6 } else { 40 };
    let mut random = Random::new(options.seed);
    let mut writer = Writer::open(&path).unwrap();
    let id = begin(&mut writer).unwrap();
    let world = World::of(options.seed, id);
    let mut acked = Acked::default();
    let (mut refused, mut expected) = (0, Expected::of(options.seed));
    for round in 0..rounds {
        let mut problems = Vec::new();
        // Somewhere before, in or after the closing of a chunk.
        for _ in 0..random.below(80) {
            match step(&world, &mut writer, id, &mut acked) {
                Ok(()) => {}
                Err(error) => problems.push(wrong(format!("with room: {error:?}"))),
            }
        }
        fill(&ballast, random.below(96 << 10));
        let mut full = 0;
        for _ in 0..1000 {
            match step(&world, &mut writer, id, &mut acked) {
                Ok(()) => {}
                Err(Error::DiskFull { .. }) => full += 1,
                Err(error) => problems.push(wrong(format!("without room: {error:?}"))),
            }
            if full == TRIES {
                break;
            }
        }
        refused += full;
        if full < TRIES {
            problems.push(wrong(format!("the disk was full {full} times only")));
        }
        let store = Store::open(&path).map_err(|error| wrong(format!("opened: {error:?}")));
        match store {
            Ok(store) => problems.extend(expected.of_recording(&store, id, acked)),
            Err(problem) => problems.push(problem),
        }
        fs::remove_file(&ballast).unwrap();
        if let Err(error) = step(&world, &mut writer, id, &mut acked) {
            problems.push(wrong(format!("with room again: {error:?}")));
        }
        tally.count(format_args!("round {round} at sample {}", acked.samples), &problems);
    }
    writer.end(id, at(acked.samples + 1), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    let mut problems = expected.of_recording(&store, id, acked);
    problems.extend(store.verify().unwrap().into_iter().map(wrong));
    tally.count("the closed file", &problems);
    tally.print("disk_full", format_args!("{} samples, {refused} refused", acked.samples))
}

/// Stores the next sample, with evidence where it is due.
fn step(
    world: &World,
    writer: &mut Writer,
    id: RecordingId,
    acked: &mut Acked,
) -> Result<(), Error> {
    let number = acked.samples + 1;
    // Evidence that was refused is given again first.
    let due = (1..number).filter(|number| has_evidence(*number)).nth(acked.evidence);
    if let Some(due) = due {
        writer.evidence(id, due, &evidence(due))?;
        acked.evidence += 1;
    }
    assert_eq!(world.sample(number).store(writer, id)?, number);
    acked.samples = number;
    Ok(())
}

/// Fills the disk up to `left` bytes.
fn fill(ballast: &Path, left: u64) {
    let mut file = OpenOptions::new().create(true).append(true).open(ballast).unwrap();
    let block = [0; 4096];
    while file.write(&block).is_ok_and(|written| written > 0) {}
    let bytes = file.metadata().unwrap().len();
    file.set_len(bytes.saturating_sub(left)).unwrap();
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}
