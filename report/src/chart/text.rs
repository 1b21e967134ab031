//! Untrusted text made fit for a picture, and how wide it will be.
//!
//! No font is available, so widths are estimates on the wide side: what fits by
//! them fits in every common sans-serif font.

/// Returns `text` without what XML or a reader cannot show: control and
/// direction characters become `?`, line ends and tabs one space, and what lies outside the
/// basic plane, such as emoji, its escape.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => clean.push(' '),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => clean.push('?'),
            c if c.is_control() => clean.push('?'),
            // Few fonts have these, and some renderers drop a whole line over one of them.
            c if c > '\u{ffff}' => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}

/// Returns `text` with the characters that mean something in XML escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Estimates the width of `text` in pixels at a font size in pixels.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

/// How much wider bold text is, at most.
pub(crate) const BOLD: f64 = 1.12;

/// Estimates the width of bold `text` in pixels at a font size in pixels.
pub(crate) fn bold_width(text: &str, size: f64) -> f64 {
    width(text, size) * BOLD
}

/// The width of a character in parts of the font size.
fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '·' => 0.33,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' | 'I' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '→' | '—' | '…' | '+' => 0.9,
        'A'..='Z' | '#' | '&' => 0.7,
        ' '..='\u{24f}' => 0.62,
        _ => 1.05,
    }
}

/// Shortens `text` to at most `room` pixels, ending in `…` where something was cut.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut left = room - em('…') * size;
    let mut short: String = text
        .chars()
        .take_while(|c| {
            left -= em(*c) * size;
            left >= 0.0
        })
        .collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Breaks words into lines of at most `room` pixels; a word wider than that is cut.
pub(crate) fn wrap(parts: &[String], separator: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line)
                if width(line, size) + width(separator, size) + width(part, size) <= room =>
            {
                line.push_str(separator);
                line.push_str(part);
            }
            _ => lines.push(fit(part, size, room)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_characters_are_shown_or_replaced() {
        assert_eq!(clean("a\u{0}b\u{1b}[31m\u{202e}c\nd"), "a?b?[31m?c d");
        assert_eq!(clean("a\u{1f600}é漢"), "a\\u{1f600}é漢");
        assert_eq!(escape("<a>]]>&\""), "&lt;a&gt;]]&gt;&amp;&quot;");
    }

    #[test]
    fn text_is_cut_to_fit() {
        assert_eq!(fit("short", 10.0, 100.0), "short");
        let cut = fit(&"long ".repeat(100), 10.0, 100.0);
        assert!(cut.ends_with('…') && width(&cut, 10.0) <= 100.0, "{cut}");
        assert_eq!(fit("anything", 10.0, 0.0), "…");
    }

    #[test]
    fn parts_are_wrapped_at_separators() {
        let parts = ["aaaa", "bbbb", "cccc"].map(str::to_owned);
        assert_eq!(wrap(&parts, " · ", 10.0, 70.0), ["aaaa · bbbb", "cccc"]);
    }
}
