//! The platform's own attributes of a region, kept beside its type.
//!
//! | word | meaning |
//! |---|---|
//! | `tag=7` | the user tag's number, always there |
//! | `object=a1000001` | the number of the object behind it, in hexadecimal |
//! | `shadow=2` | objects in the chain behind the first one |
//! | `purge=V` | purgeable memory: nonvolatile, volatile, empty, deny |
//! | `wired` | its owner wired it |
//! | `file` | a file or another pager lies behind it |
//! | `depth=1` | in how many submaps it lies |
//! | `submap` | it lies in a submap |
//! | `footprint` | its pages are counted as the footprint does: those this process maps |
//!
//! Attributes without information are left out. The reference count is not
//! included: every process that starts changes that of the shared cache, and to
//! the store a region with other attributes is another region.
//!
//! `shadow`, `file` and, for memory that was just touched for the first time, `object` say how
//! far the kernel had to look for the region's pages, which changes as the process writes.
//! They are those of the sample that first saw the region: [`settled`].

use std::fmt::Write;
use std::sync::Arc;

use crate::darwin::entry::Leaf;

/// Returns the attributes of `leaf`; `in_cache` is whether it lies where the shared cache is.
pub(crate) fn words(leaf: &Leaf, in_cache: bool) -> Arc<str> {
    let entry = &leaf.entry;
    let mut words = format!("tag={}", entry.user_tag);
    let mut add = |word: std::fmt::Arguments<'_>| {
        words.push(' ');
        // Writing to a string cannot fail.
        let _ = words.write_fmt(word);
    };
    if entry.object_id != 0 {
        add(format_args!("object={:x}", entry.object_id));
    }
    if entry.shadow_depth != 0 {
        add(format_args!("shadow={}", entry.shadow_depth));
    }
    if let Some(purge) = leaf.purge {
        add(format_args!("purge={}", purge.letter()));
    }
    if entry.user_wired_count != 0 {
        add(format_args!("wired"));
    }
    if leaf.is_paged() || (entry.depth != 0 && in_cache) {
        add(format_args!("file"));
    }
    if entry.depth != 0 {
        add(format_args!("depth={} submap", entry.depth));
    }
    if leaf.by_footprint {
        words.push_str(" footprint");
    }
    words.into()
}

/// Returns the attributes `now` of a region that had those of `before`: these again if they differ
/// in nothing but how far the kernel had to look for its pages. `same_file` is whether the same
/// part of one file lies behind it.
pub(crate) fn settled(before: &Arc<str>, now: Arc<str>, same_file: bool) -> Arc<str> {
    let lasting = |words: &str| -> Vec<String> {
        words
            .split(' ')
            .filter(|word| {
                let key = word.split('=').next().unwrap_or_default();
                !matches!(key, "object" | "shadow" | "file")
            })
            .map(str::to_owned)
            .collect()
    };
    // Written memory has an object of its own in front of the file's, or of the one it copies;
    // untouched memory has none.
    let same_object = same_file
        || value(before, "object").is_none_or(|object| value(&now, "object") == Some(object))
        || value(&now, "shadow").is_some();
    if same_object && lasting(before) == lasting(&now) { Arc::clone(before) } else { now }
}

/// Returns the value of `key=` among the attributes.
pub(crate) fn value<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    words.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// Returns whether `word` is among the attributes.
pub(crate) fn has(words: &str, word: &str) -> bool {
    words.split(' ').any(|other| other == word)
}

/// Returns the number of the user tag in the attributes.
pub(crate) fn tag(words: &str) -> Option<u32> {
    value(words, "tag")?.parse().ok()
}
