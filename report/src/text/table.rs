//! Tables of text that keep within a width.
//!
//! One column may be cut in the middle; if that is not enough, columns are
//! dropped, the least needed first. Sizes line up.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::cell::line_up;
pub(crate) use crate::text::cell::{Cell, Tone};
use crate::text::escape;

/// The space between two columns.
const GAP: usize = 2;

/// On which side a column's text lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Names.
    Left,
    /// Numbers.
    Right,
}

/// The head of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    title: Cow<'static, str>,
    align: Align,
    drop_rank: u8,
}

impl Column {
    /// Creates a column that is always shown.
    pub const fn new(title: &'static str, align: Align) -> Self {
        Self { title: Cow::Borrowed(title), align, drop_rank: 0 }
    }

    /// Creates a column that is always shown, with an untrusted name.
    pub fn named(title: &str, align: Align) -> Self {
        let title = Cow::Owned(escape::terminal(title).into_owned());
        Self { title, align, drop_rank: 0 }
    }

    /// Lets the column be dropped where space is short; higher ranks go first.
    #[must_use]
    pub const fn droppable(mut self, rank: u8) -> Self {
        self.drop_rank = rank;
        self
    }
}

/// Rows under titles, and sums under the rows.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    /// The column that is cut where space is short, and how wide it stays.
    flexible: (usize, usize),
    rows: Vec<Vec<Cell>>,
    sums: Vec<Vec<Cell>>,
}

impl Table {
    /// Creates an empty table. Column number `flexible` is cut to keep within
    /// the width, but columns are dropped before it is cut below `min_width`.
    pub fn new(columns: Vec<Column>, flexible: usize, min_width: usize) -> Self {
        Self { columns, flexible: (flexible, min_width), rows: Vec::new(), sums: Vec::new() }
    }

    /// Adds a row with one cell a column.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Adds a row of sums, shown below a line.
    pub fn sum(&mut self, cells: Vec<Cell>) {
        self.sums.push(cells);
    }

    /// Returns whether it keeps within the width without a column less, or one cut below what it should show.
    pub fn fits(&self, width: usize) -> bool {
        let natural = self.lined_up().layout(usize::MAX);
        let (flexible, min_width) = self.flexible;
        let needed = natural.iter().map(|(index, natural)| {
            GAP + if *index == flexible { min_width.min(*natural) } else { *natural }
        });
        needed.sum::<usize>() <= width.saturating_add(GAP)
    }

    /// Writes the table, each line ended by a line break.
    pub fn render(&self, width: usize, color: bool) -> String {
        let lined_up = self.lined_up();
        let layout = lined_up.layout(width);
        let mut text = String::new();
        let titles: Vec<Cell> =
            self.columns.iter().map(|column| Cell::new(&column.title)).collect();
        let rule: Vec<Cell> = (0..self.columns.len())
            .map(|index| {
                let width = layout.iter().find(|(shown, _)| *shown == index).map_or(0, |at| at.1);
                Cell::new(&"=".repeat(width))
            })
            .collect();
        let rules = std::slice::from_ref(&rule);
        let below = if self.sums.is_empty() { &[] } else { rules };
        let lines = std::iter::once(&titles).chain(rules).chain(&lined_up.rows).chain(below);
        for cells in lines.chain(&lined_up.sums) {
            self.line(&mut text, cells, &layout, color);
        }
        text
    }

    /// Returns the table with its sizes lined up, in the units of one table.
    fn lined_up(&self) -> Self {
        let mut table = self.clone();
        line_up(table.rows.iter_mut().chain(&mut table.sums).flatten());
        table
    }

    /// Writes the table as Markdown, the first cells of sums in bold.
    pub(crate) fn markdown(&self) -> String {
        let lined_up = self.lined_up();
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let title = |column: &Column| escape::markdown(&column.title);
        let rule = |column: &Column| match column.align {
            Align::Left => "---".to_owned(),
            Align::Right => "---:".to_owned(),
        };
        let cells = |row: &[Cell]| -> Vec<String> {
            let texts = row.iter().map(|cell| escape::markdown(cell.text.trim_end()));
            let missing = self.columns.len().saturating_sub(row.len());
            texts.chain(std::iter::repeat_n(String::new(), missing)).collect()
        };
        let mut text = line(self.columns.iter().map(title).collect());
        text += &format!("|{}|\n", self.columns.iter().map(rule).collect::<Vec<_>>().join("|"));
        text.extend(lined_up.rows.iter().map(|row| line(cells(row))));
        for row in &lined_up.sums {
            let mut cells = cells(row);
            if let Some(name) = cells.first_mut().filter(|name| !name.is_empty()) {
                *name = format!("**{name}**");
            }
            text += &line(cells);
        }
        text
    }

