//! Checks whether the mappings are of one moment.
//!
//! The kernel lists them a few at a time. While they move, one may be missed or
//! listed twice, which the process's own total reveals.

use crate::procfs::mapping::Mapping;
use crate::snapshot::Consistency;

/// Checks `mappings` for order and overlap and their sum against the totals read before and after, in bytes.
pub(crate) fn check(mappings: &[Mapping], before: Option<u64>, after: Option<u64>) -> Consistency {
    for pair in mappings.windows(2) {
        let (low, high) = (pair[0].range, pair[1].range);
        if high.start < low.start {
            return Consistency::Torn(format!("{high} is listed after {low}"));
        }
        if low.overlaps(high) {
            return Consistency::Torn(format!("{low} overlaps {high}"));
        }
    }
    let sum = mappings
        .iter()
        .filter(|mapping| !mapping.is_vsyscall())
        .fold(0_u64, |sum, mapping| sum.saturating_add(mapping.range.virtual_bytes()));
    // Without totals there is nothing to compare.
    if (before, after) == (None, None) || before == Some(sum) || after == Some(sum) {
        return Consistency::Complete;
    }
    let total = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), |bytes| bytes.to_string());
    Consistency::Torn(format!(
        "regions sum to {sum} bytes, the process to {} before and {} after",
        total(before),
        total(after)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::mapping::tests::mappings;

    const TWO: &str = "1000-3000 rw-p 0 0:0 0 \n3000-4000 rw-p 0 0:0 0 \n\
        ffffffffff600000-ffffffffff601000 --xp 0 0:0 0 [vsyscall]";

    #[test]
    fn the_sum_may_equal_either_total() {
        let two = mappings(TWO);
        assert_eq!(check(&two, Some(0x3000), Some(0x9000)), Consistency::Complete);
        assert_eq!(check(&two, Some(0x9000), Some(0x3000)), Consistency::Complete);
        assert_eq!(check(&two, None, None), Consistency::Complete);
        let torn = "regions sum to 12288 bytes, the process to 16384 before and unknown after";
        assert_eq!(check(&two, Some(0x4000), None), Consistency::Torn(torn.into()));
    }

    #[test]
    fn order_and_overlap_are_checked_first() {
        let overlap = mappings("1000-3000 rw-p 0 0:0 0 \n2000-4000 rw-p 0 0:0 0 ");
        let torn = Consistency::Torn("1000-3000 overlaps 2000-4000".into());
        assert_eq!(check(&overlap, Some(0x4000), Some(0x4000)), torn);
        let order = mappings("3000-4000 rw-p 0 0:0 0 \n1000-2000 rw-p 0 0:0 0 ");
        let torn = Consistency::Torn("1000-2000 is listed after 3000-4000".into());
        assert_eq!(check(&order, Some(0x2000), Some(0x2000)), torn);
    }
}
