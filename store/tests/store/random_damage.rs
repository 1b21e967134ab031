//! Random damage, of the rows and of the schema apart: all that is read of a damaged file is an
//! error or as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use rusqlite::Connection;
use vmrec_sampler::Quantity;
use vmrec_store::{
    Error, Measure, Moment, RecordingId, RecordingSummary, Store, WhyEnded, Writer, add_mark,
};

use crate::evidence::evidence;
use crate::made_up::{at, begin, begun, snapshot};

const PAGE: usize = 1024;
const ROW_CASES: u64 = 1200;
const SCHEMA_CASES: u64 = 400;

/// Writes a chunk with its evidence, rows of samples after it, and marks.
fn write(path: &Path) {
    let (mut writer, id) = begun(path);
    for second in 1..=12 {
        match second {
            7 => writer.missed(id, at(second), 2, "asleep").unwrap(),
            _ => writer.append(id, snapshot(20 + second % 3, second)).unwrap(),
        };
        if second % 5 == 1 {
            writer.evidence(id, second, &evidence(second as u32)).unwrap();
        }
    }
    writer.end(id, at(13), &WhyEnded::Finished).unwrap();
    let second_id = begin(&mut writer);
    for second in 20..=26 {
        writer.append(second_id, snapshot(12, second)).unwrap();
    }
    writer.close().unwrap();
    for (recording, second) in [(id, 3), (id, 9), (second_id, 22)] {
        add_mark(path, recording, at(second).utc_ns, &format!("at {second}")).unwrap();
    }
}

/// All that can be asked of a file, by question; an error has no answer.
///
/// An answer of several rows has a line for each. Only a check of the whole file notices that one of
/// them is missing.
fn answers(store: &Store) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |question: String, answer: Result<String, Error>| {
        if let Ok(answer) = answer {
            all.insert(question, answer);
        }
    };
    // Arguments are rows of their own.
    let without_arguments = |mut summary: RecordingSummary| {
        summary.recording.process.arguments.clear();
        summary
    };
    let recordings = store.recordings();
    add(
        "recordings".into(),
        recordings.map(|all| lines(all.into_iter().map(without_arguments).collect())),
    );
    for number in 1..=2 {
        let id = RecordingId(number);
        let mut question = |what: &str, answer| add(format!("{what} of {number}"), answer);
        let arguments = store.recording(id).map(|recording| recording.process.arguments);
        question("arguments", arguments.map(lines));
        question("summary", store.summary(id).map(without_arguments).map(shown));
        question("samples", store.samples(id).map(shown));
        question("extent", store.extent(id).map(shown));
        question("marks", store.marks(id).map(lines));
        question("evidence numbers", store.evidence_numbers(id).map(lines));
        for sample in [1, 6, 7, 12] {
            question(&format!("sample {sample}"), store.snapshot(id, sample).map(shown));
            question(&format!("evidence {sample}"), store.evidence(id, sample).map(shown));
        }
        for moment in [Moment::Peak, Moment::Utc(at(8).utc_ns), Moment::Number(3)] {
            question(&format!("{moment:?}"), store.sample_at(id, moment).map(shown));
        }
        let mut walked = Vec::new();
        let walk = store.for_each_snapshot(id, 2..=9, |sample, snapshot| {
            walked.push(format!("{sample:?} {snapshot:?}"));
            ControlFlow::Continue(())
        });
        question("walk", walk.map(|_| shown(walked)));
        let mut sums = Vec::new();
        let measures = [Measure::Regions, Measure::Quantity(Quantity::Resident)];
        let summed = store.for_each_sums(id, 1..=12, &measures, |block| sums.push(block.clone()));
        question("sums", summed.map(|()| shown(sums)));
        question("rollups", store.rollups(id, 0..=u64::MAX, &measures).map(shown));
    }
    all
}

fn shown(answer: impl Debug) -> String {
    format!("{answer:?}")
}

