//! Tests of what a recording counts as it goes on.

use proptest::prelude::*;
use vmrec_report::units;
use vmrec_sampler::{ProcessId, types};

use super::*;

fn figures(seconds: u64, sizes: [u64; 2]) -> Figures {
    let taken = Timestamp {
        utc_ns: 1_795_677_519_000_000_000 + seconds as i64 * 1_000_000_000,
        monotonic_ns: seconds * 1_000_000_000,
    };
    let types = vec![(types::MALLOC_LARGE, sizes[0] << 20), (types::STACK, sizes[1] << 20)];
    let resident = sizes.iter().sum::<u64>() << 20;
    let sizes = FollowedSizes { taken, resident, private: None, types };
    Figures {
        sizes,
        torn: false,
        unchanged: false,
        cheap: false,
        unread: false,
        kernel_peak: None,
        cpu_ns: 0,
    }
}

fn process(started_utc_ns: Option<i64>) -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid: 1, start_ticks: 0, boot_id: String::new() },
        parent_pid: None,
        started_utc_ns,
        executable: Some("/usr/bin/no\u{1b}de".to_owned()),
        executable_deleted: false,
        architecture: None,
        arguments: Vec::new(),
        short_name: String::new(),
        user_id: None,
    }
}

fn finding(started_utc_ns: Option<i64>, samples: &[[u64; 2]]) -> String {
    let mut tally = Tally::new(&process(started_utc_ns));
    (0..).zip(samples).for_each(|(n, sizes)| tally.add(&figures(n, *sizes)));
    tally.finding(TimeZone::UTC).join("\n")
}

#[test]
fn the_finding_is_that_of_the_samples_seen() {
    let found = finding(None, &[[10, 1], [30, 1], [60, 2]]);
    insta::assert_snapshot!(found, @r#"no\x1bde grew 51.0M in 2.0s: MALLOC (large) +50.0M (98%), other +1024K"#);
    let found = finding(None, &[[10, 1], [90, 1], [12, 1]]);
    assert!(found.contains("peaked at 91.0M (MALLOC (large) 90.0M)"), "{found}");
    assert_eq!(finding(None, &[[10, 1]]), "");
}

#[test]
fn torn_samples_are_counted_only_if_there_are_no_others() {
    let mut tally = Tally::new(&process(None));
    for (seconds, size, torn) in [(0, 900, true), (1, 500, true)] {
        tally.add(&Figures { torn, ..figures(seconds, [size, 1]) });
    }
    let found = tally.finding(TimeZone::UTC).join("\n");
    assert!(found.ends_with("all 2 samples are torn: their regions moved while they were read"));
    let later = [(2, 10, false), (3, 700, true), (4, 30, false), (5, 20, false), (6, 0, true)];
    for (seconds, size, torn) in later {
        tally.add(&Figures { torn, ..figures(seconds, [size, 1]) });
    }
    let sizes = tally.ends().unwrap().map(|sizes| sizes.resident >> 20);
    assert_eq!(sizes, [11, 21, 31], "first, last and highest");
    let found = tally.finding(TimeZone::UTC).join("\n");
    assert!(!found.contains("torn") && found.contains("31.0M"), "{found}");
}

#[test]
fn a_program_that_starts_is_counted_from_its_first_sample_at_rest() {
    let started = Some(1_795_677_518_999_000_000);
    let mut samples = vec![[1, 1], [10, 1], [10, 1]];
    samples.extend((0..9).map(|n| [10 + n * 5, 1]));
    insta::assert_snapshot!(finding(started, &samples), @r#"
    no\x1bde grew 40.0M in 10.0s: MALLOC (large) +40.0M
    counted from 07:18:40: 2048K at first, still loading
    "#);
    let samples: Vec<[u64; 2]> = (0..9).map(|n| [10 + n * 5, 1]).collect();
    insta::assert_snapshot!(finding(started, &samples), @r#"
    no\x1bde grew 40.0M in 8.0s: MALLOC (large) +40.0M
    the first sample is of a process 1.0ms old: the change includes its loading
    "#);
}

proptest! {
    /// The summary is of the samples that count, whatever they are.
    #[test]
    fn no_sentence_of_the_summary_contradicts_the_samples(
        samples in prop::collection::vec((prop_oneof![0..4_u64, 0..600_u64], 0..40_u64, prop::bool::weighted(0.2)), 2..40),
    ) {
        let mut tally = Tally::new(&process(None));
        for (seconds, (large, small, torn)) in (0..).zip(&samples) {
            tally.add(&Figures { torn: *torn, ..figures(seconds, [*large, *small]) });
        }
        let any = samples.iter().any(|(.., torn)| !torn);
        let counted: Vec<(u64, u64)> = (0..)
            .zip(&samples)
            .filter(|(_, (.., torn))| !torn || !any)
            .map(|(seconds, (large, small, _))| (seconds, large + small))
            .collect();
        let lines = tally.finding(TimeZone::UTC);
        let [(_, first), .., (_, last)] = counted[..] else {
            prop_assert!(lines.is_empty());
            return Ok(());
        };
        let said = lines[0].strip_prefix(r"no\x1bde ").unwrap_or(&lines[0]);
        let size = |megabytes: u64| units::size(megabytes << 20);
        let highest = counted.iter().map(|(_, total)| *total).max().unwrap_or(0);
        let span = (counted[counted.len() - 1].0 - counted[0].0) * 1_000_000_000;
        match said.split(' ').next() {
            Some(verb @ ("grew" | "fell")) => {
                prop_assert_eq!(verb == "grew", last > first, "{}", said);
                let amount = format!("{verb} {} in {}", size(last.abs_diff(first)), units::duration(span));
                prop_assert!(said.starts_with(&amount), "{} {}", said, amount);
            }
            Some("stayed") => prop_assert!(said.starts_with(&format!("stayed at {} (", size(last))), "{}", said),
            Some("peaked") => {
                prop_assert!(said.starts_with(&format!("peaked at {} ", size(highest))), "{}", said);
                prop_assert!(said.ends_with(&format!("ended at {}", size(last))), "{}", said);
                // The sample of the peak is the one that is named.
                let (_, at) = said.split_once(" at ").and_then(|(_, rest)| rest.split_once(" at ")).unwrap();
                let at: u64 = at[6..8].parse().unwrap();
                let begun = 39;
                let second = (at + 60 - begun) % 60;
                prop_assert!(counted.contains(&(second, highest)), "{} {:?}", said, counted);
            }
            _ => prop_assert_eq!(highest, 0, "{}", said),
        }
        prop_assert_eq!(lines.iter().any(|line| line.contains("torn")), !any);
    }
}
