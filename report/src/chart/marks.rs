//! Places named moments: a rule with a number for each, its text where there is room, and a list
//! of the texts without.

use vmrec_sampler::sort_by_key;

use crate::chart::canvas::Anchor;
use crate::chart::options::ChartMark;
use crate::chart::text;
use crate::finding::clock::Clock;
use crate::series::Series;
use crate::time::span;

/// Font size of the texts, in pixels.
pub(crate) const SIZE: f64 = 10.6;
/// Font size of the numbers, in pixels.
pub(crate) const NUMBER_SIZE: f64 = 8.5;
/// Radius of the disc that a number lies on, and space between it and the text.
pub(crate) const RADIUS: f64 = 6.0;
pub(crate) const ASIDE: f64 = 3.0;
/// Height of the row of numbers and texts, in pixels.
pub(crate) const ROW: f64 = 16.0;
/// The maximum number of rules drawn.
const MAX_RULES: usize = 200;
/// The widest a text may be, in pixels.
const WIDEST: f64 = 180.0;
/// Larger numbers do not fit their disc.
const MAX_NUMBER: usize = 99;
/// The maximum number of texts listed.
const MAX_LISTED: usize = 40;

/// A mark's rule, with its number and text if there is room for them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlacedMark {
    pub(crate) x: f64,
    pub(crate) number: Option<usize>,
    /// The text and the side of the number it begins at.
    pub(crate) text: Option<(String, Anchor)>,
}

/// Marks placed, and those whose text is not among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlacedMarks {
    pub(crate) rules: Vec<PlacedMark>,
    /// Indexes of the marks without their text.
    pub(crate) unnamed: Vec<usize>,
}

/// Returns the marks within the time of `series`, with their times since its first tick.
pub(crate) fn within<'a>(series: &Series, marks: &'a [ChartMark]) -> Vec<(u64, &'a ChartMark)> {
    let mut within: Vec<(u64, &ChartMark)> =
        marks.iter().filter_map(|mark| Some((elapsed(series, mark.utc_ns)?, mark))).collect();
    sort_by_key(&mut within, |(elapsed, _)| *elapsed);
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

/// A mark to draw, or a span from it to the mark that ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment<'a> {
    pub(crate) at_ns: u64,
    pub(crate) until_ns: Option<u64>,
    pub(crate) text: &'a str,
}

impl Moment<'_> {
    /// Returns its text with its time, or both.
    pub(crate) fn words(&self, clock: &Clock) -> String {
        let until = self.until_ns.map_or(String::new(), |at| format!(" to {}", clock.moment(at)));
        format!("{}, {}{until}", self.text, clock.moment(self.at_ns))
    }
}

/// Returns the marks to draw: the end of a span is part of it.
pub(crate) fn moments<'a>(marks: &[(u64, &'a ChartMark)]) -> Vec<Moment<'a>> {
    let texts: Vec<&str> = marks.iter().map(|(_, mark)| mark.text.as_str()).collect();
    let ends = span::ends(&texts);
    let moment = |at: usize| {
        let until_ns = ends[at].map(|end| marks[end].0);
        (!ends.contains(&Some(at))).then(|| Moment {
            at_ns: marks[at].0,
            until_ns,
            text: texts[at],
        })
    };
    (0..marks.len()).filter_map(moment).collect()
}

/// Places marks at these columns, ascending; texts lie between `left` and `right` if they are
/// wanted at all, to the right of their number or, at the edge or where the next is near, to its left.
pub(crate) fn place(marks: &[(f64, &str)], texts: bool, left: f64, right: f64) -> PlacedMarks {
    let mut placed = PlacedMarks::default();
    // The index of the mark of each rule.
    let mut of: Vec<usize> = Vec::new();
    let mut last_number = f64::MIN;
    for (index, (x, _)) in marks.iter().enumerate() {
        let near = placed.rules.last().is_some_and(|last| x - last.x < 1.0);
        if near || placed.rules.len() == MAX_RULES {
            continue;
        }
        let fits = x - last_number >= 2.0 * RADIUS + 1.0 && index < MAX_NUMBER;
        if fits {
            last_number = *x;
        }
        of.push(index);
        placed.rules.push(PlacedMark { x: *x, number: fits.then_some(index + 1), text: None });
    }
    let mut taken = left;
    for at in 0..placed.rules.len() {
        let PlacedMark { x, number, .. } = placed.rules[at];
        if number.is_none() {
            continue;
        }
        let next = placed.rules[at + 1..].iter().find(|rule| rule.number.is_some());
        let end = next.map_or(right, |next| next.x - RADIUS - 2.0 * ASIDE);
        let words = text::clean(marks[of[at]].1);
        let width = text::width(&words, SIZE);
        let aside = RADIUS + ASIDE;
        if !texts || words.is_empty() || width > WIDEST {
            taken = x + RADIUS;
        } else if x + aside + width <= end {
            placed.rules[at].text = Some((words, Anchor::Start));
            taken = x + aside + width;
        } else {
            if x - aside - width >= taken + 2.0 * ASIDE {
                placed.rules[at].text = Some((words, Anchor::End));
            }
            taken = x + RADIUS;
        }
    }
    let named = |index: &usize| {
        let rule = of.iter().position(|of| of == index);
        rule.is_some_and(|rule| placed.rules[rule].text.is_some())
    };
    placed.unnamed = (0..marks.len()).filter(|index| !named(index)).collect();
    placed
}

