//! The model of a chunk's regions: each snapshot is coded as its differences
//! from the one before.
//!
//! It walks the regions of the snapshot before in order and codes which of them
//! have an event. Each region keeps the rate of its events; regions without
//! events for a while are skipped together.

use super::flat::Flat;
use super::kinds::Kinds;
use super::quiet::{Quiet, quiet_until};
use super::ranges::{Around, Ranges};
use super::slot::{NEW, OLD, RATES, RECENT, Slot};
use super::steps::{Main, Step};
use super::values::Values;
use crate::codec::number::Number;
use crate::codec::range_coder::{Chance, Coder};

/// The distance from the last event of a snapshot within which others are more likely.
const NEAR: u32 = 8;

/// The last state of a region, and which of its quantities last changed independently.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    region: Flat,
    mask: u16,
}

/// The models of whether a region has an event.
#[derive(Clone, Debug)]
struct Events {
    at_beginning: [Chance; 2],
    /// After a region with an event: of a region that is now covered, and of a quiet one.
    covered: Chance,
    after: Chance,
    /// By [`Slot::context`]: right after an event, near one, and elsewhere.
    by_history: [[Chance; RATES * RECENT]; 3],
    /// The number of quiet regions before the first event, and before a later one.
    quiet: [Number; 2],
    more: [Chance; 64],
}

impl Events {
    /// One that nothing was learnt in.
    const NEW: Self = Self {
        at_beginning: [Chance::NEW; 2],
        covered: Chance::NEW,
        after: Chance::NEW,
        by_history: [[Chance::NEW; RATES * RECENT]; 3],
        quiet: [Number::NEW; 2],
        more: [Chance::NEW; 64],
    };
}

/// The model.
#[derive(Clone, Debug)]
pub(super) struct SnapshotModel {
    tracks: Vec<Track>,
    unused: Vec<u32>,
    live: Vec<Slot>,
    spare: Vec<Slot>,
    events: Events,
    kinds: Kinds,
    ranges: Ranges,
    values: Values,
    snapshots: u32,
}

impl Default for SnapshotModel {
    fn default() -> Self {
        Self {
            tracks: Vec::new(),
            unused: Vec::new(),
            live: Vec::new(),
            spare: Vec::new(),
            events: Events::NEW,
            kinds: Kinds::default(),
            ranges: Ranges::NEW,
            values: Values::NEW,
            snapshots: 0,
        }
    }
}

/// The outcome at one slot, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotOutcome {
    /// Before the first region.
    Beginning,
    /// The region is gone.
    Gone,
    /// The region is smaller.
    Shrunk,
    /// The region is as it was, so that a new one must follow.
    Same,
    /// The region changed in another way.
    Changed,
}

impl SnapshotModel {
    /// Returns the regions of the last snapshot.
    pub(super) fn regions(&self) -> impl ExactSizeIterator<Item = &Flat> {
        self.live.iter().map(|slot| self.region(*slot))
    }

    /// Returns how many regions the last snapshot has.
    pub(super) const fn len(&self) -> usize {
        self.live.len()
    }

    /// Returns how many kinds have appeared.
    pub(super) const fn kinds(&self) -> usize {
        self.kinds.len()
    }

    fn region(&self, slot: Slot) -> &Flat {
        &self.tracks[slot.track as usize].region
    }

