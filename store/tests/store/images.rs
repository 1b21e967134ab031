//! Images that the dynamic linker lists: which there were at each sample.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use vmrec_sampler::{AddressRange, LoadedImage, LoadedImages, LoadedSegment, Snapshot};
use vmrec_store::{Error, RecordingId, Retention, Store, WhyEnded, Writer, repair};

use crate::made_up::{at, begin, begun, snapshot};

fn image(path: &str, address: u64) -> Arc<LoadedImage> {
    let segment = |name: &str, start| LoadedSegment {
        range: AddressRange::new(start, start + 0x4000),
        name: name.into(),
    };
    Arc::new(LoadedImage {
        path: path.into(),
        uuid: Some([7; 16]),
        address,
        segments: vec![segment("__TEXT", address), segment("__\"\n", address + 0x4000)],
    })
}

fn images(all: &[(&str, u64)]) -> Option<LoadedImages> {
    Some(all.iter().map(|(path, address)| image(path, *address)).collect())
}

const A: (&str, u64) = ("/bin/a", 0x1_0000_0000);
const B: (&str, u64) = ("/usr/lib/b.dylib", 0xffff_8000_0000_0000);
const C: (&str, u64) = ("/usr/lib/\u{1b}c.dylib", 0x1_2000_0000);

/// A recording of six samples: a; a, b; a, b; unknown; a, c; a, b again.
fn recorded(path: &Path) -> (Writer, RecordingId) {
    let (mut writer, id) = begun(path);
    let lists =
        [images(&[A]), images(&[A, B]), images(&[A, B]), None, images(&[A, C]), images(&[B, A])];
    for (second, images) in (1..).zip(lists) {
        writer.append(id, Snapshot { images, ..snapshot(3, second) }).unwrap();
    }
    (writer, id)
}

fn paths(store: &Store, id: RecordingId, number: u64) -> Option<Vec<String>> {
    let images = store.images(id, number).unwrap();
    images.map(|images| images.iter().map(|image| image.path.to_string()).collect())
}

#[test]
fn each_sample_has_the_images_that_were_listed_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (writer, id) = recorded(&path);
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    let all = |wanted: &[(&str, u64)]| Some(wanted.iter().map(|it| it.0.to_owned()).collect());
    assert_eq!(paths(&store, id, 1), all(&[A]));
    assert_eq!(paths(&store, id, 2), all(&[A, B]));
    assert_eq!(paths(&store, id, 3), all(&[A, B]));
    assert_eq!(paths(&store, id, 4), None);
    assert_eq!(paths(&store, id, 5), all(&[A, C]));
    assert_eq!(paths(&store, id, 6), all(&[A, B]));
    let found = store.images(id, 6).unwrap().unwrap();
    assert_eq!(found[..], images(&[A, B]).unwrap()[..], "with their builds and segments");
    assert!(store.verify().unwrap().is_empty());
    // Two times of the image of the program, and of b: each is described once.
    let plain = Connection::open(&path).unwrap();
    let count = |sql: &str| plain.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM image"), 3);
    assert_eq!(count("SELECT count(*) FROM image_span"), 5);
    let shown = "SELECT count(*) FROM images WHERE address = '0xffff800000000000' AND gone IS NULL";
    assert_eq!(count(shown), 1);
    let bytes = "SELECT json_extract(segments, '$[1][2]') FROM images WHERE path = '/bin/a'";
    assert_eq!(count(bytes), 0x4000);
    let gone =
        "SELECT gone_utc_ns - first_utc_ns FROM images WHERE path LIKE '%b.dylib' AND first = 2";
    assert_eq!(count(gone), 2_000_000_000);
}

/// Samples of a second each, every tenth of which has an image that no other one has.
fn passing(writer: &mut Writer, samples: u64) -> RecordingId {
    let id = begin(writer);
    for second in 1..=samples {
        let own = format!("/lib/{second}");
        let mut all = vec![A];
        if second.is_multiple_of(10) {
            all.push((&own, second << 16));
        }
        writer.append(id, Snapshot { images: images(&all), ..snapshot(3, second) }).unwrap();
    }
    writer.end(id, at(samples), &WhyEnded::Finished).unwrap();
    id
}

