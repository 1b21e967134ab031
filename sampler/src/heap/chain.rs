//! glibc's singly linked lists of chunks, whose links are masked since 2.32 (safe-linking).

use crate::heap::target::Target;

/// The maximum number of members.
const MAX_MEMBERS: usize = 1 << 24;

/// How a list stores its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// As they are.
    Plain,
    /// Combined with the address of the link, shifted by a page.
    Masked,
}

/// Returns the members of the list that begins at `head`, by the addresses of their links, which
/// are `offset` above the addresses stored; `None` if it does not end, or a member is refused.
pub(crate) fn members(
    target: &mut Target<'_>,
    head: u64,
    offset: u64,
    links: Links,
    accepts: &dyn Fn(u64) -> bool,
) -> Option<Vec<u64>> {
    let mut members = Vec::new();
    let mut stored = head;
    while stored != 0 {
        let at = stored.checked_add(offset)?;
        if members.len() >= MAX_MEMBERS || !accepts(at) {
            return None;
        }
        members.push(at);
        let link = target.word(at)?;
        stored = match links {
            Links::Plain => link,
            Links::Masked => link ^ (at >> 12),
        };
    }
    Some(members)
}
