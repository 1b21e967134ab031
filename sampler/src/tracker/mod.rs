//! Tracks the regions of a process from one sample to the next.
//!
//! Most mappings stay the same: unchanged text is neither parsed nor classified
//! again, and its regions share their [`Identity`] by reference. The rules run
//! only if something changed that labels depend on.
//!
//! [`Identity`]: crate::region::Identity

pub(crate) mod aggregate;
pub(crate) mod apportion;
pub(crate) mod carried;
pub(crate) mod carry_over;
pub(crate) mod mappings;
pub(crate) mod pages;
pub(crate) mod region_map;
pub(crate) mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::classify::classify;
use crate::classify::facts::Facts;
use crate::classify::piece::Process;
use crate::classify::user::UserRule;
use crate::procfs::consistency::check;
use crate::procfs::mapping::Mapping;
use crate::procfs::smaps::Record;
use crate::quantity::Quantities;
use crate::region::{Object, Region};
use crate::snapshot::Consistency;
use crate::tracker::carried::Counted;
use crate::tracker::mappings::Listing;
use crate::tracker::region_map::{Plan, occupied};
use crate::tracker::source::{Moment, NamesOnly, Source};

/// How long the rules pause if only pages appeared since they ran.
const REST_NS: u64 = 1_000_000_000;

/// The mappings of one process, updated record by record, and their regions.
#[derive(Debug, Default)]
pub struct RegionTracker {
    listing: Listing,
    /// Whether the mappings may differ from those settled.
    stale: bool,
    settled: Settled,
    user_rules: Vec<UserRule>,
}

/// The last consistent list of mappings, and its classification.
#[derive(Debug, Default)]
struct Settled {
    mappings: Vec<Mapping>,
    plan: Plan,
    images: BTreeSet<((u32, u32), u64)>,
    threads: Option<u64>,
    /// When the rules last ran; `None` if they must run in any case.
    at_ns: Option<u64>,
}

impl RegionTracker {
    /// Creates a tracker without mappings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the user's own rules, which apply from the next sample on.
    pub fn set_user_rules(&mut self, rules: Vec<UserRule>) {
        self.user_rules = rules;
        // They may claim memory that was proved to be something else.
        self.require_rules();
    }

    /// Makes the rules run on everything at the next sample.
    pub(crate) fn require_rules(&mut self) {
        self.settled.mappings.clear();
        self.settled.at_ns = None;
    }

    /// Returns whether the rules may run at the next sample though nothing changes.
    pub(crate) fn awaits_rules(&self) -> bool {
        let settled = &self.settled;
        self.stale || settled.at_ns.is_none() || settled.plan.has_news(self.listing.sizes())
    }

    /// Begins a sample.
    pub fn begin(&mut self) {
        self.listing.begin();
    }

    /// Takes the next mapping; `false` if its header cannot be read.
    pub fn push(&mut self, record: &Record<'_>) -> bool {
        self.listing.push(record)
    }

    /// Takes the next mapping without its flags and sizes; `false` if its header cannot be read.
    pub(crate) fn push_header(&mut self, header: &[u8]) -> bool {
        self.listing.push_header(header)
    }

    /// Sets the pages of each mapping of a sample without sizes, which were counted.
    pub(crate) fn set_counted(&mut self, counted: &[Counted]) {
        self.listing.set_counted(counted);
    }

    /// Keeps the sizes of the sample for the next one, if that has none of its own.
    pub(crate) fn keep_sizes(&mut self) {
        self.listing.keep_sizes();
    }

