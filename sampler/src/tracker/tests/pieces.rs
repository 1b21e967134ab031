//! Tests of regions that are parts of mappings or span several.

use super::*;
use crate::classify::piece::Piece;
use crate::label::{Confidence, Label};
use crate::procfs::smaps::SmapsParser;
use crate::quantity::{Quantities, Quantity};
use crate::region::{AddressRange, Identity, Protection, Provenance};
use crate::rule::Rule;
use crate::tracker::mappings::{Listing, Measured};
use crate::tracker::region_map::Plan;
use crate::vocabulary::types;

const PAGE: u64 = 4096;

pub(crate) fn piece(start: u64, end: u64, rule: &str) -> Piece {
    let label = Label {
        region_type: types::VM_ALLOCATE,
        detail: None,
        confidence: Confidence::Sure,
        rule: Rule::named(rule),
    };
    Piece { range: AddressRange::new(start, end), label }
}

/// Sizes with so many resident and private pages.
fn measured(pages: u64) -> Measured {
    let mut sizes = Quantities::UNKNOWN;
    sizes.set(Quantity::Resident, pages * PAGE);
    sizes.set(Quantity::Private, pages * PAGE);
    sizes.set(Quantity::Swapped, 0);
    let mode = if pages == 0 { ShareMode::Empty } else { ShareMode::Private };
    (Some(mode), sizes)
}

/// Memory with some present pages, and the number of times they were counted.
#[derive(Default)]
struct Pages {
    present: Vec<u64>,
    asked: Vec<AddressRange>,
    blind: bool,
}

impl Source for Pages {
    fn facts(&mut self, _: &[Mapping], _: &[AddressRange]) -> Facts {
        Facts::default()
    }

    fn peek(&mut self, _: u64, _: &mut [u8]) -> usize {
        0
    }

    fn present_bytes(&mut self, ranges: &[AddressRange]) -> Option<Vec<u64>> {
        self.asked.extend_from_slice(ranges);
        let count = |range: &AddressRange| {
            let pages = self.present.iter();
            pages.filter(|page| (range.start..range.end).contains(page)).count() as u64 * PAGE
        };
        (!self.blind).then(|| ranges.iter().map(count).collect())
    }
}

fn found(regions: &[Region]) -> Vec<(String, u64, &'static str, &'static str)> {
    regions
        .iter()
        .map(|region| {
            let Identity { range, .. } = &*region.identity;
            let resident = region.quantities.get(Quantity::Resident).unwrap() / PAGE;
            let mode = region.share_mode.map_or("-", ShareMode::name);
            (range.to_string(), resident, mode, region.provenance.name())
        })
        .collect()
}

fn row(
    range: &str,
    pages: u64,
    mode: &'static str,
    provenance: &'static str,
) -> (String, u64, &'static str, &'static str) {
    (range.to_owned(), pages, mode, provenance)
}

#[test]
fn a_mapping_cut_in_pieces_is_several_regions() {
    let mappings = mappings("10000-18000 rw-p 0 0:0 0 |rd wr");
    let pieces = [piece(0x10000, 0x12000, "A"), piece(0x13000, 0x18000, "B")];
    let mut plan = Plan::new(&mappings, &[measured(3)], &pieces, &Plan::default());
    let mut pages = Pages { present: vec![0x10000, 0x13000, 0x17000], ..Pages::default() };
    let regions = plan.regions(&[measured(3)], &mut pages);
    let expected = [
        row("10000-12000", 1, "PRV", "apportioned"),
        // Memory without a piece is a region too.
        row("12000-13000", 0, "NUL", "apportioned"),
        row("13000-18000", 2, "PRV", "apportioned"),
    ];
    assert_eq!(found(&regions), expected);
    assert_eq!(regions[1].identity.label.confidence, Confidence::Unknown);
    // Pages are counted again only if their number changed, and not at all if the number decides.
    let again = plan.regions(&[measured(3)], &mut pages);
    assert_eq!((again, pages.asked.len()), (regions.clone(), 3));
    let same = Plan::new(&mappings, &[measured(3)], &pieces, &plan);
    assert!(same.slots.iter().zip(&regions).all(|(a, b)| Arc::ptr_eq(&a.identity, &b.identity)));
    plan = same;
    plan.regions(&[measured(3)], &mut pages);
    plan.regions(&[measured(8)], &mut pages);
    plan.regions(&[measured(0)], &mut pages);
    assert_eq!(pages.asked.len(), 3);
    plan.regions(&[measured(4)], &mut pages);
    assert_eq!(pages.asked.len(), 6);
    pages.blind = true;
    let estimated = plan.regions(&[measured(5)], &mut pages);
    assert!(estimated.iter().all(|region| region.provenance == Provenance::Estimated));
}

