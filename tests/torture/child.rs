//! The recorder that is killed: records the made-up process and says after
//! each step that is durably stored.
//!
//! It says so in a file of 8-byte records, each written at once. Whoever kills
//! it, or makes a power cut of its writes, goes by what that file holds.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use vmrec_store::{RecordingId, WhyEnded, Writer, add_mark};

use crate::world::{self, World, at, begin, has_evidence, has_mark, mark_text};

/// What a child is to do.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) path: PathBuf,
    pub(crate) acks: PathBuf,
    pub(crate) seed: u64,
    /// Samples a recording.
    pub(crate) samples: u64,
    pub(crate) recordings: u64,
    /// Whether it waits to be killed instead of ending its last recording.
    pub(crate) hold: bool,
}

impl Task {
    /// Returns the command that runs the child.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("child").args([&self.path, &self.acks]).args(
            [self.seed, self.samples, self.recordings, u64::from(self.hold)].map(|n| n.to_string()),
        );
        command
    }

    /// Runs the child to its end, or kills it when it waits for that.
    pub(crate) fn spend(&self) {
        let mut child = self.command().stdout(Stdio::null()).spawn().unwrap();
        if self.hold {
            while !Acks::read(&self.acks).holding {
                assert!(child.try_wait().unwrap().is_none(), "the recorder ended by itself");
                thread::sleep(Duration::from_millis(20));
            }
            child.kill().unwrap();
        }
        child.wait().unwrap();
    }

    /// Returns the task of the arguments after `child`.
    pub(crate) fn of(arguments: &[String]) -> Self {
        let number = |place: usize| arguments[place].parse::<u64>().unwrap();
        Self {
            path: PathBuf::from(&arguments[0]),
            acks: PathBuf::from(&arguments[1]),
            seed: number(2),
            samples: number(3),
            recordings: number(4),
            hold: number(5) == 1,
        }
    }

    /// Does it.
    pub(crate) fn run(&self) {
        let mut acks = OpenOptions::new().create(true).append(true).open(&self.acks).unwrap();
        for left in (0..self.recordings).rev() {
            self.record(&mut acks, left == 0);
        }
    }

    fn record(&self, acks: &mut File, last: bool) {
        let mut ack = |step: Step, value: u64| {
            acks.write_all(&((step as u64) << 56 | value).to_le_bytes()).unwrap();
        };
        let mut writer = Writer::open(&self.path).unwrap();
        let id = begin(&mut writer).unwrap();
        ack(Step::Begun, id.0 as u64);
        let world = World::of(self.seed, id);
        for number in 1..=self.samples {
            assert_eq!(world.sample(number).store(&mut writer, id).unwrap(), number);
            ack(Step::Sample, number);
            if has_evidence(number) {
                writer.evidence(id, number, &world::evidence(number)).unwrap();
                ack(Step::Evidence, number);
            }
            if has_mark(number) {
                add_mark(&self.path, id, at(number).utc_ns, &mark_text(number)).unwrap();
                ack(Step::Mark, number);
            }
        }
        if self.hold && last {
            ack(Step::Holding, 0);
            loop {
                std::thread::park();
            }
        }
        let end = self.samples + 1;
        writer.end(id, at(end), &WhyEnded::Finished).unwrap();
        ack(Step::Ended, end);
        writer.close().unwrap();
        add_mark(&self.path, id, at(end).utc_ns, &mark_text(end)).unwrap();
        ack(Step::Mark, end);
    }
}

/// What a record says was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Step {
    Begun = 1,
    Sample,
    Evidence,
    Mark,
    Ended,
    Holding,
}

/// What is known to be stored of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acked {
    pub(crate) samples: u64,
    pub(crate) evidence: usize,
    pub(crate) marks: usize,
    pub(crate) ended: bool,
}

/// What is known to be stored of a file, by recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acks {
    pub(crate) recordings: BTreeMap<RecordingId, Acked>,
    pub(crate) holding: bool,
}

impl Acks {
    pub(crate) fn read(path: &Path) -> Self {
        let mut acks = Self::default();
        for record in std::fs::read(path).unwrap_or_default().chunks_exact(8) {
            acks.add(record.try_into().unwrap());
        }
        acks
    }

    pub(crate) fn add(&mut self, record: [u8; 8]) {
        let value = u64::from_le_bytes(record) << 8 >> 8;
        let step = record[7];
        if step == Step::Begun as u8 {
            self.recordings.insert(RecordingId(value as i64), Acked::default());
        }
        let Some(mut last) = self.recordings.last_entry() else { return };
        let last = last.get_mut();
        match step {
            step if step == Step::Sample as u8 => last.samples = value,
            step if step == Step::Evidence as u8 => last.evidence += 1,
            step if step == Step::Mark as u8 => last.marks += 1,
            step if step == Step::Ended as u8 => last.ended = true,
            step if step == Step::Holding as u8 => self.holding = true,
            _ => {}
        }
    }

    /// Returns the samples of all recordings.
    pub(crate) fn samples(&self) -> u64 {
        self.recordings.values().map(|acked| acked.samples).sum()
    }
}
