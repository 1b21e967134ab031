//! Whether a recording holds exactly what its trace says.

use std::ops::ControlFlow;
use std::path::Path;

use vmrec_store::Store;

use crate::trace::{Reader, Trace, at, host, process};

/// How many samples were compared, and how many of them differ.
pub(crate) struct Found {
    pub(crate) compared: usize,
    pub(crate) differing: usize,
}

/// Compares every sample of the recording `db` with the frame it was made from.
pub(crate) fn compare(trace: &Path, db: &Path) -> Found {
    let trace = Trace::open(trace).expect("a trace");
    let store = Store::open(db).expect("a recording");
    let id = store.newest().expect("a readable file").expect("a recording in it");
    let recording = store.recording(id).expect("the recording");
    assert!(recording.process == process() && recording.host == host(), "another recording");
    let begun_ns = trace.frames[0].unix_ms * 1_000_000;
    let mut reader = Reader::default();
    let mut found = Found { compared: 0, differing: 0 };
    store
        .for_each_snapshot(id, 1..=u64::MAX, |sample, snapshot| {
            let taken = at(begun_ns + found.compared as u64 * recording.interval_ns);
            let frame = trace.frames.get(found.compared);
            let expected = frame.map(|frame| reader.snapshot(&trace, frame, taken).expect("smaps"));
            let number = found.compared as u64 + 1;
            let same = sample.number == number && snapshot == expected.as_ref();
            found.compared += 1;
            found.differing += usize::from(!same);
            ControlFlow::Continue(())
        })
        .expect("readable samples");
    // A sample that is not there differs from the one that should be.
    found.differing += trace.frames.len().saturating_sub(found.compared);
    found
}
