//! A type of the user's own for a region, as `--types` reads it.

use std::fmt::Write;

use vmrec_sampler::{Family, Region, types};

/// Returns the TOML that names regions like this one.
pub(crate) fn own_type(region: &Region) -> String {
    let identity = &region.identity;
    let of = &identity.label.region_type;
    let family = if *of == types::VM_ALLOCATE { Family::RuntimeHeap } else { of.family() };
    let mut text = String::from("[[type]]\nname = \"My memory\"\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "family = \"{family}\"");
    match identity.object.as_ref().map(|object| &*object.name) {
        Some(name) => {
            let (key, name) = match name.strip_prefix("anon:") {
                Some(given) => ("anon_name", given),
                None => ("object", name),
            };
            let _ = writeln!(text, "{key} = {}", quoted(name));
        }
        None => {
            let bytes = identity.range.virtual_bytes();
            let _ = writeln!(text, "min_size = \"{}\"\nmax_size = \"{}\"", kib(bytes), kib(bytes));
        }
    }
    let _ = writeln!(text, "protection = \"{}\"", identity.protection);
    text
}

/// Returns `text` as a string of TOML.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        _ if character.is_control() => format!("\\u{:04X}", u32::from(character)),
        _ => character.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Returns the size in the words of the file; regions are whole pages.
fn kib(bytes: u64) -> String {
    format!("{}K", bytes >> 10)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::commands::explain::made_up::region;

    #[test]
    fn nameless_memory_is_named_by_its_size_and_rights() {
        assert_snapshot!(own_type(&region(0x10000, 0x20000, "")), @r#"
        [[type]]
        name = "My memory"
        family = "runtime heap"
        min_size = "64K"
        max_size = "64K"
        protection = "rw-"
        "#);
    }

    #[test]
    fn a_name_is_quoted() {
        assert_snapshot!(own_type(&region(0x10000, 0x20000, "anon:a \"b\"")), @r#"
        [[type]]
        name = "My memory"
        family = "runtime heap"
        anon_name = "a \"b\""
        protection = "rw-"
        "#);
    }

    proptest! {
        #[test]
        fn a_reader_of_toml_gets_the_name_back(name in ".*") {
            let text = format!("name = {}", quoted(&name));
            let read: std::collections::BTreeMap<String, String> = toml::from_str(&text).unwrap();
            prop_assert_eq!(&read["name"], &name);
        }
    }
}
