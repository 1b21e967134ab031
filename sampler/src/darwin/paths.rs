//! Filters the paths that the kernel returned for regions.

use crate::darwin::entry::Leaf;

/// Drops the paths that are not the regions' own: for memory without a file the kernel may return a
/// neighbour's path.
///
/// A file's own pages have its pager. A copy of them that was written to keeps
/// its path if it touches pages of the same file, as an image's data do.
pub(crate) fn keep_own(leaves: &mut [Leaf]) {
    let mut last: Option<(u64, std::sync::Arc<str>)> = None;
    for leaf in leaves {
        let entry = &leaf.entry;
        let touches = last.as_ref().is_some_and(|(end, path)| {
            *end == entry.start && leaf.path.as_ref() == Some(path) && entry.user_tag == 0
        });
        if !(entry.external_pager || (entry.shadow_depth > 0 && touches)) {
            leaf.path = None;
        }
        last = leaf.path.clone().map(|path| (entry.range().end, path));
    }
}
