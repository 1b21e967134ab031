//! Decides which labels survive a change of the mappings around them.
//!
//! A proof about a range stays true until the range is unmapped, even if the
//! proof is swapped out or its thread ends. Guesses are made again, and so are
//! labels from the list of mappings itself.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::classify::facts::{Facts, Thread};
use crate::classify::piece::Piece;
use crate::classify::threads::CACHED;
use crate::label::{Confidence, Detail, Label};
use crate::procfs::mapping::Mapping;
use crate::region::{AddressRange, Protection};
use crate::tracker::region_map::Slot;
use crate::vocabulary::{Family, types};

/// An old mapping that still exists entirely.
#[derive(Clone, Copy)]
struct Stays {
    /// Whether its mapping now has another start or end.
    start_moved: bool,
    end_moved: bool,
}

/// Returns the mappings of `new` that are not in `old` unchanged.
pub(crate) fn changed(old: &[Mapping], new: &[Mapping]) -> Vec<AddressRange> {
    let mut old = old.iter().peekable();
    new.iter()
        .filter(|mapping| {
            while old.next_if(|old| old.range.start < mapping.range.start).is_some() {}
            old.next_if(|old| *old == *mapping).is_none()
        })
        .map(|mapping| mapping.range)
        .collect()
}

/// Returns the pieces of `slots`, which cover `old`, whose bytes are all mapped the same in `new`.
///
/// If a mapping grew, pieces at the moved edge are left out: they may have grown with it.
pub(crate) fn untouched<'a>(
    old: &'a [Mapping],
    slots: &'a [Slot],
    new: &'a [Mapping],
) -> impl Iterator<Item = Piece> + 'a {
    let indices = reached(old, new);
    let old = &old[indices.clone()];
    let stays = still_there(old, new);
    let first = old.first().map_or(u64::MAX, |mapping| mapping.range.start);
    let last = old.last().map_or(0, |mapping| mapping.range.end);
    let from = slots.partition_point(|slot| slot.identity.range.start < first);
    let mut at = 0;
    slots[from..]
        .iter()
        .map(|slot| &slot.identity)
        .take_while(move |identity| identity.range.start < last)
        .filter(move |identity| {
            let range = identity.range;
            while old.get(at).is_some_and(|mapping| mapping.range.end <= range.start) {
                at += 1;
            }
            let under = old[at..].iter().zip(&stays[at..]);
            let mut covered = range.start;
            for (mapping, stays) in under.take_while(|(old, _)| old.range.start < range.end) {
                let Some(stays) = stays else { return false };
                if stays.start_moved && range.start <= mapping.range.start
                    || stays.end_moved && range.end >= mapping.range.end
                {
                    return false;
                }
                covered = mapping.range.end;
            }
            covered >= range.end
        })
        .map(|identity| Piece { range: identity.range, label: identity.label.clone() })
}

/// Returns the pieces whose labels still hold, given the current threads.
pub(crate) fn proved(
    pieces: impl Iterator<Item = Piece>,
    facts: &Facts,
    same_images: bool,
) -> Vec<Piece> {
    // Signs may mean something else with another runtime in the process; proofs do not.
    let min = if same_images { Confidence::Likely } else { Confidence::Sure };
    pieces
        .filter(|piece| {
            let label = &piece.label;
            let guard = label.region_type.family() == Family::Reserved;
            label.confidence >= min
                && label.rule.is_kept_by_evidence()
                // The stack is the only proof of the guard below it.
                && !(guard && label.rule.finds_thread_stacks())
        })
        .filter_map(|piece| stack(piece, facts))
        .collect()
}

/// Returns the files that have an executable mapping.
pub(crate) fn images(mappings: &[Mapping]) -> BTreeSet<((u32, u32), u64)> {
    let executable =
        mappings.iter().filter(|mapping| mapping.protection.contains(Protection::EXECUTE));
    executable.filter_map(Mapping::file).collect()
}

/// Keeps the label of a thread's stack while the thread lives, and as cached when it has ended.
fn stack(piece: Piece, facts: &Facts) -> Option<Piece> {
    if piece.label.region_type != types::STACK_THREAD {
        return Some(piece);
    }
    let tid = piece.label.detail.as_ref().and_then(Detail::thread);
    let inside = |address: Option<u64>| {
        address.is_some_and(|address| (piece.range.start..piece.range.end).contains(&address))
    };
    let used = |thread: &Thread| inside(thread.robust_list) || inside(thread.stack_pointer);
    let given =
        facts.glibc_stacks.iter().flatten().any(|stack| {
            stack.range.overlaps(piece.range) && stack.tid.is_some() && stack.tid != tid
        });
    match facts.threads.iter().find(|thread| Some(thread.tid) == tid) {
        Some(thread) => {
            // The thread may have changed its name.
            let now = Detail::of_thread(thread.tid, Some(&thread.name));
            (piece.label.detail.as_ref() == Some(&now)).then_some(piece)
        }
        // The stack of a thread that has ended may be another thread's by now.
        None if given || facts.threads.iter().any(used) => None,
        // Without a list of threads it is unknown.
        None if tid.is_none() || facts.threads.is_empty() => Some(piece),
        None => {
            let label = Label { detail: Some(CACHED.into()), ..piece.label };
            Some(Piece { label, ..piece })
        }
    }
}

/// Returns the indices in `old` of the mappings that `new` may contain.
fn reached(old: &[Mapping], new: &[Mapping]) -> Range<usize> {
    let (Some(first), Some(last)) = (new.first(), new.last()) else { return 0..0 };
    let from = old.partition_point(|old| old.range.end <= first.range.start);
    let to = old.partition_point(|old| old.range.start < last.range.end);
    from..to.max(from)
}

/// Finds each mapping of `old` in `new`, possibly as a part of a larger one.
fn still_there(old: &[Mapping], new: &[Mapping]) -> Vec<Option<Stays>> {
    let mut new = new.iter().peekable();
    old.iter()
        .map(|old| {
            while new.next_if(|new| new.range.end <= old.range.start).is_some() {}
            let new = new.peek()?;
            let inside = new.range.start <= old.range.start && old.range.end <= new.range.end;
            let shift = old.range.start.checked_sub(new.range.start)?;
            let offset = new.offset.checked_add(if new.file().is_some() { shift } else { 0 });
            let same = new.protection == old.protection
                && new.flags == old.flags
                && new.object == old.object
                && offset == Some(old.offset);
            (inside && same).then_some(Stays {
                start_moved: new.range.start != old.range.start,
                end_moved: new.range.end != old.range.end,
            })
        })
        .collect()
}
