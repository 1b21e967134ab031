//! Objects of CPython: where in a block one begins, and the name of its type.
//!
//! An object begins with the number of references and its type. Before it may lie the collector's two
//! words, and before those two words of its dictionary and weak references: its type's flags say which.
//! The structures are those of 3.8 to 3.13 that are not built without the global lock.

use crate::demangle::MAX_SHOWN_BYTES;
use crate::heap::target::Target;
use crate::procfs::line::readable;

/// The words of a block that are looked at.
pub(crate) const HEAD_WORDS: usize = 6;
/// Larger numbers of references are pointers.
const MAX_REFERENCES: u64 = 1 << 33;
/// Smaller ones are none: no memory is mapped so low.
const MIN_ADDRESS: u64 = 1 << 16;
/// The bytes of the collector's words, and of those before.
const BEFORE_BYTES: u64 = 16;

/// Where fields of a type lie.
const TYPE: u64 = 8;
const NAME: u64 = 24;
const BASIC_BYTES: u64 = 32;
const FLAGS: u64 = 168;

/// Flags of a type.
const READY: u64 = 1 << 12;
const IS_COLLECTED: u64 = 1 << 14;
/// A dictionary or weak references are kept before the object (3.11 and later).
const HAS_WORDS_BEFORE: u64 = 0b11 << 3;

/// The maximum size of an object without its variable part.
const MAX_BASIC_BYTES: u64 = 1 << 20;
/// The maximum number of types of types, one above the other.
const MAX_LEVELS: usize = 4;

/// Returns the key of a block that may hold an object, from its first words: the address of its type,
/// and in the low bits, which a type's address has clear, where in the block it begins. A number that
/// is the address of mapped memory is no number of references.
pub(crate) fn key(head: [u64; HEAD_WORDS], is_mapped: &dyn Fn(u64) -> bool) -> Option<u64> {
    (0..3).find_map(|part: usize| {
        let [references, of] = [head[part * 2], head[part * 2 + 1]];
        // A program that is not moved has its memory, and the collector's lists, at low addresses.
        let sound = (1..MAX_REFERENCES).contains(&references)
            && (references < MIN_ADDRESS || !is_mapped(references))
            && of >= 0x1000
            && of.is_multiple_of(8)
            && of >> 48 == 0;
        sound.then_some(of | (part as u64 + 1))
    })
}

/// Returns whether a key is one of [`key`]'s.
pub(crate) fn is_key(key: u64) -> bool {
    key & 7 != 0
}

/// Returns the name of the type that a key leads to, if it is a type whose objects begin there.
pub(crate) fn type_name(target: &mut Target<'_>, key: u64) -> Option<String> {
    let (of, part) = (key & !7, (key & 7).checked_sub(1)?);
    let flags = flags(target, of)?;
    let before = |flag: u64| u64::from(flags & flag != 0) * BEFORE_BYTES;
    if part * BEFORE_BYTES != before(IS_COLLECTED) + before(HAS_WORDS_BEFORE) {
        return None;
    }
    // A type's type is a type, up to `type`, which is its own.
    let mut level = of;
    for _ in 0..MAX_LEVELS {
        let above = target.word(level.checked_add(TYPE)?)?;
        if above == level {
            let is_type = name(target, level)? == "type";
            return name(target, of).filter(|_| is_type);
        }
        self::flags(target, above)?;
        level = above;
    }
    None
}

/// Returns the flags of what may be a type.
fn flags(target: &mut Target<'_>, of: u64) -> Option<u64> {
    let flags = target.word(of.checked_add(FLAGS)?)?;
    let basic_bytes = target.word(of.checked_add(BASIC_BYTES)?)?;
    (flags & READY != 0 && basic_bytes <= MAX_BASIC_BYTES).then_some(flags)
}

fn name(target: &mut Target<'_>, of: u64) -> Option<String> {
    let address = target.word(of.checked_add(NAME)?)?;
    let name = target.text(address, MAX_SHOWN_BYTES)?;
    let is_text = !name.is_empty() && std::str::from_utf8(&name).is_ok();
    is_text.then(|| readable(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_begins_behind_the_words_of_the_collector() {
        let of = 0x55_5555_1000;
        let link = 0x7f00_1234_5670;
        let key = |head| key(head, &|address| address == 0x95_0000);
        assert_eq!(key([3, of, 0, 0, 0, 0]), Some(of | 1));
        assert_eq!(key([link, link | 1, 1, of, 9, 9]), Some(of | 2));
        assert_eq!(key([0, link, link, link, u64::from(u32::MAX), of]), Some(of | 3));
        assert_eq!(key([0, 0, 7, of, 9, 9]), Some(of | 2), "not followed by the collector");
        assert_eq!(
            key([0, 0, 0x95_0000, link, 1, of]),
            Some(of | 3),
            "the last of the collector's list"
        );
        assert_eq!(key([0, of, 0, 0, 0, 0]), None, "kept for the next object");
        assert_eq!(key([link, of, link, of, link, of]), None);
        assert_eq!(key([1, of + 4, 1, 8, 1, of << 20]), None);
        assert!(is_key(of | 1) && !is_key(of));
    }
}
