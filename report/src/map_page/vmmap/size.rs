//! Sizes as vmmap prints them.

use crate::text::units::large_size;

/// How the page shows sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VmmapSize {
    /// In bytes, K, M, G or T.
    Bytes,
    /// In pages of so many bytes.
    Pages(u64),
}

impl VmmapSize {
    /// Returns `bytes` in words, `-` where they are unknown.
    pub(crate) fn text(self, bytes: Option<u64>) -> String {
        match (self, bytes) {
            (_, None) => "-".to_owned(),
            (Self::Bytes, Some(bytes)) => size(bytes),
            (Self::Pages(page), Some(bytes)) => bytes.div_ceil(page.max(1)).to_string(),
        }
    }

    /// Returns `part` with what it is of `whole` behind it: `4K(25%)`.
    pub(crate) fn part(self, part: Option<u64>, whole: u64) -> String {
        let Some(bytes) = part else { return "-".to_owned() };
        let percent = match whole {
            0 => 0,
            _ => (u128::from(bytes) * 100 + u128::from(whole) / 2) / u128::from(whole),
        };
        format!("{}({percent}%)", self.text(Some(bytes)))
    }
}

/// Formats bytes: a part of a page as plain bytes, K up to 9999K, then one decimal of M up to
/// 999.9M, of G and of T.
pub(crate) fn size(bytes: u64) -> String {
    const K: u64 = 1 << 10;
    if bytes < 4 * K && !bytes.is_multiple_of(K) {
        return bytes.to_string();
    }
    let kilobytes = bytes.saturating_add(K / 2) / K;
    if kilobytes < 10_000 {
        return format!("{kilobytes}K");
    }
    large_size(bytes, 999.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these is on a page of vmmap's, whose addresses say how many bytes it is of.
    #[test]
    fn sizes_are_those_of_real_pages() {
        let seen = [
            (0, "0K"),
            (8, "8"),
            (824, "824"),
            (3856, "3856"),
            (4096, "4K"),
            (0x1de41a9c8 - 0x1de419140, "6K"),
            (9904 << 10, "9904K"),
            (0x102e9c000 - 0x1023f0000, "10.7M"),
            (0x106b5c000 - 0x105f6c000, "11.9M"),
            (0x1a7c000 - 0x1000000, "10.5M"),
            (512 << 20, "512.0M"),
            (1 << 30, "1.0G"),
        ];
        for (bytes, text) in seen {
            assert_eq!(size(bytes), text);
        }
        assert_eq!([9999 << 10, 10_000 << 10].map(size), ["9999K", "9.8M"]);
        assert_eq!([u64::MAX, 1023 << 20].map(size), ["16.0E", "1.0G"]);
    }

    #[test]
    fn unknown_is_no_number() {
        assert_eq!(VmmapSize::Bytes.text(None), "-");
        assert_eq!(VmmapSize::Pages(4096).text(Some(4097)), "2");
        assert_eq!(VmmapSize::Bytes.part(None, 9), "-");
        assert_eq!(VmmapSize::Bytes.part(Some(1024), 4096), "1K(25%)");
    }
}