    /// Returns the sizes of the mappings of the last sample.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = &Quantities> {
        self.listing.sizes().iter().map(|(_, quantities)| quantities)
    }

    /// Ends the list of mappings.
    pub fn end(&mut self) {
        self.stale |= self.listing.end();
    }

    /// Gives files back the end of their names that reads like the kernel's mark of deleted ones.
    pub(crate) fn restore_names(&mut self, exists: &dyn Fn(&Object) -> bool) {
        self.stale |= self.listing.restore_names(exists);
    }

    /// Ends the sample and returns its regions, classified by names, flags and shapes only.
    pub fn finish(&mut self) -> Vec<Region> {
        self.end();
        match check(self.mappings(), None, None) {
            Consistency::Complete | Consistency::Cheap | Consistency::Unchanged => {
                // Without a clock the rules never pause.
                let at_ns = self.settled.at_ns.unwrap_or(0);
                let monotonic_ns = at_ns.saturating_add(REST_NS);
                self.regions(&Moment { threads: None, monotonic_ns }, &mut NamesOnly).0
            }
            Consistency::Torn(_) | Consistency::TotalsAlone(_) => self.torn_regions(),
        }
    }

    /// Returns the mappings of the sample last ended.
    pub fn mappings(&self) -> &[Mapping] {
        self.listing.mappings()
    }

    /// Returns the regions of a consistent list of mappings, and whether the rules ran.
    pub fn regions(&mut self, moment: &Moment, source: &mut dyn Source) -> (Vec<Region>, bool) {
        let due = self.is_due(moment);
        if due {
            self.settle(moment, source);
        }
        (self.settled.plan.regions(self.listing.sizes(), source), due)
    }

    /// Returns the regions of an inconsistent list of mappings: with labels that still hold, and
    /// labels by name for the rest. The next sample continues from the one before.
    pub fn torn_regions(&mut self) -> Vec<Region> {
        let ordered = check(self.mappings(), None, None) == Consistency::Complete;
        let max = if ordered { self.mappings().len().max(1) } else { 1 };
        let facts = Facts::default();
        let mut regions = Vec::new();
        for (mappings, sizes) in
            self.listing.mappings().chunks(max).zip(self.listing.sizes().chunks(max))
        {
            let old = &self.settled;
            let kept: Vec<_> =
                crate::tracker::carry_over::untouched(&old.mappings, &old.plan.slots, mappings)
                    .collect();
            let occupied: Vec<u64> = sizes.iter().map(occupied).collect();
            let process = Process {
                mappings,
                occupied: &occupied,
                facts: &facts,
                kept: &kept,
                user_rules: &self.user_rules,
            };
            let pieces = classify(&process, &mut |_, _| 0);
            let mut plan = Plan::new(mappings, sizes, &pieces, &old.plan);
            regions.extend(plan.regions(sizes, &mut NamesOnly));
        }
        regions
    }

    /// Returns whether the rules must run.
    fn is_due(&mut self, moment: &Moment) -> bool {
        let settled = &self.settled;
        let Some(at_ns) = settled.at_ns else { return true };
        // After a torn sample everything may be as before it.
        if self.stale && settled.mappings != self.listing.mappings() {
            return true;
        }
        self.stale = false;
        settled.threads != moment.threads
            || moment.monotonic_ns.saturating_sub(at_ns) >= REST_NS
                && settled.plan.has_news(self.listing.sizes())
    }

    /// Runs the rules on the current mappings.
    fn settle(&mut self, moment: &Moment, source: &mut dyn Source) {
        let (mappings, sizes) = (self.listing.mappings(), self.listing.sizes());
        let old = &self.settled;
        let images = crate::tracker::carry_over::images(mappings);
        let facts =
            source.facts(mappings, &crate::tracker::carry_over::changed(&old.mappings, mappings));
        let untouched =
            crate::tracker::carry_over::untouched(&old.mappings, &old.plan.slots, mappings);
        let kept = crate::tracker::carry_over::proved(untouched, &facts, images == old.images);
        let occupied: Vec<u64> = sizes.iter().map(occupied).collect();
        let process = Process {
            mappings,
            occupied: &occupied,
            facts: &facts,
            kept: &kept,
            user_rules: &self.user_rules,
        };
        let pieces = classify(&process, &mut |address, buffer| source.peek(address, buffer));
        let plan = Plan::new(mappings, sizes, &pieces, &self.settled.plan);
        self.settled = Settled {
            mappings: mappings.to_vec(),
            plan,
            images,
            threads: moment.threads,
            at_ns: Some(moment.monotonic_ns),
        };
        self.stale = false;
    }
}
