//! Decides what is drawn: which keys, which samples, which gaps.

use std::borrow::Cow;
use std::ops::Range;

use vmrec_sampler::{Family, Naming};

use crate::chart::downsample::Thinned;
use crate::chart::options::{ChartKind, ChartOptions};
use crate::chart::palette::Paint;
use crate::chart::{downsample, palette, text};
use crate::metric::Metric;
use crate::series::Series;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::gap::Gap;
use crate::series::tick::KeySeries;
use crate::text::units;

/// The maximum number of keys drawn beside `other`, which is all the rest.
const MAX_KEYS: usize = 8;
/// The maximum number of gaps drawn: each costs a line of its own for every key.
const MAX_GAPS: usize = 60;
/// Gaps narrower than this many columns cannot be seen.
const MIN_GAP_COLUMNS: f64 = 1.5;

/// One area or line.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) paint: Paint,
    /// The value drawn at each of the samples kept.
    pub(crate) values: Vec<i128>,
    /// First known, last known and largest value, over all samples.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) peak: u64,
}

/// The keys, samples and gaps to draw.
#[derive(Clone, Debug)]
pub(crate) struct Selection<'a> {
    /// From the bottom of the stack to its top.
    pub(crate) shown: Vec<Shown>,
    /// The sum of all keys but those left out, at every tick.
    pub(crate) totals: Cow<'a, SeriesColumn>,
    /// Which samples are drawn.
    pub(crate) thinned: Thinned,
    /// Ranges of indexes in `thinned.kept` without a drawn gap inside.
    pub(crate) runs: Vec<Range<usize>>,
    pub(crate) gaps: Vec<Gap>,
    /// How many gaps are too narrow to draw.
    pub(crate) hidden_gaps: usize,
    /// The maximum of the reserved family, if that was left out.
    pub(crate) reserved: Option<u64>,
}

/// Selects what to draw of `series` in `columns` columns.
pub(crate) fn select<'a>(
    series: &'a Series,
    options: &ChartOptions,
    naming: Naming,
    columns: usize,
) -> Selection<'a> {
    let hide_reserved = series.metric == Metric::Virtual && !options.include_reserved;
    let (left_out, keys): (Vec<&KeySeries>, Vec<&KeySeries>) =
        series.keys.iter().partition(|key| hide_reserved && key.key.family == Family::Reserved);
    let reserved = left_out.iter().filter_map(|key| key.values.max()).reduce(u64::saturating_add);
    let measured = |index| series.totals.get(index).map(|_| 0);
    let sum = |keys: &mut dyn Iterator<Item = &KeySeries>| {
        let mut sum: SeriesColumn = (0..series.ticks.len()).map(measured).collect();
        keys.for_each(|key| sum.add(&key.values));
        sum
    };
    let totals = match left_out.is_empty() {
        true => Cow::Borrowed(&series.totals),
        false => Cow::Owned(sum(&mut keys.iter().copied())),
    };
    let thinned = downsample::thin(
        |index| series.elapsed_ns(index),
        totals.iter(),
        series.span_ns(),
        columns,
    );

    let mut ranked: Vec<(u128, &KeySeries)> =
        keys.iter().map(|key| (weight(key, options.kind), *key)).collect();
    ranked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let changing = ranked.iter().take_while(|(weight, _)| *weight > 0).count();
    // An "other" of one key says less in the same room.
    let drawn = if changing == MAX_KEYS + 1 { changing } else { changing.min(MAX_KEYS) };
    let (drawn, rest) = ranked.split_at(drawn);
    let rest = &rest[..changing - drawn.len()];

    let mut shown: Vec<Shown> = keys
        .iter()
        .filter(|key| drawn.iter().any(|(_, other)| std::ptr::eq(*other, **key)))
        .map(|key| {
            let paint = match series.by {
                By::Family => palette::family(key.key.family),
                By::Type => palette::shade(key.key.family, rank(key, &ranked)),
            };
            show(
                text::clean(key.key.label(series.by, naming)),
                paint,
                &key.values,
                &thinned,
                options.kind,
            )
        })
        .collect();
    if !rest.is_empty() {
        let values = sum(&mut rest.iter().map(|(_, key)| *key));
        let (one, many) = (series.by.name(), series.by.plural());
        let name = format!("other ({})", units::counted(rest.len() as u64, one, many));
        shown.push(show(name, palette::OTHER, &values, &thinned, options.kind));
    }
    let (gaps, hidden_gaps) = visible(series, thinned.columns);
    let runs = runs(&thinned.kept, &gaps);
    Selection { shown, totals, thinned, runs, gaps, hidden_gaps, reserved }
}

/// Returns the weight of a key: its peak, or its largest growth or decrease.
fn weight(key: &KeySeries, kind: ChartKind) -> u128 {
    match kind {
        ChartKind::Area => u128::from(key.values.max().unwrap_or(0)),
        ChartKind::Growth => key.growth().flatten().map(i128::unsigned_abs).max().unwrap_or(0),
    }
}

/// The index of a key among those of its family, largest first.
fn rank(key: &KeySeries, ranked: &[(u128, &KeySeries)]) -> usize {
    ranked
        .iter()
        .filter(|(_, other)| other.key.family == key.key.family)
        .position(|(_, other)| std::ptr::eq(*other, key))
        .unwrap_or(0)
}

fn show(
    name: String,
    paint: Paint,
    values: &SeriesColumn,
    thinned: &Thinned,
    kind: ChartKind,
) -> Shown {
    let first = values.first_known().unwrap_or(0);
    let base = match kind {
        ChartKind::Area => 0,
        ChartKind::Growth => i128::from(first),
    };
    // A sample is kept only where the total is known, and so is every key.
    let value = |index: &usize| i128::from(values.get(*index).unwrap_or(first)) - base;
    let paint = match kind {
        ChartKind::Area => paint,
        ChartKind::Growth => palette::line(paint),
    };
    Shown {
        name,
        paint,
        values: thinned.kept.iter().map(value).collect(),
        first,
        last: values.last_known().unwrap_or(0),
        peak: values.max().unwrap_or(0),
    }
}

/// The gaps wide enough to be seen, the widest ones if they are many, and how many others there are.
fn visible(series: &Series, columns: usize) -> (Vec<Gap>, usize) {
    let width = |gap: &Gap| series.elapsed_ns(gap.before) - series.elapsed_ns(gap.after);
    let min_width = MIN_GAP_COLUMNS * series.span_ns() as f64 / columns as f64;
    let mut wide: Vec<Gap> =
        series.gaps.iter().filter(|gap| width(gap) as f64 >= min_width).copied().collect();
    wide.sort_by_key(|gap| std::cmp::Reverse(width(gap)));
    wide.truncate(MAX_GAPS);
    wide.sort_by_key(|gap| gap.after);
    let hidden = series.gaps.len() - wide.len();
    (wide, hidden)
}

/// Cuts the kept samples where a gap lies between two of them.
fn runs(kept: &[usize], gaps: &[Gap]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut begin = 0;
    let mut gaps = gaps.iter().peekable();
    for index in 1..kept.len() {
        while gaps.next_if(|gap| gap.before <= kept[index - 1]).is_some() {}
        if gaps.peek().is_some_and(|gap| gap.before <= kept[index]) {
            runs.push(begin..index);
            begin = index;
        }
    }
    if !kept.is_empty() {
        runs.push(begin..kept.len());
    }
    runs
}