#[test]
fn a_piece_over_touching_mappings_is_one_region() {
    let mappings = mappings(
        "10000-12000 rw-p 0 0:0 0 |rd wr
         12000-14000 rw-p 0 0:0 0 |rd wr hg
         14000-15000 ---p 0 0:0 0 |
         16000-17000 rw-p 0 0:0 0 |rd wr",
    );
    let shared = (Some(ShareMode::CopyOnWrite), measured(1).1);
    let sizes = [measured(2), shared, measured(0), measured(1)];
    let pieces = [piece(0x11000, 0x17000, "A")];
    let mut plan = Plan::new(&mappings, &sizes, &pieces, &Plan::default());
    let regions = plan.regions(&sizes, &mut Pages::default());
    // Other rights and holes end a region in any case.
    let expected = [
        row("10000-11000", 1, "PRV", "apportioned"),
        row("11000-14000", 2, "COW", "apportioned"),
        row("14000-15000", 0, "NUL", "measured"),
        row("16000-17000", 1, "PRV", "measured"),
    ];
    assert_eq!(found(&regions), expected);
    assert_eq!(&*regions[1].identity.flags, "p rd wr");
    assert_eq!(regions[2].identity.protection, Protection::NONE);
}

#[test]
fn offsets_follow_the_file_and_unlike_objects_are_none() {
    let mappings = mappings(
        "10000-14000 r--p 5000 8:1 9 /a|rd
         14000-15000 r--p 0 8:1 8 /b|rd",
    );
    let sizes = [measured(0), measured(0)];
    let pieces =
        [piece(0x10000, 0x11000, "A"), piece(0x11000, 0x12000, "A"), piece(0x12000, 0x15000, "B")];
    let plan = Plan::new(&mappings, &sizes, &pieces, &Plan::default());
    let of: Vec<_> = plan
        .slots
        .iter()
        .map(|slot| (slot.identity.offset, slot.identity.object.is_some()))
        .collect();
    assert_eq!(of, [(0x5000, true), (0x6000, true), (0, false)]);
}

#[test]
fn new_memory_in_a_guessed_region_is_noticed() {
    let mappings = mappings("10000-12000 rw-p 0 0:0 0 |rd wr\n12000-14000 rw-p 0 0:0 0 |rd wr");
    let mut pieces = [piece(0x10000, 0x12000, "A"), piece(0x12000, 0x14000, "R20")];
    pieces[1].label.confidence = Confidence::Guess;
    let sizes = [measured(0), measured(0)];
    let plan = Plan::new(&mappings, &sizes, &pieces, &Plan::default());
    assert!(!plan.has_news(&[measured(1), measured(0)]));
    assert!(plan.has_news(&[measured(1), measured(1)]));
}

/// Reads a capture as the sampler would.
fn capture(name: &str) -> Listing {
    let path = format!("{}/fixtures/{name}.smaps.zst", env!("CARGO_MANIFEST_DIR"));
    let text = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
    let mut listing = Listing::default();
    let mut parser = SmapsParser::new();
    listing.begin();
    for piece in text.chunks(3000) {
        parser.feed(piece, |record| listing.push(record)).unwrap();
    }
    parser.finish(|record| listing.push(record)).unwrap();
    listing.end();
    listing
}

/// Cuts mappings at any pages, and joins adjacent ones at random.
fn cut(mappings: &[Mapping], seed: u64) -> Vec<Piece> {
    let mut state = seed | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for mapping in mappings {
        let AddressRange { start, end } = mapping.range;
        let mut at = start;
        while at < end {
            let pages = (end - at) / PAGE;
            let to = if random(3) == 0 { at + PAGE * (1 + random(pages)) } else { end };
            match pieces.last_mut() {
                Some(last) if at == start && last.range.end == at && random(2) == 0 => {
                    last.range.end = to;
                }
                _ => pieces.push(piece(at, to, "A")),
            }
            at = to;
        }
    }
    pieces
}

#[test]
fn regions_sum_to_what_the_kernel_printed() {
    for name in ["chromium_renderer", "glibc_misc", "go_plain", "postgres_backend"] {
        let listing = capture(name);
        let (mappings, sizes) = (listing.mappings(), listing.sizes());
        for seed in 1..30 {
            let pieces = cut(mappings, seed * 7919);
            let mut plan = Plan::new(mappings, sizes, &pieces, &Plan::default());
            let mut pages = Pages { blind: seed % 2 == 0, ..Pages::default() };
            pages.present = mappings.iter().map(|mapping| mapping.range.start).collect();
            let regions = plan.regions(sizes, &mut pages);
            for quantity in Quantity::ALL {
                let sum: Option<u64> =
                    regions.iter().map(|region| region.quantities.get(quantity)).sum();
                let printed: Option<u64> = sizes.iter().map(|(_, sizes)| sizes.get(quantity)).sum();
                assert_eq!(sum, printed, "{name} {quantity:?}");
            }
            let size = |ranges: &mut dyn Iterator<Item = AddressRange>| {
                ranges.map(AddressRange::virtual_bytes).sum::<u64>()
            };
            assert_eq!(
                size(&mut regions.iter().map(|region| region.identity.range)),
                size(&mut mappings.iter().map(|mapping| mapping.range))
            );
            for region in &regions {
                let resident = region.quantities.get(Quantity::Resident).unwrap();
                assert!(resident <= region.identity.range.virtual_bytes());
            }
        }
    }
}
