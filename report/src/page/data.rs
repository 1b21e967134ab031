//! The data of a page, as its script reads them (`script/data.js`).

use jiff::tz::TimeZone;
use serde::Serialize;
use vmrec_sampler::{Family, Naming, RegionType, sort_by_key};

use crate::chart::limits::label;
use crate::chart::marks::Moment;
use crate::chart::palette::{self, SHADES};
use crate::finding::{clock, sentence};
use crate::limits::{LimitKind, RecordedLimit};
use crate::metric::{Metric, Unit};
use crate::page::numbers;
use crate::page::regions::RegionTable;
use crate::series::Series;
use crate::series::gap::{Gap, GapReason};
use crate::series::tick::{SeriesKey, SeriesTick, TickState};
use crate::text::escape;

/// The maximum number of gaps drawn: the widest.
const MAX_GAPS: usize = 100;

/// All that the script of a page knows.
#[derive(Serialize)]
pub(crate) struct PageData {
    /// The process, for the names of files that are saved.
    pub(crate) process: String,
    pub(crate) recording: i64,
    pub(crate) metrics: Vec<MetricData>,
    pub(crate) families: Vec<FamilyData>,
    pub(crate) lightness: Lightness,
    pub(crate) types: Vec<TypeData>,
    /// When the first tick was: milliseconds since 1970-01-01 UTC.
    pub(crate) begin_ms: i64,
    /// From which time since the first tick on local time is how many seconds ahead of UTC.
    pub(crate) offsets: Vec<(u64, i32)>,
    /// The numbers of the samples, each less the one before.
    pub(crate) numbers: Vec<Option<i128>>,
    /// Their times since the first tick in milliseconds, each less the one before.
    pub(crate) elapsed_ms: Vec<Option<i128>>,
    /// Indexes of those that are torn.
    pub(crate) torn: Vec<usize>,
    /// Times without samples: from, to, why.
    pub(crate) gaps: Vec<(u64, u64, &'static str)>,
    /// Named moments; of a span also its end.
    pub(crate) marks: Vec<(u64, String, Option<u64>)>,
    /// Indexes of the samples compared at first.
    pub(crate) ends: (usize, usize),
    pub(crate) regions: RegionTable,
}

/// A metric with the sums by type in each sample.
#[derive(Serialize)]
pub(crate) struct MetricData {
    name: String,
    title: &'static str,
    meaning: &'static str,
    /// The meaning of 0 throughout.
    nothing: String,
    /// Whether it is a number of things, not of bytes.
    count: bool,
    unit: u64,
    /// Limits that may have a line: their values and words.
    limits: Vec<(u64, String)>,
    /// For each type its value in each sample, less the one before.
    values: Vec<Vec<Option<i128>>>,
}

/// A family.
#[derive(Serialize)]
pub(crate) struct FamilyData {
    label: &'static str,
    /// Whether virtual sizes are shown without it.
    reserved: bool,
}

/// The lightness of the colours of layers, light and dark, in tenths of a percent.
#[derive(Serialize)]
pub(crate) struct Lightness {
    /// For each family, that of its shades.
    families: Vec<Vec<[i32; 2]>>,
    other: [i32; 2],
}

/// Returns the lightness of all colours of layers.
pub(crate) fn lightness() -> Lightness {
    let of = |paint| palette::lightness(paint).map(|light| (light * 10.0).round() as i32);
    let shades =
        |family: Family| (0..SHADES).map(|rank| of(palette::shade(family, rank))).collect();
    Lightness { families: Family::ALL.map(shades).into(), other: of(palette::OTHER) }
}

/// A type.
#[derive(Serialize)]
pub(crate) struct TypeData {
    label: String,
    family: usize,
}

/// Returns every family.
pub(crate) fn families(naming: Naming) -> Vec<FamilyData> {
    let data = |family: Family| FamilyData {
        label: family.label(naming),
        reserved: family == Family::Reserved,
    };
    Family::ALL.map(data).into()
}

/// Returns a type.
pub(crate) fn type_data(of: &RegionType, naming: Naming) -> TypeData {
    TypeData {
        label: escape::terminal(of.label(naming)).into_owned(),
        family: of.family() as usize,
    }
}

/// Returns a metric with its values by these types.
pub(crate) fn metric_data(
    series: &Series,
    types: &[SeriesKey],
    limits: &[RecordedLimit],
) -> MetricData {
    let metric = series.metric;
    // The chart leaves reserved address space out, which that limit counts.
    let is_part = series.keys.iter().any(|key| key.key.family == Family::Reserved);
    let has_line = |limit: &&RecordedLimit| match limit.kind {
        LimitKind::Data => false,
        LimitKind::AddressSpace => !is_part,
        LimitKind::ControlGroup | LimitKind::Mappings => true,
    };
    let limits = limits.iter().filter(|limit| limit.kind.metric() == metric).filter(has_line);
    let known = || series.keys.iter().flat_map(|key| key.values.iter().flatten());
    let unit = if metric.unit() == Unit::Bytes { numbers::unit(known()) } else { 1 };
    let values = |of: &SeriesKey| match series.keys.iter().find(|key| key.key == *of) {
        Some(key) => numbers::deltas(key.values.iter(), unit),
        None => vec![None; series.ticks.len()],
    };
    MetricData {
        name: metric.name(),
        title: metric.title(),
        meaning: metric.meaning(),
        nothing: sentence::nothing(metric),
        count: metric.unit() == Unit::Count,
        unit,
        limits: limits.map(|limit| (limit.value, label(limit))).collect(),
        values: types.iter().map(values).collect(),
    }
}

/// Returns a mark or a span.
pub(crate) fn mark(moment: &Moment<'_>) -> (u64, String, Option<u64>) {
    let millis = |elapsed_ns: u64| elapsed_ns / 1_000_000;
    let text = escape::terminal(moment.text).into_owned();
    (millis(moment.at_ns), text, moment.until_ns.map(millis))
}

/// Returns the types of a page: those with regions in any of its samples.
pub(crate) fn types(series: &[Series]) -> Vec<SeriesKey> {
    let counted = series.iter().find(|series| series.metric == Metric::Regions);
    counted
        .map(|series| series.keys.iter().map(|key| key.key.clone()).collect())
        .unwrap_or_default()
}

/// Returns from which time on local time is how far ahead of UTC.
pub(crate) fn offsets(
    begin_utc_ns: i64,
    elapsed_ms: impl Iterator<Item = u64>,
    zone: &TimeZone,
) -> Vec<(u64, i32)> {
    let mut offsets: Vec<(u64, i32)> = Vec::new();
    for elapsed_ms in elapsed_ms {
        let moment = clock::moment(begin_utc_ns, elapsed_ms.saturating_mul(1_000_000));
        let seconds = zone.to_offset(moment).seconds();
        if offsets.last().is_none_or(|(_, last)| *last != seconds) {
            offsets.push((elapsed_ms, seconds));
        }
    }
    offsets
}

/// Returns the gaps that may be seen among columns, the widest if they are many.
pub(crate) fn gaps(series: &Series, columns: u64) -> Vec<(u64, u64, &'static str)> {
    let width = |gap: &Gap| series.elapsed_ns(gap.before) - series.elapsed_ns(gap.after);
    let seen = |gap: &&Gap| width(gap) >= series.span_ns() / columns.max(1);
    let mut gaps: Vec<&Gap> = series.gaps.iter().filter(seen).collect();
    sort_by_key(&mut gaps, |gap| std::cmp::Reverse(width(gap)));
    gaps.truncate(MAX_GAPS);
    sort_by_key(&mut gaps, |gap| gap.after);
    let why = |reason| match reason {
        GapReason::Missed => "missed",
        GapReason::Silent => "not recorded",
        GapReason::Unknown => "unknown",
    };
    let millis = |at| series.elapsed_ns(at) / 1_000_000;
    gaps.iter().map(|gap| (millis(gap.after), millis(gap.before), why(gap.reason))).collect()
}

/// Returns the indexes of torn samples.
pub(crate) fn torn(ticks: &[SeriesTick]) -> Vec<usize> {
    (0..ticks.len()).filter(|at| ticks[*at].state == TickState::Torn).collect()
}
