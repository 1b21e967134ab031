//! What a reader must know before relying on a finding.

use crate::metric::Unit;
use crate::series::Series;
use crate::series::tick::{SeriesKey, TickState};
use crate::text::units;

/// Private memory that became shared is worth a word from here on: libraries move a little always.
pub(crate) const MIN_SHARED_BYTES: u64 = 1 << 20;

/// What a reader must know. Each has its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caveat {
    /// Private memory became shared with other processes: it was not freed.
    BecameShared {
        /// How much of it.
        bytes: u64,
    },
    /// Memory was given back but stays resident until the kernel needs it.
    GivenBack {
        /// How much of it.
        bytes: u64,
    },
    /// The first sample is of a process that had hardly started, and the change includes that.
    Loading {
        /// Its age then.
        age_ns: u64,
    },
    /// The change is counted from a later sample, since the process was still loading at first.
    Loaded {
        /// The value in the first sample, which is left out.
        first: u64,
        /// Its unit.
        unit: Unit,
        /// The time of the first sample counted, since the first tick.
        elapsed_ns: u64,
        /// The text of the mark it was found by.
        mark: Option<String>,
    },
    /// Some samples are torn.
    Torn {
        /// How many.
        samples: u64,
        /// Whether no figure is from them; otherwise there is no other sample.
        left_out: bool,
    },
    /// Some samples have the regions of an earlier one, and the metric is one that others may have
    /// changed since.
    Unchanged {
        /// How many.
        samples: u64,
    },
    /// Some samples have carried sizes, and the metric is one of those.
    Cheap {
        /// How many.
        samples: u64,
    },
    /// Some samples have the totals of the process alone.
    TotalsAlone {
        /// How many.
        samples: u64,
    },
    /// Some samples were missed.
    Missed {
        /// How many.
        samples: u64,
    },
    /// Samples were deleted since: peaks among them are not seen.
    Thinned {
        /// How many are left.
        left: u64,
        /// How many there were.
        of: u64,
    },
    /// Reserved address space is left out.
    Reserved {
        /// The maximum of it.
        bytes: u64,
    },
    /// Some types only are counted.
    OtherTypes {
        /// The sum over all others at the first moment and at the last; `None` if it is unknown.
        ends: Option<(u64, u64)>,
        /// Its unit.
        unit: Unit,
        /// Whether reserved address space is part of it.
        with_reserved: bool,
    },
    /// Some keys are left out, since they are unknown.
    Unknown {
        /// How many.
        keys: u64,
    },
}

impl Caveat {
    /// Returns it in words; `moment` writes a time since the first tick.
    pub fn words(&self, moment: &dyn Fn(u64) -> String) -> String {
        match self {
            Self::BecameShared { bytes } => {
                format!(
                    "{} private became shared with other processes, not freed",
                    units::size(*bytes)
                )
            }
            Self::GivenBack { bytes } => {
                format!("{} given back, still resident until memory is needed", units::size(*bytes))
            }
            Self::Loading { age_ns } => format!(
                "the first sample is of a process {} old: the change includes its loading",
                units::duration(*age_ns)
            ),
            Self::Loaded { first, unit, elapsed_ns, mark } => {
                let mark = mark.as_ref().map(|text| format!(", {text}")).unwrap_or_default();
                format!(
                    "counted from {}{mark}: {} at first, still loading",
                    moment(*elapsed_ns),
                    unit.plain(*first)
                )
            }
            Self::Torn { samples, left_out: true } => {
                format!("without {}", units::counted(*samples, "torn sample", "torn samples"))
            }
            Self::Torn { samples: 1, left_out: false } => {
                "the only sample is torn: its regions moved while they were read".to_owned()
            }
            Self::Torn { samples, left_out: false } => format!(
                "all {} samples are torn: their regions moved while they were read",
                units::count(*samples)
            ),
            Self::Unchanged { samples } => format!(
                "{}: the process had not run, but others change what it shares",
                units::counted(*samples, "unchanged sample", "unchanged samples")
            ),
            Self::Cheap { samples } => format!(
                "{}: pages were counted, dirty and PSS sizes are carried over",
                units::counted(*samples, "cheap sample", "cheap samples")
            ),
            Self::TotalsAlone { samples } => {
                format!(
                    "{} whose regions may not be read",
                    units::counted(*samples, "sample", "samples")
                )
            }
            Self::Missed { samples } => units::counted(*samples, "missed sample", "missed samples"),
            Self::Thinned { left, of } => format!(
                "{} of {} samples are left: peaks between them are not seen",
                units::count(*left),
                units::count(*of)
            ),
            Self::Reserved { bytes } => format!("without {} reserved", units::size(*bytes)),
            Self::OtherTypes { ends: None, .. } => {
                "without other types, of unknown size".to_owned()
            }
            Self::OtherTypes { ends: Some((first, last)), unit, with_reserved } => {
                let change = unit.signed(i128::from(*last) - i128::from(*first));
                let reserved = if *with_reserved { ", reserved address space in it" } else { "" };
                format!(
                    "without other types: {} → {} ({change}){reserved}",
                    unit.plain(*first),
                    unit.plain(*last)
                )
            }
            Self::Unknown { keys } => {
                format!("without {} of unknown size", units::counted(*keys, "key", "keys"))
            }
        }
    }
}

