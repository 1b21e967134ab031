//! Places named moments: a rule for each, its text above where there is room.

use crate::chart::options::ChartMark;
use crate::chart::text;
use crate::series::Series;

/// Font size of the texts, in pixels.
pub(crate) const SIZE: f64 = 10.6;
/// Height of a row of texts, in pixels.
pub(crate) const ROW: f64 = 14.0;
/// The maximum number of rows of texts.
pub(crate) const MAX_ROWS: usize = 3;
/// The maximum number of rules drawn.
const MAX_RULES: usize = 200;
/// The widest a text may be, in pixels.
const WIDEST: f64 = 180.0;

/// A mark's rule, and its text if there is room for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlacedMark {
    pub(crate) x: f64,
    pub(crate) text: Option<(usize, String)>,
}

/// Returns the marks within the time of `series`, with their times since its first tick.
pub(crate) fn within<'a>(series: &Series, marks: &'a [ChartMark]) -> Vec<(u64, &'a ChartMark)> {
    let mut within: Vec<(u64, &ChartMark)> =
        marks.iter().filter_map(|mark| Some((elapsed(series, mark.utc_ns)?, mark))).collect();
    within.sort_by_key(|(elapsed, _)| *elapsed);
    within
}

/// The time of a mark since the first tick. The wall clock may have been set in between, so it is
/// counted from the last tick at or before the mark.
fn elapsed(series: &Series, utc_ns: i64) -> Option<u64> {
    let index = series.ticks.iter().rposition(|tick| tick.taken.utc_ns <= utc_ns)?;
    let since = utc_ns.abs_diff(series.ticks[index].taken.utc_ns);
    let elapsed = series.elapsed_ns(index).saturating_add(since);
    match index + 1 == series.ticks.len() {
        // A mark of the last moment is often set just after the last sample.
        true => (since <= series.span_ns() / 50).then_some(series.span_ns()),
        false => Some(elapsed.min(series.elapsed_ns(index + 1))),
    }
}

/// Places marks at these columns, ascending; texts may run up to `right`.
/// Returns them with how many rows their texts take and how many are without text or rule.
pub(crate) fn place(marks: &[(f64, &str)], right: f64) -> (Vec<PlacedMark>, usize, usize) {
    let mut placed: Vec<PlacedMark> = Vec::new();
    let mut ends = [f64::MIN; MAX_ROWS];
    for (x, name) in marks {
        if placed.len() == MAX_RULES {
            break;
        }
        if placed.last().is_some_and(|last| x - last.x < 1.0) {
            continue;
        }
        // The rule goes down through the rows below its text: they must be free there.
        let free = |row: &usize| ends[*row..].iter().all(|end| end + 6.0 <= *x);
        let text = (0..MAX_ROWS).find(free).and_then(|row| {
            let text = text::fit(&text::clean(name), SIZE, (right - x - 4.0).min(WIDEST));
            if text == "…" || text.is_empty() {
                return None;
            }
            ends[row] = x + 4.0 + text::width(&text, SIZE);
            Some((row, text))
        });
        placed.push(PlacedMark { x: *x, text });
    }
    let rows = placed.iter().filter_map(|mark| mark.text.as_ref()).map(|(row, _)| row + 1).max();
    let named = placed.iter().filter(|mark| mark.text.is_some()).count();
    (placed, rows.unwrap_or(0), marks.len() - named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_touch_go_to_the_next_row() {
        let marks = [(10.0, "load page"), (30.0, "scroll"), (400.0, "close")];
        let (placed, rows, unnamed) = place(&marks, 600.0);
        let placed: Vec<_> =
            placed.iter().filter_map(|mark| mark.text.as_ref()).map(|(row, _)| *row).collect();
        assert_eq!((placed, rows, unnamed), (vec![0, 1, 0], 2, 0));
    }

    #[test]
    fn a_crowd_of_marks_keeps_some_texts() {
        let marks: Vec<_> = (0..1000).map(|n| (n as f64 * 0.7, "a mark")).collect();
        let (placed, rows, unnamed) = place(&marks, 900.0);
        assert!(placed.len() <= MAX_RULES && rows == MAX_ROWS && unnamed > 900);
    }
}
