//! Why a chart cannot be drawn.

use plotters::drawing::DrawingAreaErrorKind;

/// Why a chart cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// There is no sample in the time asked for.
    #[error("there are no samples to draw")]
    NoSamples,
    /// Every sample was missed.
    #[error("all {missed} samples were missed: there is nothing to draw")]
    NothingMeasured {
        /// How many samples were missed.
        missed: usize,
    },
    /// The platform does not say what was asked for.
    #[error("{metric} is unknown in this recording: its platform does not report it")]
    Unknown {
        /// The name of the metric.
        metric: &'static str,
    },
    /// The picture would be too small or too large.
    #[error(
        "a chart of {width}x{height} pixels cannot be drawn: it must be at least \
         {least_width}x{least_height} and at most {most}x{most}"
    )]
    Size {
        /// The width asked for, in pixels.
        width: u32,
        /// The height asked for, in pixels.
        height: u32,
        /// The least width, in pixels.
        least_width: u32,
        /// The least height, in pixels.
        least_height: u32,
        /// The most of either, in pixels.
        most: u32,
    },
    /// The drawing library failed.
    #[error("the chart could not be drawn")]
    Draw {
        /// What it said.
        #[from]
        source: DrawingAreaErrorKind<std::io::Error>,
    },
}
