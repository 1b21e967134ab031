//! Rust source as identifiers and punctuation, without comments, literals and tests.

/// An identifier, `::`, or one character of punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether it is a name, a keyword or a number.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Splits `source` and leaves out every item under `#[cfg(test)]`.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    without_tests(&split(source))
}

fn split(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let bytes = skipped(rest);
        let bytes = if bytes > 0 {
            bytes
        } else {
            let bytes = match rest.find(|character| !is_word(character)) {
                Some(0) if rest.starts_with("::") => 2,
                Some(0) => first.len_utf8(),
                Some(end) => end,
                None => rest.len(),
            };
            found.push(Token { text: &rest[..bytes], line });
            bytes
        };
        line += rest[..bytes].matches('\n').count();
        rest = &rest[bytes..];
    }
    found
}

/// Returns the length of the space, comment or literal that `rest` begins with, or 0.
fn skipped(rest: &str) -> usize {
    let after = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with(char::is_whitespace) {
        return after(rest.find(|character: char| !character.is_whitespace()));
    }
    if rest.starts_with("//") {
        return after(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let prefix = ["b", "c", ""].into_iter().find(|prefix| rest.starts_with(prefix)).unwrap_or("");
    for prefix in [prefix, ""] {
        let literal = &rest[prefix.len()..];
        if let Some(raw) = literal.strip_prefix('r') {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if raw[hashes..].starts_with('"') {
                let close = format!("\"{}", "#".repeat(hashes));
                let start = prefix.len() + 1 + hashes + 1;
                return after(rest[start..].find(&close).map(|at| start + at + close.len()));
            }
        }
        if literal.starts_with('"') {
            return prefix.len() + quoted(literal, '"');
        }
    }
    let literal = rest.strip_prefix('b').unwrap_or(rest);
    if let Some(inside) = literal.strip_prefix('\'') {
        let mut characters = inside.chars();
        let is_character = characters.next() == Some('\\') || characters.next() == Some('\'');
        let name = inside.find(|character| !is_word(character)).unwrap_or(inside.len());
        // without a closing quote it is a lifetime or a label
        let length = if is_character { quoted(literal, '\'') } else { 1 + name };
        return rest.len() - literal.len() + length;
    }
    0
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let bytes = &rest.as_bytes()[at..];
        match bytes {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Returns the length of a literal that begins and ends with `quote`.
fn quoted(literal: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in literal.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => (),
        }
    }
    literal.len()
}

const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let ahead = tokens[at..].iter().map(|token| token.text);
        if ahead.take(CFG_TEST.len()).eq(CFG_TEST) {
            at = end_of_item(tokens, at + CFG_TEST.len());
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Returns the index after the item at `at`: after its `;`, or its body.
fn end_of_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    let (mut depth, mut is_use) = (0_i32, false);
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            "use" => is_use = true,
            _ => (),
        }
        let ends = token.text == ";" || (token.text == "}" && !is_use);
        // a closing bracket below 0 belongs to whatever holds a last field or statement
        if depth < 0 || (depth == 0 && ends) {
            return if depth < 0 { at - 1 } else { at };
        }
    }
    at
}
