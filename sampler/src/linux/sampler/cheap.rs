//! Samples that keep a large process waiting less: its list of mappings, and the pages of each.
//!
//! The kernel lists mappings without keeping the process from changing them, and says of pages, a
//! piece at a time, whether they are there and nobody else maps them.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use crate::governor::{Depth, Limits, Outlook, Pages, Share, Sharers, choose, stall_ns};
use crate::linux::facts::pagemap::Pagemap;
use crate::linux::files::{MemoryFiles, OpenFile, Refusal};
use crate::linux::sampler::maps::each_line;
use crate::linux::system::{nothing_is_swapped, page_size_bytes};
use crate::posix::now;
use crate::procfs::header::parse_header;
use crate::procfs::mapping::Mapping;
use crate::procfs::statm::Statm;
use crate::quantity::{Quantities, Quantity};
use crate::tracker::RegionTracker;
use crate::tracker::carried::Counted;
use crate::tracker::pages::part::is_anonymous;
use crate::tracker::pages::walk::Source;
use crate::tracker::pages::{Pages as CountedPages, Tally};

/// The bytes of a huge page, of which the price of one is known.
const HUGE_BYTES: u64 = 2 << 20;

/// Keeps samples from stalling a process: knows the outlook of a full walk, and how to do without.
#[derive(Debug)]
pub(crate) struct Restraint {
    limits: Limits,
    /// Of the processor time that full walks may take.
    share: Share,
    /// When all sizes were last read.
    full_ns: Option<u64>,
    /// Known from the last sample, and the resident pages then.
    outlook: Option<(Outlook, u64)>,
    folder: PathBuf,
    /// Opened once it is needed; `None` inside on kernels that do not count pages by pieces.
    pagemap: OnceCell<Option<Pagemap>>,
    /// The pages that were counted last.
    pages: CountedPages,
    /// The stall that a full walk was expected to cause when it was first avoided.
    avoided_ns: Option<u64>,
}

impl Restraint {
    /// Creates it for the process in `folder`.
    pub(crate) fn new(limits: Limits, sharers: &Sharers, folder: &Path) -> Self {
        Self {
            limits,
            share: Share::new(sharers.clone()),
            full_ns: None,
            outlook: None,
            folder: folder.to_owned(),
            pagemap: OnceCell::new(),
            pages: CountedPages::default(),
            avoided_ns: None,
        }
    }

    /// Returns how much the next sample of a process with these totals reads: all, on kernels that do
    /// not count pages by pieces.
    pub(crate) fn choose(&mut self, files: &MemoryFiles, statm: Statm) -> Result<Depth, Refusal> {
        let outlook = match self.outlook {
            Some((outlook, resident)) => outlook.grown(statm.resident.saturating_sub(resident)),
            None => first_outlook(&files.maps()?, statm)?,
        };
        let since_ns = self.full_ns.map(|full| now().monotonic_ns.saturating_sub(full));
        let sharers = self.share.set(outlook.takes_part(&self.limits));
        let depth = choose(&outlook, &self.limits, sharers, since_ns);
        if depth == Depth::Full || self.pagemap().is_none() {
            return Ok(Depth::Full);
        }
        if choose(&outlook, &self.limits, sharers, None) == Depth::Cheap {
            self.avoided_ns.get_or_insert_with(|| stall_ns(&outlook));
        }
        Ok(Depth::Cheap)
    }

    /// Takes in that the process does not run, and leaves its share to others.
    pub(crate) fn rest(&mut self) {
        self.share.set(false);
    }

    /// Takes in that a full walk was of one moment: the next one may be put off.
    pub(crate) fn complete(&mut self) {
        self.full_ns = Some(now().monotonic_ns);
    }

    /// Takes in a full walk.
    pub(crate) fn walked(&mut self, tracker: &RegionTracker, statm: Statm) {
        let mut outlook = Outlook::default();
        tracker.sizes().for_each(|sizes| outlook.add(pages_of(sizes)));
        self.outlook = Some((outlook, statm.resident));
    }

