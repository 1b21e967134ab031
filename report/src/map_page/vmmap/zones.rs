//! vmmap's table of malloc's zones.

use std::sync::Arc;

use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{AddressRange, Family, MallocZone, Quantity, Region};

use crate::map_page::totals::Sum;
use crate::map_page::vmmap::size::VmmapSize;
use crate::metric::Metric;
use crate::text::escape;

const COLUMNS: [Metric; 4] = [
    Metric::Virtual,
    Metric::RESIDENT,
    Metric::Measured(Quantity::Dirty),
    Metric::Measured(Quantity::Swapped),
];
/// The cells between the longest name and the widest size.
const GAP: usize = 2;

/// The figures of a zone, or of all; unknown is `None`.
#[derive(Default)]
struct Figures {
    sums: [Option<u64>; 4],
    blocks: Option<u64>,
    bytes: Option<u64>,
    regions: Option<u64>,
}

impl Figures {
    fn of(zone: &MallocZone, regions: &[Region]) -> Self {
        let sum = zone.ranges.as_ref().map(|ranges| {
            Sum::of(regions.iter().filter(|region| {
                let own = region.identity.range;
                region.identity.label.region_type.family() == Family::Malloc
                    && ranges.iter().any(|range| range.start < own.end && own.start < range.end)
            }))
        });
        let (blocks, bytes) = zone.in_use.unzip();
        Self {
            sums: COLUMNS.map(|metric| sum.as_ref().and_then(|sum| sum.amounts.get(metric))),
            blocks,
            bytes,
            regions: sum.map(|sum| sum.amounts.regions),
        }
    }

    /// Returns the sums over all zones, unknown where those of one are.
    fn total(all: &[(String, Self)]) -> Self {
        let sum = |of: &dyn Fn(&Self) -> Option<u64>| -> Option<u64> {
            all.iter().map(|(_, figures)| of(figures)).sum()
        };
        Self {
            sums: [0, 1, 2, 3].map(|at| sum(&|figures| figures.sums[at])),
            blocks: sum(&|figures| figures.blocks),
            bytes: sum(&|figures| figures.bytes),
            regions: sum(&|figures| figures.regions),
        }
    }

    /// Returns the dirty and swapped bytes that no block takes, and their part of all such in percent.
    fn fragmentation(&self) -> Option<(u64, u64)> {
        let [.., dirty, swapped] = self.sums;
        let used = dirty?.saturating_add(swapped?);
        let free = used.saturating_sub(self.bytes?);
        Some((free, (u128::from(free) * 100 / u128::from(used.max(1))) as u64))
    }

    fn line(&self, name: &str, width: usize, sizes: VmmapSize) -> String {
        let gap = " ".repeat(width.saturating_sub(name.width()));
        let [virtual_size, rest @ ..] = self.sums.map(|bytes| sizes.text(bytes));
        let mut line = format!("{name}{gap} {virtual_size:>8}");
        rest.iter().for_each(|size| line.push_str(&format!(" {size:>10}")));
        let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let (free, percent) = self.fragmentation().unzip();
        let percent = percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"));
        line.push_str(&format!(
            " {:>10} {:>10} {:>10} {percent:>7} {:>7}\n",
            count(self.blocks),
            sizes.text(self.bytes),
            sizes.text(free),
            count(self.regions)
        ));
        line
    }
}

/// Names behind each region of malloc the zone that has its memory, as vmmap does: the first, where
/// several do; with `zone structure` for what the zone itself lies in.
pub(crate) fn name(regions: &mut [Region], zones: &[MallocZone]) {
    for zone in zones {
        let name = name_of(zone);
        let structure = format!("{name} zone structure");
        for region in regions.iter_mut() {
            let own = region.identity.range;
            let has = |range: &AddressRange| range.overlaps(own);
            let detail = match () {
                () if own.holds(zone.address) => &structure,
                () if zone.ranges.iter().flatten().any(has) => &name,
                () => continue,
            };
            let label = &region.identity.label;
            if label.region_type.family() == Family::Malloc && label.detail.is_none() {
                Arc::make_mut(&mut region.identity).label.detail = Some(detail.as_str().into());
            }
        }
    }
}

/// Returns a zone's name with its address. Not escaped.
fn name_of(zone: &MallocZone) -> String {
    format!("{}_0x{:x}", zone.name.as_deref().unwrap_or("MallocZone"), zone.address)
}

