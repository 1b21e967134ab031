//! Labels kept from sample to sample must be those a fresh look gives.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use vmrec_sampler::RegionTracker;
use vmrec_sampler::SmapsParser;

/// A renderer of Chromium, whose reservations are identified by the shape of many mappings together.
fn renderer() -> Vec<String> {
    let compressed = include_bytes!("../fixtures/chromium_renderer.smaps.zst");
    let text = String::from_utf8(zstd::decode_all(&compressed[..]).unwrap()).unwrap();
    let mut mappings: Vec<String> = Vec::new();
    for line in text.lines() {
        // Only the line of a mapping has its range in front of the first blank.
        if line.split(' ').next().is_some_and(|word| word.contains('-')) {
            mappings.push(String::new());
        }
        let last = mappings.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
    }
    mappings
}

/// Returns every region as `range type`.
fn sample<'a>(
    tracker: &mut RegionTracker,
    mappings: impl Iterator<Item = &'a String>,
) -> Vec<String> {
    let mut parser = SmapsParser::new();
    tracker.begin();
    for mapping in mappings {
        parser.feed(mapping.as_bytes(), |record| tracker.push(record)).unwrap();
    }
    parser.finish(|record| tracker.push(record)).unwrap();
    let regions = tracker.finish();
    let label = |region: &vmrec_sampler::Region| {
        format!("{} {}", region.identity.range, region.identity.label.region_type)
    };
    regions.iter().map(label).collect()
}

#[test]
fn a_mapping_that_comes_and_goes_changes_no_other() {
    let mappings = renderer();
    let fresh = sample(&mut RegionTracker::new(), mappings.iter());
    assert!(fresh.iter().any(|region| region.ends_with("V8 heap")), "{fresh:#?}");
    for step in [7, 23, 61] {
        for first in 0..step.min(10) {
            let mut tracker = RegionTracker::new();
            sample(&mut tracker, mappings.iter());
            let left = || mappings.iter().enumerate().filter(|(at, _)| at % step != first);
            let fewer = sample(&mut tracker, left().map(|(_, mapping)| mapping));
            let fewer_fresh = sample(&mut RegionTracker::new(), left().map(|(_, mapping)| mapping));
            assert_eq!(fewer, fewer_fresh, "without every {step}th mapping from {first} on");
            assert_eq!(sample(&mut tracker, mappings.iter()), fresh, "with all of them again");
        }
    }
}
