//! kill -9 at random moments of a recording.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::Options;
use crate::check::{Expected, Tally, wrong};
use crate::child::{Acks, Task};
use crate::random::Random;

/// Kills before another file is begun, as each check reads all of it.
const KILLS_A_FILE: u64 = 10;

pub(crate) fn run(options: &Options) -> bool {
    let kills = if options.quick { 6 } else { 200 };
    let mut random = Random::new(options.seed);
    let mut tally = Tally::new();
    let (mut samples, mut recording, mut most) = (0, Duration::ZERO, 0);
    for round in 0..kills {
        let seed = options.seed + round / KILLS_A_FILE;
        let task = Task {
            path: tally.path("killed.db"),
            acks: tally.path("acks"),
            seed,
            samples: u64::MAX,
            recordings: 1,
            hold: false,
        };
        let before = Acks::read(&task.acks).samples();
        let began = Instant::now();
        let mut child = task.command().stderr(Stdio::piped()).spawn().unwrap();
        let when = live(&task.acks, &mut random);
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        let said = child.wait_with_output().unwrap();
        recording += began.elapsed();
        let acks = Acks::read(&task.acks);
        let mut problems = Expected::of(seed).problems(&task.path, &acks);
        if let Some(status) = ended {
            let said = String::from_utf8_lossy(&said.stderr);
            problems.push(wrong(format!("the recorder ended by itself: {status} {said}")));
        }
        let well = problems.is_empty();
        tally.count(format_args!("kill {round}, {when}"), &problems);
        samples += acks.samples() - before;
        most = most.max(acks.samples() - before);
        if !well {
            break; // the file stays as it is
        }
        if (round + 1) % KILLS_A_FILE == 0 {
            for name in ["killed.db", "killed.db-wal", "killed.db-shm", "killed.db-lock", "acks"] {
                let _ = fs::remove_file(tally.path(name));
            }
        }
    }
    let rate = samples as f64 / recording.as_secs_f64();
    tally.print("kills", format_args!("{samples} samples, at most {most} a recorder, {rate:.0}/s"))
}

/// Waits until the recorder is to be killed, and says when that was.
fn live(acks: &Path, random: &mut Random) -> String {
    // One in four about where a chunk is closed: as many records after those of other recorders.
    if random.once_in(4) {
        let bytes = || fs::metadata(acks).map_or(0, |file| file.len());
        let records = 290 + random.below(40) + 300 * random.below(2);
        let (enough, late) = (bytes() + records * 8, Instant::now() + Duration::from_secs(10));
        while bytes() < enough && Instant::now() < late {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(random.below(4000)));
        return format!("after {records} records");
    }
    let lives = Duration::from_micros(1000 + random.below(400_000));
    thread::sleep(lives);
    format!("after {lives:?}")
}