/// Returns the lines that list marks by number, and how many are left out.
pub(crate) fn list(
    unnamed: &[usize],
    words: impl Fn(usize) -> String,
    room: f64,
    max_lines: usize,
) -> (Vec<String>, usize) {
    let part = |index: &usize| format!("{} {}", index + 1, text::clean(&words(*index)));
    let parts: Vec<String> = unnamed.iter().take(MAX_LISTED).map(part).collect();
    let wrapped = |count: usize| text::wrap(&parts[..count], " · ", SIZE, room);
    let fit = (0..=parts.len()).rev().map(|count| (count, wrapped(count)));
    let fit = fit.into_iter().find(|(_, lines)| lines.len() <= max_lines);
    let (count, lines) = fit.unwrap_or_default();
    (lines, unnamed.len() - count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sides(placed: &PlacedMarks) -> Vec<Option<Anchor>> {
        let side = |mark: &PlacedMark| mark.text.as_ref().map(|(_, side)| *side);
        placed.rules.iter().map(side).collect()
    }

    #[test]
    fn texts_flip_at_the_edge_and_where_the_next_is_near() {
        let marks = [(100.0, "load page"), (130.0, "scroll"), (590.0, "close")];
        let placed = place(&marks, true, 0.0, 600.0);
        assert_eq!(sides(&placed), [Some(Anchor::End), Some(Anchor::Start), Some(Anchor::End)]);
        assert_eq!(placed.unnamed, [0; 0]);
        let numbers: Vec<_> = placed.rules.iter().map(|mark| mark.number).collect();
        assert_eq!(numbers, [Some(1), Some(2), Some(3)]);
        assert_eq!(place(&marks, false, 0.0, 600.0).unnamed, [0, 1, 2]);
    }

    #[test]
    fn texts_without_room_are_listed_by_number() {
        let marks = [(100.0, "one"), (115.0, "two of them"), (130.0, "three"), (131.0, "four")];
        let placed = place(&marks, true, 90.0, 300.0);
        assert_eq!(sides(&placed), [None, None, Some(Anchor::Start), None]);
        assert_eq!(placed.unnamed, [0, 1, 3]);
        let words = |index: usize| marks[index].1.to_owned();
        let (lines, left) = list(&placed.unnamed, words, 400.0, 1);
        assert_eq!((lines, left), (vec!["1 one · 2 two of them · 4 four".to_owned()], 0));
        assert_eq!(list(&placed.unnamed, words, 60.0, 1), (vec!["1 one".to_owned()], 2));
    }

    #[test]
    fn a_crowd_of_marks_keeps_some_rules_and_numbers() {
        let marks: Vec<_> = (0..1000).map(|n| (n as f64 * 0.7, "a mark")).collect();
        let placed = place(&marks, true, 0.0, 900.0);
        assert!(placed.rules.len() <= MAX_RULES && placed.unnamed.len() > 900);
        assert!(placed.rules.iter().filter(|mark| mark.number.is_some()).count() >= 5);
        assert!(list(&placed.unnamed, |_| "a mark".into(), 900.0, 2).1 > 900);
    }

    proptest! {
        #[test]
        fn numbers_and_texts_never_overlap(
            steps in proptest::collection::vec((0.0f64..120.0, "[a-z ]{0,30}"), 1..12),
        ) {
            let mut x = 40.0;
            let marks: Vec<(f64, &str)> =
                steps.iter().map(|(step, text)| { x += step; (x, text.as_str()) }).collect();
            let placed = place(&marks, true, 20.0, 700.0_f64.max(x + 10.0));
            let mut spans: Vec<(f64, f64)> = Vec::new();
            for mark in &placed.rules {
                if mark.number.is_some() {
                    spans.push((mark.x - RADIUS, mark.x + RADIUS));
                }
                if let Some((text, side)) = &mark.text {
                    let width = text::width(text, SIZE);
                    let aside = RADIUS + ASIDE;
                    spans.push(match side {
                        Anchor::End => (mark.x - aside - width, mark.x - aside),
                        _ => (mark.x + aside, mark.x + aside + width),
                    });
                }
            }
            spans.sort_by(|a, b| a.0.total_cmp(&b.0));
            prop_assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{:?}", spans);
        }
    }
}
