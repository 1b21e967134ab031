//! The forms of times that one which is not understood comes nearest to.

use crate::time::spec::TimeSpec;

/// Words that name a moment.
const WORDS: [&str; 6] = ["start", "first", "end", "last", "now", "peak"];

impl TimeSpec {
    /// Returns what `text`, which is not understood, may have been meant as, each a time that is.
    pub fn nearest(text: &str) -> Vec<String> {
        let text = text.trim();
        let lower = text.to_lowercase();
        let candidates = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            vec![format!("#{text}"), format!("+{text}s"), format!("-{text}s")]
        } else if text.starts_with(|c: char| c.is_ascii_digit()) {
            vec![format!("+{text}"), format!("-{text}"), format!("{text} ago"), format!("#{text}")]
        } else {
            let near = |word: &&str| changes(&lower, word) <= 1;
            WORDS.into_iter().filter(near).map(str::to_owned).collect()
        };
        candidates.into_iter().filter(|candidate| Self::parse(candidate).is_ok()).collect()
    }
}

/// Returns how many letters to insert, remove or replace to make one word of the other; two that
/// changed places count as one.
fn changes(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) =
        (from.chars().take(32).collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<_>>()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(a != b);
            let mut fewest = replaced.min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && from[i - 1] == *b && *a == to[j - 1] {
                fewest = fewest.min(rows[i - 1][j - 1] + 1);
            }
            row.push(fewest);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_likeliest_comes_first() {
        assert_eq!(TimeSpec::nearest("30s"), ["+30s", "-30s", "30s ago"]);
        assert_eq!(TimeSpec::nearest("12"), ["#12", "+12s", "-12s"]);
        assert_eq!(TimeSpec::nearest("strat"), ["start"]);
        assert_eq!(TimeSpec::nearest("peek"), ["peak"]);
        assert!(TimeSpec::nearest("warm up").is_empty());
        assert_eq!(TimeSpec::nearest("10 minutes"), ["10 minutes ago"]);
    }

    proptest! {
        #[test]
        fn each_is_understood(text in ".{0,12}") {
            for near in TimeSpec::nearest(&text) {
                prop_assert!(TimeSpec::parse(&near).is_ok(), "{near}");
            }
        }

        #[test]
        fn one_change_is_one(word in "[a-z]{1,8}", at in 0_usize..8, letter in "[a-z]") {
            let at = at % word.len();
            let replaced = format!("{}{letter}{}", &word[..at], &word[at + 1..]);
            prop_assert!(changes(&replaced, &word) <= 1);
            prop_assert_eq!(changes(&word, &word), 0);
        }
    }
}
