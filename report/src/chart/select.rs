//! Decides what is drawn: which keys, which samples, which gaps.

use std::borrow::Cow;
use std::ops::Range;

use vmrec_sampler::{Family, Naming, sort_by_key};

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

/// The maximum number of keys that a picture draws beside `other`, which is all the rest.
pub(crate) const MAX_KEYS: usize = 8;
/// A key of less than this part of the whole is drawn with others: half a percent.
const MIN_SHARE_SEEN: u128 = 200;
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
    /// First value counted, last known and largest and lowest value, over all samples counted.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) peak: u64,
    pub(crate) low: u64,
}

impl Shown {
    /// Returns how far its values were from the first one at most.
    pub(crate) fn swing(&self) -> u64 {
        self.peak.abs_diff(self.first).max(self.low.abs_diff(self.first))
    }
}

/// The keys of a series that are counted, and their sum.
#[derive(Clone, Debug)]
pub(crate) struct CountedKeys<'a> {
    pub(crate) keys: Vec<&'a KeySeries>,
    /// The sum of all keys but those left out, at every tick.
    pub(crate) totals: Cow<'a, SeriesColumn>,
    /// The family left out.
    pub(crate) left_out: Option<Family>,
    /// The maximum of the reserved family, if that was left out.
    pub(crate) reserved: Option<u64>,
}

impl<'a> CountedKeys<'a> {
    /// Returns the keys of `series` that the options count.
    pub(crate) fn of(series: &'a Series, options: &ChartOptions) -> Self {
        let hide_reserved = series.metric == Metric::Virtual && !options.include_reserved;
        let (left_out, keys): (Vec<&KeySeries>, Vec<&KeySeries>) =
            series.keys.iter().partition(|key| hide_reserved && key.key.family == Family::Reserved);
        let reserved =
            left_out.iter().filter_map(|key| key.values.max()).reduce(u64::saturating_add);
        let totals = match left_out.is_empty() {
            true => Cow::Borrowed(&series.totals),
            false => Cow::Owned(sum(series, &mut keys.iter().copied())),
        };
        let left_out = (!left_out.is_empty()).then_some(Family::Reserved);
        Self { keys, totals, left_out, reserved }
    }
}

/// The keys, samples and gaps to draw.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// From the bottom of the stack to its top: those that moved most are above.
    pub(crate) shown: Vec<Shown>,
    /// Which samples are drawn.
    pub(crate) thinned: Thinned,
    /// Ranges of indexes in `thinned.kept` without a drawn gap inside.
    pub(crate) runs: Vec<Range<usize>>,
    pub(crate) gaps: Vec<Gap>,
    /// How many gaps are too narrow to draw.
    pub(crate) hidden_gaps: usize,
}

/// How much a drawing can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Into how many columns time is cut.
    pub(crate) columns: usize,
    /// How many keys are drawn beside `other`.
    pub(crate) keys: usize,
    /// Whether one legend is for several drawings, so that each family has its own colour in all.
    pub(crate) one_legend: bool,
}

/// Selects what to draw of `series`; growth is counted from the tick `begin`.
pub(crate) fn select(
    series: &Series,
    counted: &CountedKeys<'_>,
    options: &ChartOptions,
    naming: Naming,
    room: Room,
    begin: usize,
) -> Selection {
    let mut thinned = downsample::thin(
        |index| series.elapsed_ns(index),
        counted.totals.iter(),
        series.span_ns(),
        room.columns,
    );
    if options.kind == ChartKind::Growth && thinned.kept.first().is_some_and(|at| *at < begin) {
        thinned.kept.retain(|index| *index > begin);
        thinned.kept.insert(0, begin);
    }

    let weighed = counted.keys.iter().map(|key| (weight(key, options.kind, begin), *key));
    // Several objects in one are never an area or line of their own.
    let (merged, mut ranked): (Vec<_>, Vec<_>) = weighed.partition(|(_, key)| key.merged > 1);
    sort_by_key(&mut ranked, |(weight, _)| std::cmp::Reverse(*weight));
    let changing = ranked.iter().take_while(|(weight, _)| *weight > 0).count();
    // A share too small to be seen is no line of its own.
    let whole = match options.kind {
        ChartKind::Area => counted.totals.max().unwrap_or(0),
        ChartKind::Growth => ranked.first().map_or(0, |(weight, _)| *weight),
    };
    let seen = |weight: u64| u128::from(weight) * MIN_SHARE_SEEN >= u128::from(whole);
    let large = ranked[..changing].iter().take_while(|(weight, _)| seen(*weight)).count();
    let drawn = large.min(room.keys);
    // An "other" of one key says less in the same room.
    let one_left = changing == drawn + 1 && merged.is_empty();
    let drawn = match options.kind {
        ChartKind::Area if one_left => changing,
        // Lines need not sum to anything.
        ChartKind::Growth if one_left && large > drawn => changing,
        _ => drawn,
    };
    let (drawn, rest) = ranked.split_at(drawn);
    let rest: Vec<&KeySeries> =
        rest[..changing - drawn.len()].iter().chain(&merged).map(|(_, key)| *key).collect();

    let families: Vec<Family> = drawn.iter().map(|(_, key)| key.key.family).collect();
    let hues = match (options.kind, series.by) {
        (ChartKind::Area, By::Family | By::Type) => families,
        (ChartKind::Growth, _) | (ChartKind::Area, _) => palette::hues(&families),
    };
    let at = Drawing { thinned: &thinned, kind: options.kind, begin };
    let mut shown: Vec<(Shown, Family)> = drawn
        .iter()
        .map(|(_, key)| {
            let name = text::clean(key.key.label(series.by, naming));
            at.show(format!("{name}{}", presence(series, key)), &key.values)
        })
        .zip(hues)
        .collect();
    // Neighbours in a stack keep the order of their weights where they moved alike.
    shown.reverse();
    sort_by_key(&mut shown, |(shown, _)| shown.swing());
    let other = (!rest.is_empty()).then(|| {
        let values = sum(series, &mut rest.iter().copied());
        let (one, many) = (series.by.name(), series.by.plural());
        let count = rest.iter().map(|key| key.merged).sum();
        at.show(format!("other ({})", units::counted(count, one, many)), &values)
    });
    let other = other.filter(|other| options.kind == ChartKind::Area || seen(other.swing()));
    let from_top: Vec<Family> = shown.iter().rev().map(|(_, hue)| *hue).collect();
    let paints = match options.kind {
        ChartKind::Area if room.one_legend => {
            from_top.into_iter().map(palette::family).collect::<Vec<_>>()
        }
        ChartKind::Area => palette::areas(&from_top, other.is_some()),
        ChartKind::Growth => from_top.into_iter().map(palette::line).collect(),
    };
    let painted = shown.into_iter().zip(paints.into_iter().rev());
    let painted = painted.map(|((shown, _), paint)| Shown { paint, ..shown });
    let shown: Vec<Shown> = other.into_iter().chain(painted).collect();
    let (gaps, hidden_gaps) = visible(series, thinned.columns);
    let runs = runs(&thinned.kept, &gaps);
    Selection { shown, thinned, runs, gaps, hidden_gaps }
}