fn lines<T: Debug>(rows: Vec<T>) -> String {
    rows.iter().map(|row| format!("{row:?}\n")).collect()
}

/// Returns the pages of the schema of a new file, and all others of the file at `path`.
fn pages(folder: &Path, path: &Path) -> (Vec<usize>, Vec<usize>) {
    let empty = folder.join("empty.db");
    Writer::open(&empty).unwrap().close().unwrap();
    let connection = Connection::open(&empty).unwrap();
    let mut roots = connection.prepare("SELECT rootpage FROM sqlite_schema").unwrap();
    let roots: BTreeSet<usize> = roots
        .query_map([], |row| row.get::<_, i64>(0))
        .unwrap()
        .map(|root| usize::try_from(root.unwrap()).unwrap())
        .collect();
    let length = |path: &Path| usize::try_from(fs::metadata(path).unwrap().len()).unwrap() / PAGE;
    let (first, all) = (length(&empty), length(path));
    (1..=all).partition(|page| *page <= first && !roots.contains(page))
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}

/// Damages a few bytes of one page, or of two.
fn damage(bytes: &mut [u8], pages: &[usize], random: &mut Random) {
    for _ in 0..1 + random.below(2) {
        let page = (pages[random.below(pages.len())] - 1) * PAGE;
        // Half of it among the first bytes, which say where rows are.
        let area: Range<usize> = if random.below(2) == 0 { 0..64 } else { 0..PAGE };
        for _ in 0..1 + random.below(4) {
            let byte = &mut bytes[page + area.start + random.below(area.len())];
            match random.below(3) {
                0 => *byte ^= 1 << random.below(8),
                1 => *byte = 0,
                _ => *byte = random.below(256) as u8,
            }
        }
    }
}

/// Damages a file `cases` times and checks all that is read of it. Returns how often it could be
/// opened, and how often damage was found in it then.
fn damaged(cases: u64, schema: bool) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    write(&path);
    let (of_schema, of_rows) = pages(folder.path(), &path);
    let chosen = if schema { of_schema } else { of_rows };
    let whole = fs::read(&path).unwrap();
    let truth = answers(&Store::open(&path).unwrap());
    assert!(truth.len() > 30, "{:?}", truth.keys());
    let (mut opened, mut found) = (0, 0);
    for case in 0..cases {
        let mut bytes = whole.clone();
        damage(&mut bytes, &chosen, &mut Random(case));
        fs::write(&path, &bytes).unwrap();
        let Ok(store) = Store::open(&path) else { continue };
        opened += 1;
        let is_whole = store.verify().is_ok_and(|problems| problems.is_empty());
        found += u64::from(!is_whole);
        let read = answers(&store);
        for (question, answer) in &read {
            let Some(right) = truth.get(question) else {
                panic!("case {case}: {question} has an answer: {answer}");
            };
            // Rows may be missing of a list, if a check says that the file is damaged.
            let is_list = right.ends_with('\n');
            // Evidence that is missing lets the one before it count.
            let earlier = || {
                question.starts_with("evidence ") && truth.values().any(|right| answer == right)
                    || answer == "None"
            };
            let part = || is_list && answer.lines().all(|row| right.lines().any(|one| one == row));
            assert!(
                answer == right || !is_whole && (part() || earlier()),
                "case {case}: {question}: {answer}\nis: {right}"
            );
        }
        assert!(!is_whole || read == truth, "case {case}: a whole file with errors");
    }
    (opened, found)
}

#[test]
fn damaged_rows_are_an_error_or_right() {
    let (opened, found) = damaged(ROW_CASES, false);
    assert!(opened * 10 > ROW_CASES * 9, "{opened}");
    assert!(found * 3 > opened, "{found} of {opened}");
}

#[test]
fn a_damaged_schema_is_an_error_or_the_rows_are_right() {
    let (opened, found) = damaged(SCHEMA_CASES, true);
    assert!(opened < SCHEMA_CASES, "{opened}");
    assert!(found <= opened);
}
