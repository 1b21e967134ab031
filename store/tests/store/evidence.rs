//! Evidence, and labels changed in place.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, params};
use vmrec_sampler::{Confidence, Evidence, Facts, Image, Label, Rule, types};
use vmrec_store::{Error, NewLabel, RecordingId, Store, Writer};

use crate::made_up::{at, begun, snapshot};

pub(crate) fn evidence(pid: u32) -> Evidence {
    let image = Image { markers: vec!["mallctl".into()], ..Image::default() };
    let images = BTreeMap::from([("/bin/a".into(), Arc::new(image))]);
    let facts = Facts { pid, executable: Some("/bin/a".into()), images, ..Facts::default() };
    Evidence { facts, peeks: BTreeMap::from([(0x7000, Box::from([1, 2, 3]))]) }
}

#[test]
fn a_sample_uses_the_latest_evidence_at_or_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    assert!(matches!(
        writer.evidence(RecordingId(1), 1, &evidence(1)),
        Err(Error::NotBegun { .. })
    ));
    drop(writer);
    let (mut writer, id) = begun(&path);
    for second in 1..=5 {
        let number = writer.append(id, snapshot(3, second)).unwrap();
        if [2, 4].contains(&number) {
            writer.evidence(id, number, &evidence(number as u32)).unwrap();
        }
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    let pid = |number| store.evidence(id, number).unwrap().map(|found| found.facts.pid);
    assert_eq!(
        [0, 1, 2, 3, 4, u64::MAX].map(pid),
        [None, None, Some(2), Some(2), Some(4), Some(4)]
    );
    assert_eq!(store.evidence(id, 4).unwrap(), Some(evidence(4)));
    assert_eq!(store.evidence_numbers(id).unwrap(), [2, 4]);
    assert!(matches!(store.evidence(RecordingId(9), 1), Err(Error::NoSuchRecording { .. })));
    assert!(store.verify().unwrap().is_empty());
    // The second one has its images from the first.
    Connection::open(&path).unwrap().execute("DELETE FROM evidence WHERE number = 2", []).unwrap();
    assert!(matches!(store.evidence(id, 4), Err(Error::Damaged { .. })));
    assert_eq!(store.verify().unwrap().len(), 1);
}

#[test]
fn damaged_evidence_is_reported_and_the_samples_stay_readable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    let number = writer.append(id, snapshot(3, 1)).unwrap();
    writer.evidence(id, number, &evidence(7)).unwrap();
    writer.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    let whole: Vec<u8> =
        connection.query_row("SELECT data FROM evidence", [], |row| row.get(0)).unwrap();
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;").unwrap();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        connection.execute("UPDATE evidence SET data = ?", params![flipped]).unwrap();
        let store = Store::open(&path).unwrap();
        assert!(matches!(store.evidence(id, 1), Err(Error::Damaged { .. })));
        assert_eq!(store.verify().unwrap().len(), 1);
        assert_eq!(store.snapshot(id, 1).unwrap(), snapshot(3, 1));
    }
    connection.execute_batch("UPDATE evidence SET data = 'text'").unwrap_err();
}

#[test]
fn labels_change_in_place_and_figures_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=3 {
        writer.append(id, snapshot(4, second)).unwrap();
    }
    let label = Label {
        region_type: types::STACK,
        detail: Some("worker".into()),
        confidence: Confidence::Sure,
        rule: Rule::R9a,
    };
    assert!(matches!(writer.relabel(id, &[]), Err(Error::NotEnded { .. })));
    writer.end(id, at(9), &vmrec_store::WhyEnded::Finished).unwrap();
    let new = NewLabel { sample: 2, region: 1, label: label.clone() };
    writer.relabel(id, std::slice::from_ref(&new)).unwrap();
    writer.relabel(RecordingId(2), &[NewLabel { sample: 1, region: 1, ..new }]).unwrap();
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    for second in 1..=3 {
        let mut expected = snapshot(4, second);
        if second >= 2 {
            let mut identity = (*expected.regions[1].identity).clone();
            identity.label = label.clone();
            expected.regions[1].identity = Arc::new(identity);
        }
        assert_eq!(store.snapshot(id, second).unwrap(), expected);
    }
}
