//! The classes of objects of Objective-C, Swift and C++.
//!
//! An object of Objective-C or Swift begins with the address of its class (isa), packed with other
//! bits. A class is proved by its own class, which is marked as one of classes and has its name.
//! The layouts are those of objc4's `isa.h` and `objc-runtime-new.h`, for 64 bits.

use crate::heap::classes;
use crate::heap::maps::Maps;
use crate::heap::target::{Late, Target};
use crate::procfs::line::readable;

/// The bits of a pointer that are an address: the others may sign it.
const ADDRESS: u64 = (1 << 47) - 1;
/// The maximum bytes of a name.
const MAX_NAME_BYTES: usize = 1024;
/// `class_data_bits_t` in `objc_class`.
const DATA: u64 = 32;
/// Flags of `class_data_bits_t` below the address.
const DATA_FLAGS: u64 = 7;
/// `RW_REALIZED`: the data are a `class_rw_t`, which leads to the constant `class_ro_t`.
const REALIZED: u32 = 1 << 31;
/// `RO_META`: the class of a class.
const META: u32 = 1;
/// `class_rw_t::ro_or_rw_ext`, with a bit that says which of both.
const CONSTANT: u64 = 8;
/// `class_ro_t::name`.
const NAME: u64 = 24;

/// Returns the address of a class in the first word of an object on an Intel processor.
pub(crate) const fn plain_intel(word: u64) -> u64 {
    match word & 0x001f_8000_0000_0001 {
        0x001d_8000_0000_0001 => word & 0x7fff_ffff_fff8,
        _ => word,
    }
}

/// Returns the address of a class, or of a table of virtual functions, in the first word of an object
/// on Apple silicon, where it may be signed.
pub(crate) const fn plain_arm(word: u64) -> u64 {
    match word & 0x03f0_0000_0001 {
        0x01a0_0000_0001 => word & 0xf_ffff_fff8,
        // Of arm64e: `nonpointer` and a signature, or a signature alone.
        _ => word & ADDRESS & !7,
    }
}

/// Returns the names of the classes that `words` are the addresses of, or of whose tables of virtual
/// functions; `None` where there is none.
pub(crate) fn names(
    target: &mut Target<'_>,
    maps: &Maps,
    words: &[u64],
) -> Result<Vec<Option<String>>, Late> {
    words
        .iter()
        .map(|word| {
            target.check_time()?;
            Ok(class_name(target, *word).or_else(|| classes::name(target, maps, *word)))
        })
        .collect()
}

/// Returns the name of the class at `address`, if it is proved to be one.
fn class_name(target: &mut Target<'_>, address: u64) -> Option<String> {
    let (name, flags) = description(target, address)?;
    if flags & META != 0 {
        return None;
    }
    let of_class = target.word(address)? & ADDRESS & !7;
    let (same, flags) = description(target, of_class)?;
    let is_proved = flags & META != 0 && same == name && name.iter().all(|byte| *byte > b' ');
    is_proved.then(|| swift_name(&name).unwrap_or_else(|| readable(&name)))
}

/// Returns the name and the flags of what may be a class.
fn description(target: &mut Target<'_>, class: u64) -> Option<(Vec<u8>, u32)> {
    let pointer = |target: &mut Target<'_>, at: u64| {
        let pointer = target.word(at)? & ADDRESS;
        (pointer >= 0x1000).then_some(pointer)
    };
    let flags = |target: &mut Target<'_>, at: u64| Some(target.word(at)? as u32);
    let data = pointer(target, class.checked_add(DATA)?)? & !DATA_FLAGS;
    let mut constant = data;
    if flags(target, data)? & REALIZED != 0 {
        let either = pointer(target, data.checked_add(CONSTANT)?)?;
        // Classes that were changed have an extension, which begins with the address.
        constant = if either & 1 == 0 { either } else { pointer(target, either & !1)? };
    }
    let name = pointer(target, constant.checked_add(NAME)?)?;
    let name = target.text(name, MAX_NAME_BYTES).filter(|name| !name.is_empty())?;
    Some((name, flags(target, constant)?))
}

/// Returns the name of a class of Swift's in a module, `_TtC4Demo4Book`, as `Demo.Book`; `None` for
/// other names.
fn swift_name(name: &[u8]) -> Option<String> {
    let rest = std::str::from_utf8(name).ok()?.strip_prefix("_TtC")?;
    let identifier = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let count: usize = text[..digits].parse().ok()?;
        let end = digits.checked_add(count)?;
        Some((text.get(digits..end)?.to_owned(), text.get(end..)?.to_owned()))
    };
    let (module, rest) = match rest.strip_prefix('s') {
        Some(rest) => ("Swift".to_owned(), rest.to_owned()),
        None => identifier(rest)?,
    };
    let (class, rest) = identifier(&rest)?;
    (rest.is_empty() && !class.is_empty()).then(|| format!("{module}.{class}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_class_is_unpacked_from_the_first_word() {
        let class = 0x1_dead_bee8;
        assert_eq!(plain_intel(class), class);
        assert_eq!(
            plain_intel(0x001d_8000_0000_0001 | 0x7ff8_1234_5678 | 0x0200_0000_0000_0006),
            0x7ff8_1234_5678
        );
        assert_eq!(plain_arm(class), class);
        assert_eq!(plain_arm(0x01a0_0000_0001 | class | 0x4200_0000_0000_0004), class);
        assert_eq!(plain_arm(0x8042_0000_0000_0001 | class), class, "of arm64e, signed");
    }

    #[test]
    fn names_of_swift_are_as_written() {
        assert_eq!(swift_name(b"_TtC4Demo4Book").as_deref(), Some("Demo.Book"));
        assert_eq!(swift_name(b"_TtCs12_SwiftObject").as_deref(), Some("Swift._SwiftObject"));
        for other in
            ["NSObject", "_TtC4Demo", "_TtC4Demo9Book", "_TtCC4Demo4Book4Page", "_TtC", "_TtC99"]
        {
            assert_eq!(swift_name(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_name_and_word_is_taken(name: Vec<u8>, word: u64) {
            let _ = swift_name(&[b"_TtC", &name[..]].concat());
            prop_assert!(plain_arm(word) <= ADDRESS);
        }
    }
}
