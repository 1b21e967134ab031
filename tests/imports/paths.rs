//! The modules a file declares and the paths it names, as written from the crate's root.

use std::collections::HashMap;

use crate::tokens::{Token, tokens};

/// Segments below `crate`.
pub(crate) type Path = Vec<String>;

/// What one file says of modules and paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    /// Modules declared with `mod name;`, which have a file of their own.
    pub(crate) children: Vec<String>,
    /// Every path into the crate, with its line.
    pub(crate) paths: Vec<(Path, usize)>,
    /// Names that a `use` brings in from elsewhere in the crate.
    pub(crate) imported: HashMap<String, Path>,
}

/// Reads the file of `module`.
pub(crate) fn read(text: &str, module: &[String]) -> Source {
    let tokens = tokens(text);
    let mut source = Source::default();
    for window in tokens.windows(3) {
        if window[0].text == "mod" && window[2].text == ";" {
            source.children.push(window[1].text.to_owned());
        }
    }
    let mut reader = Reader { tokens: &tokens, at: 0, source, module: module.to_vec() };
    reader.read();
    reader.source
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    source: Source,
    /// The module at `at`: that of the file, and the inline modules around it.
    module: Path,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        let (mut depth, mut inline) = (0, Vec::new());
        while let Some(token) = self.tokens.get(self.at) {
            match token.text {
                "use" => {
                    self.at += 1;
                    self.tree(&[]);
                    continue;
                }
                "mod" if self.text(2) == "{" => {
                    inline.push(depth);
                    self.module.push(self.text(1).to_owned());
                    self.at += 1;
                }
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if inline.last() == Some(&depth) {
                        inline.pop();
                        self.module.pop();
                    }
                }
                _ if self.starts_path() => {
                    let line = token.line;
                    let written = self.segments();
                    if let Some(path) = self.rooted(&written) {
                        self.source.paths.push((path, line));
                    }
                    continue;
                }
                _ => (),
            }
            self.at += 1;
        }
    }

    fn text(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text)
    }

    /// Whether a path of at least two segments starts here that is no visibility.
    fn starts_path(&self) -> bool {
        let before = |back| self.at.checked_sub(back).map_or("", |at| self.tokens[at].text);
        let is_visibility = before(1) == "in" && before(2) == "(" && before(3) == "pub";
        self.tokens[self.at].is_word()
            && self.text(1) == "::"
            && !matches!(before(1), "::" | ".")
            && !is_visibility
    }

    /// Reads `a::b::c`.
    fn segments(&mut self) -> Vec<&'a str> {
        let mut segments = vec![self.text(0)];
        self.at += 1;
        while self.text(0) == "::" && self.tokens.get(self.at + 1).is_some_and(Token::is_word) {
            segments.push(self.text(1));
            self.at += 2;
        }
        segments
    }

    /// Reads a `use` tree below `prefix`, up to its `,`, `}` or `;`.
    fn tree(&mut self, prefix: &[&'a str]) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let mut written = prefix.to_vec();
        while let Some(token) = self.tokens.get(self.at).filter(|token| token.is_word()) {
            // `{self}` and `{self as name}` name the prefix
            if token.text != "self" || prefix.is_empty() {
                written.push(token.text);
            }
            self.at += 1;
            if self.text(0) != "::" {
                break;
            }
            self.at += 1;
        }
        match self.text(0) {
            "{" => {
                while !matches!(self.text(0), "}" | "") {
                    self.at += 1;
                    self.tree(&written);
                }
                self.at += 1;
                return;
            }
            "*" => self.at += 1,
            _ => (),
        }
        let mut name = written.last().copied().unwrap_or_default();
        if self.text(0) == "as" {
            name = self.text(1);
            self.at += 2;
        }
        if let Some(path) = self.rooted(&written) {
            self.source.paths.push((path.clone(), line));
            self.source.imported.insert(name.to_owned(), path);
        }
    }

    /// Returns a path as seen from the crate's root, if it leads into the crate.
    fn rooted(&self, written: &[&str]) -> Option<Path> {
        let mut base = self.module.clone();
        let mut rest = written;
        match written.first().copied()? {
            "crate" => {
                base.clear();
                rest = &written[1..];
            }
            "self" => rest = &written[1..],
            "super" => {
                while rest.first() == Some(&"super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first if self.source.children.iter().any(|child| child == first) => (),
            _ => return None,
        }
        base.extend(rest.iter().map(|&segment| segment.to_owned()));
        Some(base)
    }
}
