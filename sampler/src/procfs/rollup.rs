//! `/proc/PID/smaps_rollup`: the sizes of smaps, summed by the kernel.

use crate::procfs::sizes::{Field, Sizes, kilobytes, split_line};

/// Reads the text of `/proc/PID/smaps_rollup`; unknown lines are skipped.
pub(crate) fn parse_rollup(text: &[u8]) -> Sizes {
    let mut sizes = Sizes::default();
    for line in text.split(|byte| *byte == b'\n') {
        let Some((key, value)) = split_line(line) else { continue };
        if let (Some(field), Some(bytes)) = (Field::from_key(key), kilobytes(value)) {
            sizes.set(field, bytes);
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::Quantity;

    /// Captured on Linux 6.18; unused lines are left out.
    const TEXT: &[u8] =
        b"557dc1138000-7fffcffb9000 ---p 00000000 00:00 0                          [rollup]
Rss:                1640 kB
Pss:                 218 kB
Pss_Dirty:           112 kB
Shared_Clean:       1488 kB
Shared_Dirty:          0 kB
Private_Clean:        40 kB
Private_Dirty:       112 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
SwapPss:               0 kB
Locked:                0 kB
";

    #[test]
    fn the_sums_are_those_of_the_fields() {
        let quantities = parse_rollup(TEXT).quantities();
        assert_eq!(quantities.get(Quantity::Resident), Some(1640 << 10));
        assert_eq!(quantities.get(Quantity::Private), Some(152 << 10));
        assert_eq!(quantities.get(Quantity::Pss), Some(218 << 10));
        assert_eq!(quantities.get(Quantity::Swapped), Some(0));
        assert_eq!(quantities.get(Quantity::Huge), None);
    }

    proptest! {
        #[test]
        fn a_field_has_the_last_value_that_is_a_number_of_kilobytes(
            lines in proptest::collection::vec(
                (
                    proptest::sample::select(&["Rss", "Pss", "Future", ""][..]),
                    "[0-9]{0,21}( kB| MB| )?",
                ),
                0..8,
            ),
            noise: Vec<u8>,
        ) {
            let mut text = noise;
            text.retain(|byte| *byte != b':');
            for (key, value) in &lines {
                text.extend_from_slice(format!("\n{key}: {value}").as_bytes());
            }
            let sizes = parse_rollup(&text);
            for (key, field) in [("Rss", Field::Rss), ("Pss", Field::Pss)] {
                let values = lines.iter().filter(|line| line.0 == key);
                let mut bytes = values.filter_map(|(_, value)| {
                    value.strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
                });
                prop_assert_eq!(sizes.get(field), bytes.next_back(), "{}", key);
            }
            prop_assert_eq!(sizes.get(Field::Swap), None);
        }
    }
}
