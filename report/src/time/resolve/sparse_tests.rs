//! The store finds by few samples of a long recording what is found among all of them.

use std::sync::LazyLock;

use proptest::prelude::*;
use tempfile::TempDir;
use vmrec_sampler::{Consistency, ProcessTotals};
use vmrec_store::{RecordingId, Sample, Store, Writer, add_mark};

use super::*;
use crate::fixture;

const S: i64 = 1_000_000_000;

/// 1100 samples 2 s apart, the last of them rows still: some are missed, one stretch of them longer
/// than a chunk; the clock goes back 20 minutes, forward 30, and is wrong by days for a missed sample.
struct Made {
    folder: TempDir,
    id: RecordingId,
    all: Vec<Sample>,
    marks: Vec<Mark>,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    let id = fixture::begin(&mut writer, 2 * S as u64);
    for n in 0..1100_u64 {
        let totals = ProcessTotals {
            footprint_bytes: (n % 3 > 0).then_some(n * 7919 % 1009),
            ..ProcessTotals::default()
        };
        let mut snapshot = fixture::snapshot(n * 2, totals, Vec::new());
        snapshot.taken.utc_ns += match n {
            350..600 => -1200 * S,
            600..900 => 600 * S,
            900.. => -100 * S,
            _ => 0,
        };
        if n < 3 || n % 41 == 5 || (310..720).contains(&n) && n % 200 != 50 {
            let off = if n % 82 == 5 { 100_000 * S } else { 0 };
            snapshot.taken.utc_ns += off;
            writer.missed(id, snapshot.taken, 1, "late").unwrap();
            continue;
        }
        if n % 10 == 0 {
            snapshot.consistency = Consistency::Torn("moved".into());
        }
        writer.append(id, snapshot).unwrap();
    }
    for (n, at) in [0, 200, 700, 1500, 3000].into_iter().enumerate() {
        add_mark(&path, id, fixture::recording(1).begun.utc_ns + at * S, &format!("mark {n}"))
            .unwrap();
    }
    let store = Store::open(&path).unwrap();
    let (all, marks) = (store.samples(id).unwrap(), store.marks(id).unwrap());
    Made { folder, id, all, marks }
});

fn specs() -> impl Strategy<Value = TimeSpec> {
    let seconds = -600_i64..4000;
    let begun = fixture::recording(1).begun.utc_ns;
    let ns = |seconds: i64, more: i64| (seconds * S + more).max(0).cast_unsigned();
    prop_oneof![
        Just(TimeSpec::Start),
        Just(TimeSpec::End),
        Just(TimeSpec::Now),
        Just(TimeSpec::Peak),
        (0_u64..1103).prop_map(TimeSpec::Sample),
        (0_u8..7).prop_map(|n| TimeSpec::Mark(format!("mark {n}"))),
        seconds.clone().prop_map(move |at| TimeSpec::At { utc_ns: begun + at * S }),
        (0_usize..1100, -1_i64..2)
            .prop_map(|(at, off)| TimeSpec::At { utc_ns: MADE.all[at].taken.utc_ns + off }),
        (seconds.clone(), -1_i64..2)
            .prop_map(move |(at, more)| TimeSpec::BeforeEnd { ns: ns(at, more) }),
        (seconds.clone(), -1_i64..2)
            .prop_map(move |(at, more)| TimeSpec::AfterStart { ns: ns(at, more) }),
        (0_i8..24, 0_i8..60)
            .prop_map(|(hour, minute)| TimeSpec::TimeOfDay(jiff::civil::time(hour, minute, 0, 0))),
        (0_i8..60, 13_i8..16).prop_map(|(minute, hour)| TimeSpec::Local(
            jiff::civil::date(2026, 3, 1).at(hour, minute, 30, 0)
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn few_samples_mean_what_all_do(
        spec in specs(),
        running in any::<bool>(),
        since in -100_i64..100,
    ) {
        let made = &*MADE;
        let store = Store::open(&made.folder.path().join("a.db")).unwrap();
        let extent = store.extent(made.id).unwrap();
        prop_assert_eq!(&extent, &Extent::of(&made.all));
        let timeline = Timeline {
            extent: extent.as_ref(),
            marks: &made.marks,
            interval_ns: 2 * S as u64,
            now_utc_ns: made.all[1099].taken.utc_ns + since * S,
            running,
            time_zone: TimeZone::get("Europe/Paris").unwrap(),
        };
        if let Ok(moment) = spec.moment(&timeline) {
            let found = store.sample_at(made.id, moment).unwrap();
            prop_assert_eq!(&found, &moment.among(&made.all));
            if let Ok(resolved) = timeline.resolved(moment, found.clone()) {
                // A length of time that reaches back before the first sample means that one.
                let number = found.map_or(extent.as_ref().unwrap().first.number, |at| at.sample.number);
                prop_assert_eq!(resolved.number, number);
            }
        }
    }
}