/// Returns the caveats of the samples of a series.
pub(crate) fn of_samples(series: &Series) -> impl Iterator<Item = Caveat> {
    let in_state = |state| series.ticks.iter().filter(|tick| tick.state == state).count() as u64;
    let torn = in_state(TickState::Torn);
    let unread = in_state(TickState::TotalsAlone);
    let unchanged = in_state(TickState::Unchanged);
    let cheap = in_state(TickState::Cheap);
    let left = in_state(TickState::Complete) + cheap + unchanged + torn + unread;
    let doubtful = |samples: u64| samples > 0 && !series.metric.is_own();
    let (missed, gone) = (series.missed, series.deleted());
    let caveats = [
        (torn > 0).then_some(Caveat::Torn { samples: torn, left_out: series.torn_left_out }),
        doubtful(unchanged).then_some(Caveat::Unchanged { samples: unchanged }),
        doubtful(cheap).then_some(Caveat::Cheap { samples: cheap }),
        (unread > 0).then_some(Caveat::TotalsAlone { samples: unread }),
        (missed > 0).then_some(Caveat::Missed { samples: missed }),
        (gone > 0).then_some(Caveat::Thinned { left, of: left.saturating_add(gone) }),
    ];
    caveats.into_iter().flatten()
}

/// Returns the caveats of the keys of a series, of which `reserved` is left out.
pub(crate) fn of_keys(series: &Series, reserved: Option<u64>) -> impl Iterator<Item = Caveat> {
    let reserved = reserved.filter(|bytes| *bytes > 0).map(|bytes| Caveat::Reserved { bytes });
    let unknown = series.unknown.len() as u64;
    let unknown = (unknown > 0).then_some(Caveat::Unknown { keys: unknown });
    reserved.into_iter().chain(unknown)
}

/// Returns how much private memory became shared between two ticks: it is as resident as before.
pub(crate) fn became_shared(
    private: &Series,
    resident: &Series,
    (from, to): (usize, usize),
) -> Option<Caveat> {
    let fallen = |of: &Series, key: &SeriesKey| -> Option<u64> {
        let key = of.keys.iter().find(|other| other.key == *key)?;
        Some(key.values.get(from)?.saturating_sub(key.values.get(to)?))
    };
    // Memory that was freed is neither private nor resident any more.
    let shared = |key: &SeriesKey| -> Option<u64> {
        Some(fallen(private, key)?.saturating_sub(fallen(resident, key)?))
    };
    let bytes = private.keys.iter().filter_map(|key| shared(&key.key)).sum();
    (bytes >= MIN_SHARED_BYTES).then_some(Caveat::BecameShared { bytes })
}
