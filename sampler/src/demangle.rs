//! Names of functions and classes as in a program's text, in bounded time and bytes: those that a
//! program or a file holds are untrusted.

use std::fmt;
use std::fmt::Write;

use cpp_demangle::{DemangleOptions, Symbol};

/// The maximum bytes of a name as it is shown.
pub(crate) const MAX_SHOWN_BYTES: usize = 1024;
/// The maximum depth of a name: hostile ones nest without end.
const MAX_DEPTH: u32 = 64;

/// A name, or the part of it that fits.
pub(crate) struct Shown {
    pub(crate) text: String,
    /// Whether it could be derived, and fits.
    pub(crate) is_whole: bool,
}

/// Derives the text of a C++ compiler's symbol.
pub(crate) fn cpp(symbol: &[u8]) -> Shown {
    let options = cpp_demangle::ParseOptions::default().recursion_limit(MAX_DEPTH);
    let mut bounded = Bounded(String::new());
    let is_whole = Symbol::new_with_options(symbol, &options).ok().is_some_and(|symbol| {
        let options = DemangleOptions::default().recursion_limit(MAX_DEPTH);
        symbol.structured_demangle(&mut bounded, &options).is_ok()
    });
    Shown { text: bounded.0, is_whole }
}

/// Returns a function's name as in the program's text, for C++ and Rust; others as they are.
pub(crate) fn function(symbol: &str) -> String {
    // A version that the linker added.
    let symbol = symbol.split("@@").next().unwrap_or(symbol);
    if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        let mut bounded = Bounded(String::new());
        // A name that does not fit is cut.
        let _ = write!(bounded, "{rust:#}");
        return bounded.0;
    }
    if symbol.starts_with("_Z") {
        let shown = cpp(symbol.as_bytes());
        if shown.is_whole {
            return shown.text;
        }
    }
    let mut bounded = Bounded(String::new());
    let _ = bounded.write_str(symbol);
    bounded.0
}

/// A text that refuses to grow without end.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = MAX_SHOWN_BYTES.saturating_sub(self.0.len());
        let mut end = text.len().min(left);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn functions_are_as_in_the_text_of_a_program() {
        for (symbol, shown) in [
            ("main", "main"),
            ("memcpy@@GLIBC_2.14", "memcpy"),
            ("_ZN4shop4Book4fillEi", "shop::Book::fill(int)"),
            ("_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place"),
            ("_Znot", "_Znot"),
        ] {
            assert_eq!(function(symbol), shown);
        }
    }

    proptest! {
        #[test]
        fn any_name_has_a_bounded_text(name in "(_Z|_R)?[A-Za-z0-9_]{0,200}") {
            prop_assert!(function(&name).len() <= MAX_SHOWN_BYTES);
        }
    }
}
