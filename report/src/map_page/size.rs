//! SizeFormat on the page: in K and M, or in pages.

use crate::text::table::{Cell, Tone};
use crate::text::units;

/// How the page shows sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeFormat {
    Bytes,
    /// In pages of so many bytes.
    Pages(u64),
}

impl SizeFormat {
    /// Returns `bytes` in words, `-` where they are unknown.
    pub(crate) fn text(self, bytes: Option<u64>) -> String {
        let Some(bytes) = bytes else { return "-".to_owned() };
        match self {
            Self::Bytes => units::size(bytes),
            // A part of a page is one that a sum shared out: the nearest whole number is closest to it.
            Self::Pages(page) => {
                let pages = bytes / page;
                (if bytes % page >= page.div_ceil(2) { pages + 1 } else { pages }).to_string()
            }
        }
    }

    /// Returns `bytes` as a cell, `-` where they are unknown.
    pub(crate) fn cell(self, bytes: Option<u64>) -> Cell {
        match self {
            Self::Bytes => Cell::size(bytes),
            Self::Pages(_) => Cell::new(&self.text(bytes)),
        }
    }

    /// Returns a change as a cell, `-` where it is unknown.
    pub(crate) fn change_cell(self, bytes: Option<i128>) -> Cell {
        match self {
            Self::Bytes => Cell::size_change(bytes),
            Self::Pages(_) => {
                Cell::new(&self.signed(bytes)).toned(Tone::of_change(bytes.unwrap_or(0)))
            }
        }
    }

    /// Returns a change in words, with its sign, `-` where it is unknown.
    pub(crate) fn signed(self, bytes: Option<i128>) -> String {
        match (self, bytes) {
            (_, None) => "-".to_owned(),
            (Self::Bytes, Some(bytes)) => units::signed_size(bytes),
            (Self::Pages(_), Some(0)) => "0".to_owned(),
            (Self::Pages(_), Some(bytes)) => {
                let magnitude = u64::try_from(bytes.unsigned_abs()).unwrap_or(u64::MAX);
                let sign = if bytes < 0 { "-" } else { "+" };
                format!("{sign}{}", self.text(Some(magnitude)))
            }
        }
    }
}

/// Returns `part` with what it is of `whole` behind it: `4K(25%)`.
pub(crate) fn part(sizes: SizeFormat, part: Option<u64>, whole: u64) -> String {
    let Some(bytes) = part else { return "-".to_owned() };
    let percent = match whole {
        0 => 0,
        _ => (u128::from(bytes) * 100 + u128::from(whole) / 2) / u128::from(whole),
    };
    format!("{}({percent}%)", sizes.text(Some(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_round_to_the_nearest() {
        let pages = SizeFormat::Pages(4096);
        assert_eq!(
            [0, 2047, 2048, 4096, 40 << 20].map(|bytes| pages.text(Some(bytes))),
            ["0", "0", "1", "1", "10240"]
        );
        assert_eq!(pages.text(None), "-");
        assert_eq!([0, -8192, 4096].map(|bytes| pages.signed(Some(bytes))), ["0", "-2", "+1"]);
    }

    #[test]
    fn a_part_of_nothing_is_no_percent() {
        assert_eq!(part(SizeFormat::Bytes, Some(0), 0), "0K(0%)");
        assert_eq!(part(SizeFormat::Bytes, Some(1024), 3072), "1K(33%)");
        assert_eq!(part(SizeFormat::Bytes, None, 3072), "-");
    }
}
