//! A process of 20,000 regions of which each tick replaces 7 %.

use std::fs;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use vmrec_store::{Store, WhyEnded, Writer};

use crate::Options;
use crate::check::{Tally, wrong};
use crate::world::{World, at, begin};

/// Of which one in nine is empty: 20,000 regions.
const SLOTS: u64 = 22_500;
/// Samples a region lives: a fourteenth, 7 %, is replaced by each.
const LIFE: u64 = 14;

pub(crate) fn run(options: &Options) -> bool {
    let (ticks, slots) = if options.quick { (20, SLOTS / 5) } else { (100, SLOTS) };
    let mut tally = Tally::new();
    let path = tally.path("churn.db");
    let mut writer = Writer::open(&path).unwrap();
    let id = begin(&mut writer).unwrap();
    let world = World { seed: options.seed, slots, life: LIFE, lives: 1 };
    let (mut appending, mut longest) = (Duration::ZERO, Duration::ZERO);
    let mut regions = 0;
    for number in 1..=ticks {
        let snapshot = world.snapshot(number);
        regions += snapshot.regions.len() as u64;
        let asked = Instant::now();
        assert_eq!(writer.append(id, snapshot).unwrap(), number);
        appending += asked.elapsed();
        longest = longest.max(asked.elapsed());
    }
    let asked = Instant::now();
    writer.end(id, at(ticks + 1), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    let closing = asked.elapsed();
    let peak = peak_resident();

    let store = Store::open(&path).unwrap();
    let mut problems: Vec<_> = store.verify().unwrap().into_iter().map(wrong).collect();
    let mut seen = 0;
    store
        .for_each_snapshot(id, 1..=ticks, |sample, snapshot| {
            seen += 1;
            if sample.number != seen || snapshot != Some(&world.snapshot(seen)) {
                problems.push(wrong(format!("sample {}", sample.number)));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    if seen != ticks {
        problems.push(wrong(format!("{seen} samples of {ticks}")));
    }
    tally.count("all", &problems);
    let bytes = fs::metadata(&path).unwrap().len() / ticks;
    tally.print(
        "churn",
        format_args!(
            "{ticks} samples of {} regions, {:.1?} a sample (longest {longest:.1?}, end and close {closing:.1?}), \
             {bytes} bytes a sample, peak resident {peak}",
            regions / ticks,
            appending / ticks as u32
        ),
    )
}

/// Returns the peak memory of this process, as the kernel prints it.
fn peak_resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
