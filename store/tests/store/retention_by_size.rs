//! Retention by size: no more goes than must, and never without notice.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use vmrec_sampler::{Evidence, Identity, Object, Snapshot};
use vmrec_store::{Error, RecordingId, Retention, SampleState, Store, WhyEnded, Writer, add_mark};

use crate::made_up::{at, begin, begun, identity, snapshot};

fn max_bytes(bytes: u64) -> Retention {
    Retention { max_bytes: Some(bytes), ..Retention::default() }
}

/// A snapshot with regions of files that only this one has.
fn with_new_files(files: u64, name_bytes: usize, second: u64) -> Snapshot {
    let mut snapshot = snapshot(files + 1, second);
    for (file, region) in (1..).zip(&mut snapshot.regions[1..]) {
        let object = Object {
            name: format!("/{:0>name_bytes$}", second * 1000 + file).into(),
            device: (0, 1),
            inode: second * 1000 + file,
            deleted: false,
        };
        let start = (1 << 30) + (file << 24);
        region.identity =
            Arc::new(Identity { object: Some(object.into()), ..identity(start, 4096) });
    }
    snapshot
}

fn evidence(second: u64, bytes: u64) -> Evidence {
    let mut noise = second + 1;
    let page = (0..bytes).map(|_| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 56) as u8
    });
    Evidence { peeks: [(0, page.collect())].into(), ..Evidence::default() }
}

/// Records samples whose evidence and files take nearly all of the file, as those of a process that
/// changes much.
fn ended(path: &Path, samples: u64) -> RecordingId {
    let mut writer = Writer::open(path).unwrap();
    let id = begin(&mut writer);
    for number in 1..=samples {
        writer.append(id, with_new_files(3, 60, number * 2)).unwrap();
        writer.evidence(id, number, &evidence(number, 700)).unwrap();
    }
    writer.end(id, at(samples * 2), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    id
}

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

fn check(path: &Path) {
    assert_eq!(Store::open(path).unwrap().verify().unwrap(), Vec::<String>::new());
}

fn numbers(path: &Path, id: RecordingId) -> Vec<u64> {
    let samples = Store::open(path).unwrap().samples(id);
    samples.map_or_else(|_| Vec::new(), |samples| samples.iter().map(|s| s.number).collect())
}

/// Returns the numbers of the last samples of the chunks.
fn chunk_ends(path: &Path, id: RecordingId) -> Vec<u64> {
    let connection = Connection::open(path).unwrap();
    let mut chunks = connection
        .prepare("SELECT last FROM chunk WHERE recording = ? AND samples > 0 ORDER BY last")
        .unwrap();
    let ends = chunks.query_map([id.0], |row| row.get::<_, i64>(0)).unwrap();
    ends.map(|end| end.unwrap() as u64).collect()
}

#[test]
fn only_the_oldest_chunks_that_must_go_do() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    let id = ended(&whole, 1500);
    let ends = chunk_ends(&whole, id);
    assert!(ends.len() >= 3, "{ends:?}");
    let pruned_to = |limit: u64| {
        let path = folder.path().join("copy.db");
        std::fs::copy(&whole, &path).unwrap();
        let named =
            Store::open(&path).unwrap().prune_preview(&max_bytes(limit), None, at(0)).unwrap();
        let mut writer = Writer::open(&path).unwrap();
        let pruned = writer.prune(&max_bytes(limit), None, at(0)).unwrap();
        writer.close().unwrap();
        check(&path);
        assert_eq!(named, pruned, "a dry run is exact");
        assert_eq!(bytes(&path), pruned.bytes_after);
        assert!(pruned.bytes_after <= limit, "{pruned:?} above {limit}");
        assert_eq!(numbers(&path, id), (pruned.samples + 1..=1500).collect::<Vec<_>>());
        assert_eq!(pruned.recordings, 0);
        pruned
    };
    let mut limit = bytes(&whole);
    assert_eq!(pruned_to(limit).samples, 0);
    for end in &ends[..ends.len() - 1] {
        // A byte less takes one more chunk, and no more than that.
        let pruned = pruned_to(limit - 1);
        assert_eq!(pruned.samples, *end);
        assert!(pruned.bytes_after < limit);
        limit = pruned.bytes_after;
        assert_eq!(pruned_to(limit).samples, *end);
    }
}

