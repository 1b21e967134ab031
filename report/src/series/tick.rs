//! The parts of a series: ticks and the values of one key.

use std::sync::Arc;

use vmrec_sampler::{Family, Naming, Timestamp};
use vmrec_store::{SampleState, Tick};

use crate::series::by::By;
use crate::series::column::SeriesColumn;

/// Whether a sample can be trusted, or was taken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickState {
    /// Seen as of one moment.
    Complete,
    /// Mappings and counted pages are of its moment, other sizes carried over.
    Cheap,
    /// The regions are those of an earlier sample, since the process had not run.
    Unchanged,
    /// The regions moved while they were read.
    Torn,
    /// Taken without regions, which may not be read: each sum of them is unknown.
    TotalsAlone,
    /// Not taken.
    Missed,
}

impl TickState {
    /// Returns that of a sample in a state.
    pub(crate) const fn of(state: &SampleState) -> Self {
        match state {
            SampleState::Complete => Self::Complete,
            SampleState::Cheap => Self::Cheap,
            SampleState::Unchanged => Self::Unchanged,
            SampleState::Torn(_) => Self::Torn,
            SampleState::TotalsAlone(_) => Self::TotalsAlone,
            SampleState::Missed { .. } => Self::Missed,
        }
    }

    /// Returns whether such a sample has regions.
    pub const fn has_regions(self) -> bool {
        matches!(self, Self::Complete | Self::Cheap | Self::Unchanged | Self::Torn)
    }
}

/// One sample's place in time, or an end of a minute or hour that has a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesTick {
    /// Its number in the recording.
    pub number: u64,
    /// When it was taken, or was due.
    pub taken: Timestamp,
    /// Whether it can be trusted.
    pub state: TickState,
}

impl SeriesTick {
    /// Returns the place of a sample.
    pub(crate) fn of(tick: &Tick) -> Self {
        Self { number: tick.number, taken: tick.taken, state: TickState::of(&tick.state) }
    }
}

/// Returns how many planned samples were not taken at these ticks: one may stand for several.
pub(crate) fn missed(ticks: &[Tick]) -> u64 {
    let missed = ticks.iter().map(|tick| match tick.state {
        SampleState::Missed { ticks, .. } => ticks,
        _ => 0,
    });
    missed.fold(0, u64::saturating_add)
}

/// The family, type or object that a line or area stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The family it is, or belongs to; of an object, that of its first region; of a process, one
    /// that it has regions of.
    pub family: Family,
    /// The name of the family or type, or the label of the object or process.
    pub name: Arc<str>,
}

impl SeriesKey {
    /// Returns the label of the family, type or object.
    pub fn label(&self, by: By, naming: Naming) -> &str {
        match by {
            By::Family => self.family.label(naming),
            By::Type => naming.type_label(&self.name, self.family),
            By::Object | By::Stack | By::Process | By::Name | By::ProcessAndType => &self.name,
        }
    }
}

/// The values of one key, one for each tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySeries {
    /// The family, type or object they are values of.
    pub key: SeriesKey,
    /// How many objects they are the sum of: 1, but for those that were too many to keep.
    pub merged: u64,
    /// The values in the order of the ticks.
    pub values: SeriesColumn,
}

impl KeySeries {
    /// Returns each value less the first known one, signed.
    pub fn growth(&self) -> impl Iterator<Item = Option<i128>> + '_ {
        let first = self.values.first_known().map_or(0, i128::from);
        self.values.iter().map(move |value| Some(i128::from(value?) - first))
    }
}
