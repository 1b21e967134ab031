//! Decodes frames to the regions of each sample. Whatever the bytes claim,
//! memory is allocated only as their number justifies it.

use crate::codec::frame::FrameKind;
use crate::codec::region_change::{RegionChange, take_known};
use crate::codec::region_state::RegionState;
use crate::codec::table_diff::Operation;
use crate::codec::varint::{Cursor, Malformed};

/// Decodes one sample after the other.
#[derive(Debug, Default)]
pub(crate) struct FrameDecoder {
    regions: Vec<RegionState>,
    /// The sample `regions` belong to; `None` before the first key frame and after a frame that failed.
    number: Option<u64>,
    spare: Vec<RegionState>,
    /// The indexes of the regions that the last frame changed, if all others stayed where they were.
    changed: Option<Vec<usize>>,
}

impl FrameDecoder {
    /// Applies the frame of sample `number` and returns its regions. After an error it needs a key
    /// frame.
    pub(crate) fn apply(
        &mut self,
        number: u64,
        kind: FrameKind,
        data: &[u8],
    ) -> Result<&[RegionState], Malformed> {
        let base = self.number.take();
        let mut changed = self.changed.take().unwrap_or_default();
        changed.clear();
        match kind {
            FrameKind::Key => self.key(data)?,
            FrameKind::Delta => self.delta(base, data, changed)?,
        }
        self.number = Some(number);
        Ok(&self.regions)
    }

    /// Returns the regions of the last frame.
    pub(crate) fn regions(&self) -> &[RegionState] {
        &self.regions
    }

    /// Returns the indexes of the regions that the last frame changed, if all others stayed where they
    /// were.
    pub(crate) fn changed(&self) -> Option<&[usize]> {
        self.changed.as_deref()
    }