#[test]
fn a_limit_that_cannot_be_met_is_refused_before_anything_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (first, second) = (ended(&path, 1000), ended(&path, 1000));
    let all = |id| numbers(&path, id).len();
    let refused = |limit, only: Option<&[RecordingId]>| {
        let dry = Store::open(&path).unwrap().prune_preview(&max_bytes(limit), only, at(0));
        let mut writer = Writer::open(&path).unwrap();
        let done = writer.prune(&max_bytes(limit), only, at(0));
        writer.close().unwrap();
        check(&path);
        match (dry, done) {
            (
                Err(Error::LimitTooSmall { fixed_bytes: dry, .. }),
                Err(Error::LimitTooSmall { fixed_bytes, limit_bytes, .. }),
            ) => {
                assert_eq!((dry, limit_bytes), (fixed_bytes, limit));
                fixed_bytes
            }
            other => panic!("{other:?}"),
        }
    };
    let fixed = refused(1, None);
    assert_eq!((all(first), all(second)), (1000, 1000));
    // The refusal names the least size that can be met.
    assert_eq!(refused(fixed - 1, None), fixed);
    let without_first = refused(1, Some(&[first]));
    assert!(without_first > fixed);
    assert_eq!((all(first), all(second)), (1000, 1000));

    let mut writer = Writer::open(&path).unwrap();
    let pruned = writer.prune(&max_bytes(without_first), Some(&[first]), at(0)).unwrap();
    writer.close().unwrap();
    assert_eq!((pruned.samples, pruned.recordings), (1000, 1));
    assert_eq!(numbers(&path, second), (1..=1000).collect::<Vec<_>>());
    let newest_chunk = chunk_ends(&path, second).len();
    assert!(newest_chunk > 1);
    let mut writer = Writer::open(&path).unwrap();
    writer.prune(&max_bytes(fixed), None, at(0)).unwrap();
    writer.close().unwrap();
    check(&path);
    assert_eq!(chunk_ends(&path, second), [1000], "the newest chunk stays");
    let missing = Writer::open(&path).unwrap().prune(&max_bytes(1), Some(&[RecordingId(9)]), at(0));
    assert!(matches!(missing, Err(Error::NoSuchRecording { id: RecordingId(9), .. })));
}

#[test]
fn only_recordings_that_are_named_lose_samples() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (first, second) = (ended(&path, 1300), ended(&path, 1300));
    let older =
        Retention { older_than: Some(std::time::Duration::from_secs(1)), ..Retention::default() };
    for policy in [max_bytes(bytes(&path) * 8 / 10), older] {
        let named =
            Store::open(&path).unwrap().prune_preview(&policy, Some(&[second]), at(9000)).unwrap();
        let mut writer = Writer::open(&path).unwrap();
        let pruned = writer.prune(&policy, Some(&[second]), at(9000)).unwrap();
        writer.close().unwrap();
        check(&path);
        assert_eq!(named, pruned);
        assert!(pruned.samples > 0);
        assert_eq!(numbers(&path, first).len(), 1300);
    }
    assert_eq!(numbers(&path, second).len(), 0);
}

#[test]
fn samples_near_marks_go_last_and_those_of_a_killed_recorder_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let id = ended(&path, 1500);
    add_mark(&path, id, at(100).utc_ns, "here").unwrap();
    let (mut writer, lost) = begun(&path);
    for number in 1..=100 {
        writer.append(lost, with_new_files(3, 60, number * 2)).unwrap();
    }
    // As a killed recorder leaves it.
    let killed = folder.path().join("killed.db");
    for suffix in ["", "-wal"] {
        let name = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            name
        };
        std::fs::copy(name(&path), name(&killed)).unwrap();
    }
    drop(writer);
    let policy = Retention { keep_marks: true, ..max_bytes(bytes(&path) * 7 / 10) };
    let named = Store::open(&killed).unwrap().prune_preview(&policy, None, at(0)).unwrap();
    let mut writer = Writer::open(&killed).unwrap();
    let pruned = writer.prune(&policy, None, at(0)).unwrap();
    writer.close().unwrap();
    check(&killed);
    assert_eq!((named.samples, named.recordings), (pruned.samples, pruned.recordings));
    let left = numbers(&killed, id);
    assert!(left.starts_with(&(20..=80).collect::<Vec<_>>()), "{left:?}");
    assert!(left.len() > 300 && left.ends_with(&[1500]), "{left:?}");
    assert_eq!(numbers(&killed, lost).len(), 100);
}

