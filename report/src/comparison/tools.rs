//! The systems' own tools, and the sums in what they print: read loosely, for
//! their texts differ from version to version. What is not found stays unknown.

use vmrec_sampler::{Quantity, SumOf, SystemSum};

/// A program of a system that prints sums of a process.
#[derive(Debug)]
pub struct Tool {
    /// The system that has it, as `Host::os` names it.
    pub os: &'static str,
    /// Its name.
    pub program: &'static str,
    /// Its arguments, which the pid follows.
    pub arguments: &'static [&'static str],
    /// The sums it gives.
    pub sums: &'static [SumOf],
    pub(crate) parse: fn(&str) -> Vec<SystemSum>,
}

const RESIDENT: SumOf = SumOf::Measured(Quantity::Resident);
const DIRTY: SumOf = SumOf::Measured(Quantity::Dirty);
const SWAPPED: SumOf = SumOf::Measured(Quantity::Swapped);

/// Every tool asked.
pub const TOOLS: [Tool; 3] = [
    Tool {
        os: "linux",
        program: "pmap",
        arguments: &["-x"],
        sums: &[SumOf::Virtual, RESIDENT, DIRTY],
        parse: pmap,
    },
    Tool {
        os: "macos",
        program: "vmmap",
        // By default the libraries of the shared cache that the process does not use are left out.
        arguments: &["-summary", "-allSplitLibs"],
        sums: &[SumOf::Virtual, RESIDENT, DIRTY, SWAPPED, SumOf::Footprint],
        parse: vmmap,
    },
    Tool {
        os: "macos",
        program: "footprint",
        arguments: &["-f", "bytes", "--noCategories", "-p"],
        sums: &[SumOf::Footprint],
        parse: footprint,
    },
];

/// Reads the last line of `pmap -x`: size, resident and dirty in K.
fn pmap(text: &str) -> Vec<SystemSum> {
    let Some(total) = text.lines().rev().find_map(|line| line.strip_prefix("total kB")) else {
        return Vec::new();
    };
    let kilobytes = |word: &str| word.parse::<u64>().ok()?.checked_mul(1 << 10);
    [SumOf::Virtual, RESIDENT, DIRTY]
        .into_iter()
        .zip(total.split_whitespace())
        .filter_map(|(of, word)| {
            Some(SystemSum { source: "pmap", of, bytes: kilobytes(word)?, slack_bytes: 0 })
        })
        .collect()
}

/// Rows of vmmap's sums that are no regions.
const NO_REGIONS: [&str; 2] = ["page table in kernel", "owned unmapped"];

/// Reads the footprint and the first line `TOTAL` of `vmmap -summary`, by the heads of its columns;
/// the virtual size is without the rows that are no regions.
fn vmmap(text: &str) -> Vec<SystemSum> {
    let mut sums = Vec::new();
    let mut add = |of, size: Option<RoundedSize>| {
        if let Some(RoundedSize { bytes, slack_bytes }) = size {
            sums.push(SystemSum { source: "vmmap", of, bytes, slack_bytes });
        }
    };
    let mut heads: Option<Vec<&str>> = None;
    let mut no_regions = RoundedSize { bytes: 0, slack_bytes: 0 };
    for line in text.lines() {
        if let Some(rest) = NO_REGIONS.iter().find_map(|name| line.strip_prefix(name)) {
            // The first word behind the name, of which `(graphics)` may be a part, is the size.
            let size = rest.split_whitespace().find_map(size);
            let size = size.unwrap_or(RoundedSize { bytes: 0, slack_bytes: 0 });
            no_regions.bytes = no_regions.bytes.saturating_add(size.bytes);
            no_regions.slack_bytes = no_regions.slack_bytes.saturating_add(size.slack_bytes);
            continue;
        }
        let mut words = line.split_whitespace();
        if let Some(value) = line.trim_start().strip_prefix("Physical footprint:") {
            add(SumOf::Footprint, size(value));
        } else if heads.is_none() && words.clone().next() == Some("VIRTUAL") {
            heads = Some(words.collect());
        } else if let (Some(heads), Some("TOTAL")) = (&heads, words.next()) {
            for (head, word) in heads.iter().zip(words) {
                match *head {
                    "VIRTUAL" => add(
                        SumOf::Virtual,
                        size(word).map(|size| RoundedSize {
                            bytes: size.bytes.saturating_sub(no_regions.bytes),
                            slack_bytes: size.slack_bytes.saturating_add(no_regions.slack_bytes),
                        }),
                    ),
                    "RESIDENT" => add(RESIDENT, size(word)),
                    "DIRTY" => add(DIRTY, size(word)),
                    "SWAPPED" => add(SWAPPED, size(word)),
                    _ => {}
                }
            }
            break;
        }
    }
    sums
}

