//! kill -9 in the middle of `prune`, `repair` and `backup --force`: the source is
//! never hurt, no half target appears, and no log is lost.
//!
//! The files are those of killed recorders, whose newest samples are in the log.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use std::ops::ControlFlow;

use vmrec_sampler::Snapshot;
use vmrec_store::{Error, RecordingId, Retention, Store, Writer, repair};

use crate::Options;
use crate::check::{Problem, Tally, wrong};
use crate::child::Task;
use crate::random::Random;
use crate::world::at;

const SAMPLES: u64 = 450;
const IDS: [RecordingId; 2] = [RecordingId(1), RecordingId(2)];

/// The command that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Prune,
    Repair,
    Backup,
}

impl Work {
    const ALL: [Self; 3] = [Self::Prune, Self::Repair, Self::Backup];

    const fn name(self) -> &'static str {
        match self {
            Self::Prune => "prune",
            Self::Repair => "repair",
            Self::Backup => "backup",
        }
    }

    /// Does it, from `source` to `target`.
    fn run(self, source: &Path, target: &Path) -> Result<(), Error> {
        match self {
            Self::Prune => {
                let mut writer = Writer::open(source)?;
                writer.prune(&policy(), None, at(2 * SAMPLES))?;
                writer.close()
            }
            Self::Repair => repair(source, target).map(drop),
            Self::Backup => Store::open(source)?.backup(target, true).map(drop),
        }
    }

    fn command(self, source: &Path, target: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["housekeeper", self.name()]).args([source, target]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Deletes the first chunk of each recording, of some 300 samples.
fn policy() -> Retention {
    let age = at(2 * SAMPLES).monotonic_ns - at(SAMPLES - 50).monotonic_ns;
    Retention { older_than: Some(Duration::from_nanos(age)), ..Retention::default() }
}

/// Does the work that the arguments name; it is killed meanwhile.
pub(crate) fn housekeeper(arguments: &[String]) {
    let work = Work::ALL.into_iter().find(|work| work.name() == arguments[0]).unwrap();
    work.run(Path::new(&arguments[1]), Path::new(&arguments[2])).unwrap();
}

pub(crate) fn run(options: &Options) -> bool {
    let kills = if options.quick { 3 } else { 100 };
    let mut random = Random::new(options.seed);
    let mut tally = Tally::new();
    let [source, old] = [0, 1].map(|add| Original::record(&tally, options.seed + add));
    let mut killed = 0;
    for work in Work::ALL {
        let trial = Trial::prepare(&tally, work, &source, &old);
        for round in 0..kills {
            let lives = Duration::from_micros(random.below(trial.takes.as_micros() as u64 * 5 / 4));
            trial.restore();
            let mut child = work.command(&trial.source, &trial.target).spawn().unwrap();
            thread::sleep(lives);
            killed += u64::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
            let problems = trial.problems();
            tally.count(format_args!("{work} {round}, killed after {lives:?}"), &problems);
            if !problems.is_empty() {
                break; // the files stay as they are
            }
        }
    }
    tally.print("housekeeping", format_args!("{killed} killed before their end"))
}

type Contents = BTreeMap<(RecordingId, u64), Snapshot>;

/// A file of a killed recorder with its log, and all snapshots in it.
struct Original {
    file: Vec<u8>,
    log: Vec<u8>,
    contents: Contents,
}

impl Original {
    fn record(tally: &Tally, seed: u64) -> Self {
        let path = tally.path(&format!("original-{seed}.db"));
        let acks = tally.path(&format!("original-{seed}.acks"));
        let task = Task { path, acks, seed, samples: SAMPLES, recordings: 2, hold: true };
        task.spend();
        let file = fs::read(&task.path).unwrap();
        let log = fs::read(beside(&task.path, "-wal")).unwrap();
        let contents = contents(&task.path).unwrap();
        assert!(!log.is_empty() && contents.len() as u64 > SAMPLES);
        Self { file, log, contents }
    }

    fn restore(&self, path: &Path) {
        for suffix in ["-shm", "-lock", "-journal", "-new", "-new-wal", "-new-journal"] {
            let _ = fs::remove_file(beside(path, suffix));
        }
        fs::write(path, &self.file).unwrap();
        fs::write(beside(path, "-wal"), &self.log).unwrap();
    }

    /// Returns whether the file at `path` has the same bytes still.
    fn is_at(&self, path: &Path) -> bool {
        fs::read(path).is_ok_and(|file| file == self.file)
            && fs::read(beside(path, "-wal")).is_ok_and(|log| log == self.log)
    }
}

/// One kind of work on copies of the originals.
struct Trial<'a> {
    work: Work,
    from: &'a Original,
    old: &'a Original,
    source: PathBuf,
    target: PathBuf,
    /// The contents of the file when the work is done.
    done: Contents,
    /// How long it takes if it is not killed.
    takes: Duration,
}

