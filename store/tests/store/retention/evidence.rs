//! Evidence stays as long as a sample that needs it.

use super::*;

/// Evidence that is mostly as in the one before.
fn changing_evidence(number: u64) -> Evidence {
    let page = |index: u64| {
        let turn = number / 2 + 40;
        let since = turn - (turn + index) % 40;
        (index << 16, (since * 100 + index).to_le_bytes().repeat(2).into())
    };
    Evidence { peeks: (0..100).map(page).collect(), ..Evidence::default() }
}

/// Appends samples from `first` to `last`, of which each second one has evidence.
fn append_with_evidence(writer: &mut Writer, id: RecordingId, first: u64, last: u64) {
    for number in first..=last {
        writer.append(id, passing(20, number * 2)).unwrap();
        if number % 2 == 0 {
            writer.evidence(id, number, &changing_evidence(number)).unwrap();
        }
    }
}

/// Checks the evidence of all samples that are left, and returns their numbers with those of the
/// evidence that is stored.
fn left_with_evidence(path: &Path, id: RecordingId) -> (Vec<u64>, Vec<u64>) {
    check(path);
    let store = Store::open(path).unwrap();
    let left = numbers(&store, id);
    for number in left.iter().filter(|number| **number > 1) {
        let found = store.evidence(id, *number).unwrap();
        assert_eq!(found, Some(changing_evidence(number / 2 * 2)), "{number}");
    }
    (left, store.evidence_numbers(id).unwrap())
}

#[test]
fn evidence_goes_unless_a_sample_that_stays_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    append_with_evidence(&mut writer, id, 1, 1000);
    writer.end(id, at(2000), &WhyEnded::Finished).unwrap();
    writer.prune(&older_than(680), None, at(2000)).unwrap();
    writer.close().unwrap();
    let (left, stored) = left_with_evidence(&path, id);
    assert!(left[0] > 300);
    // The newest before the first sample, and those it builds on.
    let before = stored.iter().filter(|number| **number < left[0]).count();
    assert!((1..=64).contains(&before), "{stored:?} {}", left[0]);
}

#[test]
fn evidence_of_samples_that_are_thinned_out_goes_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    append_with_evidence(&mut writer, id, 1, 1250);
    add_mark(&path, id, at(1000).utc_ns, "here").unwrap();
    let thin = |seconds| Retention {
        thin_after: Some(Duration::from_secs(seconds)),
        keep_marks: true,
        ..Retention::default()
    };
    // Chunk by chunk, while the recorder goes on to build on its last evidence.
    while writer.prune_step(&thin(1200), at(2500)).unwrap() {}
    append_with_evidence(&mut writer, id, 1251, 1300);
    while writer.prune_step(&thin(100), at(2600)).unwrap() {}
    append_with_evidence(&mut writer, id, 1301, 2100);
    writer.end(id, at(4200), &WhyEnded::Finished).unwrap();
    let (_, stored) = left_with_evidence(&path, id);
    // One of 15 of the first 1,200, those near the mark and the bases of the last.
    let before = stored.iter().filter(|number| **number <= 1200).count();
    assert!((70..=150).contains(&before), "{before}: {stored:?}");
    writer.prune(&thin(0), None, at(4200)).unwrap();
    writer.close().unwrap();
    let (left, stored) = left_with_evidence(&path, id);
    assert!(left.len() < 200, "{left:?}");
    // A recorder may go on to build on the last and its bases.
    assert!(stored.len() <= left.len() + 64, "{stored:?}");
}
