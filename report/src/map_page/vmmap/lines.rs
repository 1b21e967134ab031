//! Rows as vmmap's lines.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use vmrec_sampler::Quantity;

use crate::map_page::legend::printed;
use crate::map_page::lines::{behind, type_of};
use crate::map_page::options::PageOptions;
use crate::map_page::row::PageRow;
use crate::map_page::vmmap::size::VmmapSize;
use crate::metric::Metric;

/// The line above the rows.
pub(crate) const HEADING: &str = "REGION TYPE                    START - END         \
     [ VSIZE  RSDNT  DIRTY   SWAP] PRT/MAX SHRMOD PURGE    REGION DETAIL";

/// The sizes in the brackets.
const SIZES: [Metric; 4] =
    [Metric::Virtual, Metric::RESIDENT, Metric::Measured(Quantity::Dirty), Metric::SWAPPED];
/// The cells of a type's name, unless all of it is wanted.
const TYPE: usize = 24;

/// Writes one row.
pub(crate) fn row(text: &mut String, row: &PageRow, options: &PageOptions, sizes: VmmapSize) {
    let kind = &row.kind;
    let name = type_of(kind, options.naming);
    let name = if options.width.is_some() { cut(&name) } else { &name };
    let range = row.range.to_string();
    let (start, end) = range.split_once('-').unwrap_or((&range, ""));
    let sums = SIZES.map(|metric| format!("{:>6}", sizes.text(row.sums.get(metric)))).join(" ");
    let max_protection = kind.max_protection.map_or_else(|| "-".to_owned(), |max| max.to_string());
    let mode = format!("SM={}", kind.share_mode.map_or("-", printed));
    let purge = kind.purge.map_or_else(String::new, |state| format!("PURGE={}", state.letter()));
    let padding = " ".repeat((TYPE + 1).saturating_sub(name.width()));
    let line = format!(
        "{name}{padding}{start:>12}-{end:<12} [{sums}] {}/{max_protection} {mode:<6} {purge:<7}  {}",
        kind.protection,
        behind(kind, None),
    );
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Returns as much of a name as fits its column.
fn cut(name: &str) -> &str {
    let mut width = 0;
    let fits = |(_, character): &(usize, char)| {
        width += character.width().unwrap_or(0);
        width <= TYPE
    };
    let end = name.char_indices().take_while(fits).last();
    end.map_or("", |(at, last)| &name[..at + last.len_utf8()]).trim_end()
}
