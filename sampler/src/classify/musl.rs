//! musl's malloc (R14b): groups of slots, each with a pointer to its record and back.

use crate::classify::predicates::{is_anonymous, is_writable};
use crate::classify::reader::PAGE;
use crate::classify::signs::Runtime;
use crate::classify::work::Work;

/// Bits of a record's last word below the number of its pages.
const PAGES_SHIFT: u32 = 12;

/// A group at the start of a mapping identifies musl in a static program.
pub(crate) fn detect(work: &mut Work<'_, '_>) {
    let other = [Runtime::Glibc, Runtime::Go, Runtime::Musl];
    if work.profile.dynamic || other.into_iter().any(|runtime| work.profile.has(runtime)) {
        return;
    }
    let candidates = work.indices(|mapping| is_anonymous(mapping) && is_writable(mapping));
    for index in candidates {
        let start = work.mappings[index].range.start;
        if work.is_occupied(index) && group_at(work, start).is_some() {
            work.profile.add_musl();
            return;
        }
    }
}

/// Returns the bytes of the group at `at`, if there is one.
pub(crate) fn group_at(work: &mut Work<'_, '_>, at: u64) -> Option<u64> {
    let [record] = work.reader.words::<1>(at)?;
    if !record.is_multiple_of(8) || record < PAGE || work.claims.at(record).is_none() {
        return None;
    }
    // struct meta: two links of a list, the group, masks of slots, sizes.
    let [group, _, sizes] = work.reader.words::<3>(record.checked_add(16)?)?;
    (group == at).then_some((sizes >> PAGES_SHIFT).max(1).saturating_mul(PAGE))
}
