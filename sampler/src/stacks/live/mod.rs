//! The sampled pages that are still present, by stack and type of region.
//!
//! A page fault that is sampled once in *w* stands for *w* pages. So an estimate has a variance: of
//! each page that came or went, w (w - 1) times its size squared. A page goes when it is found
//! absent, and its next fault begins it anew.

use std::collections::{BTreeMap, HashMap};

use crate::region::Region;
use crate::stacks::metric::StackMetric;
use crate::stacks::model::LiveStack;
use crate::stacks::sums::{Sums, UNIT_BYTES, region_at};
use crate::stacks::types::Types;

/// The maximum number of pages to follow; above it every other one goes and the rest count double.
const MAX_PAGES: usize = 1 << 17;

/// The pages that are present, as far as they are asked for.
pub(crate) trait Presence {
    /// Returns the bytes of the page at an address: of a huge page all; `None` if it is absent.
    fn bytes(&mut self, page: u64, is_new: bool) -> Option<u64>;
}

/// A page fault of a known stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch {
    pub(crate) page: u64,
    pub(crate) time_ns: u64,
    pub(crate) stack: u32,
    /// How many faults it stands for.
    pub(crate) weight: u64,
}

#[derive(Clone, Copy, Debug)]
struct Page {
    stack: u32,
    weight: u64,
    /// Its type and size, once it was seen.
    seen: Option<(u16, u64)>,
}

impl Page {
    fn variance(&self) -> f64 {
        let weight = self.weight as f64;
        self.seen
            .map_or(0.0, |(_, bytes)| weight * (weight - 1.0) * (bytes as f64 / UNIT_BYTES).powi(2))
    }
}

/// The sampled pages of a process.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pages: BTreeMap<u64, Page>,
    /// Faults since the last tick.
    touched: Vec<Touch>,
    types: Types,
    sums: Sums,
    /// Decides which pages go.
    thinned: u32,
}

impl Live {
    /// Adds a page fault.
    pub(crate) fn touch(&mut self, touch: Touch) {
        if self.touched.len() < MAX_PAGES * 2 {
            self.touched.push(touch);
        }
    }

    /// Forgets all pages: the process has another address space. The sums end at nothing.
    pub(crate) fn clear(&mut self) {
        self.pages.clear();
        self.touched.clear();
        self.sums.clear();
    }

    /// Returns the pages that are present, by stack and type, of faults up to `time_ns`; `regions`
    /// are in the order of their addresses.
    pub(crate) fn tick(
        &mut self,
        time_ns: u64,
        regions: &[Region],
        presence: &mut impl Presence,
    ) -> Vec<LiveStack> {
        let (now, later): (Vec<_>, _) =
            std::mem::take(&mut self.touched).into_iter().partition(|it| it.time_ns <= time_ns);
        self.touched = later;
        for touch in now {
            let page = Page { stack: touch.stack, weight: touch.weight, seen: None };
            if let Some(before) = self.pages.insert(touch.page, page) {
                self.change(&before, false);
            }
        }
        self.look(regions, presence);
        while self.pages.len() > MAX_PAGES {
            self.thin();
        }
        self.last()
    }

    /// Returns the pages that were present at the last tick, by stack and type.
    pub(crate) fn last(&self) -> Vec<LiveStack> {
        let sums = self.sums.iter();
        sums.map(|((stack, kind), sum)| {
            sum.part(StackMetric::Resident, *stack, self.types.name(*kind))
        })
        .collect()
    }

    fn look(&mut self, regions: &[Region], presence: &mut impl Presence) {
        let mut pages = std::mem::take(&mut self.pages);
        let mut kinds: HashMap<usize, u16> = HashMap::new();
        pages.retain(|address, page| {
            let index = region_at(regions, *address);
            let bytes = index.and_then(|_| presence.bytes(*address, page.seen.is_none()));
            let (Some(index), Some(bytes)) = (index, bytes) else {
                self.change(page, false);
                return false;
            };
            let kind = *kinds.entry(index).or_insert_with(|| {
                self.types.number(regions[index].identity.label.region_type.name())
            });
            match page.seen {
                Some((before, _)) if before == kind => {}
                seen => {
                    self.change(page, false);
                    page.seen = Some((kind, seen.map_or(bytes, |(_, bytes)| bytes)));
                    self.change(page, true);
                }
            }
            true
        });
        self.pages = pages;
    }

    /// Counts a page that came, or one that went.
    fn change(&mut self, page: &Page, came: bool) {
        let Some((kind, bytes)) = page.seen else { return };
        let sum = self.sums.entry((page.stack, kind)).or_default();
        sum.change(came, bytes.saturating_mul(page.weight), page.variance());
    }

    /// Drops half of the pages by chance, and lets the others count double.
    fn thin(&mut self) {
        self.thinned += 1;
        let (pages, round) = (std::mem::take(&mut self.pages), self.thinned);
        for (address, mut page) in pages {
            let chance = (address >> 12).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let stays = chance.rotate_left(round) >> 63 == 1;
            let (samples, bytes) = (page.seen.map_or(0, |_| 1), page.seen.map_or(0, |(_, it)| it));
            let bytes = bytes.saturating_mul(page.weight);
            if let Some((kind, _)) = page.seen
                && let Some(sum) = self.sums.get_mut(&(page.stack, kind))
            {
                sum.variance += (bytes as f64 / UNIT_BYTES).powi(2);
                match stays {
                    true => sum.bytes += bytes,
                    false => (sum.bytes, sum.samples) = (sum.bytes - bytes, sum.samples - samples),
                }
            }
            if stays {
                page.weight *= 2;
                self.pages.insert(address, page);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
