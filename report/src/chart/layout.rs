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
/// Where the lines above the drawing lie.
pub(crate) const TITLE_Y: f64 = 24.0;
pub(crate) const PERIOD_Y: f64 = 45.0;
pub(crate) const HEADLINE_Y: f64 = 64.0;
const HEADER: f64 = 84.0;
/// Height of the row of time labels, and of the dates below it.
pub(crate) const TIME_ROW: f64 = 22.0;
pub(crate) const DATE_ROW: f64 = 14.0;
/// Below this width labels have no column of their own.
const MIN_WIDTH_FOR_LABELS: f64 = 560.0;
/// From the plot to a label's swatch and from there to its text.
pub(crate) const LEADER: f64 = 16.0;
pub(crate) const SWATCH: f64 = 14.0;

/// A label: name and last value.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Where the labels go.
#[derive(Clone, Debug)]
pub(crate) enum Legend {
    /// At the right edge, beside what they name.
    Beside(Vec<Label>),
    /// In rows above the plot: left edge and row of each.
    Above(Vec<(Label, f64, usize)>),
}

/// The rectangle of the data and what lies around it.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    /// Top of the rows of the legend and of the marks' texts.
    pub(crate) legend_top: f64,
    pub(crate) marks_top: f64,
    pub(crate) key: Legend,
}

/// A maximum below this part of the largest one hardly shows in the picture: no label gives it.
const MAX_SHARE_UNSEEN: i128 = 20;

/// The elements that need room.
pub(crate) struct Needs {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Width of the widest label of the value axis.
    pub(crate) value_labels: f64,
    pub(crate) mark_rows: usize,
    /// The maximum number of rows of marks' texts and dates.
    pub(crate) max_rows: usize,
    pub(crate) date_row: bool,
    pub(crate) footer_lines: usize,
}

/// Lays out a chart.
pub(crate) fn lay_out(labels: Vec<Label>, needs: &Needs) -> Layout {
    let left = MARGIN + needs.value_labels + 8.0;
    let dates = if needs.date_row { DATE_ROW } else { 0.0 };
    let footer = needs.footer_lines as f64 * FOOTER_LINE + 16.0;
    let bottom = needs.height - footer - TIME_ROW - dates;
    let marks = needs.mark_rows as f64 * marks::ROW;
    // Decided by what there may be, so that columns stay where they are once the rows are known.
    let room = needs.height - footer - TIME_ROW - HEADER - needs.max_rows as f64 * DATE_ROW;
    let beside = needs.width >= MIN_WIDTH_FOR_LABELS && labels.len() as f64 * labels::LINE <= room;
    if beside {
        let column = label_column(&labels, needs.width);
        let right = needs.width - MARGIN - column;
        let key = Legend::Beside(cut(labels, column - LEADER - SWATCH));
        let top = HEADER + marks + 2.0;
        return Layout {
            width: needs.width,
            height: needs.height,
            left,
            right,
            top,
            bottom,
            legend_top: HEADER,
            marks_top: HEADER,
            key,
        };
    }
    let right = needs.width - MARGIN;
    let room = right - MARGIN;
    let labels = cut(labels, room / 2.0);
    let entries: Vec<String> =
        labels.iter().map(|label| format!("{} {}", label.name, label.value)).collect();
    let places = labels::flow(&entries, room);
    let rows = places.last().map_or(0, |(_, row)| row + 1);
    let marks_top = HEADER + rows as f64 * labels::LINE;
    let key = labels.into_iter().zip(places).map(|(label, (x, row))| (label, x, row)).collect();
    Layout {
        width: needs.width,
        height: needs.height,
        left,
        right,
        // However little room there is, something of the data is seen.
        top: (marks_top + marks + 2.0).min(bottom - 40.0),
        bottom,
        legend_top: HEADER,
        marks_top,
        key: Legend::Above(key),
    }
}

/// Width of the column of labels, at most a third of the picture.
fn label_column(labels: &[Label], width: f64) -> f64 {
    let widest = labels.iter().map(label_width).fold(0.0, f64::max);
    (LEADER + SWATCH + widest).clamp(24.0, width * 0.32)
}

fn label_width(label: &Label) -> f64 {
    text::width(&label.name, labels::SIZE) + 10.0 + text::width(&label.value, labels::SIZE)
}

/// Cuts names so that each label takes at most `room`.
fn cut(labels: Vec<Label>, room: f64) -> Vec<Label> {
    let cut = |label: Label| {
        let room = room - 10.0 - text::width(&label.value, labels::SIZE) + 0.5;
        Label { name: text::fit(&label.name, labels::SIZE, room), ..label }
    };
    labels.into_iter().map(cut).collect()
}

/// Returns the labels of the keys shown, each with its last value; one that ended far below its
/// maximum has that too, since the largest of all may have ended at nothing.
pub(crate) fn labels(series: &Series, selection: &Selection<'_>, kind: ChartKind) -> Vec<Label> {
    let unit: Unit = series.metric.unit();
    let base = |shown: &Shown| match kind {
        ChartKind::Area => 0,
        ChartKind::Growth => i128::from(shown.first),
    };
    let last = |shown: &Shown| i128::from(shown.last) - base(shown);
    let max = |shown: &Shown| i128::from(shown.peak) - base(shown);
    let written = |value: i128| match kind {
        ChartKind::Area => unit.plain(u64::try_from(value).unwrap_or(0)),
        ChartKind::Growth => unit.signed(value),
    };
    let largest = selection.shown.iter().map(max).max().unwrap_or(0);
    let label = |shown: &Shown| {
        let (last, max) = (last(shown), max(shown));
        let fell = max > 2 * last.max(0) && max * MAX_SHARE_UNSEEN > largest;
        let max = if fell { format!(", max {}", written(max)) } else { String::new() };
        Label { name: shown.name.clone(), value: written(last) + &max }
    };
    selection.shown.iter().map(label).collect()
}
