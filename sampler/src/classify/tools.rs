//! Tools that run a program inside themselves: emulators, Valgrind, Lisp images.

use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none};
use crate::classify::signs::Runtime;
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::procfs::mapping::Mapping;
use crate::region::{AddressRange, Protection};
use crate::rule::Rule;
use crate::vocabulary::types;

/// The addresses of the program that qemu runs.
pub(crate) const GUEST: AddressRange = AddressRange::new(0x40_0000_0000, 0x50_0000_0000);
/// R10: an emulated program's memory; before arenas, as guests have arenas too.
pub(crate) fn guest(work: &mut Work<'_, '_>) {
    if work.profile.has(Runtime::Qemu) {
        let found = label(types::GUEST_MEMORY, Confidence::Likely, Rule::R10);
        let in_guest = |mapping: &Mapping| GUEST.holds(mapping.range.start);
        for index in work.indices(|mapping| is_anonymous(mapping) && in_guest(mapping)) {
            work.claims.claim_mapping(index, &found);
        }
    }
}

/// R16v: tools whose memory is executable without being compiled code.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    if work.profile.has(Runtime::Valgrind) {
        let found = label(types::VALGRIND, Confidence::Likely, Rule::R16v);
        for index in work.indices(|mapping| is_anonymous(mapping) && !is_none(mapping)) {
            work.claims.claim_mapping(index, &found);
        }
    }
    if work.profile.has(Runtime::Sbcl) {
        let found = label(types::LISP_HEAP, Confidence::Likely, Rule::R16v);
        let all = Protection::from_bits(u8::MAX);
        for index in work.indices(|mapping| is_anonymous(mapping) && mapping.protection == all) {
            work.claims.claim_mapping(index, &found);
        }
    }
}
