//! Times against small timelines: clocks that step, samples that were missed, the ends.

use proptest::prelude::*;
use vmrec_sampler::{Cost, ProcessTotals};
use vmrec_store::{RecordingId, Sample, SampleState};

use super::*;

const S: i64 = 1_000_000_000;
/// 2026-03-01 13:00:00 UTC.
const BEGUN: i64 = 1_772_370_000 * S;

fn sample(number: u64, utc_seconds: i64, footprint: Option<u64>) -> Sample {
    Sample {
        number,
        taken: Timestamp {
            utc_ns: BEGUN + utc_seconds * S,
            monotonic_ns: 50_000_000_000 + (number - 1) * 10_000_000_000,
        },
        state: SampleState::Complete,
        cost: Cost::default(),
        totals: ProcessTotals { footprint_bytes: footprint, ..ProcessTotals::default() },
        regions: Some(1),
    }
}

fn missed(number: u64, utc_seconds: i64) -> Sample {
    Sample {
        state: SampleState::Missed { ticks: 1, reason: "late".into() },
        regions: None,
        ..sample(number, utc_seconds, None)
    }
}

fn mark(utc_seconds: i64, text: &str) -> Mark {
    Mark { recording: RecordingId(1), utc_ns: BEGUN + utc_seconds * S, text: text.into() }
}

fn six() -> Vec<Sample> {
    vec![
        sample(1, 0, Some(10)),
        sample(2, 10, Some(30)),
        missed(3, 20),
        sample(4, 30, Some(30)),
        sample(5, 40, None),
        sample(6, 50, Some(20)),
    ]
}

/// Samples, and what gives a time its meaning among them.
struct Case<'a> {
    samples: &'a [Sample],
    extent: Option<Extent>,
    marks: &'a [Mark],
    interval_ns: u64,
    now_utc_ns: i64,
    running: bool,
}

fn timeline<'a>(samples: &'a [Sample], marks: &'a [Mark], running: bool) -> Case<'a> {
    let (extent, now_utc_ns) = (Extent::of(samples), BEGUN + 55 * S);
    Case { samples, extent, marks, interval_ns: 10_000_000_000, now_utc_ns, running }
}

fn ask(text: &str, case: &Case<'_>) -> Result<Resolved, Error> {
    let timeline = Timeline {
        extent: case.extent.as_ref(),
        marks: case.marks,
        interval_ns: case.interval_ns,
        now_utc_ns: case.now_utc_ns,
        running: case.running,
        time_zone: paris(),
    };
    find(&TimeSpec::parse(text)?, &timeline, case.samples)
}