    /// Codes the next snapshot, the result of `steps`; `new` returns its n-th region. The decoder
    /// has neither, and stops beyond `max` regions. Calls `seen` with each region that goes or
    /// changes, as it was, and with each that comes or changed, as it is.
    pub(super) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        steps: &[Step],
        mut new: impl FnMut(u32) -> Flat,
        max: usize,
        mut seen: impl FnMut(Option<&Flat>, Option<&Flat>),
    ) {
        let is_first = self.snapshots == 0;
        self.snapshots += 1;
        let old = std::mem::take(&mut self.live);
        let mut live = std::mem::take(&mut self.spare);
        live.clear();
        live.reserve(old.len());
        let mut next_step = 0;
        let mut quiet = Quiet::default();
        // The number of regions since the last event, and the end of the last new region if that is
        // 0.
        let (mut ago, mut reach) = (u32::MAX, 0);
        let mut at = 0;
        while at <= old.len() {
            if ago != 0 && at > 0 {
                let passed = quiet.pass(&old[at - 1..]);
                live.extend_from_slice(&old[at - 1..at - 1 + passed]);
                (at, ago) = (at + passed, ago.saturating_add(passed as u32));
                if at > old.len() {
                    break;
                }
            }
            let step = steps.get(next_step).filter(|step| step.at as usize == at);
            next_step += usize::from(step.is_some());
            let slot = at.checked_sub(1).map(|index| old[index]);
            at += 1;
            let happens = match slot {
                None => {
                    let chance = &mut self.events.at_beginning[usize::from(is_first)];
                    coder.decide(chance, step.is_some())
                }
                Some(slot) if ago == 0 => {
                    let chance = if self.region(slot).start < reach {
                        &mut self.events.covered
                    } else if slot.is_quiet() {
                        &mut self.events.after
                    } else {
                        &mut self.events.by_history[0][slot.context()]
                    };
                    coder.decide(chance, step.is_some())
                }
                Some(slot) if slot.is_quiet() => {
                    let left = || quiet_until(&old, at - 1, &steps[next_step..], step.is_some());
                    quiet.happens(coder, &mut self.events.quiet, left)
                }
                Some(slot) => {
                    let near = if ago <= NEAR { 1 } else { 2 };
                    let chance = &mut self.events.by_history[near][slot.context()];
                    coder.decide(chance, step.is_some())
                }
            };
            if !happens {
                ago = ago.saturating_add(1);
                live.extend(slot.map(|slot| if slot.is_quiet() { slot } else { slot.saw(false) }));
                continue;
            }
            if ago != 0 {
                reach = live.last().map_or(0, |slot: &Slot| self.region(*slot).end);
            }
            ago = 0;
            let (outcome, freed) = match slot {
                None => (SlotOutcome::Beginning, None),
                Some(slot) => {
                    let main = step.map_or(Main::Keep, |step| step.main);
                    let after = &old[at - 1..];
                    let was = *self.region(slot);
                    let found =
                        self.happens(coder, slot, &mut live, &mut reach, after, main, &mut new);
                    let is = live.last().map(|slot| self.region(*slot));
                    match found.0 {
                        SlotOutcome::Gone => seen(Some(&was), None),
                        SlotOutcome::Same => {}
                        _ => seen(Some(&was), is),
                    }
                    found
                }
            };
            let next = old.get(at - 1).map_or(u64::MAX, |slot| self.region(*slot).start);
            let inserted = step.map_or(0..0, |step| step.inserted.clone());
            let mut count = 0;
            while live.len() <= max
                && self.another_follows(coder, outcome, freed, reach, next, count, inserted.len())
            {
                let target = inserted.clone().nth(count as usize).map_or(Flat::default(), &mut new);
                let around = Around { reach, next, freed, is_first };
                let slot = self.insert(coder, &target, live.last().copied(), around);
                live.push(slot);
                let region = self.region(slot);
                seen(None, Some(region));
                reach = region.end;
                count += 1;
            }
        }
        self.spare = old;
        self.live = live;
    }

    /// Codes the event of the region of `slot`. Returns its outcome and the end of the range it
    /// gave up.
    #[expect(clippy::too_many_arguments, reason = "the state of one walk over a snapshot")]
    fn happens<C: Coder>(
        &mut self,
        coder: &mut C,
        slot: Slot,
        live: &mut Vec<Slot>,
        reach: &mut u64,
        after: &[Slot],
        main: Main,
        new: &mut impl FnMut(u32) -> Flat,
    ) -> (SlotOutcome, Option<u64>) {
        let Track { region: was, mut mask } = self.tracks[slot.track as usize];
        let covered = was.start < *reach;
        if self.kinds.is_removed(coder, was.kind, covered, main == Main::Gone) {
            self.unused.push(slot.track);
            return (SlotOutcome::Gone, Some(was.end));
        }
        let target = match main {
            Main::Change(index) => new(index),
            _ => was,
        };
        let mut region = was;
        region.kind = self.kinds.change(coder, was.kind, target.kind);
        let around = Around {
            reach: *reach,
            next: after.first().map_or(u64::MAX, |slot| self.region(*slot).start),
            freed: None,
            is_first: false,
        };
        let tracks = &self.tracks;
        let ahead = |nth: usize| after.get(nth).map(|slot| tracks[slot.track as usize].region.end);
        let (ranges, values) = (&mut self.ranges, &mut self.values);
        self.kinds.with_old(region.kind, |of| {
            ranges.change(coder, &mut of.moves, &mut region, &target, around, ahead);
            let moved = (region.start, region.end) != (was.start, was.end);
            values.change(coder, &mut of.changes, &mut region, &target, &mut mask, moved);
        });
        *reach = region.end;
        live.push(slot.saw(true));
        self.tracks[slot.track as usize] = Track { region, mask };
        if region == was {
            (SlotOutcome::Same, None)
        } else if region.end < was.end {
            (SlotOutcome::Shrunk, Some(was.end))
        } else {
            (SlotOutcome::Changed, None)
        }
    }

    /// Codes whether a new region comes after `count` others at one slot, where `all` do.
    #[expect(clippy::too_many_arguments, reason = "the state of one walk over a snapshot")]
    fn another_follows<C: Coder>(
        &mut self,
        coder: &mut C,
        outcome: SlotOutcome,
        freed: Option<u64>,
        reach: u64,
        next: u64,
        count: u32,
        all: usize,
    ) -> bool {
        if count == 0 && matches!(outcome, SlotOutcome::Beginning | SlotOutcome::Same) {
            return true;
        }
        let room = match freed {
            Some(end) if reach < end => 1,
            Some(_) => 2,
            None if reach < next => 0,
            None => 3,
        };
        let code = match outcome {
            SlotOutcome::Beginning | SlotOutcome::Changed => 0,
            SlotOutcome::Gone => 1,
            SlotOutcome::Shrunk => 2,
            SlotOutcome::Same => 3,
        };
        let context = (code * 4 + room) * 3 + count.min(2) as usize;
        coder.decide(&mut self.events.more[context], (count as usize) < all)
    }

    /// Codes a new region: `target`.
    fn insert<C: Coder>(
        &mut self,
        coder: &mut C,
        target: &Flat,
        before: Option<Slot>,
        around: Around,
    ) -> Slot {
        let before = before.map(|slot| *self.region(slot));
        let before = before.as_ref();
        let in_freed = around.freed.is_some();
        let kind = self.kinds.first(coder, target.kind, before, in_freed, around.is_first);
        let known = before.map_or(0, |region| region.known);
        let mut region = Flat { kind, known, ..Flat::default() };
        let (ranges, values) = (&mut self.ranges, &mut self.values);
        self.kinds.with_new(kind, |of| {
            ranges.first(coder, &mut of.ranges, &mut region, target, around, before);
            values.first(coder, &mut of.firsts, &mut region, target, around.is_first);
        });
        let track = Track { region, mask: 0 };
        let index = match self.unused.pop() {
            Some(index) => {
                self.tracks[index as usize] = track;
                index
            }
            None => {
                self.tracks.push(track);
                self.tracks.len() as u32 - 1
            }
        };
        Slot { track: index, ..if around.is_first { OLD } else { NEW } }
    }
}
