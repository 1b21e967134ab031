//! Quantities, attributes and identities from sample to sample.

use std::sync::Arc;

use crate::darwin::entry::{Entry, Leaf, Purge};
use crate::darwin::flags;
use crate::darwin::regions::{quantities, regions};
use crate::darwin::tests::{entry, leaf, object};
use crate::quantity::Quantity;
use crate::region::{Identity, ShareMode};
use crate::vocabulary::types;

const PAGE: u64 = 16384;

#[test]
fn pages_become_bytes_and_unreported_sizes_stay_unknown() {
    let entry = Entry {
        pages_resident: 7,
        pages_dirtied: 5,
        pages_swapped_out: 3,
        pages_reusable: 2,
        ..entry(0x1000)
    };
    let found = quantities(&Leaf { private_bytes: Some(6 * PAGE), ..leaf(entry) }, PAGE);
    let pages = |quantity| found.get(quantity).map(|bytes| bytes / PAGE);
    assert_eq!(pages(Quantity::Resident), Some(7));
    assert_eq!(pages(Quantity::Private), Some(6));
    assert_eq!(pages(Quantity::Dirty), Some(5));
    assert_eq!(pages(Quantity::Swapped), Some(3));
    assert_eq!(pages(Quantity::Reclaimable), Some(2));
    assert_eq!(pages(Quantity::Locked), Some(0));
    for unknown in [
        Quantity::PrivateDirty,
        Quantity::Pss,
        Quantity::Anonymous,
        Quantity::Referenced,
        Quantity::Huge,
    ] {
        assert_eq!(pages(unknown), None, "{unknown:?}");
    }
    let max = Entry { pages_resident: u32::MAX, ..entry };
    assert!(quantities(&leaf(max), u64::MAX).get(Quantity::Resident).is_some(), "no overflow");
}

#[test]
fn purgeable_memory_is_reclaimable_while_the_kernel_may_take_it() {
    for (state, purge, letter, reclaimable) in [
        (0, Purge::Nonvolatile, 'N', 1),
        (1, Purge::Volatile, 'V', 2),
        (2, Purge::Empty, 'E', 2),
        (3, Purge::Deny, 'D', 1),
    ] {
        // Bits besides the state: groups and order.
        assert_eq!(Purge::from_state(state | 0x150), purge);
        assert_eq!(purge.letter(), letter);
        let entry = Entry { pages_reusable: 1, ..entry(0x1000) };
        let found = quantities(&Leaf { purge: Some(purge), ..leaf(entry) }, PAGE);
        assert_eq!(found.get(Quantity::Reclaimable), Some(reclaimable * PAGE));
    }
}

#[test]
fn wired_memory_is_locked() {
    let entry = Entry { user_wired_count: 2, ..entry(0x1000) };
    assert_eq!(quantities(&leaf(entry), PAGE).get(Quantity::Locked), Some(2 * PAGE));
}

#[test]
fn private_pages_of_submaps_follow_from_the_share_mode() {
    let private = |share_mode, depth| {
        let entry = Entry {
            share_mode,
            depth,
            pages_resident: 9,
            pages_shared_now_private: 4,
            ..entry(0x1000)
        };
        quantities(&leaf(entry), 1).get(Quantity::Private)
    };
    let inside: Vec<_> = (0..=9).map(|mode| private(mode, 1)).collect();
    let known = |pages: [u64; 8]| pages.map(Some);
    assert_eq!(inside[1..=8], known([4, 9, 0, 0, 0, 9, 0, 9]));
    assert_eq!((inside[0], inside[9]), (None, None));
    assert_eq!(private(2, 0), None, "the kernel did not report it");
    let empty = Entry { pages_resident: 0, ..entry(0x1000) };
    assert_eq!(quantities(&leaf(empty), PAGE).get(Quantity::Private), Some(0));
}

#[test]
fn written_pages_are_private_where_the_process_alone_is_charged_for_them() {
    let of = |by_footprint, share_mode, pages_dirtied| {
        let entry = Entry { share_mode, pages_dirtied, ..entry(0x1000) };
        quantities(&Leaf { by_footprint, ..leaf(entry) }, PAGE).get(Quantity::PrivateDirty)
    };
    // SM_PRIVATE, SM_COW, SM_TRUESHARED.
    assert_eq!([2, 1, 5].map(|mode| of(true, mode, 1)), [Some(PAGE), Some(PAGE), None]);
    assert_eq!(of(true, 5, 0), Some(0));
    assert_eq!([2, 1, 5].map(|mode| of(false, mode, 1)), [None; 3], "pages of objects");
    assert_eq!(of(false, 2, 0), None, "nor is part of a sum known then");
}

