//! Retention: old samples go, the others stay as they were.

mod evidence;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use vmrec_sampler::{Evidence, Identity, Object, Quantity, Snapshot, Timestamp};
use vmrec_store::{RecordingId, Retention, Store, WhyEnded, Writer, add_mark};

use crate::made_up::{at, begin, begin_at, begun, identity, snapshot};

const NOTHING: Retention =
    Retention { older_than: None, thin_after: None, max_bytes: None, keep_marks: false };

fn older_than(seconds: u64) -> Retention {
    Retention { older_than: Some(Duration::from_secs(seconds)), ..NOTHING }
}

fn thin_after(seconds: u64) -> Retention {
    Retention { thin_after: Some(Duration::from_secs(seconds)), ..NOTHING }
}

/// A snapshot of figures that do not compress, with a region of a kind that only some hundred samples have.
fn passing(count: u64, second: u64) -> Snapshot {
    let mut snapshot = snapshot(count, second);
    let mut noise = second;
    for region in &mut snapshot.regions {
        for quantity in Quantity::ALL {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(count);
            region.quantities.set(quantity, noise >> 40 << 12);
        }
    }
    let mut region = snapshot.regions[0].clone();
    let start = (count + 1 + second / 100) << 24;
    let memory = Object {
        name: "/memfd:passing".into(),
        device: (0, 1),
        inode: second / 100,
        deleted: true,
    };
    region.identity = Arc::new(Identity { object: Some(memory.into()), ..identity(start, 4096) });
    snapshot.regions.push(region);
    snapshot
}

/// Records a sample every two seconds, the first at second 2.
fn record(writer: &mut Writer, samples: u64) -> RecordingId {
    let id = begin(writer);
    for number in 1..=samples {
        assert_eq!(writer.append(id, passing(20, number * 2)).unwrap(), number);
    }
    id
}

fn ended(path: &Path, samples: u64) -> RecordingId {
    let mut writer = Writer::open(path).unwrap();
    let id = record(&mut writer, samples);
    writer.end(id, at(samples * 2), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    id
}

/// Every snapshot of a recording, by its number, each as it was recorded.
fn numbers(store: &Store, id: RecordingId) -> Vec<u64> {
    let mut numbers = Vec::new();
    store
        .for_each_snapshot(id, 1..=u64::MAX, |sample, seen| {
            if let Some(seen) = seen {
                assert_eq!(*seen, passing(20, sample.number * 2), "{}", sample.number);
            }
            numbers.push(sample.number);
            ControlFlow::Continue(())
        })
        .unwrap();
    let samples: Vec<u64> = store.samples(id).unwrap().iter().map(|sample| sample.number).collect();
    assert_eq!(samples, numbers);
    numbers
}

fn check(path: &Path) {
    assert_eq!(Store::open(path).unwrap().verify().unwrap(), Vec::<String>::new());
}

fn rows(path: &Path, table: &str) -> u64 {
    let connection = Connection::open(path).unwrap();
    let sql = format!("SELECT count(*) FROM {table}");
    connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64
}

fn prune(path: &Path, policy: &Retention, now: Timestamp) -> vmrec_store::Pruned {
    let mut writer = Writer::open(path).unwrap();
    let pruned = writer.prune(policy, None, now).unwrap();
    writer.close().unwrap();
    check(path);
    pruned
}

#[test]
fn what_is_old_goes_with_its_kinds_and_the_file_shrinks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let id = ended(&path, 1500);
    let (before, kinds) = (std::fs::metadata(&path).unwrap().len(), rows(&path, "region_kind"));
    let policy = older_than(800);
    let found = Store::open(&path).unwrap().prune_preview(&policy, None, at(3000)).unwrap();
    let pruned = prune(&path, &policy, at(3000));
    assert!(pruned.samples >= 900, "{pruned:?}");
    assert_eq!((found.samples, found.recordings), (pruned.samples, pruned.recordings));
    assert!(pruned.kinds > 10, "{pruned:?}");
    assert_eq!(rows(&path, "region_kind"), kinds - pruned.kinds);
    assert_eq!(rows(&path, "object"), rows(&path, "region_kind") - 1);
    assert!(std::fs::metadata(&path).unwrap().len() < before * 2 / 3);
    let store = Store::open(&path).unwrap();
    let left = numbers(&store, id);
    assert_eq!(left, (pruned.samples + 1..=1500).collect::<Vec<_>>());
    assert!(store.snapshot(id, 1).is_err());
    assert_eq!(store.summary(id).unwrap().samples, left.len() as u64);
    drop(store);
    let again = prune(&path, &policy, at(3000));
    assert_eq!((again.samples, again.kinds, again.recordings), (0, 0, 0));
}

