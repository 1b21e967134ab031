//! Frames back to the rows of each sample. Whatever the bytes say, nothing is
//! allocated that their number does not justify.

use crate::codec::frame::Kind;
use crate::codec::region_change::{Reading, Row, take_known};
use crate::codec::table_diff::Operation;
use crate::codec::varint::{Cursor, Malformed};

/// The least bytes a region takes in a key frame: its identity and its mask.
const LEAST_BYTES: usize = 2;

/// Rebuilds one sample after the other.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    rows: Vec<Row>,
    /// The sample `rows` belong to; `None` before the first key frame and after a frame that failed.
    number: Option<u64>,
    spare: Vec<Row>,
}

impl Decoder {
    /// Applies the frame of sample `number` and returns its rows. After an error only a key frame will do.
    pub(crate) fn apply(
        &mut self,
        number: u64,
        kind: Kind,
        data: &[u8],
    ) -> Result<&[Row], Malformed> {
        let base = self.number.take();
        match kind {
            Kind::Key => self.key(data)?,
            Kind::Delta => self.delta(base, data)?,
        }
        self.number = Some(number);
        Ok(&self.rows)
    }

    fn key(&mut self, data: &[u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor(data);
        let count = take_count(&mut cursor)?;
        let nothing = Reading::nothing(take_known(&mut cursor)?);
        if count > cursor.len() / LEAST_BYTES {
            return Err(Malformed("more regions than its bytes can hold"));
        }
        self.rows.clear();
        self.rows.reserve(count);
        let mut identity = 0_i64;
        for _ in 0..count {
            identity = identity.wrapping_add(cursor.take_signed()?);
            self.rows.push(Row { identity, reading: Reading::take(&nothing, &mut cursor)? });
        }
        if cursor.is_empty() { Ok(()) } else { Err(Malformed("bytes after its end")) }
    }

    fn delta(&mut self, base: Option<u64>, data: &[u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor(data);
        let head = cursor.take()?;
        if base != Some(head >> 1) {
            return Err(Malformed("it builds on a sample that is not the one before it"));
        }
        let count = take_count(&mut cursor)?;
        if head & 1 == 0 {
            self.in_place(&mut cursor)?;
        } else {
            self.structural(&mut cursor)?;
        }
        if self.rows.len() == count { Ok(()) } else { Err(Malformed("a wrong number of regions")) }
    }

    /// Applies operations that leave every region at its place.
    fn in_place(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let mut place = 0_usize;
        while !cursor.is_empty() {
            let (unchanged, operation) = take_operation(cursor)?;
            let row = place
                .checked_add(unchanged)
                .and_then(|at| self.rows.get_mut(at))
                .ok_or(Malformed("a change beyond the last region"))?;
            match operation {
                Operation::Change => {}
                Operation::Replace => {
                    row.identity = row.identity.wrapping_add(cursor.take_signed()?);
                }
                _ => return Err(Malformed("an insertion or removal it did not announce")),
            }
            row.reading = Reading::take(&row.reading, cursor)?;
            place += unchanged + 1;
        }
        Ok(())
    }

    /// Applies operations of all kinds, building the table anew.
    fn structural(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let nothing = Reading::nothing(
            self.rows.first().map_or(0, |row| row.reading.quantities.known_mask()),
        );
        let mut after = std::mem::take(&mut self.spare);
        after.clear();
        let mut inserted = 0_i64;
        let mut left = self.rows.as_slice();
        while !cursor.is_empty() {
            let (unchanged, operation) = take_operation(cursor)?;
            let (kept, rest) = left
                .split_at_checked(unchanged)
                .ok_or(Malformed("a change beyond the last region"))?;
            after.extend_from_slice(kept);
            left = rest;
            if operation == Operation::Insert {
                inserted = inserted.wrapping_add(cursor.take_signed()?);
                after.push(Row { identity: inserted, reading: Reading::take(&nothing, cursor)? });
                continue;
            }
            let (row, rest) =
                left.split_first().ok_or(Malformed("a change beyond the last region"))?;
            left = rest;
            let identity = match operation {
                Operation::Remove => continue,
                Operation::Replace => row.identity.wrapping_add(cursor.take_signed()?),
                _ => row.identity,
            };
            after.push(Row { identity, reading: Reading::take(&row.reading, cursor)? });
        }
        after.extend_from_slice(left);
        self.spare = std::mem::replace(&mut self.rows, after);
        Ok(())
    }
}

fn take_count(cursor: &mut Cursor<'_>) -> Result<usize, Malformed> {
    usize::try_from(cursor.take()?).map_err(|_| Malformed("more regions than memory"))
}

/// Takes the number of unchanged regions before an operation, and which one it is.
fn take_operation(cursor: &mut Cursor<'_>) -> Result<(usize, Operation), Malformed> {
    let head = cursor.take()?;
    let unchanged = usize::try_from(head >> Operation::BITS)
        .map_err(|_| Malformed("more regions than memory"))?;
    Ok((unchanged, Operation::of_bits(head)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::varint::{put, put_signed};

    #[test]
    fn a_blob_cannot_claim_more_regions_than_it_has_bytes() {
        let mut data = Vec::new();
        put(&mut data, 1 << 40);
        put(&mut data, 0x7ff);
        data.extend_from_slice(&[0; 64]);
        let mut decoder = Decoder::default();
        assert!(decoder.apply(1, Kind::Key, &data).is_err());
        assert_eq!(decoder.rows.capacity(), 0);
    }

    #[test]
    fn a_delta_needs_the_sample_it_was_made_against() {
        let empty_key = [0, 0];
        let on_one = [1 << 1, 0];
        let mut decoder = Decoder::default();
        assert!(decoder.apply(2, Kind::Delta, &on_one).is_err());
        assert!(decoder.apply(1, Kind::Key, &empty_key).is_ok());
        assert!(decoder.apply(2, Kind::Delta, &on_one).is_ok());
        assert!(decoder.apply(3, Kind::Delta, &on_one).is_err(), "two is the one before now");
    }

    /// Writes rows as a key frame and reads it.
    fn comes_back(rows: &[Row]) {
        let nothing = Reading::nothing(0);
        let mut data = Vec::new();
        put(&mut data, rows.len() as u64);
        put(&mut data, 0);
        let mut before = 0;
        for row in rows {
            put_signed(&mut data, row.identity.wrapping_sub(before));
            row.reading.put(&nothing, &mut data);
            before = row.identity;
        }
        assert_eq!(Decoder::default().apply(1, Kind::Key, &data), Ok(rows));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_refused_or_rows_that_come_back(
            key in proptest::collection::vec(0_u8.., 0..64),
            delta in proptest::collection::vec(0_u8..4, 0..24),
            count in 0_u8..4,
            kind in 2_u8..4,
        ) {
            let mut decoder = Decoder::default();
            if let Ok(rows) = decoder.apply(1, Kind::Key, &key) {
                proptest::prop_assert_eq!(rows.len() as u64, u64::from(key[0]));
                comes_back(rows);
            }
            proptest::prop_assert_eq!(decoder.apply(1, Kind::Key, &[2, 0, 2, 0, 2, 0]).map(<[Row]>::len), Ok(2));
            let data = [&[kind, count], &delta[..]].concat();
            if let Ok(rows) = decoder.apply(2, Kind::Delta, &data) {
                proptest::prop_assert_eq!(rows.len(), usize::from(count));
                comes_back(rows);
            } else {
                // only a key frame will do
                proptest::prop_assert!(decoder.apply(2, Kind::Delta, &[2, 2]).is_err());
            }
        }
    }
}
