//! Frees the lines of a paste from what surrounds them: carriage returns, colours, quotes, and
//! the prefix of a log. It knows nothing of what the lines say.

use crate::procfs::line::readable;

/// One line of a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number in the paste, from 1.
    pub(crate) number: usize,
    /// Its text, without blanks at its end.
    pub(crate) text: String,
}

/// The share of lines that must bear a prefix for it to be one, in percent.
const SHARED_PERCENT: usize = 80;
/// The maximum length of a line: a longer one is no output of these tools.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Returns the lines of a paste, cleaned; blank lines are kept, since they end tables.
pub(crate) fn lines(paste: &[u8]) -> Vec<Line> {
    let paste = paste.strip_prefix(b"\xef\xbb\xbf").unwrap_or(paste);
    let mut lines: Vec<Line> = paste
        .split(|byte| *byte == b'\n')
        .enumerate()
        .flat_map(|(index, line)| {
            let line = readable(&line[..line.len().min(MAX_LINE_BYTES)]);
            let texts: Vec<String> = match line.matches("\\n").count() {
                // A text within JSON, as in today's crash reports.
                3.. => line.split("\\n").map(cleaned).collect(),
                _ => vec![cleaned(&line)],
            };
            texts.into_iter().map(move |text| Line { number: index + 1, text })
        })
        .filter(|line| !line.text.starts_with("```"))
        .collect();
    while lines.last().is_some_and(|line| line.text.is_empty()) {
        lines.pop();
    }
    drop_numbers(&mut lines);
    drop_prefix(&mut lines);
    lines
}

/// Returns the line without colours, carriage returns, quotes and blanks at its end; other blanks
/// than the space and the tab become spaces.
fn cleaned(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {}
            '\u{1b}' => {
                // ESC [ parameters letter
                if characters.as_str().starts_with('[') {
                    let _ = characters.find(|end| end.is_ascii_alphabetic());
                }
            }
            '\t' => text.push('\t'),
            blank if blank.is_whitespace() || blank == '\u{feff}' => text.push(' '),
            other => text.push(other),
        }
    }
    let mut rest = text.as_str();
    while let Some(quoted) = rest.strip_prefix('>') {
        rest = quoted.strip_prefix(' ').unwrap_or(quoted);
    }
    rest.trim_end().to_owned()
}

/// Drops the numbers of lines, where each line has one and they count up.
fn drop_numbers(lines: &mut [Line]) {
    let numbered = |line: &Line| -> Option<(u64, usize)> {
        let start = line.text.len() - line.text.trim_start().len();
        let digits = line.text[start..].bytes().take_while(u8::is_ascii_digit).count();
        let number = line.text[start..start + digits].parse().ok()?;
        let end = start + digits;
        let rest = &line.text[end..];
        let after = rest.trim_start_matches([':', '|', '.', ')', '\u{2502}']);
        if !(after.is_empty() || after.starts_with([' ', '\t']) || after.len() < rest.len()) {
            return None;
        }
        let blank = usize::from(after.starts_with([' ', '\t']));
        Some((number, line.text.len() - after.len() + blank))
    };
    let filled = || lines.iter().filter(|line| !line.text.is_empty());
    let numbers: Option<Vec<(u64, usize)>> = filled().map(numbered).collect();
    let Some(numbers) = numbers.filter(|numbers| numbers.len() > 1) else { return };
    let counts_up = numbers.windows(2).all(|pair| {
        let step = pair[1].0.wrapping_sub(pair[0].0);
        (1..=8).contains(&step)
    });
    if !counts_up {
        return;
    }
    for (line, (_, end)) in lines.iter_mut().filter(|line| !line.text.is_empty()).zip(numbers) {
        line.text = line.text[end..].to_owned();
    }
}

/// A piece of the shape of a prefix: runs of digits and of blanks are alike whatever their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Digits,
    Blanks,
    Other(char),
}

/// Returns the shape of the first characters of a line, each part with the index after it.
fn shape(text: &str) -> Vec<(Part, usize)> {
    const MAX_PARTS: usize = 80;
    let mut parts: Vec<(Part, usize)> = Vec::new();
    for (index, character) in text.char_indices() {
        let part = match character {
            '0'..='9' => Part::Digits,
            ' ' | '\t' => Part::Blanks,
            other => Part::Other(other),
        };
        let end = index + character.len_utf8();
        let count = parts.len();
        match parts.last_mut() {
            Some(last) if last.0 == part && !matches!(part, Part::Other(_)) => last.1 = end,
            _ if count == MAX_PARTS => break,
            _ => parts.push((part, end)),
        }
    }
    parts
}