#[test]
fn a_recording_without_samples_goes_with_all_that_belongs_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    ended(&path, 700);
    add_mark(&path, RecordingId(1), at(5).utc_ns, "early").unwrap();
    let pruned = prune(&path, &older_than(10), at(100_000));
    assert_eq!((pruned.samples, pruned.recordings), (700, 1));
    for table in ["recording", "argument", "chunk", "mark", "evidence", "rollup_row", "latest_row"]
    {
        assert_eq!(rows(&path, table), 0, "{table}");
    }
    let id = ended(&path, 20);
    assert_eq!(id, RecordingId(2));
    check(&path);
}

#[test]
fn of_many_short_recordings_those_that_are_old_go_while_another_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    // Each of three samples, every fifth of none.
    for turn in 0..40 {
        let id = begin_at(&mut writer, turn * 10);
        for second in (turn % 5 > 0).then_some([2, 4, 6]).into_iter().flatten() {
            writer.append(id, passing(20, turn * 10 + second)).unwrap();
        }
        writer.end(id, at(turn * 10 + 7), &WhyEnded::Finished).unwrap();
    }
    let running = begin_at(&mut writer, 0);
    writer.append(running, passing(20, 8)).unwrap();
    while writer.prune_step(&older_than(100), at(400)).unwrap() {}
    let left = |path: &Path| -> Vec<RecordingId> {
        let all = Store::open(path).unwrap().recordings().unwrap();
        all.into_iter().map(|one| one.recording.id).collect()
    };
    // The samples of turn 29 end at second 296; the last without a sample began at second 250.
    let young = (30..40).map(|turn| RecordingId(turn + 1));
    assert_eq!(left(&path), young.clone().chain([running]).collect::<Vec<_>>());
    while writer.prune_step(&thin_after(10), at(400)).unwrap() {}
    assert_eq!(left(&path), young.chain([running]).collect::<Vec<_>>());
    let store = Store::open(&path).unwrap();
    let samples = |id| store.samples(id).unwrap().len();
    assert_eq!([31, 32, 40].map(|id| samples(RecordingId(id))), [0, 1, 3], "40 is not old enough");
    drop(store);
    writer.close().unwrap();
    check(&path);
}

#[test]
fn thinned_history_has_one_sample_a_minute_and_those_near_marks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let id = ended(&path, 1500);
    add_mark(&path, id, at(600).utc_ns, "here").unwrap();
    let policy = Retention { keep_marks: true, ..thin_after(1000) };
    let rollups = rows(&path, "rollup_row");
    let pruned = prune(&path, &policy, at(3000));
    assert!(pruned.samples > 700, "{pruned:?}");
    assert_eq!(rows(&path, "rollup_row"), rollups, "rollups stay");
    let store = Store::open(&path).unwrap();
    let left = numbers(&store, id);
    let thinned = left.iter().filter(|number| **number <= 900);
    let mut minutes: BTreeMap<u64, u64> = BTreeMap::new();
    for number in thinned {
        *minutes.entry(number * 2 / 60).or_default() += 1;
    }
    assert_eq!(minutes.keys().copied().collect::<Vec<_>>(), (0..=30).collect::<Vec<_>>());
    for (minute, samples) in minutes {
        match minute {
            9 | 10 => assert_eq!(samples, 30),
            11 => assert_eq!(samples, 1, "the mark's window ends as it begins"),
            30 => {} // the first minute that is not thinned
            _ => assert_eq!(samples, 1, "{minute}"),
        }
    }
    drop(store);
    let again = prune(&path, &policy, at(3000));
    assert_eq!((again.samples, again.kinds), (0, 0));
    // and what gets old after that keeps to its marks
    let pruned = prune(&path, &Retention { keep_marks: true, ..older_than(10) }, at(9000));
    assert_eq!((pruned.samples, pruned.recordings), (left.len() as u64 - 61, 0));
    assert_eq!(numbers(&Store::open(&path).unwrap(), id), (270..=330).collect::<Vec<_>>());
}

