//! The page of a recording: one HTML file with the finding, a chart with two cursors, a table of
//! the change between them that opens to objects and regions, and where the figures come from.
//!
//! [`plan::PagePlan`] chooses the samples, [`page`] writes the file. It loads nothing, runs one
//! script of its own (`script/`), and has the picture of `vmrec chart` where scripts are off. Text
//! of processes and files is escaped by type in HTML, and is never markup in the script.

mod bar;
mod data;
mod document;
mod facts;
mod glossary;
mod head;
pub(crate) mod heap;
pub(crate) mod input;
mod map;
mod marks;
mod numbers;
mod pack;
pub(crate) mod picked;
pub(crate) mod plan;
mod regions;
pub(crate) mod session;
mod style;
mod summary;
#[cfg(test)]
mod tests;

use vmrec_sampler::RegionType;

use crate::chart;
use crate::chart::stated::Stated;
use crate::error::Error;
use crate::finding::caveat::Caveat;
use crate::metric::Metric;
use crate::page::data::PageData;
use crate::page::document::Document;
use crate::page::input::{Page, PageInput};
use crate::page::plan::PAGE_METRICS;
use crate::page::regions::RegionTable;
use crate::page::summary::Compared;
use crate::series::tick::SeriesKey;
use crate::text::escape;

/// Writes the page of a recording.
pub fn page(source: &PageInput<'_>) -> Result<Page, Error> {
    let first = source.series.first().ok_or(Error::NoSamples)?;
    let stated = Stated::of(first, source.series, source.options, source.context)?;
    let picture = chart::draw(source.series, source.options, source.context)?;
    let data = data(source, &stated)?;
    let types = data::types(source.columns);
    let ends = data.ends;
    let compared = Compared { columns: source.columns, types: &types, ends };
    let document = Document {
        stated: &stated,
        became_shared: became_shared(source),
        compared: &compared,
        picture: &picture.svg,
        map: map::map(source),
        data: &pack::pack(&data)?,
        source,
    };
    Ok(Page { html: document.html(), finding: picture.finding })
}

/// Returns how much of the private memory became shared, not freed.
fn became_shared(source: &PageInput<'_>) -> Option<Caveat> {
    let of = |metric| source.series.iter().find(|series| series.metric == metric).cloned();
    let series = [of(Metric::PRIVATE)?, of(Metric::RESIDENT)?];
    let stated = Stated::of(&series[0], &series, source.options, source.context).ok()?;
    let shared = |caveat: &Caveat| matches!(caveat, Caveat::BecameShared { .. });
    stated.finding.caveats.into_iter().find(shared)
}

fn data(source: &PageInput<'_>, stated: &Stated<'_>) -> Result<PageData, Error> {
    let (context, naming) = (source.context, source.context.naming);
    let ticks = source.columns.first().map(|series| &series.ticks[..]).unwrap_or_default();
    let begin = stated.series.ticks.first().map(|first| first.taken).unwrap_or_default();
    let elapsed_ms = || {
        ticks
            .iter()
            .map(|tick| tick.taken.monotonic_ns.saturating_sub(begin.monotonic_ns) / 1_000_000)
    };
    let column = |number: u64| ticks.iter().position(|tick| tick.number == number);
    let (from, to) = source.plan.ends;
    let ends = (column(from).unwrap_or(0), column(to).unwrap_or(ticks.len().saturating_sub(1)));

    let keys = data::types(source.columns);
    let mut types: Vec<RegionType> =
        keys.iter().map(|key| RegionType::named(&key.name, key.family)).collect();
    let of_page: Vec<_> = source
        .snapshots
        .iter()
        .filter_map(|(number, snapshot)| Some((column(*number)?, snapshot)))
        .collect();
    let regions =
        RegionTable::of(&of_page, naming, |of| match types.iter().position(|known| known == of) {
            Some(index) => index,
            None => {
                types.push(of.clone());
                types.len() - 1
            }
        });
    let keys: Vec<SeriesKey> =
        types.iter().map(|of| SeriesKey { family: of.family(), name: of.name().into() }).collect();
    let metrics = PAGE_METRICS
        .iter()
        .filter_map(|metric| source.columns.iter().find(|series| series.metric == *metric));
    Ok(PageData {
        process: escape::terminal(&context.process).into_owned(),
        recording: source.recording.recording.id.0,
        metrics: metrics.map(|series| data::metric_data(series, &keys, &context.limits)).collect(),
        families: data::families(naming),
        lightness: data::lightness(),
        types: types.iter().map(|of| data::type_data(of, naming)).collect(),
        begin_ms: begin.utc_ns.div_euclid(1_000_000),
        offsets: data::offsets(begin.utc_ns, elapsed_ms(), &source.options.zone),
        numbers: numbers::deltas(ticks.iter().map(|tick| Some(tick.number)), 1),
        elapsed_ms: numbers::deltas(elapsed_ms().map(Some), 1),
        torn: data::torn(ticks),
        gaps: data::gaps(stated.series, ticks.len() as u64),
        marks: stated.moments.iter().map(data::mark).collect(),
        ends,
        regions,
    })
}
