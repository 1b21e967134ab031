//! The limits of a process beside the values drawn: as a line where that is in reach, else in words.

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::options::{ChartContext, ChartKind, ChartOptions};
use crate::chart::plot::Scales;
use crate::chart::select::CountedKeys;
use crate::chart::{layout, palette, text};
use crate::error::Error;
use crate::limits::{LimitKind, RecordedLimit};
use crate::series::Series;

/// A limit of more than so many times the highest value would leave the plot half empty.
const MAX_TIMES: u64 = 2;

/// Returns the words beside the line of a limit.
pub(crate) fn label(limit: &RecordedLimit) -> String {
    match limit.kind {
        LimitKind::ControlGroup => limit.words() + " for its control group",
        _ => limit.words(),
    }
}

/// The limits on one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShownLimits {
    /// Those with a line.
    pub(crate) lines: Vec<LimitLine>,
    /// The others, with the reason why they have none.
    pub(crate) words: Vec<String>,
}

/// A limit to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitLine {
    pub(crate) value: u64,
    pub(crate) words: String,
}

impl ShownLimits {
    /// Returns the limits on the metric of a series, of which `counted` is drawn.
    pub(crate) fn of(
        series: &Series,
        counted: &CountedKeys<'_>,
        options: &ChartOptions,
        context: &ChartContext,
    ) -> Self {
        let highest = counted.totals.max().unwrap_or(0);
        let mut shown = Self::default();
        for limit in context.limits.iter().filter(|limit| limit.kind.metric() == series.metric) {
            let words = label(limit);
            let partial = counted.left_out.is_some() || series.rest.is_some();
            let reason = match (limit.kind, options.kind) {
                (LimitKind::Data, _) => Some("counts private writable memory alone".to_owned()),
                (_, ChartKind::Growth) => Some(limit.beside(highest)),
                _ if partial && limit.kind != LimitKind::ControlGroup => {
                    Some("counts what is left out too".to_owned())
                }
                _ if limit.value > highest.saturating_mul(MAX_TIMES) => Some(limit.beside(highest)),
                _ => None,
            };
            match reason {
                Some(reason) => shown.words.push(format!("limit {words}: {reason}")),
                None => shown.lines.push(LimitLine { value: limit.value, words }),
            }
        }
        shown
    }

    /// Returns the end of an axis that shows all lines and values up to `high`.
    pub(crate) fn reach(&self, high: f64) -> f64 {
        self.lines.iter().map(|line| line.value as f64).fold(high, f64::max)
    }

    /// Returns each limit in words.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> + '_ {
        let lines = self.lines.iter().map(|line| format!("limit {}", line.words));
        lines.chain(self.words.iter().cloned())
    }

    /// Draws the lines, each with its words above it, or below at the top of the plot.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, scales: &Scales) -> Result<(), Error> {
        let face = Face { size: layout::TICK_SIZE, bold: true, paint: palette::LIMIT };
        for LimitLine { value, words } in &self.lines {
            let y = scales.y(*value as f64);
            let words = text::fit(words, face.size * text::BOLD, scales.right - scales.left - 12.0);
            let width = text::bold_width(&words, face.size);
            let middle = if y - 15.0 < scales.top { y + 9.0 } else { y - 8.0 };
            let (left, right) = (scales.left + 3.0, scales.left + width + 9.0);
            let corners = ((left, middle - 7.0), (right, middle + 7.0));
            canvas.tint(corners.0, corners.1, palette::PAPER, 0.8)?;
            canvas.polyline([(scales.left, y), (scales.right, y)], palette::LIMIT, 1.6)?;
            canvas.text(&words, (left + 3.0, middle), Anchor::Start, face)?;
        }
        Ok(())
    }
}