/// Returns the words for a process that came or went in the time drawn: it is 0 where it is not there.
fn presence(series: &Series, key: &KeySeries) -> &'static str {
    if !matches!(series.by, By::Process | By::Name) {
        return "";
    }
    let last = series.ticks.len().saturating_sub(1);
    match [0, last].map(|at| key.values.get(at) == Some(0)) {
        [true, true] => " [came, went]",
        [true, false] => " [came]",
        [false, true] => " [went]",
        [false, false] => "",
    }
}

fn sum(series: &Series, keys: &mut dyn Iterator<Item = &KeySeries>) -> SeriesColumn {
    let measured = |index| series.totals.get(index).map(|_| 0);
    let mut sum: SeriesColumn = (0..series.ticks.len()).map(measured).collect();
    keys.for_each(|key| sum.add(&key.values));
    sum
}

/// Returns the weight of a key: its peak, or its largest growth or decrease.
fn weight(key: &KeySeries, kind: ChartKind, begin: usize) -> u64 {
    match kind {
        ChartKind::Area => key.values.max().unwrap_or(0),
        ChartKind::Growth => {
            let first = key.values.get(begin).unwrap_or(0);
            let (low, high) = key.values.extent(begin).unwrap_or((first, first));
            low.abs_diff(first).max(high.abs_diff(first))
        }
    }
}

/// How the values of a key are drawn.
struct Drawing<'a> {
    thinned: &'a Thinned,
    kind: ChartKind,
    begin: usize,
}

impl Drawing<'_> {
    /// Returns a key as it is drawn, in the colour of the rest.
    fn show(&self, name: String, values: &SeriesColumn) -> Shown {
        let first = values.get(self.begin).or(values.first_known()).unwrap_or(0);
        let base = match self.kind {
            ChartKind::Area => 0,
            ChartKind::Growth => i128::from(first),
        };
        let from = if self.kind == ChartKind::Area { 0 } else { self.begin };
        let (low, peak) = values.extent(from).unwrap_or((first, first));
        // A sample is kept only where the total is known, and so is every key.
        let value = |index: &usize| i128::from(values.get(*index).unwrap_or(first)) - base;
        Shown {
            name,
            paint: palette::OTHER,
            values: self.thinned.kept.iter().map(value).collect(),
            first,
            last: values.last_known().unwrap_or(0),
            peak,
            low,
        }
    }
}

/// The gaps wide enough to be seen, the widest ones if they are many, and how many others there are.
fn visible(series: &Series, columns: usize) -> (Vec<Gap>, usize) {
    let width = |gap: &Gap| series.elapsed_ns(gap.before) - series.elapsed_ns(gap.after);
    let min_width = MIN_GAP_COLUMNS * series.span_ns() as f64 / columns as f64;
    let mut wide: Vec<Gap> =
        series.gaps.iter().filter(|gap| width(gap) as f64 >= min_width).copied().collect();
    sort_by_key(&mut wide, |gap| std::cmp::Reverse(width(gap)));
    wide.truncate(MAX_GAPS);
    sort_by_key(&mut wide, |gap| gap.after);
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