#[test]
fn missed_samples_stay_where_history_is_thinned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for number in 1..=400 {
        match number % 50 {
            7 => writer.missed(id, at(number * 2), 2, "the recorder came late").unwrap(),
            _ => writer.append(id, passing(20, number * 2)).unwrap(),
        };
    }
    writer.end(id, at(800), &WhyEnded::Finished).unwrap();
    let ticks = Store::open(&path).unwrap().summary(id).unwrap().missed_ticks;
    writer.prune(&thin_after(1), None, at(9000)).unwrap();
    writer.close().unwrap();
    check(&path);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.summary(id).unwrap().missed_ticks, ticks);
    assert!(numbers(&store, id).len() < 30);
}

/// A recorder that takes a step after each sample; the file it would leave if killed then is opened anew.
fn recorded_with(path: &Path, policy: &Retention, samples: u64) -> (RecordingId, u64) {
    let (mut writer, id) = begun(path);
    let mut steps = 0;
    for number in 1..=samples {
        writer.append(id, passing(20, number * 2)).unwrap();
        let done = writer.prune_step(policy, at(number * 2)).unwrap();
        steps += u64::from(done);
        // Each verifies the whole file: a part of the steps, of all kinds, is enough.
        if done && steps % 5 == 0 {
            let copy = path.with_extension(format!("{number}.db"));
            let source = Connection::open(path).unwrap();
            source.backup("main", &copy, None::<fn(rusqlite::backup::Progress)>).unwrap();
            check(&copy);
            let store = Store::open(&copy).unwrap();
            assert!(numbers(&store, id).ends_with(&[number]));
            drop(store);
            let again = Writer::open(&copy).unwrap();
            again.close().unwrap();
            check(&copy);
            std::fs::remove_file(&copy).unwrap();
        }
    }
    writer.end(id, at(samples * 2), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    check(path);
    (id, steps)
}

#[test]
fn a_recorder_keeps_as_much_as_its_policy_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let policy = Retention { thin_after: Some(Duration::from_secs(200)), ..older_than(900) };
    let (id, steps) = recorded_with(&path, &policy, 1700);
    assert!(steps > 10, "{steps}");
    let left = numbers(&Store::open(&path).unwrap(), id);
    assert!(left[0] > 1700 - 450 - 310, "{left:?}");
    assert!(left.len() < 600, "{}", left.len());
    assert!(left.ends_with(&[1699, 1700]));
    assert!(rows(&path, "region_kind") < 25, "{}", rows(&path, "region_kind"));
}

#[test]
fn a_reader_sees_the_samples_there_were_as_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let id = ended(&path, 1200);
    let store = Store::open(&path).unwrap();
    let mut writer = Writer::open(&path).unwrap();
    let mut seen = 0;
    store
        .for_each_snapshot(id, 1..=u64::MAX, |sample, snapshot| {
            if sample.number == 2 {
                writer.prune(&older_than(10), None, at(100_000)).unwrap();
            }
            assert_eq!(*snapshot.unwrap(), passing(20, sample.number * 2));
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 1200);
    writer.close().unwrap();
    assert!(store.recordings().unwrap().is_empty());
    drop(store);
    check(&path);
}

/// Not a test of correctness: prints how long steps take at 1,000 regions.
#[test]
#[ignore = "a measurement: run it with --release --ignored --nocapture"]
fn steps_at_a_thousand_regions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    let policy = Retention {
        thin_after: Some(Duration::from_secs(1300)),
        keep_marks: true,
        ..older_than(4000)
    };
    add_mark(&path, RecordingId(1), at(1000).utc_ns, "here").unwrap();
    let mut steps: Vec<Duration> = Vec::new();
    for number in 1..=4000 {
        writer.append(id, passing(1000, number * 2)).unwrap();
        let asked = Instant::now();
        if writer.prune_step(&policy, at(number * 2)).unwrap() {
            steps.push(asked.elapsed());
        }
    }
    steps.sort_unstable();
    let at = |part: usize| steps[(steps.len() - 1) * part / 100];
    println!("{} steps: median {:?}, 90 % {:?}, most {:?}", steps.len(), at(50), at(90), at(100));
}