    /// Counts the pages of the mappings of a sample without sizes.
    pub(crate) fn count(&mut self, tracker: &mut RegionTracker, statm: Statm) {
        let open = || scanning_pagemap(&self.folder);
        let Some(pagemap) = self.pagemap.get_or_init(open) else { return };
        let mut source = Source {
            runs: &mut |range, each| pagemap.runs(range, each),
            entries: &mut |address, entries| pagemap.read_entries(address, entries),
            page_bytes: page_size_bytes(),
        };
        let (mappings, now_ns) = (tracker.mappings(), now().monotonic_ns);
        let counts = self.pages.count(mappings, &|it| !has_no_pages(it), now_ns, &mut source);
        let machine = Machine { swaps: !nothing_is_swapped(), merges: merges_pages() };
        let mut outlook = Outlook::default();
        let counted: Vec<Counted> = mappings
            .iter()
            .zip(counts)
            .map(|(mapping, tally)| {
                let pages = tally.filter(|_| !has_no_pages(mapping)).unwrap_or(Tally::NOTHING);
                let small = pages.small / page_size_bytes();
                outlook.add(Pages { small, huge: pages.huge / HUGE_BYTES });
                // One that is gone by now, or that the kernel cannot walk, has no tally.
                tally.map_or_else(Counted::default, |tally| counted(mapping, tally, machine))
            })
            .collect();
        tracker.set_counted(&counted);
        self.outlook = Some((outlook, statm.resident));
    }

    fn pagemap(&self) -> Option<&Pagemap> {
        self.pagemap.get_or_init(|| scanning_pagemap(&self.folder)).as_ref()
    }

    /// Returns a message if a full walk was avoided.
    pub(crate) fn note(&self) -> Option<String> {
        let stall = self.avoided_ns? as f64 / 1e6;
        let max = self.limits.max_stall.as_secs_f64() * 1e3;
        Some(format!(
            "only its resident, private and swapped pages are counted: reading all sizes might keep it \
             from mapping memory for {stall:.0} ms, and --max-stall is {max} ms; --reread reads them"
        ))
    }
}

/// Opens the pagemap of the process in `folder`, on kernels that count pages by pieces.
fn scanning_pagemap(folder: &Path) -> Option<Pagemap> {
    Pagemap::open(folder).ok().filter(Pagemap::scans)
}

/// Returns whether the entries of a mapping stand for no pages of the kernel's: it maps them by their
/// addresses, and counts none as resident.
fn has_no_pages(mapping: &Mapping) -> bool {
    mapping.range.start >= 1 << 63
        || mapping.name().starts_with("[vvar")
        || ["pf", "io"].iter().any(|flag| mapping.has_flag(flag))
}

/// What the machine does with pages of processes.
#[derive(Clone, Copy)]
struct Machine {
    /// Whether any is swapped out.
    swaps: bool,
    /// Whether equal ones of several processes are merged.
    merges: bool,
}

/// Returns whether pages of any processes are merged.
fn merges_pages() -> bool {
    std::fs::read("/sys/kernel/mm/ksm/pages_shared").is_ok_and(|text| text.trim_ascii() != b"0")
}

/// Returns the sizes of a mapping whose pages were counted.
fn counted(mapping: &Mapping, tally: Tally, machine: Machine) -> Counted {
    let anonymous = is_anonymous(mapping);
    // Before its flags were read, one of a device may have entries that stand for no pages.
    let device = mapping.name().starts_with("/dev/") && !mapping.name().starts_with("/dev/shm/");
    let device = device && mapping.max_protection.is_none();
    let resident = match tally.small + tally.huge {
        0 => Some(0),
        // Those of shared memory are all of a file.
        _ if device && mapping.shared => tally.of_files,
        _ if device => None,
        bytes => Some(bytes),
    };
    Counted {
        resident,
        // Those of shared memory may be swapped out without an entry that says so.
        swapped: match machine.swaps {
            true => anonymous.then_some(tally.swapped),
            false => Some(0),
        },
        huge: Some(tally.huge),
        private: tally.exclusive.filter(|_| resident.is_some()),
        of_files: tally.of_files.filter(|_| resident.is_some()),
        may_be_merged: machine.merges
            && (mapping.max_protection.is_none() || mapping.has_flag("mg")),
    }
}

fn pages_of(sizes: &Quantities) -> Pages {
    let of = |quantity| sizes.get(quantity).unwrap_or(0);
    let huge = of(Quantity::Huge).min(of(Quantity::Resident));
    let small = of(Quantity::Resident) - huge;
    Pages { small: small / page_size_bytes(), huge: huge / HUGE_BYTES }
}

/// Returns that of a process of which only the totals are known yet: any mapping may hold all of its
/// pages that there is room for.
fn first_outlook(maps: &OpenFile, statm: Statm) -> Result<Outlook, Refusal> {
    let mut outlook = Outlook::default();
    let mut longest = 0;
    each_line(maps, |header| {
        outlook.mappings += 1;
        let range = parse_header(header).map(|header| header.range);
        longest = longest.max(range.map_or(0, |range| range.virtual_bytes()));
        true
    })?;
    outlook.pages.small = statm.resident;
    outlook.largest.small = statm.resident.min(longest / page_size_bytes());
    Ok(outlook)
}
