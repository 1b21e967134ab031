//! Places labels at the right edge so that they do not overlap, and a legend
//! above where there is no room for that.

use crate::chart::text;

/// Height of a line of labels, in pixels.
pub(crate) const LINE: f64 = 16.0;
/// Font size of labels, in pixels.
pub(crate) const SIZE: f64 = 11.5;
/// From the left of a legend's entry to its text.
pub(crate) const SWATCH: f64 = 15.0;

/// Moves labels wanted at these heights apart by a line each, keeping their
/// order and staying within `top` and `bottom`, as near as can be.
pub(crate) fn spread(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]).then(b.cmp(a)));
    // Groups of labels that touch, each centred on the mean of what its members want.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for index in &order {
        groups.push((wanted[*index], 1));
        while let [.., (upper, m), (lower, n)] = groups[..] {
            let touching =
                place(lower, n, top, bottom) - place(upper, m, top, bottom) < m as f64 * LINE;
            if !touching {
                break;
            }
            // The position wanted for the upper group's first label, averaged over both.
            let mean = (upper * m as f64 + (lower - m as f64 * LINE) * n as f64) / (m + n) as f64;
            groups.truncate(groups.len() - 2);
            groups.push((mean, m + n));
        }
    }
    let mut placed = vec![0.0; wanted.len()];
    let mut order = order.into_iter();
    for (first, count) in groups {
        let first = place(first, count, top, bottom);
        for (line, index) in order.by_ref().take(count).enumerate() {
            placed[index] = first + line as f64 * LINE;
        }
    }
    placed
}

/// Where the first label of a group goes so that all of it is within bounds.
fn place(first: f64, count: usize, top: f64, bottom: f64) -> f64 {
    first.min(bottom - (count - 1) as f64 * LINE).max(top)
}

/// Places entries of a legend in rows of at most `room` pixels: the left edge and row of each.
pub(crate) fn flow(entries: &[String], room: f64) -> Vec<(f64, usize)> {
    let (mut left, mut row) = (0.0, 0);
    entries
        .iter()
        .map(|entry| {
            let width = SWATCH + text::width(entry, SIZE) + 14.0;
            if left > 0.0 && left + width > room {
                (left, row) = (0.0, row + 1);
            }
            let place = (left, row);
            left += width;
            place
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_with_room_stay_where_they_want_to_be() {
        assert_eq!(spread(&[100.0, 20.0, 60.0], 0.0, 200.0), [100.0, 20.0, 60.0]);
    }

    #[test]
    fn labels_of_one_height_are_centred_on_it() {
        assert_eq!(spread(&[100.0, 100.0], 0.0, 200.0), [100.0 + LINE / 2.0, 100.0 - LINE / 2.0]);
        assert_eq!(spread(&[200.0, 200.0], 0.0, 200.0), [200.0, 200.0 - LINE]);
    }

    proptest! {
        #[test]
        fn labels_never_overlap(wanted in proptest::collection::vec(0.0f64..300.0, 1..10)) {
            let mut placed = spread(&wanted, 0.0, 300.0);
            prop_assert!(placed.iter().all(|y| (-0.01..=300.01).contains(y)));
            placed.sort_by(f64::total_cmp);
            prop_assert!(placed.windows(2).all(|pair| pair[1] - pair[0] > LINE - 0.01));
        }
    }
}
