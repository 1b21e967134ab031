//! Tests the plan on generated recordings that have only ticks.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use vmrec_sampler::{Cost, ProcessTotals, Timestamp};

use crate::codec::chunk::header::ChunkHeader;
use crate::codec::chunk::ticks::Tick;
use crate::recording::{RecordingId, Sample, SampleState};
use crate::retention::oldest::oldest_first;
use crate::retention::plan::{Keep, Known, PruneStep, Tried, Windows, kept, plan};
use crate::retention::policy::{MARK_NS, Retention};

const SECOND_NS: u64 = 1_000_000_000;

/// Generates recordings: the ticks of their chunks and the seconds of their marks.
#[derive(Clone, Debug)]
struct Model {
    chunks: Vec<(u64, u64, Vec<Tick>)>,
    marks: Vec<u64>,
    running: bool,
}

fn sample(tick: &Tick) -> Sample {
    Sample {
        number: tick.number,
        taken: tick.taken,
        state: tick.state.clone(),
        cost: Cost::default(),
        totals: ProcessTotals::default(),
        regions: tick.regions,
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp { utc_ns: (seconds * SECOND_NS) as i64, monotonic_ns: seconds * SECOND_NS }
}

impl Model {
    fn known(&self, id: i64, keep_marks: bool) -> Known {
        let marks = self.marks.iter().map(|mark| at(*mark).utc_ns);
        let header = |(first, last, ticks): &(u64, u64, Vec<Tick>)| {
            let samples: Vec<Sample> = ticks.iter().map(sample).collect();
            ChunkHeader::of(*first, *last, &samples)
        };
        Known {
            id: RecordingId(id),
            begun: at(0),
            interval_ns: 2 * SECOND_NS,
            running: self.running,
            tail: false,
            marked: if keep_marks { Windows::around(marks) } else { Windows::default() },
            chunks: self.chunks.iter().map(header).collect(),
        }
    }

    fn reduce(&mut self, known: &Known, last: u64, keep: Keep) {
        let index = self.chunks.iter().position(|(_, end, _)| *end == last).unwrap();
        let before = self.chunks[..index].iter().rfind(|(_, _, ticks)| !ticks.is_empty());
        let before = before.map(|(_, _, ticks)| ticks.clone()).unwrap_or_default();
        let ticks = &mut self.chunks[index].2;
        let mut stay = kept(known, ticks, &before, keep).into_iter();
        ticks.retain(|_| stay.next().unwrap());
    }

    fn ticks(&self) -> impl Iterator<Item = &Tick> {
        self.chunks.iter().flat_map(|(_, _, ticks)| ticks)
    }
}

fn models() -> impl Strategy<Value = Vec<Model>> {
    let chunk = vec((0_u8..12, 2_u64..5), 1..90);
    let model = (vec(chunk, 1..6), vec(0_u64..2500, 0..3), 0_u64..500);
    vec(model, 1..4).prop_map(|models| {
        let count = models.len();
        models
            .into_iter()
            .enumerate()
            .map(|(index, (chunks, mut marks, begin))| {
                marks.sort_unstable();
                let (mut number, mut second) = (1, begin);
                let mut next = |(kind, step): (u8, u64)| {
                    second += step;
                    let (state, regions) = match kind {
                        0 => (SampleState::Missed { ticks: 1, reason: "late".to_owned() }, None),
                        1 | 2 => (SampleState::Torn("moved".to_owned()), Some(3)),
                        _ => (SampleState::Complete, Some(3)),
                    };
                    number += 1;
                    Tick { number: number - 1, taken: at(second), state, regions }
                };
                let chunks = chunks
                    .into_iter()
                    .map(|ticks| {
                        let ticks: Vec<Tick> = ticks.into_iter().map(&mut next).collect();
                        (ticks[0].number, ticks[ticks.len() - 1].number, ticks)
                    })
                    .collect();
                Model { chunks, marks, running: index + 1 == count }
            })
            .collect()
    })
}

/// Plans and executes the steps until there are none.
fn run(models: &mut [Model], gone: &mut [bool], policy: &Retention, now: u64) -> usize {
    let mut tried = Tried::new();
    for round in 0.. {
        assert!(round < 40, "it terminates");
        let known: Vec<Known> = models
            .iter()
            .enumerate()
            .filter(|(index, _)| !gone[*index])
            .map(|(index, model)| model.known(index as i64, policy.keep_marks))
            .collect();
        let steps = plan(&known, policy, at(now).utc_ns, &tried);
        if steps.is_empty() {
            return round;
        }
        for step in steps {
            match step {
                PruneStep::Reduce { recording, last, keep } => {
                    let of = known.iter().find(|known| known.id == recording).unwrap();
                    let model = &mut models[recording.0 as usize];
                    let before = model.ticks().count();
                    model.reduce(of, last, keep);
                    if model.ticks().count() == before {
                        let new = tried.insert((recording, last, keep));
                        assert!(new, "nothing is tried twice in vain");
                    }
                }
                PruneStep::Between { .. } | PruneStep::Cascade(_) => {}
                PruneStep::Delete(recording) => {
                    let index = recording.0 as usize;
                    assert!(!models[index].running);
                    assert_eq!(models[index].ticks().count(), 0);
                    gone[index] = true;
                }
            }
        }
    }
    0
}

proptest! {
    #[test]
    fn only_old_samples_are_deleted(
        models in models(), older in prop::option::of(0_u64..2500), thin in prop::option::of(0_u64..2500),
        keep_marks in any::<bool>(),
    ) {
        let now = 2500;
        let policy = Retention {
            older_than: older.map(Duration::from_secs),
            thin_after: thin.map(Duration::from_secs),
            max_bytes: None,
            keep_marks,
        };
        let mut after = models.clone();
        let mut gone = vec![false; models.len()];
        run(&mut after, &mut gone, &policy, now);
        for (before, after) in models.iter().zip(&after) {
            let known = before.known(0, keep_marks);
            for ((.., ticks), (.., left)) in before.chunks.iter().zip(&after.chunks) {
                let end = ticks.last().unwrap().taken;
                let age = |limit: Option<u64>| {
                    limit.is_some_and(|limit| end.utc_ns < at(now).utc_ns - at(limit).utc_ns)
                };
                let near = |tick: &Tick| keep_marks && before.marks.iter().any(|mark| {
                    tick.taken.utc_ns.abs_diff(at(*mark).utc_ns) <= MARK_NS as u64
                });
                if age(older) {
                    let marked: Vec<_> = ticks.iter().filter(|tick| near(tick)).cloned().collect();
                    // Thinning may have come first, where marks are near.
                    prop_assert!(left.iter().all(|tick| marked.contains(tick)));
                    prop_assert_eq!(left.len(), marked.len());
                } else if age(thin) {
                    for tick in ticks {
                        // With its last samples thinned out, all remaining samples of a chunk may
                        // be old.
                        let old = older.is_some_and(|limit| {
                            tick.taken.utc_ns < at(now).utc_ns - at(limit).utc_ns
                        });
                        let must_stay = near(tick) || !tick.has_regions() && !old;
                        prop_assert!(!must_stay || left.contains(tick));
                    }
                    let minutes = ticks.iter().map(|tick| tick.taken.monotonic_ns / 60 / SECOND_NS);
                    let minutes: std::collections::HashSet<u64> = minutes.collect();
                    let spare = known.marked.clone();
                    if spare == Windows::default() {
                        let snapshots = left.iter().filter(|tick| tick.has_regions()).count();
                        prop_assert!(snapshots <= minutes.len());
                    }
                } else {
                    prop_assert_eq!(ticks, left, "young samples stay as they are");
                }
            }
        }
        let mut again = after.clone();
        let rounds = run(&mut again, &mut gone, &policy, now);
        let ticks = |models: &[Model]| models.iter().map(|m| m.ticks().count()).collect::<Vec<_>>();
        prop_assert_eq!(ticks(&after), ticks(&again), "the second time changes nothing: {}", rounds);
    }

    #[test]
    fn the_oldest_go_first_and_the_newest_chunk_stays(models in models(), keep_marks in any::<bool>(), tail in any::<bool>()) {
        let mut known: Vec<Known> = (0..).zip(&models).map(|(id, model)| model.known(id, keep_marks)).collect();
        if let Some(newest) = known.last_mut() {
            newest.tail = tail;
        }
        let flat = |models: &[Model]| {
            models.iter().flat_map(|model| model.ticks().map(|tick| tick.taken)).collect::<Vec<_>>()
        };
        let newest: Vec<_> = models.last().unwrap().chunks.last().unwrap().2.iter().map(|tick| tick.taken).collect();
        let mut after = models.clone();
        for group in oldest_first(&known, |_| true) {
            for step in group {
                match step {
                    PruneStep::Reduce { recording, last, keep } => {
                        let of = &known[recording.0 as usize];
                        let lost = flat(&after).len();
                        after[recording.0 as usize].reduce(of, last, keep);
                        // Whatever was deleted so far, the newest samples are left.
                        if !keep_marks {
                            prop_assert!(flat(&models).ends_with(&flat(&after)));
                            prop_assert!(flat(&after).len() < lost, "no step does nothing");
                        }
                    }
                    PruneStep::Between { .. } | PruneStep::Cascade(_) => {}
                    PruneStep::Delete(recording) => {
                        let model = &after[recording.0 as usize];
                        prop_assert!(!model.running);
                        prop_assert_eq!(model.ticks().count(), 0);
                    }
                }
            }
        }
        prop_assert_eq!(flat(&after), if tail { Vec::new() } else { newest });
    }

    #[test]
    fn only_recordings_that_may_lose_samples_do(models in models(), chosen in 0_i64..3) {
        let known: Vec<Known> = (0..).zip(&models).map(|(id, model)| model.known(id, false)).collect();
        for step in oldest_first(&known, |id| id.0 == chosen).into_iter().flatten() {
            let (PruneStep::Reduce { recording, .. } | PruneStep::Between { recording, .. } | PruneStep::Cascade(recording) | PruneStep::Delete(recording)) = step;
            prop_assert_eq!(recording.0, chosen);
        }
    }
}

#[test]
fn old_samples_between_two_marks_of_a_chunk_are_deleted() {
    // Fewer samples than could be near the marks, one at the very beginning of the range of the
    // second one.
    let seconds: Vec<u64> = (560..=720).step_by(4).chain([721]).collect();
    let tick = |(number, second): (u64, &u64)| Tick {
        number,
        taken: at(*second),
        state: SampleState::Complete,
        regions: Some(3),
    };
    let ticks: Vec<Tick> = (1..).zip(&seconds).map(tick).collect();
    let chunk = (1, ticks.len() as u64, ticks);
    let mut models = [Model { chunks: vec![chunk], marks: vec![619, 781], running: true }];
    let policy = Retention {
        older_than: Some(Duration::from_secs(60)),
        thin_after: None,
        max_bytes: None,
        keep_marks: true,
    };
    run(&mut models, &mut [false], &policy, 2500);
    let left = models[0].ticks().map(|tick| tick.taken.utc_ns / SECOND_NS as i64);
    let near = seconds.iter().map(|second| *second as i64).filter(|s| *s <= 679 || *s == 721);
    assert_eq!(left.collect::<Vec<_>>(), near.collect::<Vec<_>>());
}

#[test]
fn the_first_complete_sample_of_a_minute_stays_and_a_torn_one_only_if_there_is_no_other() {
    let tick = |number: u64, second, state: SampleState| {
        let regions = (!matches!(state, SampleState::Missed { .. })).then_some(1);
        Tick { number, taken: at(second), state, regions }
    };
    let torn = || SampleState::Torn("moved".to_owned());
    let missed = || SampleState::Missed { ticks: 3, reason: "late".to_owned() };
    let ticks = [
        tick(1, 10, torn()),
        tick(2, 20, SampleState::Complete),
        tick(3, 30, SampleState::Complete),
        tick(4, 70, torn()),
        tick(5, 80, missed()),
        tick(6, 90, torn()),
        tick(7, 130, SampleState::Complete),
    ];
    let model = Model { chunks: Vec::new(), marks: Vec::new(), running: false };
    let known = model.known(1, false);
    let stay = |before: &[Tick]| -> Vec<u64> {
        let kept = kept(&known, &ticks, before, Keep::OneAMinute);
        ticks.iter().zip(kept).filter(|(_, stays)| *stays).map(|(tick, _)| tick.number).collect()
    };
    assert_eq!(stay(&[]), [2, 4, 5, 7]);
    assert_eq!(
        stay(&[tick(0, 5, SampleState::Complete)]),
        [4, 5, 7],
        "covered by the chunk before"
    );
    assert_eq!(stay(&[tick(0, 5, torn())]), [2, 4, 5, 7], "a torn one does not cover the minute");
}