/// Records, pruning after each sample for as long as there is something to do, and returns the
/// largest size of the file with its log.
fn largest(path: &Path, limit: u64, samples: u64, snapshot: impl Fn(u64) -> Snapshot) -> u64 {
    let (mut writer, id) = begun(path);
    let mut largest = 0;
    for number in 1..=samples {
        writer.append(id, snapshot(number)).unwrap();
        writer.evidence(id, number, &evidence(number, 300)).unwrap();
        while writer.prune_step(&max_bytes(limit), at(number * 2)).unwrap() {}
        largest = largest.max(writer.file_bytes());
    }
    writer.end(id, at(samples * 2), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    check(path);
    largest
}

#[test]
fn a_file_that_is_recorded_to_stays_within_a_chunk_of_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let limit = 2 << 20;
    let largest = largest(&path, limit, 4000, |number| with_new_files(3, 60, number * 2));
    assert!(largest <= limit + limit / 16, "{largest}");
    let left = numbers(&path, RecordingId(1));
    assert!(left.ends_with(&[4000]));
    assert!(bytes(&path) > limit * 6 / 10, "{} with {} samples", bytes(&path), left.len());
}

#[test]
fn a_process_that_maps_other_files_at_each_sample_cannot_fill_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let limit = 2 << 20;
    // Some 300 KB a sample.
    let largest = largest(&path, limit, 100, |number| with_new_files(30, 3900, number * 2));
    assert!(largest <= limit + limit / 16, "{largest}");
    let left = numbers(&path, RecordingId(1));
    assert!(left.ends_with(&[100]) && left.len() >= 3, "{left:?}");
}

#[test]
fn regions_that_can_never_fit_are_left_out_and_the_totals_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let limit = 2 << 20;
    let (mut writer, id) = begun(&path);
    writer.retain(&max_bytes(limit)).unwrap();
    let (mut largest, mut left_out) = (0, 0);
    for number in 1..=60 {
        // Some 1.5 MB, then some 400 KB.
        let files = if number <= 30 { 380 } else { 100 };
        writer.append(id, with_new_files(files, 3900, number * 2)).unwrap();
        if let Some(why) = writer.take_left_out() {
            left_out += 1;
            assert!(why.contains(" too many for a file of at most 2097152 bytes"), "{why}");
            assert_eq!(writer.take_left_out(), None);
        }
        while writer.prune_step(&max_bytes(limit), at(number * 2)).unwrap() {}
        largest = largest.max(writer.file_bytes());
    }
    writer.end(id, at(120), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    check(&path);
    assert_eq!(left_out, 30);
    // The first of the larger samples came without notice.
    assert!(largest <= limit + (400 << 10), "{largest}");
    let samples = Store::open(&path).unwrap().samples(id).unwrap();
    let with_regions = samples.iter().filter(|sample| sample.has_regions()).count();
    assert!(with_regions >= 2, "{with_regions}");
    for sample in samples.iter().filter(|sample| sample.number <= 30) {
        assert!(
            matches!(sample.state, SampleState::TotalsAlone(_))
                && sample.totals.resident_bytes.is_some()
        );
    }
}

#[test]
fn leftovers_of_a_killed_pruning_go_before_any_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    ended(&path, 1500);
    // As a recorder leaves it that is killed after the samples went, before their kinds did.
    let older = Retention { older_than: Some(std::time::Duration::ZERO), ..Retention::default() };
    let mut writer = Writer::open(&path).unwrap();
    let samples = || Store::open(&path).unwrap().counts().unwrap().samples;
    while samples() > 0 {
        assert!(writer.prune_step(&older, at(9000)).unwrap());
    }
    writer.close().unwrap();
    let left = bytes(&path);
    assert!(left > 2 << 20, "{left}");

    let (mut writer, id) = begun(&path);
    for number in 1..=400 {
        writer.append(id, snapshot(20, number)).unwrap();
        while writer.prune_step(&max_bytes(1 << 20), at(number)).unwrap() {}
    }
    writer.end(id, at(400), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    check(&path);
    assert_eq!(numbers(&path, id).len(), 400);
    assert!(bytes(&path) < 1 << 20, "{}", bytes(&path));
}

#[test]
fn a_limit_below_an_empty_file_is_refused() {
    let path = Path::new("a.db");
    let refused = Writer::check_limit(path, &max_bytes(10 << 10));
    let Err(Error::LimitTooSmall { fixed_bytes, .. }) = refused else { panic!("{refused:?}") };
    assert!((100 << 10..300 << 10).contains(&fixed_bytes), "{fixed_bytes}");
    Writer::check_limit(path, &max_bytes(fixed_bytes)).unwrap();
}