#[test]
fn attributes_are_exactly_those_that_apply() {
    let plain = leaf(Entry { user_tag: 7, object_id: 0, ..entry(0x1000) });
    assert_eq!(&*flags::words(&plain, false), "tag=7");
    let full = Entry {
        user_tag: 70,
        object_id: 0xa100_0040,
        shadow_depth: 2,
        user_wired_count: 1,
        external_pager: true,
        depth: 1,
        ..entry(0x1000)
    };
    let text = flags::words(&Leaf { purge: Some(Purge::Volatile), ..leaf(full) }, false);
    assert_eq!(&*text, "tag=70 object=a1000040 shadow=2 purge=V wired file depth=1 submap");
    let counted = Leaf { by_footprint: true, ..plain };
    assert_eq!(&*flags::words(&counted, false), "tag=7 footprint");
    assert_eq!(flags::tag(&text), Some(70));
    assert_eq!(flags::value(&text, "purge"), Some("V"));
    assert!(flags::has(&text, "submap") && !flags::has(&text, "sub"));
    assert_eq!(flags::tag("p rd wr"), None, "flags of Linux are no tag");
}

#[test]
fn an_unchanged_region_keeps_its_identity() {
    let leaves = || vec![leaf(entry(0x1000)), leaf(entry(0x8000))];
    let first = regions(&leaves(), PAGE, None, &[]);
    assert_eq!(first[0].share_mode, Some(ShareMode::Private));
    let mut changed = leaves();
    changed[0].entry.pages_resident = 1;
    changed[1].entry.protection = 1;
    let second = regions(&changed, PAGE, None, &first);
    assert!(Arc::ptr_eq(&first[0].identity, &second[0].identity), "only its sizes changed");
    assert_ne!(first[1].identity, second[1].identity);
}

/// Returns how many identities the region at 0x1000 has over `samples`, and its last.
fn identities(samples: Vec<Leaf>) -> (usize, Arc<Identity>) {
    let (mut before, mut seen) = (Vec::new(), Vec::new());
    for sample in samples {
        let now = regions(&[sample], PAGE, None, &before);
        if !seen.iter().any(|other| Arc::ptr_eq(other, &now[0].identity)) {
            seen.push(Arc::clone(&now[0].identity));
        }
        before = now;
    }
    (seen.len(), seen.pop().unwrap())
}

#[test]
fn a_region_stays_itself_while_its_pages_are_written() {
    let part = |shadow_depth, external_pager, share_mode, object_id, offset| {
        let entry =
            Entry { shadow_depth, external_pager, share_mode, object_id, offset, ..entry(0x1000) };
        Leaf { object: Some(object("/bin/demo")), ..leaf(entry) }
    };
    let (count, identity) = identities(vec![
        part(1, true, 1, 0xa, 0x4000),
        part(2, true, 1, 0xb, 0),
        part(0, false, 2, 0xb, 0),
    ]);
    assert_eq!((count, &*identity.flags), (1, "tag=0 object=a shadow=1 file"));
    assert_eq!(identity.offset, 0x4000, "that of the file");

    let heap = |shadow_depth, object_id| {
        leaf(Entry { user_tag: 2, shadow_depth, object_id, ..entry(0x1000) })
    };
    assert_eq!(identities(vec![heap(0, 0xa), heap(1, 0xb)]).0, 1, "copied after a fork");
    assert_eq!(identities(vec![heap(0, 0xa), heap(0, 0xb)]).0, 2, "mapped anew");
}

#[test]
fn the_first_touch_changes_a_type_but_no_words() {
    let tail = |share_mode, object_id| leaf(Entry { share_mode, object_id, ..entry(0x1000) });
    let (count, identity) = identities(vec![tail(3, 0), tail(2, 0xa), tail(2, 0xa)]);
    assert_eq!((count, &*identity.flags), (2, "tag=0"));
    assert_eq!(identity.label.region_type, types::VM_ALLOCATE, "no longer reserved");
}

#[test]
fn another_file_or_tag_is_another_region() {
    let at = |path: &str, user_tag| {
        let entry = Entry { user_tag, external_pager: true, share_mode: 1, ..entry(0x1000) };
        Leaf { object: Some(object(path)), ..leaf(entry) }
    };
    assert_eq!(identities(vec![at("/a", 0), at("/b", 0), at("/b", 1)]).0, 3);
}

#[test]
fn translated_processes_have_smaller_pages_than_the_kernel() {
    let entry = Entry { pages_resident: 5, ..entry(0x1000) };
    // Two of the kernel's pages are 8 of the process's, of which 5 are resident.
    let private = |bytes| {
        quantities(&Leaf { private_bytes: Some(bytes), ..leaf(entry) }, 4096).get(Quantity::Private)
    };
    assert_eq!(private(2 * 16384), Some(5 * 4096));
    assert_eq!(private(16384), Some(16384));
}

#[test]
fn share_modes_have_the_numbers_of_the_header() {
    let modes: Vec<_> =
        (0..=9).map(|number| Entry { share_mode: number, ..entry(0) }.share()).collect();
    let words: Vec<_> = modes.iter().map(|mode| mode.map_or("-", ShareMode::name)).collect();
    assert_eq!(words, ["-", "COW", "PRV", "NUL", "ALI", "SHM", "P/A", "S/A", "LPG", "-"]);
}