/// Drops a prefix that nearly all lines share, such as a log's time and name.
///
/// Only a prefix with a mark that none of these tools prints at the beginning of a line counts, so
/// that rows which happen to begin alike keep their words.
fn drop_prefix(lines: &mut [Line]) {
    let filled: Vec<&Line> = lines.iter().filter(|line| !line.text.is_empty()).collect();
    if filled.len() < 3 {
        return;
    }
    let shapes: Vec<Vec<(Part, usize)>> = filled.iter().map(|line| shape(&line.text)).collect();
    let needed = (filled.len() * SHARED_PERCENT).div_ceil(100);
    let mut model: Vec<Part> = shapes[shapes.len() / 2].iter().map(|(part, _)| *part).collect();
    let bears = |model: &[Part], of: &[(Part, usize)]| {
        of.len() >= model.len() && model.iter().zip(of).all(|(part, (other, _))| part == other)
    };
    while !model.is_empty() && shapes.iter().filter(|of| bears(&model, of)).count() < needed {
        model.pop();
    }
    let mark = |part: &Part| matches!(part, Part::Other(':' | '|' | ']' | '>' | '#' | '*' | '/'));
    let Some(last) = model.iter().rposition(mark) else { return };
    model.truncate(last + 1);
    // Text after the mark that lines share is theirs: ranges, sizes and rights begin no prefix.
    let words: String = model
        .iter()
        .map(|part| match part {
            Part::Digits => '0',
            Part::Blanks => ' ',
            Part::Other(other) => *other,
        })
        .collect();
    let are_rights = |word: &str| {
        (3..=5).contains(&word.len()) && word.bytes().all(|byte| b"rwxps-R".contains(&byte))
    };
    if words.split(' ').any(are_rights)
        || words.contains("SM=")
        || words.contains("-unmapped")
        || words.contains("kB")
    {
        return;
    }
    let is_row = shapes
        .iter()
        .zip(&filled)
        .any(|(of, line)| bears(&model, of) && has_range(&line.text[..of[model.len() - 1].1]));
    if is_row {
        return;
    }
    let ends: Vec<Option<usize>> = lines
        .iter()
        .map(|line| {
            let of = shape(&line.text);
            bears(&model, &of).then(|| of[model.len() - 1].1)
        })
        .collect();
    for (line, end) in lines.iter_mut().zip(ends) {
        if let Some(end) = end {
            let rest = &line.text[end..];
            line.text = rest.strip_prefix(' ').unwrap_or(rest).to_owned();
        }
    }
}

/// Returns whether the text has a range of addresses in it.
fn has_range(text: &str) -> bool {
    text.split([' ', '\t']).any(|word| {
        let Some((start, end)) = word.split_once('-') else { return false };
        let hexadecimal =
            |text: &str| text.len() >= 5 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        hexadecimal(start) && hexadecimal(end.trim_end_matches(':'))
    })
}

/// Returns whether the line is a shell's prompt with a command, or the mark of something left out.
pub(crate) fn is_omission(text: &str) -> bool {
    let text = text.trim();
    let bare = text.trim_matches(['.', '<', '>', '[', ']', '(', ')', '-', '*', ' ', '…']);
    (text.starts_with("...") || text.starts_with(['<', '[', '(', '…']) || text == "…")
        && (bare.is_empty()
            || ["snip", "truncated", "cut", "omitted", "lines", "more", "skipped"]
                .iter()
                .any(|word| bare.to_ascii_lowercase().contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(paste: &str) -> Vec<String> {
        lines(paste.as_bytes()).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn quotes_colours_and_carriage_returns_are_no_part_of_a_line() {
        let paste = "\u{feff}> > __TEXT  1000-2000 \r\n> \x1b[1mTotal\x1b[0m\u{a0}x\r\n```\n\n";
        assert_eq!(texts(paste), ["__TEXT  1000-2000", "Total x"]);
    }

    #[test]
    fn line_numbers_and_the_prefix_of_a_log_go() {
        assert_eq!(
            texts("9: Rss: 4 kB\n10: Pss: 4 kB\n11: Swap: 0 kB"),
            ["Rss: 4 kB", "Pss: 4 kB", "Swap: 0 kB"]
        );
        let log = "Nov 27 06:28:06 box app[12]: 1000-2000 r--p 0 0:0 0\n\
            Nov 27 06:28:06 box app[12]: Rss:     4 kB\n\
            Nov 27 06:28:07 box app[12]: Pss:     4 kB\n";
        assert_eq!(texts(log), ["1000-2000 r--p 0 0:0 0", "Rss:     4 kB", "Pss:     4 kB"]);
    }

    #[test]
    fn rows_that_begin_alike_keep_their_words() {
        let rows = "owned unmapped    unmapped-unmapped  [ 22.6M] rw-/rw- SM=PRV\n\
            owned unmapped    unmapped-unmapped  [ 27.9M] rw-/rw- SM=PRV\n\
            owned unmapped    unmapped-unmapped  [ 22.6M] rw-/rw- SM=PRV";
        assert!(texts(rows).iter().all(|row| row.starts_with("owned unmapped ")));
        let rows = "__TEXT  104e98000-104ea0000 [ 32K] r-x/r-x SM=COW /usr/a\n".repeat(4);
        assert!(texts(&rows).iter().all(|row| row.starts_with("__TEXT ")));
        let pmap = "00400000 r-xp 00000000 103:04 1 4 4 java\n".repeat(4);
        assert!(texts(&pmap).iter().all(|row| row.starts_with("00400000 ")));
    }

    #[test]
    fn marks_of_omission_are_known() {
        for mark in ["...(snip)...", "< truncated lines 240-428 >", "[...]", "...", "[snip]"] {
            assert!(is_omission(mark), "{mark}");
        }
        for other in ["Rss: 4 kB", "[heap]", "...ry/Frameworks/A", "[ 4K]"] {
            assert!(!is_omission(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_lines(paste: Vec<u8>) {
            let found = lines(&paste);
            prop_assert!(found.windows(2).all(|pair| pair[0].number <= pair[1].number));
        }

        #[test]
        fn any_text_has_lines(paste in "[>0-9 :|a-f\\[\\]\n\t-]{0,120}") {
            lines(paste.as_bytes());
        }
    }
}