    /// Returns each shown column with its width.
    fn layout(&self, width: usize) -> Vec<(usize, usize)> {
        let cells =
            |index: usize| self.rows.iter().chain(&self.sums).filter_map(move |r| r.get(index));
        let mut shown: Vec<(usize, usize)> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let widest = cells(index).map(|cell| cell.text.width()).max().unwrap_or(0);
                (index, widest.max(column.title.width()))
            })
            .collect();
        let (flexible, min_width) = self.flexible;
        loop {
            let total: usize = shown.iter().map(|(_, width)| width + GAP).sum();
            let excess = total.saturating_sub(GAP).saturating_sub(width);
            if excess == 0 {
                return shown;
            }
            let natural = shown.iter().find(|(index, _)| *index == flexible).map_or(0, |at| at.1);
            let droppable = (0..shown.len())
                .filter(|&at| self.columns[shown[at].0].drop_rank > 0)
                .max_by_key(|&at| self.columns[shown[at].0].drop_rank);
            match droppable {
                Some(at) if natural.saturating_sub(excess) < min_width.min(natural) => {
                    shown.remove(at);
                }
                _ => {
                    let cut = natural.saturating_sub(excess).max(1);
                    shown.iter_mut().filter(|at| at.0 == flexible).for_each(|at| at.1 = cut);
                    return shown;
                }
            }
        }
    }

    fn line(&self, text: &mut String, cells: &[Cell], layout: &[(usize, usize)], color: bool) {
        let start = text.len();
        for (at, &(index, width)) in layout.iter().enumerate() {
            let Some(cell) = cells.get(index) else { continue };
            let shown = cut_middle(&cell.text, width);
            let padding = " ".repeat(width.saturating_sub(shown.width()));
            if at > 0 {
                text.push_str("  ");
            }
            let painted = if color { cell.tone.paint(&shown) } else { Cow::Borrowed(&*shown) };
            match self.columns[index].align {
                Align::Left => text.extend([&*painted, &padding]),
                Align::Right => text.extend([&*padding, &painted]),
            }
        }
        text.truncate(start + text[start..].trim_end_matches(' ').len());
        text.push('\n');
    }
}

/// Returns `text` in at most `width` terminal cells, the middle replaced by `…` if it is longer.
pub(crate) fn cut_middle(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    // The end of a path says more than its beginning.
    let room = width.saturating_sub(1);
    let head = fitting(text.chars(), room / 2);
    let tail = fitting(text.chars().rev(), room - room / 2);
    let head: String = text.chars().take(head).collect();
    let skipped = text.chars().count() - tail;
    let tail: String = text.chars().skip(skipped).collect();
    if width == 0 { Cow::Borrowed("") } else { Cow::Owned(format!("{head}…{tail}")) }
}

/// Returns `text` in at most `width` terminal cells, the end replaced by `…` if it is longer.
pub(crate) fn cut_end(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let head = fitting(text.chars(), width.saturating_sub(1));
    Cow::Owned(text.chars().take(head).chain(['…']).collect())
}

