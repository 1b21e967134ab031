//! Regions that are alike: of one size, with the same rights, at round addresses.

use vmrec_report::units::size;
use vmrec_sampler::Region;

/// Returns how many regions are like that at `index`, such as `276 × 256K, aligned to 256K, rw-`.
pub(crate) fn pattern(regions: &[Region], index: usize) -> Option<String> {
    let one = &regions.get(index)?.identity;
    let bytes = one.range.virtual_bytes();
    let alike = regions.iter().map(|region| &region.identity).filter(|other| {
        other.range.virtual_bytes() == bytes
            && other.protection == one.protection
            && other.object == one.object
            && other.label.region_type == one.label.region_type
    });
    let (count, aligned) = alike.fold((0_usize, u64::MAX), |(count, least), other| {
        (count + 1, least.min(alignment(other.range.start)))
    });
    Some(format!("{count} × {}, aligned to {}, {}", size(bytes), size(aligned), one.protection))
}

/// Returns the largest power of two that divides an address, at most a terabyte.
fn alignment(address: u64) -> u64 {
    1 << address.trailing_zeros().min(40)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::explain::made_up::region;

    #[test]
    fn regions_of_one_size_and_rights_are_alike() {
        let regions = [
            region(0x10000, 0x20000, ""),
            region(0x40000, 0x50000, ""),
            region(0x50000, 0x70000, ""),
        ];
        assert_eq!(pattern(&regions, 0).as_deref(), Some("2 × 64K, aligned to 64K, rw-"));
        assert_eq!(pattern(&regions, 2).as_deref(), Some("1 × 128K, aligned to 64K, rw-"));
        assert_eq!(pattern(&regions, 3), None);
        assert_eq!(alignment(0), 1 << 40);
    }
}
