//! Rebuilds mappings from the regions of a sample, for rules that are newer
//! than it.
//!
//! A region may be part of a mapping: adjacent regions that agree in all
//! properties of a mapping are joined. Adjacent mappings with equal properties,
//! which the kernel kept apart, become one as well; the rules look beyond
//! borders anyway.

use crate::classify::piece::Piece;
use crate::label::Label;
use crate::procfs::mapping::Mapping;
use crate::quantity::Quantity;
use crate::region::{AddressRange, Identity, Region};

/// The mappings of a sample's regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The mappings: ascending, disjoint.
    pub mappings: Vec<Mapping>,
    /// The resident and swapped bytes of each mapping.
    pub occupied: Vec<u64>,
}

impl Rebuilt {
    /// Rebuilds the mappings of `regions`. Those of a torn sample may overlap: the later ones are left out.
    pub fn of(regions: &[Region]) -> Self {
        let mut rebuilt = Self::default();
        let mut end = 0;
        for region in regions {
            let identity = &*region.identity;
            let AddressRange { start, .. } = identity.range;
            if start < end || identity.range.virtual_bytes() == 0 {
                continue;
            }
            let bytes = [Quantity::Resident, Quantity::Swapped]
                .iter()
                .filter_map(|quantity| region.quantities.get(*quantity))
                .fold(0, u64::saturating_add);
            match (rebuilt.mappings.last_mut(), rebuilt.occupied.last_mut()) {
                (Some(last), Some(occupied)) if goes_on(last, identity) => {
                    last.range.end = identity.range.end;
                    *occupied = occupied.saturating_add(bytes);
                }
                _ => {
                    rebuilt.mappings.push(mapping(identity));
                    rebuilt.occupied.push(bytes);
                }
            }
            end = identity.range.end;
        }
        rebuilt
    }
}

fn mapping(identity: &Identity) -> Mapping {
    Mapping {
        range: identity.range,
        protection: identity.protection,
        max_protection: identity.max_protection,
        shared: identity.flags.starts_with('s'),
        object: identity.object.clone(),
        offset: identity.offset,
        flags: identity.flags.clone(),
    }
}

/// Returns whether `identity` may be the next part of the mapping `last`.
fn goes_on(last: &Mapping, identity: &Identity) -> bool {
    let same_position = last.file().is_none()
        || last.offset.checked_add(last.range.virtual_bytes()) == Some(identity.offset);
    last.range.end == identity.range.start
        && last.protection == identity.protection
        && last.max_protection == identity.max_protection
        && last.flags == identity.flags
        && last.object == identity.object
        && same_position
}

/// Returns the label that covers most of `range` among `pieces` (ascending); of equal ones the
/// lowest.
pub fn label_of(range: AddressRange, pieces: &[Piece]) -> Option<&Label> {
    let first = pieces.partition_point(|piece| piece.range.end <= range.start);
    let mut shares: Vec<(&Label, u64)> = Vec::new();
    for piece in pieces.iter().skip(first).take_while(|piece| piece.range.start < range.end) {
        let bytes =
            piece.range.end.min(range.end).saturating_sub(piece.range.start.max(range.start));
        match shares.iter_mut().find(|(label, _)| **label == piece.label) {
            Some((_, sum)) => *sum = sum.saturating_add(bytes),
            None => shares.push((&piece.label, bytes)),
        }
    }
    shares.into_iter().rev().max_by_key(|(_, bytes)| *bytes).map(|(label, _)| label)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::label::Confidence;
    use crate::procfs::mapping::tests::mappings;
    use crate::quantity::Quantities;
    use crate::region::Provenance;
    use crate::rule::Rule;
    use crate::vocabulary::{RegionType, types};

    fn label(region_type: RegionType) -> Label {
        Label { region_type, detail: None, confidence: Confidence::Sure, rule: Rule::R20 }
    }

    /// A region of `mapping` cut to `range`.
    fn part(mapping: &Mapping, start: u64, end: u64) -> Region {
        Region {
            identity: Arc::new(Identity {
                range: AddressRange::new(start, end),
                protection: mapping.protection,
                max_protection: mapping.max_protection,
                object: mapping.object.clone(),
                offset: mapping.offset + (start - mapping.range.start),
                flags: Arc::clone(&mapping.flags),
                label: label(types::VM_ALLOCATE),
            }),
            share_mode: None,
            provenance: Provenance::Measured,
            quantities: Quantities::UNKNOWN.with(Quantity::Resident, 3).with(Quantity::Swapped, 4),
        }
    }

    #[test]
    fn parts_are_joined_and_mappings_stay_apart() {
        let whole = mappings(
            "1000-5000 rw-p 0 8:1 9 /a|rd wr\n\
             5000-6000 rw-p 9000 8:1 9 /a|rd wr\n\
             6000-8000 rw-s 0 0:1 5 /memfd:x|rd wr sh\n\
             9000-b000 rw-p 0 0:0 0 |rd wr",
        );
        let cuts = [(0, 0x1000, 0x2000), (0, 0x2000, 0x5000), (1, 0x5000, 0x6000)];
        let rest = [(2, 0x6000, 0x8000), (3, 0x9000, 0xa000), (3, 0xa000, 0xb000)];
        let regions: Vec<_> = cuts
            .iter()
            .chain(&rest)
            .map(|&(at, start, end)| part(&whole[at], start, end))
            .collect();
        let rebuilt = Rebuilt::of(&regions);
        assert_eq!(rebuilt.mappings.len(), 4);
        assert_eq!(rebuilt.mappings, whole);
        assert_eq!(rebuilt.occupied, [14, 7, 7, 14]);
    }

    #[test]
    fn a_torn_sample_gives_disjoint_mappings() {
        let whole = mappings("1000-9000 rw-p 0 0:0 0 ");
        let regions = [(0x1000, 0x4000), (0x2000, 0x3000), (0x4000, 0x4000), (0x4000, 0x9000)]
            .map(|(start, end)| part(&whole[0], start, end));
        assert_eq!(Rebuilt::of(&regions).mappings, whole);
    }

    #[test]
    fn the_larger_part_decides() {
        let piece = |start, end, region_type| Piece {
            range: AddressRange::new(start, end),
            label: label(region_type),
        };
        let pieces = [
            piece(0x1000, 0x3000, types::STACK),
            piece(0x3000, 0x6000, types::GUARD),
            piece(0x6000, 0x8000, types::STACK),
        ];
        let name = |start, end| {
            label_of(AddressRange::new(start, end), &pieces).map(|label| label.region_type.clone())
        };
        assert_eq!(name(0x1000, 0x8000), Some(types::STACK));
        assert_eq!(name(0x2000, 0x5000), Some(types::GUARD));
        assert_eq!(name(0x2000, 0x4000), Some(types::STACK), "of equal ones the lowest");
        assert_eq!(name(0x8000, 0x9000), None);
    }
}