#[test]
fn images_go_with_the_samples_that_had_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let keep = |older_than, thin_after| Retention {
        older_than: Some(Duration::from_secs(older_than)),
        thin_after: Some(Duration::from_secs(thin_after)),
        max_bytes: None,
        keep_marks: false,
    };
    let count = |sql: &str| {
        let plain = Connection::open(&path).unwrap();
        plain.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let (mut writer, first) = recorded(&path);
    writer.end(first, at(6), &WhyEnded::Finished).unwrap();
    let second = passing(&mut writer, 2000);
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    let before: Vec<_> = (1..=2000).map(|number| paths(&store, second, number)).collect();
    drop(store);
    assert_eq!(count("SELECT count(*) FROM image_span"), 5 + 1 + 200);

    let mut writer = Writer::open(&path).unwrap();
    writer.prune(&keep(1500, 60), None, at(2000)).unwrap();
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert!(store.verify().unwrap().is_empty());
    assert!(matches!(store.images(first, 1), Err(Error::NoSuchRecording { .. })));
    let samples = store.samples(second).unwrap();
    let left = samples.len() as i64;
    assert!((50..500).contains(&left), "{left} samples");
    for sample in &samples {
        let number = sample.number;
        assert_eq!(paths(&store, second, number), before[number as usize - 1], "sample {number}");
    }
    // Of the image of each sample that is left, and of the program: nothing else is kept.
    let with_own = samples.iter().filter(|sample| sample.number % 10 == 0).count() as i64;
    assert_eq!(count("SELECT count(*) FROM image_span"), with_own + 1);
    assert_eq!(count("SELECT count(*) FROM image"), with_own + 1);
}

#[test]
fn images_that_take_too_much_are_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    let long = format!("/{}", "x".repeat(1000));
    let many: Vec<(&str, u64)> = (1..=8192).map(|at| (&*long, at << 16)).collect();
    for (second, images) in (1..).zip([images(&[A]), images(&many), images(&[A])]) {
        writer.append(id, Snapshot { images, ..snapshot(3, second) }).unwrap();
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    let known = [1, 2, 3].map(|number| paths(&store, id, number).is_some());
    assert_eq!(known, [true, false, true]);
}

#[test]
fn a_damaged_image_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (writer, id) = recorded(&path);
    writer.close().unwrap();
    let plain = Connection::open(&path).unwrap();
    plain.execute("UPDATE image SET path = '/bin/other' WHERE path = '/bin/a'", []).unwrap();
    plain.execute("UPDATE image_span SET gone = 9 WHERE gone = 4 AND image = 2", []).unwrap();
    let store = Store::open(&path).unwrap();
    assert!(store.images(id, 1).is_err());
    assert_eq!(store.verify().unwrap().len(), 2);
}

#[test]
fn a_repair_makes_images_unknown_rather_than_fewer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, first) = recorded(&path);
    writer.end(first, at(6), &WhyEnded::Finished).unwrap();
    let second = begin(&mut writer);
    writer.append(second, Snapshot { images: images(&[A]), ..snapshot(3, 1) }).unwrap();
    writer.close().unwrap();
    let repaired = |name: &str, damage: &str| {
        let (damaged, mended) = (folder.path().join("d.db"), folder.path().join(name));
        std::fs::copy(&path, &damaged).unwrap();
        Connection::open(&damaged).unwrap().execute(damage, []).unwrap();
        repair(&damaged, &mended).unwrap();
        let store = Store::open(&mended).unwrap();
        assert!(store.verify().unwrap().is_empty());
        [paths(&store, first, 3), paths(&store, second, 1)].map(|paths| paths.map(|it| it.len()))
    };
    assert_eq!(repaired("whole.db", "UPDATE mark SET text = ''"), [Some(2), Some(1)]);
    let image = "UPDATE image SET address = 1 WHERE path = '/usr/lib/b.dylib'";
    assert_eq!(repaired("image.db", image), [None, Some(1)]);
    assert_eq!(repaired("span.db", "UPDATE image_span SET gone = 3 WHERE first = 2"), [None, None]);
}