impl<'a> Trial<'a> {
    fn prepare(tally: &Tally, work: Work, from: &'a Original, old: &'a Original) -> Self {
        let (source, target) = (tally.path("source.db"), tally.path("target.db"));
        let done = Contents::new();
        let mut trial = Self { work, from, old, source, target, done, takes: Duration::ZERO };
        trial.restore();
        let begun = Instant::now();
        assert!(work.command(&trial.source, &trial.target).status().unwrap().success());
        trial.takes = begun.elapsed();
        trial.done = contents(trial.result()).unwrap();
        let all = &trial.from.contents;
        assert!(work != Work::Prune || (1..all.len()).contains(&trial.done.len()));
        assert!(work == Work::Prune || trial.done == *all);
        trial
    }

    /// Returns which file the work makes.
    fn result(&self) -> &Path {
        if self.work == Work::Prune { &self.source } else { &self.target }
    }

    fn restore(&self) {
        self.from.restore(&self.source);
        self.old.restore(&self.target);
        if self.work == Work::Repair {
            for suffix in ["", "-wal"] {
                fs::remove_file(beside(&self.target, suffix)).unwrap();
            }
        }
    }

    /// Returns what is wrong with the files after a kill, and after the work is done again.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.work != Work::Prune && !self.from.is_at(&self.source) {
            problems.push(wrong("the source was changed"));
        }
        match (self.work, contents(self.result())) {
            (Work::Prune, Ok(found)) => {
                let whole = &self.from.contents;
                let is = |(key, snapshot)| whole.get(key) == Some(snapshot);
                if !found.iter().all(is) {
                    problems.push(wrong("a snapshot that was not recorded"));
                }
                let lost = self.done.keys().filter(|key| !found.contains_key(key)).count();
                if lost > 0 {
                    problems.push(Problem::Lost(format!("{lost} snapshots that were to stay")));
                }
            }
            (Work::Backup, Ok(found)) if found == self.old.contents || found == self.done => {}
            (Work::Repair, Ok(found)) if found == self.done => {}
            (Work::Repair, Err(_)) if !self.target.exists() => {}
            (_, Ok(found)) => {
                problems.push(Problem::Lost(format!("a target of {} snapshots", found.len())));
            }
            (_, Err(error)) => problems.push(wrong(error)),
        }
        // Whatever was left behind does not stand in the way.
        let done = self.work == Work::Repair && self.target.exists();
        match if done { Ok(()) } else { self.work.run(&self.source, &self.target) } {
            Ok(()) if contents(self.result()).is_ok_and(|found| found == self.done) => {}
            Ok(()) => problems.push(wrong("done again, it has another result")),
            Err(error) => problems.push(wrong(format!("it cannot be done again: {error:?}"))),
        }
        problems
    }
}

/// Returns all snapshots of a file, or what is wrong with it.
fn contents(path: &Path) -> Result<Contents, String> {
    let store = Store::open(path).map_err(|error| format!("{error:?}"))?;
    let problems = store.verify().map_err(|error| format!("{error:?}"))?;
    if let Some(problem) = problems.first() {
        return Err(format!("verify: {problem}"));
    }
    let mut all = Contents::new();
    for id in IDS {
        let add = |sample: &vmrec_store::Sample, snapshot: Option<&Snapshot>| {
            all.extend(snapshot.map(|snapshot| ((id, sample.number), snapshot.clone())));
            ControlFlow::Continue(())
        };
        match store.for_each_snapshot(id, 1..=u64::MAX, add) {
            Ok(_) | Err(Error::NoSuchRecording { .. }) => {}
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Ok(all)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
