//! Spans of time: two marks, of which the second is called as the first with `.end` after it.

use std::collections::HashMap;

/// The end of the text of a mark that ends a span.
pub const SPAN_END: &str = ".end";

/// Returns for each mark, in the order of time, the index of the one that ends its span. An end
/// belongs to the last mark of its name before it that has none.
pub(crate) fn ends(texts: &[&str]) -> Vec<Option<usize>> {
    let mut ends = vec![None; texts.len()];
    let mut open: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, text) in texts.iter().enumerate() {
        let begin = text.strip_suffix(SPAN_END).and_then(|name| open.get_mut(name)?.pop());
        match begin {
            Some(begin) => ends[begin] = Some(at),
            None => open.entry(text).or_default().push(at),
        }
    }
    ends
}

/// Returns whether a mark of this name has no end yet; `texts` are those before now, in the order of
/// time.
pub fn is_open(texts: &[&str], name: &str) -> bool {
    let ends = ends(texts);
    texts.iter().zip(&ends).any(|(text, end)| *text == name && end.is_none())
}

/// Returns the indexes of the marks with this text and of the ends of those that begin a span; `texts`
/// are all marks, in the order of time.
pub fn named(texts: &[&str], name: &str) -> Vec<usize> {
    let ends = ends(texts);
    let begins = (0..texts.len()).filter(|at| texts[*at] == name);
    let mut named: Vec<usize> =
        begins.flat_map(|begin| std::iter::once(begin).chain(ends[begin])).collect();
    named.sort_unstable();
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_belong_to_the_last_open_mark_of_their_name() {
        let texts = ["a", "b", "a", "a.end", "b.end", "a.end", "a.end", "c.end"];
        assert_eq!(ends(&texts), [Some(5), Some(4), Some(3), None, None, None, None, None]);
        assert_eq!(named(&texts, "a"), [0, 2, 3, 5], "the last end ends none");
        assert_eq!((named(&texts, "c.end"), named(&texts, "d")), (vec![7], vec![]));
        assert!(is_open(&texts[..5], "a") && !is_open(&texts, "a") && !is_open(&texts, "d"));
    }

    proptest! {
        #[test]
        fn no_mark_ends_two_spans(
            texts in proptest::collection::vec("(a|b|a[.]end|b[.]end|a[.]end[.]end)", 0..40),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = ends(&texts);
            let mut ended: Vec<usize> = found.iter().flatten().copied().collect();
            let count = ended.len();
            ended.sort_unstable();
            ended.dedup();
            prop_assert_eq!(ended.len(), count);
            for (begin, end) in found.iter().enumerate() {
                if let Some(end) = end {
                    let name = format!("{}.end", texts[begin]);
                    prop_assert!(begin < *end);
                    prop_assert_eq!(texts[*end], name);
                }
            }
        }
    }
}
