//! Second recorders from other processes, all at once, beside the first, and marks.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vmrec_store::{Error, RecordingId, Store, Writer, add_mark};

use crate::Options;
use crate::check::{Expected, Problem, Tally, wrong};
use crate::child::Acked;
use crate::world::{World, at, begin, has_mark, mark_text};

/// "At once" on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);
const TOGETHER: usize = 10;

pub(crate) fn run(options: &Options) -> bool {
    let tries = if options.quick { 10 } else { 50 };
    let mut tally = Tally::new();
    let path = tally.path("two.db");
    let mut writer = Writer::open(&path).unwrap();
    let id = begin(&mut writer).unwrap();
    let world = World::of(options.seed, id);
    let done = AtomicBool::new(false);
    let mut slowest = Duration::ZERO;
    let acked = thread::scope(|scope| {
        let first = scope.spawn(|| {
            let mut acked = Acked::default();
            while !done.load(Ordering::Relaxed) || acked.marks == 0 {
                let number = acked.samples + 1;
                assert_eq!(world.sample(number).store(&mut writer, id).unwrap(), number);
                acked.samples = number;
                if has_mark(number) && acked.samples <= 3000 {
                    let mark = myself("marker", &path, number).output().unwrap();
                    assert!(mark.status.success(), "{mark:?}");
                }
                acked.marks += usize::from(has_mark(number));
            }
            acked
        });
        for round in 0..tries / TOGETHER {
            let children: Vec<_> = (0..TOGETHER)
                .map(|_| myself("second-writer", &path, 0).stdout(Stdio::piped()).spawn().unwrap())
                .collect();
            for child in children {
                let (problems, took) = refused(&child.wait_with_output().unwrap());
                slowest = slowest.max(took);
                tally.count(format_args!("round {round}"), &problems);
            }
        }
        done.store(true, Ordering::Relaxed);
        first.join().unwrap()
    });
    let store = Store::open(&path).unwrap();
    let mut problems = Expected::of(options.seed).of_recording(&store, id, acked);
    problems.retain(|problem| !matches!(problem, Problem::Lost(what) if what.contains("evidence")));
    problems.extend(store.verify().unwrap().into_iter().map(wrong));
    drop(writer);
    if let Err(error) = Writer::open(&path) {
        problems.push(wrong(format!("the first is gone, and {error:?}")));
    }
    tally.count("the first", &problems);
    tally.print(
        "two_writers",
        format_args!(
            "{} samples and {} marks beside, refused in {slowest:?}",
            acked.samples, acked.marks
        ),
    )
}

fn myself(command: &str, path: &Path, number: u64) -> Command {
    let mut myself = Command::new(std::env::current_exe().unwrap());
    myself.arg(command).arg(path).arg(number.to_string());
    myself
}

/// Returns the faults in a second writer's answer, and how long the refusal took.
fn refused(output: &Output) -> (Vec<Problem>, Duration) {
    let said = String::from_utf8_lossy(&output.stdout);
    let took = said.trim().strip_prefix("busy ").and_then(|us| us.parse().ok());
    match took.map(Duration::from_micros) {
        Some(took) if took < AT_ONCE => (vec![], took),
        Some(took) => (vec![wrong(format!("refused after {took:?}"))], took),
        None => (vec![wrong(format!("{output:?}"))], Duration::ZERO),
    }
}

/// What a second recorder's process does.
pub(crate) fn second_writer(arguments: &[String]) {
    let asked = Instant::now();
    match Writer::open(Path::new(&arguments[0])) {
        Err(Error::Busy { pid: Some(_), .. }) => println!("busy {}", asked.elapsed().as_micros()),
        other => println!("{other:?}"),
    }
}

/// What a process that sets a mark does.
pub(crate) fn marker(arguments: &[String]) {
    let number = arguments[1].parse().unwrap();
    add_mark(Path::new(&arguments[0]), RecordingId(1), at(number).utc_ns, &mark_text(number))
        .unwrap();
}