/// Reads the line `phys_footprint` of `footprint`.
fn footprint(text: &str) -> Vec<SystemSum> {
    let value = text.lines().find_map(|line| line.trim_start().strip_prefix("phys_footprint:"));
    let size = value.and_then(size);
    let sum = |RoundedSize { bytes, slack_bytes }| SystemSum {
        source: "footprint",
        of: SumOf::Footprint,
        bytes,
        slack_bytes,
    };
    size.map(sum).into_iter().collect()
}

/// A size in words, and how much the words may have rounded away.
#[derive(Debug, PartialEq, Eq)]
struct RoundedSize {
    bytes: u64,
    slack_bytes: u64,
}

/// Reads a size such as `2352`, `9724K`, `5.1G`, `1856 KB` or `54 MB`, in powers of 1024.
fn size(text: &str) -> Option<RoundedSize> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim_start().as_bytes().first() {
        None | Some(b'B') => 0,
        Some(b'K') => 10,
        Some(b'M') => 20,
        Some(b'G') => 30,
        Some(b'T') => 40,
        Some(_) => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let unit_bytes = 1_u128 << shift;
    let bytes = u64::try_from(digits.checked_mul(unit_bytes)?.div_ceil(scale)).ok()?;
    let exact = shift == 0 && part.is_empty();
    // Half of the last digit, and as much again for a tool that cuts rather than rounds.
    let slack = if exact { 0 } else { unit_bytes.div_ceil(scale) };
    Some(RoundedSize { bytes, slack_bytes: u64::try_from(slack).ok()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Printed on Linux by procps 4.0.
    const PMAP: &str = "\
4242:   sleep 100
Address           Kbytes     RSS   Dirty Mode  Mapping
00007fff83aba000     132      12      12 rw---   [ stack ]
ffffffffff600000       4       0       0 --x--   [ anon ]
---------------- ------- ------- ------- 
total kB            2924    1692     108
";

    /// In the layout that its manual describes; the sizes are made up.
    const VMMAP: &str = "\
Process:         demo [4242]
Code Type:       ARM64
----

Physical footprint:         133.4M
Physical footprint (peak):  161.5M
----

ReadOnly portion of Libraries: Total=784.9M resident=229.0M(29%) swapped_out_or_unallocated=555.9M(71%)
Writable regions: Total=1.6G written=95.8M(6%) resident=73.7M(4%) swapped_out=54.8M(3%) unallocated=1.5G(91%)

                                VIRTUAL RESIDENT    DIRTY  SWAPPED VOLATILE   NONVOL    EMPTY   REGION 
REGION TYPE                        SIZE     SIZE     SIZE     SIZE     SIZE     SIZE     SIZE    COUNT (non-coalesced) 
===========                     ======= ========    =====  ======= ========   ======    =====  ======= 
MALLOC_SMALL                      56.0M    10.2M    9724K    2352K       0K       0K       0K        7         see MALLOC ZONE table below
__FONT_DATA                        2352        0        0        0        0        0        0        1 
===========                     ======= ========    =====  ======= ========   ======    =====  ======= 
TOTAL                              5.1G   434.0M    73.4M    54.8M       0K    18.9M       0K     3274 
TOTAL, minus reserved VM space     4.9G   434.0M    73.4M    54.8M       0K    18.9M       0K     3274 

                                 VIRTUAL   RESIDENT      DIRTY    SWAPPED ALLOCATION      BYTES DIRTY+SWAP          REGION
MALLOC ZONE                         SIZE       SIZE       SIZE       SIZE      COUNT  ALLOCATED  FRAG SIZE  % FRAG   COUNT
TOTAL                              56.0M      10.2M      9724K      2352K        100       900K         0K      0%       7
";

    const FOOTPRINT: &str = "\
======================================================================
demo [4242]: 64-bit    Footprint: 2183280 B (16384 bytes per page)
======================================================================

Auxiliary data:
    phys_footprint_peak: 3277872 B
    phys_footprint: 2228336 B
";

    fn read(sums: &[SystemSum]) -> Vec<(&'static str, u64, u64)> {
        sums.iter().map(|sum| (sum.of.name(), sum.bytes, sum.slack_bytes)).collect()
    }

    #[test]
    fn pmap_has_its_sums_in_the_last_line() {
        let expected = [
            ("virtual_bytes", 2924 << 10, 0),
            ("resident_bytes", 1692 << 10, 0),
            ("dirty_bytes", 108 << 10, 0),
        ];
        assert_eq!(read(&pmap(PMAP)), expected);
        assert_eq!(pmap("total kB\n"), []);
    }

    #[test]
    fn vmmap_has_its_sums_in_the_first_total() {
        let tenth = (1_u64 << 20).div_ceil(10);
        let expected = [
            ("footprint_bytes", (1334_u64 << 20).div_ceil(10), tenth),
            ("virtual_bytes", (51_u64 << 30).div_ceil(10), (1_u64 << 30).div_ceil(10)),
            ("resident_bytes", 434 << 20, tenth),
            ("dirty_bytes", (734_u64 << 20).div_ceil(10), tenth),
            ("swapped_bytes", (548_u64 << 20).div_ceil(10), tenth),
        ];
        assert_eq!(read(&vmmap(VMMAP)), expected);
        let older = "   VIRTUAL   REGION\nREGION TYPE  SIZE  COUNT\nTOTAL   276K  110\n";
        assert_eq!(read(&vmmap(older)), [("virtual_bytes", 276 << 10, 1 << 10)]);
    }

    #[test]
    fn rows_that_are_no_regions_are_left_out_of_the_virtual_size() {
        let row = "owned unmapped (graphics)   406.5M  406.5M  406.5M  0K  0K  0K  0K  2\n";
        let text =
            VMMAP.replace("__FONT_DATA", &format!("{row}page table in kernel  1K\n__FONT_DATA"));
        let [before, after] = [VMMAP, &text]
            .map(|text| vmmap(text).into_iter().find(|sum| sum.of == SumOf::Virtual).unwrap());
        let left_out = (4065_u64 << 20).div_ceil(10) + 1024;
        assert_eq!(before.bytes - after.bytes, left_out);
        assert_eq!(after.slack_bytes - before.slack_bytes, (1_u64 << 20).div_ceil(10) + 1024);
    }

    #[test]
    fn footprint_names_its_sum() {
        assert_eq!(read(&footprint(FOOTPRINT)), [("footprint_bytes", 2_228_336, 0)]);
        assert_eq!(footprint("phys_footprint_peak: 1 B"), []);
    }

    #[test]
    fn sizes_have_units_of_1024() {
        let of = |text| size(text).map(|size| (size.bytes, size.slack_bytes));
        assert_eq!(of("0K"), Some((0, 1 << 10)));
        assert_eq!(of(" 54 MB"), Some((54 << 20, 1 << 20)));
        assert_eq!(of("1.5K"), Some((1536, 103)));
        assert_eq!(of("2352"), Some((2352, 0)));
        for wrong in ["", "K", "-", "-1K", "1X", "1.2.3K", "99999999999999999999T"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_only_sums_that_its_tool_has(
            text in "(phys_footprint:|Physical footprint:|VIRTUAL RESIDENT|TOTAL|total kB)?\n?[0-9.KMGTB TOTAL,VIRTUAL\n:-]{0,60}",
        ) {
            for tool in &TOOLS {
                for sum in (tool.parse)(&text) {
                    prop_assert_eq!(sum.source, tool.program);
                    prop_assert!(tool.sums.contains(&sum.of), "{:?}", sum);
                }
            }
        }

        #[test]
        fn any_size_is_read_within_its_slack_or_refused(
            number in "[0-9]{0,4}(\\.[0-9]{0,3})?",
            unit in prop::sample::select(&["", "B", "K", " KB", "M", "G", "T", "X"][..]),
        ) {
            let scale = match unit.trim().chars().next() {
                None | Some('B') => Some(0),
                Some(letter) => "KMGT".find(letter).map(|at| 10 * (at as i32 + 1)),
            };
            let exact = number.parse::<f64>().ok().zip(scale);
            let exact = exact.map(|(number, scale)| number * f64::from(scale).exp2());
            let read = size(&format!("{number}{unit}"));
            prop_assert_eq!(read.is_some(), exact.is_some(), "{}{}", number, unit);
            if let (Some(read), Some(exact)) = (read, exact) {
                // rounded up to a byte, and floating point has 53 bits
                let off = (read.bytes as f64 - exact).abs();
                prop_assert!(off <= 2.0_f64.min(read.slack_bytes as f64), "{:?}", read);
            }
        }
    }
}
