//! Makes text from processes and files safe to show.
//!
//! A process names itself, its threads, files and mappings as it likes: such a
//! name may hold escape sequences that steer a terminal, line breaks that forge
//! rows, marks that turn the reading direction, or a formula for a spreadsheet.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` on one line, with every character that steers a terminal
/// instead of showing written out: `\n`, `\x1b`, `\u{202e}`.
pub fn terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if !steers(c) => escaped.push(c),
            // Writing to a String cannot fail.
            c if u32::from(c) < 0x100 => drop(write!(escaped, "\\x{:02x}", u32::from(c))),
            c => drop(write!(escaped, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(escaped)
}

/// Returns `text` as [`terminal`] does, and with a leading `'` where a
/// spreadsheet would take it for a formula.
pub(crate) fn csv_text(text: &str) -> Cow<'_, str> {
    let escaped = terminal(text);
    if escaped.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        Cow::Owned(format!("'{escaped}"))
    } else {
        escaped
    }
}

/// Returns `text` as [`terminal`] does, with every character that Markdown or HTML would act on as
/// an entity.
pub(crate) fn markdown(text: &str) -> String {
    entities(text, |c| {
        matches!(c, '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '&' | '@' | '~' | '#')
    })
}

/// Returns `text` as [`terminal`] does, for an attribute of XML.
pub(crate) fn xml(text: &str) -> String {
    entities(text, |c| matches!(c, '&' | '<' | '>' | '"' | '\''))
}

/// Returns `text` as [`terminal`] does, for the value of a command in a log of GitHub's.
pub(crate) fn workflow_command(text: &str) -> String {
    terminal(text).replace('%', "%25")
}

fn entities(text: &str, acts: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in terminal(text).chars() {
        if acts(character) {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "&#{};", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Returns whether a character acts on its surroundings instead of showing itself.
pub(crate) fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'                        // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' // invisible
            | '\u{2028}' | '\u{2029}'       // line and paragraph breaks
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}') // annotations and tags
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        for text in ["", "libc.so.6", "/tmp/日本語 é", "anon:\\x1b"] {
            assert!(matches!(terminal(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_steers_is_written_out() {
        assert_eq!(terminal("a\x1b[31mred\n\tb"), "a\\x1b[31mred\\n\\tb");
        assert_eq!(terminal("\u{9b}2J \u{202e}gpj"), "\\x9b2J \\u{202e}gpj");
    }

    #[test]
    fn formulas_become_text() {
        assert_eq!(csv_text("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(csv_text("@SUM"), "'@SUM");
        assert_eq!(csv_text("\t=1"), "\\t=1");
        assert_eq!(csv_text("a=b"), "a=b");
    }

    #[test]
    fn no_markup_is_left() {
        assert_eq!(markdown("a|b <i> @x\n"), "a&#124;b &#60;i&#62; &#64;x&#92;n");
        assert_eq!(xml("<a b='\"&'>"), "&#60;a b=&#39;&#34;&#38;&#39;&#62;");
        assert_eq!(workflow_command("50%\n::error::x"), "50%25\\n::error::x");
    }

    proptest! {
        #[test]
        fn nothing_steers_after_escaping(text in any::<String>()) {
            let once = terminal(&text).into_owned();
            prop_assert!(!once.chars().any(steers));
            prop_assert_eq!(terminal(&once), once.as_str());
        }

        #[test]
        fn no_cell_starts_a_formula(text in "[=+@\\-\t\r\n' a]{0,6}") {
            let cell = csv_text(&text).into_owned();
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
        }
    }
}
