//! The meaning of the page's codes, and a list of figures it cannot show.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{Host, Rule, ShareMode};

use crate::counting::Counting;
use crate::map_page::extras::Submap;
use crate::map_page::flags::Purge;
use crate::map_page::options::PageOptions;
use crate::map_page::row::PageRow;
use crate::text::escape;

/// Returns the meaning of every share mode and purge state that `rows` have.
pub(crate) fn modes(rows: &[PageRow], purge: bool) -> String {
    let used = |mode: &ShareMode| rows.iter().any(|row| row.kind.share_mode == Some(*mode));
    let words: Vec<String> = ShareMode::ALL
        .into_iter()
        .filter(used)
        .map(|mode| format!("{}={}", printed(mode), meaning(mode)))
        .collect();
    let mut text = String::from("SM=sharing mode:\n");
    for line in words.chunks(4) {
        text.push_str(&format!("    {}\n", line.join(" ")));
    }
    if rows.iter().any(|row| row.kind.share_mode.is_none()) {
        text.push_str("    -=unknown\n");
    }
    let states: Vec<String> = Purge::ALL
        .into_iter()
        .filter(|state| rows.iter().any(|row| row.kind.purge == Some(*state)))
        .map(|state| format!("{}={}", state.letter(), state.meaning()))
        .collect();
    if purge && !states.is_empty() {
        let states = states.join(" ");
        text.push_str(&format!("PURGE=purgeable mode:\n    {states}, otherwise unpurgeable\n"));
    }
    text
}

/// Returns the meaning of every rule that `rows` show; nothing where they show none.
pub(crate) fn rules(rows: &[PageRow]) -> String {
    let used: BTreeSet<&Rule> =
        rows.iter().filter_map(|row| row.kind.why.as_ref()).map(|(_, rule)| rule).collect();
    let names: Vec<_> = used.iter().map(|rule| escape::terminal(rule.name())).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (rule, name) in used.iter().zip(&names) {
        let meaning = rule.meaning().unwrap_or("A rule of a newer version of vmrec.");
        text.push_str(&format!("{name}{} {meaning}\n", " ".repeat(width - name.width())));
    }
    text
}

/// Returns the letters of `mode` on the page: vmmap's, which for private memory mapped more than
/// once are those of zero-filled memory.
pub(crate) const fn printed(mode: ShareMode) -> &'static str {
    match mode {
        ShareMode::PrivateAliased => "ZER",
        mode => mode.name(),
    }
}

const fn meaning(mode: ShareMode) -> &'static str {
    match mode {
        ShareMode::Private => "private",
        ShareMode::CopyOnWrite => "copy_on_write",
        ShareMode::Empty => "empty",
        ShareMode::Shared => "shared",
        ShareMode::Aliased => "aliased",
        ShareMode::PrivateAliased => "private_aliased_within_the_process",
        ShareMode::SharedAliased => "shared_aliased",
        ShareMode::LargePage => "large_page",
    }
}

/// The heaps that a page has a table of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heaps {
    /// None.
    Unknown,
    /// Those of glibc's arenas.
    Arenas,
    /// malloc's zones.
    Zones,
}

/// Returns a line for each thing of vmmap's page that is not there, and why.
pub(crate) fn notes(
    host: &Host,
    options: &PageOptions,
    submaps: &[Submap],
    heaps: Heaps,
    counting: Option<Counting>,
) -> String {
    let mut lines = Vec::new();
    if host.os == "linux" {
        lines.push(
            "Linux has no purgeable memory: no PURGE=, VOLATILE, NONVOL and EMPTY are shown.",
        );
        if options.submap {
            lines.push("Linux has no VM submaps: every mapping belongs to the process itself.");
        }
        if options.all_split_libs {
            lines
                .push("Linux has no shared region of split libraries, only pages that are shared:");
            lines.push("the shared clean pages above are of libraries this process maps itself.");
        }
    } else {
        lines.extend(counting.map(|counting| match counting {
            Counting::Footprint => {
                "Sizes in memory count pages that this process maps, as its footprint does."
            }
            Counting::Objects => {
                "Sizes in memory count pages of objects, mapped by this process or not."
            }
        }));
        if options.submap && submaps.is_empty() {
            lines.push("No region lies in a submap.");
        }
        if options.all_split_libs {
            lines.push("Split libraries that this process does not map are not known.");
        }
        lines.push("VOLATILE, NONVOL, EMPTY: virtual sizes; if all are 0 they may be left out.");
    }
    lines.push(match (heaps, &*host.os) {
        (Heaps::Zones, _) => "Sizes of a zone are those of the regions that its memory lies in.",
        (Heaps::Arenas, _) => {
            "What is in use inside a heap is not known, nor which arena a heap is of."
        }
        (Heaps::Unknown, "linux") => {
            "No table of malloc zones: no heap of a glibc arena is proved here."
        }
        (Heaps::Unknown, _) => "No table of malloc zones: they are not known.",
    });
    lines.iter().map(|line| format!("{line}\n")).collect()
}
