//! Where everything of a chart lies, in pixels.

use crate::chart::options::ChartKind;
use crate::chart::select::{Selection, Shown};
use crate::chart::{labels, marks, text};
use crate::metric::Unit;
use crate::series::Series;

/// Space at the left and right edge of the picture.
pub(crate) const MARGIN: f64 = 18.0;
/// Font size of the ticks' labels.
pub(crate) const TICK_SIZE: f64 = 11.0;
/// Font size of the footer.
pub(crate) const FOOTER_SIZE: f64 = 10.0;
/// Height of a line of the footer.
pub(crate) const FOOTER_LINE: f64 = 14.0;
/// Below this width a picture has fewer words, and labels no column of their own.
pub(crate) const NARROW: f64 = 600.0;
/// The minimum part of the height that the plot has, unless its labels lie beside it.
pub(crate) const MIN_PLOT_PART: f64 = 0.55;
/// Height of a line of the list of marks.
pub(crate) const LIST_LINE: f64 = 15.0;
/// Height of the row of time labels, and of the dates below it.
pub(crate) const TIME_ROW: f64 = 22.0;
pub(crate) const DATE_ROW: f64 = 14.0;
/// From the plot to a label's swatch and from there to its text.
pub(crate) const LEADER: f64 = 16.0;
pub(crate) const SWATCH: f64 = 14.0;
/// The same for a line, whose dashes are to be seen.
const LINE_SWATCH: f64 = 30.0;

/// A part of a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A label: name, last value and the one farthest from the first.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) now: String,
    pub(crate) peak: String,
    /// Whether the peak is worth a word beside the last value.
    pub(crate) fell: bool,
}

impl Label {
    /// Returns it in one line.
    pub(crate) fn line(&self) -> String {
        let peak = if self.fell { format!(", peak {}", self.peak) } else { String::new() };
        format!("{} {}{peak}", self.name, self.now)
    }
}

/// The labels of the columns of values.
pub(crate) const NOW: &str = "now";
pub(crate) const PEAK: &str = "peak";
/// Space between two columns of the labels.
const COLUMN_GAP: f64 = 12.0;

/// Where the labels go.
#[derive(Clone, Debug)]
pub(crate) enum Legend {
    /// At the right edge, beside what they name, from the bottom of the stack to its top, with
    /// the width of the column of peaks.
    Beside(Vec<Label>, f64),
    /// In rows above the plot: the index of each, its left edge and row.
    Above(Vec<(usize, Label, f64, usize)>),
}

/// The rectangle of the data and what lies around it.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) width: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    /// Top of the rows of the legend and of the marks' texts.
    pub(crate) legend_top: f64,
    pub(crate) marks_top: f64,
    pub(crate) key: Legend,
    /// From a label's swatch to its text.
    pub(crate) swatch: f64,
    pub(crate) kind: ChartKind,
}

/// A maximum below this part of the largest one hardly shows in the picture: no label gives it.
const MAX_SHARE_UNSEEN: u64 = 20;
/// The maximum part of the width that labels take.
const MAX_LABEL_PART: f64 = 0.34;

/// The maximum number of lines that list marks.
const MAX_LIST_LINES: usize = 2;
/// Below this height a narrow picture lists no marks.
const LOW: f64 = 300.0;

/// The elements that need room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    pub(crate) kind: ChartKind,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Height of the lines above all else.
    pub(crate) header: f64,
    /// Width of the widest label of the value axis.
    pub(crate) value_labels: f64,
    /// Whether there are marks.
    pub(crate) marks: bool,
    /// How many lines list marks.
    pub(crate) list_lines: usize,
    pub(crate) date_row: bool,
    pub(crate) footer_lines: usize,
}

impl Needs {
    pub(crate) fn is_narrow(&self) -> bool {
        self.width < NARROW
    }

    /// Returns how many lines may list marks: in a low picture the plot needs their room.
    pub(crate) fn max_list_lines(&self) -> usize {
        match (self.is_narrow(), self.height < LOW) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => MAX_LIST_LINES,
        }
    }

    /// Returns the height of what lies below the plot.
    fn below(&self) -> f64 {
        let dates = if self.date_row { DATE_ROW } else { 0.0 };
        let space = if self.is_narrow() { 4.0 } else { 16.0 };
        let list = self.list_lines as f64 * LIST_LINE;
        self.footer_lines as f64 * FOOTER_LINE + space + TIME_ROW + dates + list
    }
}

