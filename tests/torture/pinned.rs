//! A reader that stays at one moment while thousands of samples are stored.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vmrec_store::{RecordingId, Store, Writer};

use crate::Options;
use crate::check::{Expected, Problem, Tally, wrong};
use crate::child::Acked;
use crate::world::{World, begin};

/// The longest an append may take on a busy machine: the reader never makes it wait.
const BOUND: Duration = Duration::from_secs(2);
/// Samples stored before the reader comes, so that it has chunks and single ones to read.
const BEFORE: u64 = 650;
/// What the log may take once it can begin anew: its limit, and what one sample adds.
const SHRUNK_BYTES: u64 = 2 << 20;

pub(crate) fn run(options: &Options) -> bool {
    let samples = if options.quick { 700 } else { 5000 };
    let mut tally = Tally::new();
    let path = tally.path("pinned.db");
    let log_bytes = || fs::metadata(tally.path("pinned.db-wal")).map_or(0, |file| file.len());
    let mut writer = Writer::open(&path).unwrap();
    let id = begin(&mut writer).unwrap();
    let world = World::of(options.seed, id);
    let mut stored = 0;
    let mut append = |count: u64| {
        let mut longest = Duration::ZERO;
        for _ in 0..count {
            let made = world.sample(stored + 1);
            let asked = Instant::now();
            assert_eq!(made.store(&mut writer, id).unwrap(), stored + 1);
            longest = longest.max(asked.elapsed());
            stored += 1;
        }
        longest
    };
    let alone = append(BEFORE);
    let log_before = log_bytes();
    let mut reader = Command::new(std::env::current_exe().unwrap())
        .arg("reader")
        .arg(&path)
        .args([options.seed.to_string(), id.0.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(reader.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(said.next().as_deref(), Some("holding"));
    let beside = append(samples);
    let log_most = log_bytes();
    reader.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let seen = said.next();
    assert!(reader.wait().unwrap().success());
    let after = append(350);
    let log_after = log_bytes();

    let mut problems = Vec::new();
    if seen.as_deref() != Some(&format!("seen {BEFORE}")) {
        problems.push(wrong(format!("the reader began at {BEFORE}: {seen:?}")));
    }
    if beside.max(after) > BOUND {
        problems.push(wrong(format!("an append took {:?}", beside.max(after))));
    }
    if log_after > SHRUNK_BYTES {
        problems.push(wrong(format!("the log keeps {log_after} bytes")));
    }
    let store = Store::open(&path).unwrap();
    let acked = Acked { samples: stored, ..Acked::default() };
    problems.extend(Expected::of(options.seed).of_recording(&store, id, acked));
    problems.extend(store.verify().unwrap().into_iter().map(wrong));
    tally.count("a reader", &problems);
    let kib = |bytes: u64| bytes >> 10;
    tally.print(
        "pinned",
        format_args!(
            "{samples} samples beside a reader, longest append {beside:.1?} (alone {alone:.1?}); \
             log {} KiB, then {} KiB, then {} KiB",
            kib(log_before),
            kib(log_most),
            kib(log_after)
        ),
    )
}

/// The reader's process: stays at the first sample until a line lets it go on.
pub(crate) fn reader(arguments: &[String]) {
    let store = Store::open(Path::new(&arguments[0])).unwrap();
    let id = RecordingId(arguments[2].parse().unwrap());
    let world = World::of(arguments[1].parse().unwrap(), id);
    let mut seen = 0;
    let walked = store.for_each_snapshot(id, 1..=u64::MAX, |sample, snapshot| {
        if seen == 0 {
            println!("holding");
            std::io::stdin().lock().read_line(&mut String::new()).unwrap();
        }
        seen += 1;
        let same = sample.number == seen && world.sample(seen).snapshot() == snapshot;
        if same { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match walked {
        Ok(()) => println!("seen {seen}"),
        Err(error) => println!("{:?}", Problem::Wrong(format!("{error:?}"))),
    }
}