/// Returns how many characters fit into `room` terminal cells.
fn fitting(characters: impl Iterator<Item = char>, room: usize) -> usize {
    let mut used = 0;
    // It asks for the coloured form of the character before it, which takes a cell more.
    let width = |character: &char| match character {
        '\u{fe0f}' => 1,
        other => other.width().unwrap_or(0),
    };
    characters
        .take_while(|character| {
            used += width(character);
            used <= room
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small() -> Table {
        let columns = vec![
            Column::new("NAME", Align::Left),
            Column::new("SIZE", Align::Right),
            Column::new("RARE", Align::Right).droppable(1),
        ];
        let mut table = Table::new(columns, 0, 8);
        let cells = |texts: [&str; 3]| texts.map(Cell::new).to_vec();
        table.row(cells(["日本語/libc.so.6", "4K", "1"]));
        table.row(cells(["evil\n\x1b[2J", "12.5M", "2"]));
        table.sum(cells(["TOTAL", "12.5M", "3"]));
        table
    }

    #[test]
    fn columns_align_and_names_are_cut_before_columns_go() {
        insta::assert_snapshot!(small().render(80, false), @r"
    NAME               SIZE  RARE
    ================  =====  ====
    日本語/libc.so.6     4K     1
    evil\n\x1b[2J     12.5M     2
    ================  =====  ====
    TOTAL             12.5M     3
    ");
        insta::assert_snapshot!(small().render(21, false), @r"
    NAME       SIZE  RARE
    ========  =====  ====
    日…so.6      4K     1
    evi…b[2J  12.5M     2
    ========  =====  ====
    TOTAL     12.5M     3
    ");
        insta::assert_snapshot!(small().render(18, false), @r"
    NAME          SIZE
    ===========  =====
    日本….so.6      4K
    evil\…1b[2J  12.5M
    ===========  =====
    TOTAL        12.5M
    ");
    }

    #[test]
    fn markdown_has_every_column_and_no_name_ends_a_cell() {
        let mut table = small();
        table.row(vec![Cell::new("a|b")]);
        insta::assert_snapshot!(table.markdown(), @r"
    | NAME | SIZE | RARE |
    |---|---:|---:|
    | 日本語/libc.so.6 | 4K | 1 |
    | evil&#92;n&#92;x1b&#91;2J | 12.5M | 2 |
    | a&#124;b |  |  |
    | **TOTAL** | 12.5M | 3 |
    ");
    }

    #[test]
    fn decimal_points_of_a_column_stand_below_each_other() {
        let mut table = Table::new(
            vec![Column::new("GROWTH", Align::Right), Column::new("AFTER", Align::Right)],
            0,
            1,
        );
        let mut row = |change: Option<i128>, after| {
            table.row(vec![Cell::size_change(change), Cell::size(after)]);
        };
        row(Some(146_066_636), Some(1_503_238_553_600));
        row(Some(4672 << 10), Some(13_107_200));
        row(Some(-(512 << 10)), Some(1_181_116_006));
        row(Some(300), Some(0));
        row(Some(0), None);
        row(None, Some(4096));
        insta::assert_snapshot!(table.render(80, false), @r"
         GROWTH  AFTER
        =======  =====
        +139.3M   1.4T
          +4.6M  12.5M
        -512K     1.1G
        +300B     0K
           0K        -
              -   4K
        ");
        let mut table = Table::new(vec![Column::new("SIZE", Align::Right)], 0, 1);
        for size in [9999 << 10, 4096, 0] {
            table.row(vec![Cell::size(Some(size))]);
        }
        insta::assert_snapshot!(table.render(80, false), @r"
         SIZE
        =====
        9999K
           4K
           0K
        ");
    }

    #[test]
    fn colour_takes_no_space() {
        let mut table = Table::new(vec![Column::new("N", Align::Right)], 0, 1);
        table.row(vec![Cell::new("+4K").toned(Tone::Growth)]);
        assert_eq!(table.render(80, true), "  N\n===\n\x1b[31m+4K\x1b[0m\n");
        assert_eq!(table.render(80, false), "  N\n===\n+4K\n");
    }

    #[test]
    fn a_coloured_form_takes_its_cells() {
        for width in 0..9 {
            let cut = cut_middle(" a\u{11459}\u{1f56f}\u{fe0f}a\u{102e1}bcd", width).into_owned();
            assert!(cut.width() <= width.max(1), "{cut:?} of {width}");
        }
    }

    proptest! {
        #[test]
        fn cut_text_fits(text in any::<String>(), width in 0..40_usize) {
            prop_assert!(cut_middle(&escape::terminal(&text), width).width() <= width.max(1));
            prop_assert!(cut_end(&escape::terminal(&text), width).width() <= width.max(1));
        }
    }
}
