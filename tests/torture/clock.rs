//! A wall clock that is set back and forward while the monotonic one goes on.

use std::ops::ControlFlow;

use vmrec_store::{Store, WhyEnded, Writer};

use crate::Options;
use crate::check::{Tally, wrong};
use crate::random::Random;
use crate::target::INTERVAL_NS;
use crate::world::{World, at, begin};

const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;

pub(crate) fn run(options: &Options) -> bool {
    let samples = if options.quick { 400 } else { 1000 };
    let mut tally = Tally::new();
    let mut random = Random::new(options.seed);
    let path = tally.path("clock.db");
    let mut writer = Writer::open(&path).unwrap();
    let id = begin(&mut writer).unwrap();
    let world = World::of(options.seed, id);
    let mut set_by_ns = 0;
    let mut put_in = Vec::new();
    let mut steps = 0;
    for number in 1..=samples {
        if number % 100 == 50 || random.once_in(90) {
            set_by_ns += if random.once_in(2) { DAY_NS } else { -HOUR_NS };
            steps += 1;
        }
        let mut snapshot = world.snapshot(number);
        // Not on the dot either.
        snapshot.taken.utc_ns += set_by_ns + random.below(INTERVAL_NS / 4) as i64;
        snapshot.taken.monotonic_ns += random.below(INTERVAL_NS / 4);
        assert_eq!(writer.append(id, snapshot.clone()).unwrap(), number);
        put_in.push(snapshot);
    }
    writer.end(id, at(samples + 1), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();

    let store = Store::open(&path).unwrap();
    let mut problems: Vec<_> = store.verify().unwrap().into_iter().map(wrong).collect();
    let mut read = put_in.iter().zip(1..);
    store
        .for_each_snapshot(id, 1..=samples, |sample, snapshot| {
            let (expected, number) = read.next().unwrap();
            if (sample.number, sample.taken, snapshot) != (number, expected.taken, Some(expected)) {
                problems.push(wrong(format!("sample {number}: {:?}", sample.taken)));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    if read.next().is_some() {
        problems.push(wrong("samples are missing"));
    }
    let listed: Vec<_> = store.samples(id).unwrap().iter().map(|sample| sample.taken).collect();
    let expected: Vec<_> = put_in.iter().map(|snapshot| snapshot.taken).collect();
    if listed != expected {
        problems.push(wrong("the list of samples"));
    }
    let summary = &store.recordings().unwrap()[0];
    let ends = (summary.first, summary.last, summary.samples);
    if ends != (expected.first().copied(), expected.last().copied(), samples) {
        problems.push(wrong(format!("the recording: {ends:?}")));
    }
    tally.count("a clock", &problems);
    tally.print("clock", format_args!("{samples} samples, clock set {steps} times"))
}