/// Returns the table of `zones`, whose sums are those of the `regions` that their memory lies in.
pub(crate) fn table(zones: &[MallocZone], regions: &[Region], sizes: VmmapSize) -> String {
    let named = |zone: &MallocZone| {
        (escape::terminal(&name_of(zone)).into_owned(), Figures::of(zone, regions))
    };
    let rows: Vec<(String, Figures)> = zones.iter().map(named).collect();
    let width =
        rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0).max("MALLOC ZONE".len()) + GAP;
    let heading = [
        [
            "",
            "VIRTUAL",
            "RESIDENT",
            "DIRTY",
            "SWAPPED",
            "ALLOCATION",
            "BYTES",
            "DIRTY+SWAP",
            "",
            "REGION",
        ],
        [
            "MALLOC ZONE",
            "SIZE",
            "SIZE",
            "SIZE",
            "SIZE",
            "COUNT",
            "ALLOCATED",
            "FRAG SIZE",
            "% FRAG",
            "COUNT",
        ],
        [
            "===========",
            "=======",
            "=========",
            "=========",
            "=========",
            "=========",
            "=========",
            "=========",
            "======",
            "======",
        ],
    ];
    let [first, second, ruler] = heading.map(|words| {
        let [name, virtual_size, others @ .., percent, count] = words;
        let mut line = format!("{name:<width$} {virtual_size:>8}");
        others.iter().for_each(|word| line.push_str(&format!(" {word:>10}")));
        line + &format!(" {percent:>7} {count:>7}\n")
    });
    let mut text = first + &second + &ruler;
    rows.iter().for_each(|(name, figures)| text.push_str(&figures.line(name, width, sizes)));
    text + &ruler + &Figures::total(&rows).line("TOTAL", width, sizes)
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::RegionType;

    use super::*;
    use crate::fixture::{K, memory, region};

    #[test]
    fn regions_of_malloc_name_their_zone() {
        let of = |start: u64, family| {
            region(start..start + K, RegionType::named("x", family), None, &[])
        };
        let mut regions = [0x1000, 0x2000, 0x3000, 0x9000].map(|start| of(start, Family::Malloc));
        regions[2] = of(0x3000, Family::Stack);
        let ranges = Some(vec![AddressRange::new(0x2200, 0x3300)]);
        let zone = |address, name: &str| MallocZone {
            address,
            name: Some(name.to_owned()),
            ranges: ranges.clone(),
            in_use: None,
        };
        name(&mut regions, &[zone(0x1010, "A"), zone(0x5000, "B")]);
        let shown =
            |region: &Region| region.identity.label.detail.as_ref().map(ToString::to_string);
        let [structure, memory, stack, other] = regions.each_ref().map(shown);
        assert_eq!(structure.as_deref(), Some("A_0x1010 zone structure"));
        assert_eq!(memory.as_deref(), Some("A_0x1010"));
        assert_eq!((stack, other), (None, None));
    }

    #[test]
    fn zones_have_the_sums_of_their_regions() {
        let malloc = |start: u64| {
            let of = RegionType::named("MALLOC_TINY", Family::Malloc);
            region(start..start + 1024 * K, of, None, &memory(96 * K, 96 * K, 96 * K))
        };
        let regions = [malloc(0x10_0000), malloc(0x20_0000), malloc(0x90_0000)];
        let known = MallocZone {
            address: 0x1_0534_8000,
            name: Some("DefaultMallocZone".to_owned()),
            ranges: Some(vec![AddressRange::new(0x10_0000, 0x30_0000)]),
            in_use: Some((173, 48 * K)),
        };
        let name = Some("Web\u{1b}Kit".to_owned());
        let other = MallocZone { address: 0x20, name, ..MallocZone::default() };
        let of = |zones: &[MallocZone]| table(zones, &regions, VmmapSize::Bytes);
        insta::assert_snapshot!(of(std::slice::from_ref(&known)), @r"
                                         VIRTUAL   RESIDENT      DIRTY    SWAPPED ALLOCATION      BYTES DIRTY+SWAP          REGION
        MALLOC ZONE                         SIZE       SIZE       SIZE       SIZE      COUNT  ALLOCATED  FRAG SIZE  % FRAG   COUNT
        ===========                      =======  =========  =========  =========  =========  =========  =========  ======  ======
        DefaultMallocZone_0x105348000      2048K       192K       192K         0K        173        48K       144K     75%       2
        ===========                      =======  =========  =========  =========  =========  =========  =========  ======  ======
        TOTAL                              2048K       192K       192K         0K        173        48K       144K     75%       2
        ");
        let both = of(&[known, other]);
        let line = |start: &str| both.lines().find(|line| line.starts_with(start)).unwrap();
        let unknown =
            |start: &str| line(start).split_whitespace().filter(|word| *word == "-").count();
        assert_eq!((unknown("Web\\x1bKit_0x20"), unknown("TOTAL")), (9, 9), "{both}");
    }
}
