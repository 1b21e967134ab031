//! Tests of labels that survive changes around them.

use super::*;
use crate::classify::facts::{GlibcStack, Thread};
use crate::classify::piece::Piece;
use crate::label::{Confidence, Detail, Label};
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::tracker::carry_over;
use crate::tracker::region_map::Plan;
use crate::tracker::tests::pieces::piece;
use crate::vocabulary::{Family, RegionType};

/// Returns the ranges of pieces kept when mappings change.
fn kept(before: &str, pieces: &[Piece], after: &str) -> Vec<String> {
    let (before, after) = (mappings(before), mappings(after));
    let plan = Plan::new(&before, &[], pieces, &Plan::default());
    carry_over::untouched(&before, &plan.slots, &after)
        .map(|piece| piece.range.to_string())
        .collect()
}

const A: &str = "10000-14000 rw-p 0 0:0 0 |rd wr\n";
const B: &str = "14000-16000 rw-p 0 0:0 0 |rd wr hg\n";
const C: &str = "20000-22000 r--p 3000 8:1 9 /a|rd\n";

#[test]
fn unchanged_pieces_are_kept() {
    let pieces =
        [piece(0x10000, 0x11000, "A"), piece(0x11000, 0x16000, "B"), piece(0x20000, 0x22000, "C")];
    let all = ["10000-11000", "11000-16000", "20000-22000"];
    assert_eq!(kept(&[A, B, C].concat(), &pieces, &[A, B, C].concat()), all);
    assert_eq!(kept(&[A, B, C].concat(), &pieces, &[A, C].concat()), [all[0], all[2]]);
    assert_eq!(kept(&[A, B, C].concat(), &pieces, C), [all[2]]);
    let other = B.replace("hg", "nh");
    assert_eq!(kept(&[A, B].concat(), &pieces, &[A, &other].concat()), [all[0]]);
    assert_eq!(kept(C, &pieces[2..], &C.replace(" 3000", " 4000")), [""; 0]);
    assert_eq!(kept(C, &pieces[2..], &C.replace("/a", "/b")), [""; 0]);
    assert_eq!(kept("", &[], C), [""; 0]);
    assert_eq!(kept(C, &pieces[2..], ""), [""; 0]);
}

#[test]
fn a_mapping_that_grew_keeps_all_but_the_piece_at_the_edge() {
    let pieces =
        [piece(0x10000, 0x11000, "A"), piece(0x11000, 0x12000, "B"), piece(0x12000, 0x14000, "C")];
    let all = ["10000-11000", "11000-12000", "12000-14000"];
    assert_eq!(kept(A, &pieces, &A.replace("14000", "15000")), all[..2]);
    assert_eq!(kept(A, &pieces, &A.replace("10000", "f000")), all[1..]);
    assert_eq!(kept(A, &pieces, &A.replace("14000", "13000")), [""; 0]);
    let file = piece(0x20000, 0x21000, "A");
    let down = C.replace("20000", "1f000").replace(" 3000", " 2000");
    assert_eq!(kept(C, &[file.clone(), piece(0x21000, 0x22000, "B")], &down), ["21000-22000"]);
}

#[test]
fn changed_mappings_are_those_not_there_before() {
    let ranges = |before: &str, after: &str| {
        carry_over::changed(&mappings(before), &mappings(after))
            .iter()
            .map(AddressRange::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(ranges(&[A, B, C].concat(), &[A, C].concat()), [""; 0]);
    assert_eq!(ranges(&[A, C].concat(), &[A, B, C].concat()), ["14000-16000"]);
    assert_eq!(ranges(A, &A.replace("14000", "15000")), ["10000-15000"]);
}

#[test]
fn guesses_and_leftovers_are_made_anew() {
    let with = |rule: &str, confidence| {
        let mut piece = piece(0x10000, 0x11000, rule);
        piece.label.confidence = confidence;
        piece
    };
    let is_kept = |rule: &str, confidence, same_images| {
        let pieces = [with(rule, confidence)];
        !carry_over::proved(pieces.into_iter(), &Facts::default(), same_images).is_empty()
    };
    assert!(is_kept("R14a", Confidence::Sure, false));
    assert!(is_kept("R14a", Confidence::Likely, true));
    assert!(!is_kept("R14a", Confidence::Likely, false));
    assert!(!is_kept("R14a", Confidence::Guess, true));
    assert!(!is_kept("R5", Confidence::Sure, true));
    assert!(!is_kept("R18b", Confidence::Sure, true));
    assert!(!is_kept("R19", Confidence::Likely, true));
    assert!(!is_kept("R20", Confidence::Unknown, true));
}

/// Returns the new detail of a stack.
fn stack(detail: Detail, facts: &Facts) -> Option<String> {
    let label = Label {
        region_type: RegionType::named("Stack (thread)", Family::Stack),
        detail: Some(detail),
        confidence: Confidence::Sure,
        rule: Rule::R9a,
    };
    let pieces = [Piece { label, ..piece(0x10000, 0x12000, "") }];
    let mut kept = carry_over::proved(pieces.into_iter(), facts, true).into_iter();
    kept.next().map(|piece| piece.label.detail.as_deref().unwrap().to_owned())
}

#[test]
fn a_stack_outlives_its_thread_until_another_takes_it() {
    let thread = |tid, robust_list| Thread {
        tid,
        name: Arc::from("worker"),
        robust_list,
        stack_pointer: None,
    };
    let mut facts = Facts { threads: vec![thread(5, None)], ..Facts::default() };
    let named = |tid, name, facts: &Facts| stack(Detail::of_thread(tid, Some(name)), facts);
    let cached = |facts: &Facts| stack("cached".into(), facts);
    assert_eq!(named(5, "worker", &facts).as_deref(), Some("5 worker"));
    assert_eq!(named(5, "old name", &facts), None);
    assert_eq!(named(6, "worker", &facts).as_deref(), Some("cached"));
    assert_eq!(cached(&facts).as_deref(), Some("cached"));
    facts.threads.push(thread(7, Some(0x11ff0)));
    assert_eq!(named(6, "worker", &facts), None);
    assert_eq!(cached(&facts), None);
    facts.threads.pop();
    let range = AddressRange::new(0xf000, 0x12000);
    facts.glibc_stacks = Some(vec![GlibcStack { tid: Some(7), range, guard_bytes: 4096 }]);
    assert_eq!(cached(&facts), None);
    assert_eq!(named(6, "worker", &Facts::default()).as_deref(), Some("6 worker"));
}
