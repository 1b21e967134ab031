//! Numbers in as few bytes as they need: seven bits a byte, lowest first
//! (LEB128); signed ones folded so that small magnitudes stay short (zigzag).

/// Appends `value`.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends `value`, which may be negative.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// The unread rest of a frame.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    /// Returns whether all was read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many bytes are left.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes the next value.
    #[inline]
    pub(crate) fn take(&mut self) -> Result<u64, Malformed> {
        match *self.0 {
            [byte @ ..0x80, ref rest @ ..] => {
                self.0 = rest;
                Ok(u64::from(byte))
            }
            [low, high @ ..0x80, ref rest @ ..] => {
                self.0 = rest;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.take_long(),
        }
    }

    /// Takes a value of any number of bytes.
    #[cold]
    fn take_long(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (index, byte) in self.0.iter().copied().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(Malformed("a number of more than 64 bits"));
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                return Ok(value);
            }
        }
        Err(Malformed("a number without end"))
    }

    /// Takes the next value, a count of at most `max`.
    pub(crate) fn take_count(&mut self, max: usize) -> Result<usize, Malformed> {
        usize::try_from(self.take()?)
            .ok()
            .filter(|count| *count <= max)
            .ok_or(Malformed("more than there can be"))
    }

    /// Takes the next `length` bytes.
    pub(crate) fn take_bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed("bytes cut short"))?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Takes the next text, which is UTF-8 preceded by its length.
    pub(crate) fn take_text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.take_count(self.len())?;
        std::str::from_utf8(self.take_bytes(length)?).map_err(|_| Malformed("text not in UTF-8"))
    }

    /// Takes the next value, which may be negative.
    pub(crate) fn take_signed(&mut self) -> Result<i64, Malformed> {
        let folded = self.take()?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }
}

/// Bytes that are no frame, or not the next one; the text names the defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_come_back() {
        let mut bytes = Vec::new();
        let unsigned = [0, 1, 127, 128, 1 << 35, u64::MAX];
        let signed = [0, -1, 1, 63, -64, 64, i64::MIN, i64::MAX];
        unsigned.iter().for_each(|value| put(&mut bytes, *value));
        signed.iter().for_each(|value| put_signed(&mut bytes, *value));
        let mut cursor = Cursor(&bytes);
        for value in unsigned {
            assert_eq!(cursor.take(), Ok(value));
        }
        for value in signed {
            assert_eq!(cursor.take_signed(), Ok(value));
        }
        assert!(cursor.is_empty());
    }

    #[test]
    fn numbers_that_do_not_end_or_fit_are_refused() {
        assert!(Cursor(&[]).take().is_err());
        assert!(Cursor(&[0x80]).take().is_err());
        assert!(Cursor(&[0xff; 11]).take().is_err());
        assert!(Cursor(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).take().is_err());
    }
}