/// Lays out a chart.
pub(crate) fn lay_out(labels: Vec<Label>, needs: &Needs) -> Layout {
    let left = MARGIN + needs.value_labels + 8.0;
    let bottom = needs.height - needs.below();
    // In a narrow picture numbers of marks lie on the plot.
    let marks = if needs.marks && !needs.is_narrow() { marks::ROW } else { 0.0 };
    // Decided by what there may be, so that columns stay where they are once the rows are known.
    let most = Needs {
        list_lines: if needs.marks { MAX_LIST_LINES } else { 0 },
        date_row: true,
        ..*needs
    };
    let room = needs.height - most.below() - needs.header - marks;
    let lines = labels.len() + 1;
    let beside = !needs.is_narrow() && lines as f64 * labels::LINE <= room;
    if beside {
        let [now, peak] = columns(&labels);
        let swatch = if needs.kind == ChartKind::Growth { LINE_SWATCH } else { SWATCH };
        let widest = labels.iter().map(|label| text::width(&label.name, labels::SIZE));
        let wanted = LEADER + swatch + widest.fold(0.0, f64::max) + now + peak + 2.0 * COLUMN_GAP;
        let column = wanted.min(needs.width * MAX_LABEL_PART);
        let right = needs.width - MARGIN - column;
        let names = column - LEADER - swatch - now - peak - 2.0 * COLUMN_GAP;
        let key = Legend::Beside(cut(labels, names), peak + COLUMN_GAP);
        let top = needs.header + marks + 2.0;
        return Layout {
            width: needs.width,
            left,
            right,
            top,
            bottom,
            legend_top: needs.header,
            marks_top: needs.header,
            key,
            swatch,
            kind: needs.kind,
        };
    }
    let right = needs.width - MARGIN;
    let room = right - MARGIN;
    let each = room / labels.len().clamp(1, 2) as f64;
    let line = |label: Label| {
        let values =
            text::width(&label.line(), labels::SIZE) - text::width(&label.name, labels::SIZE);
        let name = text::fit(&label.name, labels::SIZE, each - labels::SWATCH - values);
        Label { name, ..label }
    };
    // The one that moved most comes first.
    let labels: Vec<(usize, Label)> = labels.into_iter().map(line).enumerate().rev().collect();
    let entries: Vec<String> = labels.iter().map(|(_, label)| label.line()).collect();
    let places = labels::flow(&entries, room);
    // Those that moved least have no label where rows would take the plot's room.
    let spare = needs.height * (1.0 - MIN_PLOT_PART) - needs.header - marks - 2.0 - needs.below();
    let max_rows = ((spare / labels::LINE) as usize).max(1);
    let rows = places.last().map_or(0, |(_, row)| row + 1).min(max_rows);
    let marks_top = needs.header + rows as f64 * labels::LINE;
    let entry = |((index, label), (x, row))| (index, label, x, row);
    let placed = labels.into_iter().zip(places).filter(|(_, (_, row))| *row < max_rows);
    let key = placed.map(entry).collect();
    Layout {
        width: needs.width,
        left,
        right,
        // However little room there is, something of the data is seen.
        top: (marks_top + marks + 2.0).min(bottom - 40.0),
        bottom,
        legend_top: needs.header,
        marks_top,
        key: Legend::Above(key),
        swatch: SWATCH,
        kind: needs.kind,
    }
}

/// Returns the widths of the columns of last values, which are bold, and of peaks.
fn columns(labels: &[Label]) -> [f64; 2] {
    let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
    let [now, peak] = [NOW, PEAK].map(|head| text::width(head, labels::SIZE));
    [
        widest(&mut labels.iter().map(|label| text::bold_width(&label.now, labels::SIZE))).max(now),
        widest(&mut labels.iter().map(|label| text::width(&label.peak, labels::SIZE))).max(peak),
    ]
}

/// Cuts names to `room`.
fn cut(labels: Vec<Label>, room: f64) -> Vec<Label> {
    let cut =
        |label: Label| Label { name: text::fit(&label.name, labels::SIZE, room + 0.5), ..label };
    labels.into_iter().map(cut).collect()
}

/// Returns the labels of the keys shown, each with its last value and the one farthest from the
/// first, since the largest of all may have ended at nothing.
pub(crate) fn labels(series: &Series, selection: &Selection, kind: ChartKind) -> Vec<Label> {
    let unit: Unit = series.metric.unit();
    let written = |shown: &Shown, value: u64| match kind {
        ChartKind::Area => unit.plain(value),
        ChartKind::Growth => unit.signed(i128::from(value) - i128::from(shown.first)),
    };
    let farthest = |shown: &Shown| match kind {
        ChartKind::Growth if shown.first - shown.low > shown.peak - shown.first => shown.low,
        _ => shown.peak,
    };
    let size = |shown: &Shown, value: u64| match kind {
        ChartKind::Area => value,
        ChartKind::Growth => value.abs_diff(shown.first),
    };
    let largest = selection.shown.iter().map(|shown| size(shown, farthest(shown))).max();
    let largest = largest.unwrap_or(0);
    let label = |shown: &Shown| {
        let peak = farthest(shown);
        let (now, max) = (size(shown, shown.last), size(shown, peak));
        Label {
            name: shown.name.clone(),
            now: written(shown, shown.last),
            peak: written(shown, peak),
            fell: max / 2 > now && max > largest / MAX_SHARE_UNSEEN,
        }
    };
    selection.shown.iter().map(label).collect()
}