fn find(spec: &TimeSpec, timeline: &Timeline<'_>, samples: &[Sample]) -> Result<Resolved, Error> {
    let moment = match spec {
        TimeSpec::Beside { anchor, offset_ns } => {
            timeline.beside(&find(anchor, timeline, samples)?, *offset_ns)
        }
        _ => spec.moment(timeline)?,
    };
    timeline.resolved(moment, moment.among(samples))
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

/// The sample's number and how many milliseconds it is off.
fn number(text: &str, timeline: &Case<'_>) -> (u64, i64) {
    let resolved = ask(text, timeline).unwrap();
    (resolved.number, resolved.off_by_ns / 1_000_000)
}

#[test]
fn each_form_finds_the_last_sample_at_or_before() {
    let samples = six();
    let marks = [mark(12, "deploy"), mark(41, "load test"), mark(45, "load done")];
    let timeline = timeline(&samples, &marks, false);
    for (text, expected) in [
        ("start", (1, 0)),
        ("end", (6, 0)),
        ("now", (6, 0)),
        ("peak", (2, 0)),
        ("#4", (4, 0)),
        ("#3", (2, -10_000)),
        ("-15s", (4, -5000)),
        ("-0s", (6, 0)),
        ("+25s", (2, -15_000)),
        ("+10s", (2, 0)),
        ("@deploy", (2, -2000)),
        ("@load t", (5, -1000)),
        ("@DEPLOY", (2, -2000)),
        ("@deploy+20s", (4, -2000)),
        ("@load test-1s", (5, 0)),
        ("-1m", (1, 10_000)),
        ("-20d", (1, 1_727_950_000)),
        ("peak+20s", (4, 0)),
        ("peak-1h", (1, 3_590_000)),
        ("#5-3s", (4, -7000)),
        ("50%", (2, -15_000)),
        ("100%", (6, 0)),
        ("25s ago", (4, 0)),
        ("1772370031", (4, -1000)),
        ("2026-03-01T13:00:31.5Z", (4, -1500)),
        ("2026-03-01 14:00:40", (5, 0)),
        ("14:00:49", (5, -9000)),
        ("2026-03-01T13:00:59Z", (6, -9000)),
    ] {
        assert_eq!(number(text, &timeline), expected, "{text}");
    }
}

#[test]
fn times_outside_say_what_the_recording_spans() {
    let samples = six();
    let marks = [mark(1, "load a"), mark(2, "load b"), mark(3, "evil\x1b[2J")];
    let timeline = timeline(&samples, &marks, false);
    let errors = [
        "2026-03-01T12:59:59Z",
        "2026-03-01T13:01:01Z",
        "+61s",
        "#7",
        "#0",
        "13:59",
        "@lod",
        "@load",
    ]
    .map(|text| format!("{text}: {}", ask(text, &timeline).unwrap_err()))
    .join("\n");
    insta::assert_snapshot!(errors, @r#"
    2026-03-01T12:59:59Z: 2026-03-01 13:59:59 +01:00 is before the recording, which spans 2026-03-01 14:00:00 +01:00 to 2026-03-01 14:00:50 +01:00
    2026-03-01T13:01:01Z: 2026-03-01 14:01:01 +01:00 is after the recording, which spans 2026-03-01 14:00:00 +01:00 to 2026-03-01 14:00:50 +01:00
    +61s: 2026-03-01 14:01:01 +01:00 is after the recording, which spans 2026-03-01 14:00:00 +01:00 to 2026-03-01 14:00:50 +01:00
    #7: no sample #7; the recording has #1 to #6
    #0: no sample #0; the recording has #1 to #6
    13:59: 2026-03-01 13:59:00 +01:00 is before the recording, which spans 2026-03-01 14:00:00 +01:00 to 2026-03-01 14:00:50 +01:00
    @lod: no mark begins with "lod"; marks: "load a" (2026-03-01 14:00:01 +01:00), "load b" (2026-03-01 14:00:02 +01:00), "evil\x1b[2J" (2026-03-01 14:00:03 +01:00)
    @load: several marks fit "load"; marks: "load a" (2026-03-01 14:00:01 +01:00), "load b" (2026-03-01 14:00:02 +01:00)
    "#);
    assert!(matches!(ask("end", &super::tests::timeline(&[], &[], false)), Err(Error::NoSamples)));
}

#[test]
fn while_recording_the_end_is_now() {
    let samples = six();
    let timeline = timeline(&samples, &[], true);
    assert_eq!(number("-20s", &timeline), (4, -5000));
    assert_eq!(number("2026-03-01T13:00:55Z", &timeline), (6, -5000));
    assert!(matches!(ask("2026-03-01T13:00:56Z", &timeline), Err(Error::AfterLast { .. })));
}

#[test]
fn lengths_do_not_follow_a_wall_clock_that_stepped() {
    // The clock went back an hour after the second sample.
    let samples =
        [sample(1, 0, None), sample(2, 10, None), sample(3, -3580, None), sample(4, -3570, None)];
    let timeline = timeline(&samples, &[], false);
    assert_eq!(number("-10s", &timeline), (3, 0));
    assert_eq!(number("+20s", &timeline), (3, 0));
    assert_eq!(number("+12s", &timeline), (2, -2000));
    assert!(matches!(ask("peak", &timeline), Err(Error::NoPeak)));
}

#[test]
fn times_of_day_survive_clocks_put_forward_and_back() {
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let at = |text: &str| text.parse::<jiff::Timestamp>().map(nanoseconds).unwrap();
    let found = |time: jiff::civil::Time, end: &str| {
        clock::local(latest(time, at(end), &paris).unwrap(), &paris)
    };
    let half_past_two = jiff::civil::time(2, 30, 0, 0);
    // Back from 3:00 +02:00 to 2:00 +01:00 on 2026-10-25: the second 2:30 is the later.
    assert_eq!(found(half_past_two, "2026-10-25T03:00Z"), "2026-10-25 02:30:00 +01:00");
    assert_eq!(found(half_past_two, "2026-10-25T01:00Z"), "2026-10-25 02:30:00 +02:00");
    // Forward from 2:00 to 3:00 on 2026-03-29: there is no 2:30.
    assert_eq!(found(half_past_two, "2026-03-29T05:00Z"), "2026-03-29 03:30:00 +02:00");
    assert_eq!(found(half_past_two, "2026-03-29T00:10Z"), "2026-03-28 02:30:00 +01:00");
}

#[test]
fn sentences_say_which_sample_and_how_far_off() {
    let samples = six();
    let timeline = timeline(&samples, &[], false);
    let sentence = |text| ask(text, &timeline).unwrap().sentence(&paris());
    assert_eq!(sentence("end"), "sample #6 of 2026-03-01 14:00:50.000 +01:00");
    assert_eq!(
        sentence("+25s"),
        "sample #2 of 2026-03-01 14:00:10.000 +01:00, 15.0s before the time asked for"
    );
}

#[test]
fn directions_go_by_number() {
    let samples = six();
    let timeline = timeline(&samples, &[], false);
    let [start, end] = ["start", "end"].map(|text| ask(text, &timeline).unwrap());
    use crate::time::{Direction, direction};
    assert_eq!(direction(&start, &end), Direction::Forward);
    assert_eq!(direction(&end, &start), Direction::Backward);
    assert_eq!(direction(&end, &end), Direction::Same);
}

proptest! {
    #[test]
    fn nothing_panics_and_only_samples_with_regions_are_found(
        seen in prop::collection::vec((any::<bool>(), any::<i64>(), any::<u64>()), 0..8),
        now_utc_ns in any::<i64>(),
        running in any::<bool>(),
        interval_ns in any::<u64>(),
        text in "start|end|now|peak|#[0-9]|[1-9]0%|peak[-+][0-9]s|#[1-3][-+][0-9]{1,6}d|[0-9]{1,9}s ago|[-+][0-9]{1,6}[dhms]|[0-2][0-9]:[0-5][0-9]|20[0-9]{2}-0[1-9]-[0-2][1-9]T10:00:00Z?",
    ) {
        let samples: Vec<Sample> = (1..).zip(seen).map(|(number, (has, utc_ns, monotonic_ns))| {
            let base = if has { sample(number, 0, Some(number)) } else { missed(number, 0) };
            Sample { taken: Timestamp { utc_ns, monotonic_ns }, ..base }
        }).collect();
        let case = Case { now_utc_ns, interval_ns, ..timeline(&samples, &[], running) };
        if let Ok(resolved) = ask(&text, &case) {
            let found = samples.iter().find(|sample| sample.number == resolved.number).unwrap();
            prop_assert!(found.has_regions());
            prop_assert_eq!(found.taken, resolved.taken);
        }
    }
}
