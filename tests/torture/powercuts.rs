//! Power cuts at random moments of a recording, made from a journal of its writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vmrec_store::{RecordingId, WhyEnded, Writer};

use crate::Options;
use crate::check::{Expected, Problem, Tally, wrong};
use crate::child::{Acked, Acks, Task};
use crate::disk::{Disk, Event, events};
use crate::random::Random;
use crate::world::{World, at, begin};

const FILE: &str = "cut.db";
const ACKS: &str = "acks";

pub(crate) fn run(options: &Options) -> bool {
    let mut tally = Tally::new();
    let Some(library) = library(&tally) else {
        println!("skipped: powercuts needs gcc");
        return true;
    };
    let (cuts, journals, samples) = if options.quick { (10, 1, 330) } else { (250, 5, 1100) };
    let mut random = Random::new(options.seed);
    let (mut seen, mut bytes) = (0, 0);
    for round in 0..journals {
        let seed = options.seed + round;
        let journal = record(&tally, &library, seed, samples - 200 * (round % 3));
        bytes += journal.len();
        let events = events(&journal);
        seen += events.len();
        let cuts = cuts / journals;
        let mut points: Vec<_> = (0..cuts).map(|cut| point(&events, cut, &mut random)).collect();
        points.sort_unstable();
        let mut expected = Expected::of(seed);
        let (mut disk, mut acks, mut acks_file, mut next) =
            (Disk::default(), Acks::default(), None, 0);
        for point in points {
            for event in &events[next..point] {
                match *event {
                    Event::Created { file, name: ACKS } => acks_file = Some(file),
                    Event::Written { file, data, .. } if Some(file) == acks_file => {
                        acks.add(data.try_into().unwrap());
                    }
                    _ => disk.apply(event),
                }
            }
            next = point;
            let folder = tally.path("image");
            fs::create_dir(&folder).unwrap();
            disk.cut(&mut random, &folder);
            let what = format!("journal {round}, cut before event {point} of {}", events.len());
            let before = tally.path("before");
            copy(&folder, &before);
            let problems = problems(&mut expected, &folder.join(FILE), &acks);
            tally.count(&what, &problems);
            fs::remove_dir_all(&folder).unwrap();
            if problems.is_empty() {
                fs::remove_dir_all(&before).unwrap();
            } else {
                fs::rename(&before, tally.path(&format!("cut-{round}-{point}"))).unwrap();
            }
        }
    }
    tally.print("powercuts", format_args!("{seen} events, {} MB of journal", bytes / 1_000_000))
}

/// Builds the library that keeps a journal; `None` without gcc.
fn library(tally: &Tally) -> Option<PathBuf> {
    let (source, library) = (tally.path("journal.c"), tally.path("journal.so"));
    fs::write(&source, include_str!("journal.c")).unwrap();
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(&source);
    let output = gcc.output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(library)
}

/// Lets a child record twice to a new file and returns the journal of that.
fn record(tally: &Tally, library: &Path, seed: u64, samples: u64) -> Vec<u8> {
    let (folder, journal) = (tally.path("journalled"), tally.path("journal"));
    fs::create_dir(&folder).unwrap();
    let (path, acks) = (folder.join(FILE), folder.join(ACKS));
    let task = Task { path, acks, seed, samples, recordings: 2, hold: false };
    let output = task
        .command()
        .env("LD_PRELOAD", library)
        .env("JOURNAL_FOLDER", &folder)
        .env("JOURNAL_FILE", &journal)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(&journal).unwrap();
    whole(&folder, &bytes);
    fs::remove_file(&journal).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    bytes
}

/// Asserts that the journal saw all: carried out, it leads to the same files.
fn whole(folder: &Path, journal: &[u8]) {
    let mut disk = Disk::default();
    let events = events(journal);
    events.iter().for_each(|event| disk.apply(event));
    let there: BTreeMap<_, _> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    let journalled: BTreeMap<_, _> =
        disk.whole().map(|(name, bytes)| (name.into(), bytes)).collect();
    assert!(there == journalled, "{:?} is not {:?}", there.keys(), journalled.keys());
}

/// Returns the event before which to cut: any, one that makes something durable, or one near a change of names.
fn point(events: &[Event<'_>], cut: u64, random: &mut Random) -> usize {
    let wanted = |event: &Event<'_>| match cut % 4 {
        0 | 1 => true,
        2 => matches!(event, Event::Synced { .. } | Event::FolderSynced),
        _ => !matches!(event, Event::Synced { .. } | Event::Written { .. } | Event::Cut { .. }),
    };
    let places: Vec<_> = (0..events.len()).filter(|place| wanted(&events[*place])).collect();
    let near = if cut % 4 == 3 { random.below(12) as usize } else { 0 };
    (places[random.below(places.len() as u64) as usize] + near).min(events.len())
}

/// Returns the faults of a file after a cut: as it is read, then once it was recorded to again.
fn problems(expected: &mut Expected, path: &Path, acks: &Acks) -> Vec<Problem> {
    let found = expected.problems(path, acks);
    if !found.is_empty() {
        return found;
    }
    let mut acks = acks.clone();
    match go_on(path, expected.seed) {
        Ok((id, acked)) => {
            acks.recordings.insert(id, acked);
            expected.problems(path, &acks)
        }
        Err(error) => vec![wrong(format!("cannot be recorded to: {error:?}"))],
    }
}

/// Records once more.
fn go_on(path: &Path, seed: u64) -> Result<(RecordingId, Acked), vmrec_store::Error> {
    let acked = Acked { samples: 3, ended: true, evidence: 0, marks: 0 };
    let mut writer = Writer::open(path)?;
    let id = begin(&mut writer)?;
    for number in 1..=acked.samples {
        World::of(seed, id).sample(number).store(&mut writer, id)?;
    }
    writer.end(id, at(acked.samples + 1), &WhyEnded::Finished)?;
    writer.close()?;
    Ok((id, acked))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
