//! Rules of the user, which precede all others.

use crate::label::Detail;
use crate::procfs::mapping::Mapping;
use crate::region::Protection;
use crate::vocabulary::RegionType;

/// A type that the user gives to matching mappings; fields that are `None` match everything.
#[derive(Clone, Debug)]
pub struct UserRule {
    /// Its type.
    pub region_type: RegionType,
    /// Its detail.
    pub detail: Option<Detail>,
    /// Pattern of the object's name: `*` matches any text, `?` one byte.
    pub object: Option<String>,
    /// Pattern of the name given to anonymous memory.
    pub anon_name: Option<String>,
    /// The minimum size.
    pub min_bytes: Option<u64>,
    /// The maximum size.
    pub max_bytes: Option<u64>,
    /// The rights in force.
    pub protection: Option<Protection>,
}

impl UserRule {
    /// Returns whether the rule matches `mapping`.
    pub fn matches(&self, mapping: &Mapping) -> bool {
        let name = mapping.name();
        let given = name.strip_prefix("anon:").or_else(|| name.strip_prefix("anon_shmem:"));
        let bytes = mapping.range.virtual_bytes();
        self.object.as_deref().is_none_or(|pattern| glob(pattern, name))
            && (self.anon_name.as_deref())
                .is_none_or(|pattern| given.is_some_and(|given| glob(pattern, given)))
            && self.min_bytes.is_none_or(|min| bytes >= min)
            && self.max_bytes.is_none_or(|max| bytes <= max)
            && self.protection.is_none_or(|rights| mapping.protection == rights)
    }
}

/// Returns whether all of `text` matches `pattern`: `*` is any text, `?` any one byte.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut index) = (0, 0);
    // Only the last star may have to match more: the text before it matches already.
    let mut star = None;
    while index < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, index));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[index] => {
                at += 1;
                index += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                index = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("?b*", "ab", true),
            ("*.so", "/lib/a.so", true),
            ("**a", "a", true),
            ("a?", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
