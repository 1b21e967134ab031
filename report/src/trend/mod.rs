//! The trend of a total and of its parts: which rise, how fast, and for how long that can go on.
//!
//! [`warm_up`] finds where a start ends, [`course`] distinguishes slopes from steps and saw-teeth, [`row`]
//! measures each part, [`limit`] derives the time left to a limit on a figure of [`bounded`], and the
//! other files write it down.

pub(crate) mod bounded;
pub(crate) mod course;
pub(crate) mod document;
pub(crate) mod limit;
pub(crate) mod row;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod warm_up;

use vmrec_sampler::{Naming, sort_by};

use crate::metric::{Metric, Unit};
use crate::series::Series;
use crate::series::column::SeriesColumn;
use crate::trend::course::Rules;
use crate::trend::row::TrendRow;
use crate::trend::warm_up::WarmUp;

/// The trend of one metric of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// The metric.
    pub metric: Metric,
    /// The total in a sentence: `resident`, `the number of regions`.
    pub subject: String,
    /// When the first tick was: nanoseconds since 1970-01-01 UTC. Times below are since then.
    pub begin_utc_ns: i64,
    /// The first and the last sample that count.
    pub window_ns: (u64, u64),
    /// How many samples count.
    pub samples: usize,
    /// The start that is left out.
    pub warm_up: Option<WarmUp>,
    /// The total.
    pub total: TrendRow,
    /// The parts, those that moved most first.
    pub rows: Vec<TrendRow>,
    /// The texts of marks that lie inside, and their times.
    pub marks: Vec<(u64, String)>,
}

/// How a trend is derived.
#[derive(Clone, Debug)]
pub struct TrendOptions {
    /// Whose words types are named in.
    pub naming: Naming,
    /// The number of samples that a slope needs.
    pub min_samples: usize,
    /// Whether a warm-up is looked for and left out.
    pub warm_up: bool,
    /// The times of marks, nanoseconds since 1970-01-01 UTC, and their texts.
    pub marks: Vec<(i64, String)>,
}

impl Trend {
    /// Returns the trend of a series; `None` if it has no sample.
    pub fn of(series: &Series, options: &TrendOptions) -> Option<Self> {
        let first = series.ticks.first()?;
        let since = |utc_ns: i64| u64::try_from(utc_ns.checked_sub(first.taken.utc_ns)?).ok();
        let inside = |(utc_ns, text): &(i64, String)| {
            let at = since(*utc_ns).filter(|at| *at <= series.span_ns())?;
            Some((at, text.clone()))
        };
        let marks: Vec<(u64, String)> = options.marks.iter().filter_map(inside).collect();
        let warm_up = options.warm_up.then(|| warm_up::find(series)).flatten();
        let begin = warm_up.map_or(0, |warm_up| warm_up.index);
        let counted: Vec<usize> =
            (begin..series.ticks.len()).filter(|index| series.counts(*index)).collect();
        let window_ns = (series.elapsed_ns(*counted.first()?), series.elapsed_ns(*counted.last()?));
        let times: Vec<u64> = marks.iter().map(|(at, _)| *at).collect();
        let rules = Rules {
            series,
            begin,
            samples: counted.len(),
            marks: &times,
            min_samples: options.min_samples,
        };
        let unknown = || SeriesColumn::default();
        let total = match series.unknown.is_empty() {
            true => rules.row(None, "total".to_owned(), &series.totals),
            // A total without some of its parts is none.
            false => rules.row(None, "total".to_owned(), &unknown()),
        };
        let label = |key| crate::series::tick::SeriesKey::label(key, series.by, options.naming);
        let known = series.keys.iter().map(|of| (&of.key, of.values.clone()));
        let all = known.chain(series.unknown.iter().map(|key| (key, unknown())));
        let mut rows: Vec<TrendRow> =
            all.map(|(key, values)| rules.row(Some(key), label(key).to_owned(), &values)).collect();
        sort_by(&mut rows, |a, b| {
            b.moved().cmp(&a.moved()).then(b.last.cmp(&a.last)).then_with(|| a.label.cmp(&b.label))
        });
        Some(Self {
            metric: series.metric,
            subject: match series.metric.unit() {
                Unit::Bytes => series.metric.words(),
                Unit::Count => "the number of regions".to_owned(),
            },
            begin_utc_ns: first.taken.utc_ns,
            window_ns,
            samples: counted.len(),
            warm_up,
            total,
            rows,
            marks,
        })
    }
}
