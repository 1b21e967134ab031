//! A JVM's own list of its memory (R8n): the map that its Native Memory Tracking prints, and what
//! its categories are.
//!
//! The text comes from another process: its ranges are bounded and may be anything.

use std::sync::Arc;

use crate::classify::facts::TrackedRange;
use crate::classify::piece::label;
use crate::classify::signs::Runtime;
use crate::classify::work::Work;
use crate::label::{Confidence, Detail, Label};
use crate::order::sort_by_key;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::{RegionType, types};

/// The maximum number of ranges; 2,000 threads have one each.
pub(crate) const MAX_RANGES: usize = 4096;
/// The maximum bytes of a category's name.
const MAX_NAME_BYTES: usize = 48;

/// Categories that are a type of their own; all others are the JVM's other memory.
const CATEGORIES: &[(&str, RegionType)] = &[
    ("Java Heap", types::JVM_HEAP),
    ("Class", types::JVM_METASPACE),
    ("Metaspace", types::JVM_METASPACE),
    ("Code", types::JIT_JVM),
    ("GC", types::JVM_GC),
    ("GCCardSet", types::JVM_GC),
    ("Shared class space", types::JVM_CDS),
];
/// Stacks are found thread by thread, with their guards.
const STACKS: &str = "Thread Stack";

/// Returns the ranges of a report that `VM.native_memory detail` printed, ascending and disjoint.
///
/// Lines of interest are `[0x… - 0x…] reserved N KB for CATEGORY from`; the parts of a range that
/// are committed follow it, indented.
pub(crate) fn parse(text: &str) -> Vec<TrackedRange> {
    let mut ranges: Vec<_> = text.lines().filter_map(range).take(MAX_RANGES).collect();
    sort_by_key(&mut ranges, |tracked: &TrackedRange| tracked.range.start);
    let mut end = 0;
    ranges.retain(|tracked| {
        let follows = tracked.range.start >= end;
        end = end.max(tracked.range.end);
        follows
    });
    ranges
}

fn range(line: &str) -> Option<TrackedRange> {
    let (start, rest) = line.strip_prefix("[0x")?.split_once(" - 0x")?;
    let (end, rest) = rest.split_once("] reserved")?;
    let (_, category) = rest.split_once(" for ")?;
    let category = category.strip_suffix(" from").unwrap_or(category).trim();
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    let (start, end) = (number(start)?, number(end)?);
    let sound = start < end && !category.is_empty() && category.len() <= MAX_NAME_BYTES;
    sound.then(|| TrackedRange {
        range: AddressRange::new(start, end),
        category: Arc::from(category),
    })
}

/// R8n: the ranges that the JVM lists.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    if !work.profile.has(Runtime::Jvm) {
        return;
    }
    let reserved = label(types::RESERVED_JVM, Confidence::Sure, Rule::R8n);
    for TrackedRange { range, category } in work.facts.native_memory.iter().take(MAX_RANGES) {
        if &**category == STACKS {
            continue;
        }
        let known = CATEGORIES.iter().find(|(name, _)| *name == &**category);
        let found = match known {
            Some((_, region_type)) => label(region_type.clone(), Confidence::Sure, Rule::R8n),
            None => Label {
                detail: Some(Detail::from(&**category)),
                ..label(types::JVM_OTHER, Confidence::Sure, Rule::R8n)
            },
        };
        work.claim_anonymous(*range, &found, &reserved);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The beginning of the map of a JVM 17, and a line of its details.
    const REPORT: &str = "\
Native Memory Tracking:

Total: reserved=7721361KB, committed=578573KB
-                 Java Heap (reserved=6172672KB, committed=503808KB)
                            (mmap: reserved=6172672KB, committed=503808KB)

Virtual memory map:
 
[0x00007f6868d3d000 - 0x00007f6868e3e000] reserved and committed 1028KB for Thread Stack from
    [0x00007f68688a38c5] Thread::call_run()+0xa5
 
[0x0000000687400000 - 0x0000000800000000] reserved 6172672KB for Java Heap from
    [0x00007f686891a27c] ReservedSpace::reserve(unsigned long, unsigned long)+0xac

\t[0x0000000687400000 - 0x00000006a6000000] committed 503808KB from
            [0x00007f6868132e26] G1PageBasedVirtualSpace::commit(unsigned long, unsigned long)+0x66
 
[0x00007f6869b4f000 - 0x00007f6869b51000] reserved and committed 8KB for Safepoint
[0x00007f6869b50000 - 0x00007f6869b52000] reserved 8KB for Internal from

Details:

[0x00007f6867dc9183] Arena::Arena(MEMFLAGS, unsigned long)+0x203
                             (malloc=65KB type=Arena Chunk #2)
";

    #[test]
    fn a_report_lists_reserved_ranges_by_category() {
        let found: Vec<_> =
            parse(REPORT).into_iter().map(|it| format!("{} {}", it.range, it.category)).collect();
        assert_eq!(
            found,
            [
                "687400000-800000000 Java Heap",
                "7f6868d3d000-7f6868e3e000 Thread Stack",
                "7f6869b4f000-7f6869b51000 Safepoint",
            ],
            "a range within another is left out"
        );
    }

    proptest! {
        #[test]
        fn any_text_gives_ascending_disjoint_ranges(
            text in proptest::collection::vec(
                prop_oneof![
                    Just("[0x".to_owned()), Just(" - 0x".to_owned()), Just("] reserved".to_owned()),
                    Just(" for ".to_owned()), Just("\n".to_owned()), "[0-9a-f]{0,17}", ".{0,4}",
                ],
                0..60,
            ),
        ) {
            let ranges = parse(&text.concat());
            prop_assert!(ranges.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
        }
    }
}
