//! Indented JSON that is safe to show: serde_json escapes the old control
//! characters only, not those of 8-bit terminals or of reading direction.

use std::io;
use std::io::Write;

use serde_json::ser::{Formatter, PrettyFormatter};

use crate::text::escape;

/// serde_json's indented layout with more characters escaped.
#[derive(Default)]
pub(crate) struct Indented(PrettyFormatter<'static>);

/// Hands a step of the layout on.
macro_rules! hand_on {
    ($($step:ident($($argument:ident: $kind:ty)?);)+) => {
        $(fn $step<W: ?Sized + Write>(&mut self, out: &mut W $(, $argument: $kind)?) -> io::Result<()> {
            self.0.$step(out $(, $argument)?)
        })+
    };
}

impl Formatter for Indented {
    hand_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(escape::steers) {
            let (plain, tail) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            for unit in characters.next().iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec())
            {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_safe_to_show_and_comes_back(
            text in "[\u{0}-\u{ff}\u{202e}\u{2028}\u{e0041}a-z\"\\\\]{0,12}",
        ) {
            let document = vec![(text.clone(), 1)];
            let mut bytes = Vec::new();
            crate::export::json::write(&mut bytes, &document).unwrap();
            let written = String::from_utf8(bytes).unwrap();
            prop_assert!(!written.replace('\n', "").chars().any(escape::steers));
            let back: Vec<(String, i32)> = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(back, document);
        }
    }
}
