//! Samples that keep a large process waiting less: its list of mappings, and the pages of each.
//!
//! The kernel lists mappings without keeping the process from changing them, and counts pages a
//! piece at a time.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use crate::governor::{Depth, Outlook, Pages, choose, stall_ns};
use crate::linux::facts::pagemap::Pagemap;
use crate::linux::files::{MemoryFiles, OpenFile, Refusal};
use crate::linux::sampler::maps::each_line;
use crate::linux::system::page_size_bytes;
use crate::procfs::header::parse_header;
use crate::procfs::mapping::Mapping;
use crate::procfs::statm::Statm;
use crate::quantity::{Quantities, Quantity};
use crate::tracker::RegionTracker;
use crate::tracker::carried::Counted;

/// The bytes of a huge page, of which the price of one is known.
const HUGE_BYTES: u64 = 2 << 20;

/// Keeps samples from stalling a process: knows the outlook of a full walk, and how to do without.
#[derive(Debug)]
pub(crate) struct Restraint {
    max_stall_ns: u64,
    /// Known from the last sample, and the resident pages then.
    outlook: Option<(Outlook, u64)>,
    folder: PathBuf,
    /// Opened once it is needed; `None` inside on kernels that do not count pages by pieces.
    pagemap: OnceCell<Option<Pagemap>>,
    /// The stall that a full walk was expected to cause when it was first avoided.
    avoided_ns: Option<u64>,
}

impl Restraint {
    /// Creates it for the process in `folder`.
    pub(crate) fn new(max_stall_ns: u64, folder: &Path) -> Self {
        Self {
            max_stall_ns,
            outlook: None,
            folder: folder.to_owned(),
            pagemap: OnceCell::new(),
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
        if choose(&outlook, self.max_stall_ns) == Depth::Full || self.pagemap().is_none() {
            return Ok(Depth::Full);
        }
        self.avoided_ns.get_or_insert_with(|| stall_ns(&outlook));
        Ok(Depth::Cheap)
    }

    /// Takes in a full walk.
    pub(crate) fn walked(&mut self, tracker: &RegionTracker, statm: Statm) {
        let mut outlook = Outlook::default();
        tracker.sizes().for_each(|sizes| outlook.add(pages_of(sizes)));
        self.outlook = Some((outlook, statm.resident));
    }

    /// Counts the pages of the mappings of a sample without sizes.
    pub(crate) fn count(&mut self, tracker: &mut RegionTracker, statm: Statm) {
        let Some(pagemap) = self.pagemap() else { return };
        let mut outlook = Outlook::default();
        tracker.count(&mut |mapping| {
            if let Some(counted) = of_no_pages(mapping) {
                outlook.add(Pages::default());
                return counted;
            }
            let Some(occupied) = pagemap.occupied(mapping.range) else {
                // One that is gone by now, or that the kernel cannot walk.
                return Counted::default();
            };
            let small = occupied.small_bytes / page_size_bytes();
            outlook.add(Pages { small, huge: occupied.huge_bytes / HUGE_BYTES });
            Counted {
                resident: Some(occupied.small_bytes.saturating_add(occupied.huge_bytes)),
                swapped: Some(occupied.swapped_bytes),
                huge: Some(occupied.huge_bytes),
            }
        });
        self.outlook = Some((outlook, statm.resident));
    }

    fn pagemap(&self) -> Option<&Pagemap> {
        let open = || Pagemap::open(&self.folder).ok().filter(Pagemap::scans);
        self.pagemap.get_or_init(open).as_ref()
    }

    /// Returns a message if a full walk was avoided.
    pub(crate) fn note(&self) -> Option<String> {
        let stall = self.avoided_ns? as f64 / 1e6;
        let max = self.max_stall_ns as f64 / 1e6;
        Some(format!(
            "only its resident pages are read: all sizes might keep it from mapping memory for \
             {stall:.0} ms, and --max-stall is {max} ms; --reread reads them"
        ))
    }
}

/// Returns the sizes of a mapping whose entries stand for no pages of the kernel's: it maps them by
/// their addresses, and counts none as resident.
fn of_no_pages(mapping: &Mapping) -> Option<Counted> {
    let named = mapping.name().starts_with("[vvar");
    if named || ["pf", "io"].iter().any(|flag| mapping.has_flag(flag)) {
        return Some(Counted { resident: Some(0), swapped: Some(0), huge: Some(0) });
    }
    // Before its flags were read, one of a device may be of either kind.
    let device = mapping.name().starts_with("/dev/") && !mapping.name().starts_with("/dev/shm/");
    (device && mapping.max_protection.is_none()).then(Counted::default)
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