    fn key(&mut self, data: &[u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor(data);
        let count = take_count(&mut cursor)?;
        let known = take_known(&mut cursor)?;
        // Each takes at least a byte: its mask.
        if count > cursor.len() {
            return Err(Malformed("more regions than its bytes can hold"));
        }
        self.regions.clear();
        self.regions.reserve(count);
        let mut base = RegionState::first(known);
        for _ in 0..count {
            let state = RegionChange::take(&mut cursor)?.apply(&base)?;
            base = state.next(known);
            self.regions.push(state);
        }
        if cursor.is_empty() { Ok(()) } else { Err(Malformed("bytes after its end")) }
    }

    /// Applies a delta; `changed` is room for the indexes of what it changes.
    fn delta(
        &mut self,
        base: Option<u64>,
        data: &[u8],
        changed: Vec<usize>,
    ) -> Result<(), Malformed> {
        let mut cursor = Cursor(data);
        let head = cursor.take()?;
        if base != Some(head >> 1) {
            return Err(Malformed("it builds on a sample that is not the one before it"));
        }
        let count = take_count(&mut cursor)?;
        if head & 1 == 0 {
            self.changed = Some(self.in_place(&mut cursor, changed)?);
        } else {
            self.structural(&mut cursor)?;
        }
        if self.regions.len() == count {
            Ok(())
        } else {
            Err(Malformed("a wrong number of regions"))
        }
    }

    /// Applies operations that leave every region at its index, and returns the indexes changed.
    fn in_place(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut changed: Vec<usize>,
    ) -> Result<Vec<usize>, Malformed> {
        let mut index = 0_usize;
        while !cursor.is_empty() {
            let (unchanged, operation) = take_operation(cursor)?;
            if operation != Operation::Change {
                return Err(Malformed("an insertion or removal it did not announce"));
            }
            let region = index
                .checked_add(unchanged)
                .and_then(|at| self.regions.get_mut(at))
                .ok_or(Malformed("a change beyond the last region"))?;
            *region = take_change(cursor, region)?;
            changed.push(index + unchanged);
            index += unchanged + 1;
        }
        Ok(changed)
    }

    /// Applies operations of all kinds, building the table anew.
    fn structural(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let first = self.regions.first();
        let known = first.map_or(0, |region| region.reading.quantities.known_mask());
        let mut after = std::mem::take(&mut self.spare);
        after.clear();
        let mut inserted = RegionState::first(known);
        let mut left = self.regions.as_slice();
        while !cursor.is_empty() {
            let (unchanged, operation) = take_operation(cursor)?;
            let (kept, rest) = left
                .split_at_checked(unchanged)
                .ok_or(Malformed("a change beyond the last region"))?;
            after.extend_from_slice(kept);
            left = rest;
            if operation == Operation::Insert {
                let state = RegionChange::take(cursor)?.apply(&inserted)?;
                inserted = state.next(known);
                after.push(state);
                continue;
            }
            let (region, rest) =
                left.split_first().ok_or(Malformed("a change beyond the last region"))?;
            left = rest;
            if operation == Operation::Change {
                after.push(take_change(cursor, region)?);
            }
        }
        after.extend_from_slice(left);
        self.spare = std::mem::replace(&mut self.regions, after);
        Ok(())
    }
}

/// Takes the new state of `region`; a change that changes nothing is malformed.
fn take_change(cursor: &mut Cursor<'_>, region: &RegionState) -> Result<RegionState, Malformed> {
    let change = RegionChange::take(cursor)?;
    if change.is_empty() {
        return Err(Malformed("a change that changes nothing"));
    }
    change.apply(region)
}

fn take_count(cursor: &mut Cursor<'_>) -> Result<usize, Malformed> {
    usize::try_from(cursor.take()?).map_err(|_| Malformed("more regions than memory"))
}

/// Takes the number of unchanged regions before an operation, and which one it is.
fn take_operation(cursor: &mut Cursor<'_>) -> Result<(usize, Operation), Malformed> {
    let head = cursor.take()?;
    let unchanged = usize::try_from(head >> Operation::BITS)
        .map_err(|_| Malformed("more regions than memory"))?;
    let operation = Operation::of_bits(head).ok_or(Malformed("an unknown operation"))?;
    Ok((unchanged, operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::varint::put;

    #[test]
    fn a_blob_cannot_claim_more_regions_than_it_has_bytes() {
        let mut data = Vec::new();
        put(&mut data, 1 << 40);
        put(&mut data, 0x7ff);
        data.extend_from_slice(&[0; 64]);
        let mut decoder = FrameDecoder::default();
        assert!(decoder.apply(1, FrameKind::Key, &data).is_err());
        assert_eq!(decoder.regions.capacity(), 0);
    }

    #[test]
    fn a_delta_needs_the_sample_it_was_made_against() {
        let empty_key = [0, 0];
        let on_one = [1 << 1, 0];
        let mut decoder = FrameDecoder::default();
        assert!(decoder.apply(2, FrameKind::Delta, &on_one).is_err());
        assert!(decoder.apply(1, FrameKind::Key, &empty_key).is_ok());
        assert!(decoder.apply(2, FrameKind::Delta, &on_one).is_ok());
        assert!(decoder.apply(3, FrameKind::Delta, &on_one).is_err(), "two is the one before now");
    }

    /// Encodes regions as a key frame and decodes it.
    fn comes_back(regions: &[RegionState]) {
        let mut data = Vec::new();
        put(&mut data, regions.len() as u64);
        put(&mut data, 0);
        let mut base = RegionState::first(0);
        for region in regions {
            RegionChange::between(&base, region).put(&mut data);
            base = region.next(0);
        }
        assert_eq!(FrameDecoder::default().apply(1, FrameKind::Key, &data), Ok(regions));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_refused_or_regions_that_come_back(
            key in proptest::collection::vec(0_u8.., 0..64),
            delta in proptest::collection::vec(0_u8..4, 0..24),
            count in 0_u8..4,
            kind in 2_u8..4,
        ) {
            let mut decoder = FrameDecoder::default();
            if let Ok(regions) = decoder.apply(1, FrameKind::Key, &key) {
                proptest::prop_assert_eq!(regions.len() as u64, u64::from(key[0]));
                comes_back(regions);
            }
            proptest::prop_assert_eq!(decoder.apply(1, FrameKind::Key, &[2, 0, 0, 0]).map(<[_]>::len), Ok(2));
            let data = [&[kind, count], &delta[..]].concat();
            if let Ok(regions) = decoder.apply(2, FrameKind::Delta, &data) {
                proptest::prop_assert_eq!(regions.len(), usize::from(count));
                comes_back(regions);
            } else {
                // only a key frame will do
                proptest::prop_assert!(decoder.apply(2, FrameKind::Delta, &[2, 2]).is_err());
            }
        }
    }
}
