//! The rules that would have named a region, and what each lacked.

use vmrec_sampler::{Evidence, Family, Protection, Region, Rule, types};

/// Arenas of glibc are aligned to this.
const ARENA_BYTES: u64 = 64 << 20;
/// Blocks that glibc maps by themselves have this bit in their size.
const IS_MAPPED: u64 = 2;
const FLAGS: u64 = 7;

/// Returns each rule that looked at a nameless region without explaining it, and why it did not hold.
pub(crate) fn nearly(
    regions: &[Region],
    index: usize,
    evidence: Option<&Evidence>,
) -> Vec<(Rule, String)> {
    let Some(region) = regions.get(index) else { return Vec::new() };
    let identity = &region.identity;
    if identity.label.region_type != types::VM_ALLOCATE || identity.object.is_some() {
        return Vec::new();
    }
    let range = identity.range;
    let has = |flag: &str| identity.flags.split(' ').any(|held| held == flag);
    let mut found = Vec::new();
    let mut say = |rule: Rule, why: String| found.push((rule, why));
    if range.start.is_multiple_of(ARENA_BYTES) {
        say(Rule::R11, "aligned as an arena of glibc is, but without its header".to_owned());
    }
    match evidence {
        Some(evidence) if !evidence.facts.memory_readable => {
            say(Rule::R14a, "the memory may not be read, so no header can be seen".to_owned());
        }
        Some(evidence) => {
            say(Rule::R14a, chunk(range.virtual_bytes(), peek(evidence, range.start)))
        }
        None => {}
    }
    let below = index.checked_sub(1).and_then(|below| regions.get(below));
    let guard = below.map(|below| &below.identity).is_some_and(|below| {
        below.range.end == range.start && below.protection == Protection::NONE
    });
    match (has("nh"), guard) {
        (true, false) => {
            say(Rule::R15, "marked as a stack (nh), but with no guard below".to_owned())
        }
        (false, true) => say(Rule::R15, "above a guard, but not marked as a stack (nh)".to_owned()),
        _ => {}
    }
    let of_runtime = |region: &&Region| {
        let family = region.identity.label.region_type.family();
        matches!(family, Family::RuntimeHeap | Family::Jit)
    };
    match regions.iter().find(of_runtime) {
        Some(other) => say(
            Rule::R18b,
            format!(
                "the process has {}, which maps memory of another kind",
                other.identity.label.region_type
            ),
        ),
        None => say(Rule::R18b, "no runtime that maps its own heap is recognised".to_owned()),
    }
    if has("nr") {
        say(Rule::R18, "mapped without reserving (nr), as jemalloc and mimalloc do".to_owned());
    }
    found
}

fn peek(evidence: &Evidence, address: u64) -> Option<[u64; 2]> {
    let bytes = evidence.peeks.get(&address)?;
    let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    Some([word(0)?, word(8)?])
}

/// Returns what the first two words lack to be a chunk of glibc's malloc.
fn chunk(bytes: u64, words: Option<[u64; 2]>) -> String {
    let Some([before, size]) = words else {
        return "its first page is absent, was not looked at, or begins with zeros".to_owned();
    };
    let claimed = size & !FLAGS;
    if size & FLAGS != IS_MAPPED {
        format!("begins with {before:#x} {size:#x}, which is no header of a glibc chunk")
    } else if claimed > bytes {
        format!("its header claims {claimed:#x} bytes, more than the mapping has")
    } else {
        format!("begins with {before:#x} {size:#x}, which is not a sound header of a chunk")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use vmrec_sampler::Facts;

    use super::*;
    use crate::commands::explain::made_up::region;

    #[test]
    fn a_rule_that_lacked_something_says_what() {
        let regions = [region(0x400_0000, 0x401_0000, "")];
        let facts = Facts { memory_readable: true, ..Facts::default() };
        let words = [7_u64.to_le_bytes(), 9_u64.to_le_bytes()].concat();
        let peeks = BTreeMap::from([(0x400_0000, Box::from(words))]);
        let evidence = Evidence { facts, peeks };
        let found = nearly(&regions, 0, Some(&evidence));
        let rules: Vec<_> = found.iter().map(|(rule, _)| rule.clone()).collect();
        assert_eq!(rules, [Rule::R11, Rule::R14a, Rule::R18b]);
        assert!(found[1].1.starts_with("begins with 0x7 0x9"), "{found:?}");
        // Nothing is missing where a name explains the memory.
        assert_eq!(nearly(&[region(0x1000, 0x2000, "/a")], 0, None), []);
        assert_eq!(
            chunk(0x1000, Some([0, 0x3002])),
            "its header claims 0x3000 bytes, more than the mapping has"
        );
    }
}
