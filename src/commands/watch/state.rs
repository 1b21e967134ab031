//! The user's choices in the view: pure data that keys change.

use vmrec_report::Metric;

/// The user's choices.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Index of the metric in [`Metric::USUAL`].
    pub(crate) metric: usize,
    /// The sample walked to; `None` is the newest.
    pub(crate) at: Option<u64>,
    /// The sample that changes are counted from; `None` is the first.
    pub(crate) base: Option<u64>,
    /// The name of the type chosen; `None` is the first row.
    pub(crate) chosen: Option<String>,
    /// Whether the regions of that type are shown.
    pub(crate) regions: bool,
    /// Index of the first region shown.
    pub(crate) scrolled: usize,
    /// Text that a type's name must have.
    pub(crate) filter: String,
    /// Text being typed.
    pub(crate) typing: Option<Typing>,
    /// The answer to the last key.
    pub(crate) message: Option<String>,
    /// Whether the recorder that the view started has ended.
    pub(crate) recorder_ended: bool,
    /// How many rows the view had room for when it was last drawn.
    pub(crate) page: usize,
}

/// Text being typed, and its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typing {
    /// The text of a mark.
    Mark(String),
    /// The text that types must have.
    Filter(String),
}

/// An act that is left to do after a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    /// The view changed.
    Redraw,
    /// Mark the sample shown, or now.
    Mark(String),
    /// Write the chart.
    Save,
    Quit,
}

impl State {
    /// Returns the metric chosen.
    pub(crate) fn metric(&self) -> Metric {
        Metric::USUAL[self.metric % Metric::USUAL.len()]
    }

    /// Returns whether a type's label passes the filter, be it still typed.
    pub(crate) fn passes(&self, label: &str) -> bool {
        let filter = match &self.typing {
            Some(Typing::Filter(text)) => text,
            _ => &self.filter,
        };
        label.to_lowercase().contains(&filter.to_lowercase())
    }
}
