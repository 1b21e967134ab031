//! Names of C++ classes, by the type information that objects with virtual functions lead to.
//!
//! Such an object begins with the address of its class's table of virtual functions; the word
//! before that table is the address of the type's description, which has the name. A description
//! is an object itself, of a class of the C++ library whose own name proves that it is one.

use crate::demangle::{MAX_SHOWN_BYTES, cpp};
use crate::heap::maps::Maps;
use crate::heap::python::object;
use crate::heap::target::{Late, Target};
use crate::procfs::line::readable;

/// The maximum bytes of a name in memory; longer names stay unknown.
const MAX_NAME_BYTES: usize = 4096;
/// How the names of the classes of descriptions begin.
const DESCRIPTIONS: &[u8] = b"N10__cxxabiv1";

/// Follows the name of a type of Python's.
const OF_PYTHON: &str = " (Python)";

/// Returns the names of the classes whose tables begin at `words`; `None` where there is none.
pub(crate) fn names(
    target: &mut Target<'_>,
    maps: &Maps,
    words: &[u64],
) -> Result<Vec<Option<String>>, Late> {
    words
        .iter()
        .map(|word| {
            target.check_time()?;
            if object::is_key(*word) {
                return Ok(object::type_name(target, *word).map(|name| name + OF_PYTHON));
            }
            Ok(name(target, maps, *word))
        })
        .collect()
}

/// Returns the name of the class of C++ whose table is at `table`.
pub(crate) fn name(target: &mut Target<'_>, maps: &Maps, table: u64) -> Option<String> {
    mangled(target, maps, table).map(|name| demangled(&name))
}

/// Returns the name in the type's description, as the compiler wrote it.
fn mangled(target: &mut Target<'_>, maps: &Maps, table: u64) -> Option<Vec<u8>> {
    let description = description(target, maps, table)?;
    let kind = target.word(description)?;
    let kind = self::description(target, maps, kind)?;
    if !name_in(target, maps, kind)?.starts_with(DESCRIPTIONS) {
        return None;
    }
    let name = name_in(target, maps, description)?;
    let is_plain = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_plain.then_some(name)
}

/// Returns the address of the description of the class with a table at `table`, which is that of
/// whole objects: nothing lies before it in them.
fn description(target: &mut Target<'_>, maps: &Maps, table: u64) -> Option<u64> {
    if !table.is_multiple_of(8) || !maps.is_in_image(table) {
        return None;
    }
    let [above, description] = target.words::<2>(table.checked_sub(16)?)?;
    let sound = above == 0 && description.is_multiple_of(8) && maps.is_in_image(description);
    sound.then_some(description)
}

fn name_in(target: &mut Target<'_>, maps: &Maps, description: u64) -> Option<Vec<u8>> {
    // On Apple silicon the uppermost bit marks a name that other images may use too.
    let address = target.word(description.checked_add(8)?)? & !(1 << 63);
    if !maps.is_in_image(address) {
        return None;
    }
    let name = target.text(address, MAX_NAME_BYTES)?;
    // A star marks a name that other images may use for another type.
    Some(name.strip_prefix(b"*").map(<[u8]>::to_vec).unwrap_or(name))
}

/// Returns a type's name as in a program's text, or as it is if that cannot be derived.
fn demangled(name: &[u8]) -> String {
    let shown = cpp(&[b"_ZTI", name].concat());
    match shown.text.strip_prefix("typeinfo for ") {
        Some(name) if shown.is_whole => name.to_owned(),
        Some(name) if shown.text.len() >= MAX_SHOWN_BYTES => format!("{name}…"),
        _ => readable(&name[..name.len().min(MAX_SHOWN_BYTES)]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_as_in_the_text_of_a_program() {
        for (name, shown) in [
            ("N4shop4BookE", "shop::Book"),
            ("3Dog", "Dog"),
            ("N12_GLOBAL__N_15LocalE", "(anonymous namespace)::Local"),
            ("not mangled", "not mangled"),
            ("St6vectorIiSaIiEE", "std::vector<int, std::allocator<int> >"),
        ] {
            assert_eq!(demangled(name.as_bytes()), shown);
        }
    }

    #[test]
    fn hostile_names_end() {
        // Each level doubles the one before.
        let mut name = "1aIS_S_E".to_owned();
        for level in 0..60 {
            name = format!("1aI{name}S{level}_E");
        }
        assert!(demangled(name.as_bytes()).len() <= MAX_SHOWN_BYTES + 3);
        assert!(demangled("P".repeat(MAX_NAME_BYTES).as_bytes()).len() <= MAX_SHOWN_BYTES + 3);
    }

    proptest! {
        #[test]
        fn any_name_has_a_bounded_text(name in "[A-Za-z0-9_]{0,200}") {
            prop_assert!(demangled(name.as_bytes()).len() <= MAX_SHOWN_BYTES + 3);
        }
    }
}
