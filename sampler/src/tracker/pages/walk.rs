//! Finds the pages of mappings, and reads who else has them.

use std::ops::Range;

use crate::procfs::mapping::Mapping;
use crate::procfs::pagemap::Entry;
use crate::region::AddressRange;
use crate::tracker::pages::part::{Found, PageKind, Part, Run, Sharing};

/// The maximum of unmapped addresses to walk over.
const MAX_GAP: u64 = 1 << 30;

/// How many entries are read at once, at least and at most.
const SHORTEST_READ: u64 = 64;
const LONGEST_READ: u64 = 4096;

/// Calls back with each run of pages in a range, ascending; `false` if it could not reach its end.
pub(crate) type Runs<'a> = dyn FnMut(AddressRange, &mut dyn FnMut(Run)) -> bool + 'a;

/// Reads the entries of the pages from an address on; returns how many.
pub(crate) type Entries<'a> = dyn FnMut(u64, &mut [Entry]) -> usize + 'a;

/// The pages of a process.
pub(crate) struct Source<'a> {
    pub(crate) runs: &'a mut Runs<'a>,
    pub(crate) entries: &'a mut Entries<'a>,
    pub(crate) page_bytes: u64,
}

/// Returns the parts of those `mappings` that are `wanted`, ascending, and the mappings that could
/// not be walked.
pub(crate) fn walk(
    mappings: &[Mapping],
    wanted: &dyn Fn(&Mapping) -> bool,
    source: &mut Source<'_>,
) -> (Vec<Part>, Vec<usize>) {
    let (mut parts, mut unwalked) = (Vec::new(), Vec::new());
    let mut from = 0;
    while from < mappings.len() {
        if !wanted(&mappings[from]) {
            from += 1;
            continue;
        }
        let goes_on = |pair: &[Mapping]| {
            let (end, start) = (pair[0].range.end, pair[1].range.start);
            wanted(&pair[1]) && (end..=end.saturating_add(MAX_GAP)).contains(&start)
        };
        let more = mappings[from..].windows(2).take_while(|pair| goes_on(pair)).count();
        let span = from..from + more + 1;
        let known = parts.len();
        if !walk_span(mappings, span.clone(), source, &mut parts) {
            parts.truncate(known);
            unwalked.extend(span.clone());
        }
        from = span.end;
    }
    (parts, unwalked)
}

/// Walks mappings that are neighbours at once.
fn walk_span(
    mappings: &[Mapping],
    span: Range<usize>,
    source: &mut Source<'_>,
    parts: &mut Vec<Part>,
) -> bool {
    let whole =
        AddressRange::new(mappings[span.start].range.start, mappings[span.end - 1].range.end);
    let page_bytes = source.page_bytes;
    let mut index = span.start;
    (source.runs)(whole, &mut |run| {
        let mut at = run.range.start;
        while at < run.range.end {
            while index < span.end && mappings[index].range.end <= at {
                index += 1;
            }
            // Pages between mappings are those of one that came since.
            let Some(mapping) = mappings[..span.end].get(index) else { return };
            at = at.max(mapping.range.start);
            if at >= run.range.end {
                return;
            }
            let part = match parts.last_mut() {
                Some(last) if last.mapping == index && at < last.range.end => last,
                _ => {
                    parts.push(Part::new(index, mapping, at));
                    let Some(last) = parts.last_mut() else { return };
                    last
                }
            };
            let end = run.range.end.min(part.range.end);
            part.found.add(run.kind, (end - at) / page_bytes);
            at = end;
        }
    })
}

/// Counts the pages of parts of one piece again, with who else has them; `false`, and nothing changed,
/// if they cannot be read.
pub(crate) fn look(parts: &mut [Part], mappings: &[Mapping], source: &mut Source<'_>) -> bool {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return true };
    let mut runs = Vec::new();
    let whole = AddressRange::new(first.range.start, last.range.end);
    if !(source.runs)(whole, &mut |run| runs.push(run)) {
        return false;
    }
    let mut window = Window { start: 0, entries: Vec::new() };
    let mut seen = Vec::with_capacity(parts.len());
    let mut runs = runs.into_iter().peekable();
    for part in &*parts {
        let (mut found, mut sharing) = (Found::default(), Sharing::default());
        // Those of hugetlb are never mapped in parts.
        let whole = mappings.get(part.mapping).is_some_and(|mapping| mapping.has_flag("ht"));
        while runs.next_if(|run| run.range.end <= part.range.start).is_some() {}
        while let Some(run) = runs.peek().filter(|run| run.range.start < part.range.end) {
            let start = run.range.start.max(part.range.start);
            let end = run.range.end.min(part.range.end);
            found.add(run.kind, (end - start) / source.page_bytes);
            if run.kind != PageKind::Swapped {
                let blurs = run.kind == PageKind::Huge && !whole;
                let Some(()) = window.count(start, end, blurs, &mut sharing, source) else {
                    return false;
                };
            }
            if run.range.end > part.range.end {
                break;
            }
            runs.next();
        }
        seen.push((found, sharing));
    }
    for (part, (found, sharing)) in parts.iter_mut().zip(seen) {
        (part.found, part.sharing) = (found, Some(sharing));
    }
    true
}

/// The entries last read.
struct Window {
    start: u64,
    entries: Vec<Entry>,
}

impl Window {
    /// Counts the entries of present pages up to `end`; `None` if they cannot be read.
    fn count(
        &mut self,
        start: u64,
        end: u64,
        blurs: bool,
        sharing: &mut Sharing,
        source: &mut Source<'_>,
    ) -> Option<()> {
        let mut at = start;
        while at < end {
            let left = (end - at) / source.page_bytes;
            let skipped = at.checked_sub(self.start).map(|bytes| bytes / source.page_bytes);
            let skipped = skipped.and_then(|pages| usize::try_from(pages).ok());
            let known = skipped.and_then(|pages| self.entries.get(pages..)).unwrap_or_default();
            if known.is_empty() {
                self.read(at, left, source)?;
                continue;
            }
            let taken = &known[..known.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            for entry in taken.iter().filter(|entry| entry.is_present()) {
                sharing.exclusive += u32::from(entry.is_exclusive());
                sharing.of_files += u32::from(entry.is_of_file());
                sharing.is_blurred |= blurs && !entry.is_exclusive();
            }
            at += taken.len() as u64 * source.page_bytes;
        }
        Some(())
    }

    fn read(&mut self, start: u64, pages: u64, source: &mut Source<'_>) -> Option<()> {
        let pages = usize::try_from(pages.clamp(SHORTEST_READ, LONGEST_READ)).ok()?;
        self.entries.clear();
        self.entries.resize(pages, Entry::default());
        let count = (source.entries)(start, &mut self.entries);
        self.entries.truncate(count);
        self.start = start;
        (count > 0).then_some(())
    }
}
