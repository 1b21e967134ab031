//! The HTML of a page. What is text of a process is escaped by its type.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::stated::Stated;
use crate::finding::caveat::Caveat;
use crate::metric::{Metric, Unit};
use crate::page::bar::bar;
use crate::page::input::PageInput;
use crate::page::plan::PAGE_METRICS;
use crate::page::summary::{Compared, Lines};
use crate::page::{facts, glossary, head, marks, pack, style};
use crate::series::tick::SeriesTick;
use crate::text::escape::terminal;
use crate::text::units;

/// The script, in the order of its files.
const SCRIPT: [&str; 9] = [
    include_str!("script/format.js"),
    include_str!("script/data.js"),
    include_str!("script/compare.js"),
    include_str!("script/scales.js"),
    include_str!("script/layers.js"),
    include_str!("script/chart.js"),
    include_str!("script/cursors.js"),
    include_str!("script/table.js"),
    include_str!("script/page.js"),
];
/// The maximum number of caveats stated.
const MAX_CAVEATS: usize = 6;

/// A page before it is HTML.
pub(crate) struct Document<'a> {
    pub(crate) stated: &'a Stated<'a>,
    pub(crate) became_shared: Option<Caveat>,
    pub(crate) compared: &'a Compared<'a>,
    /// The chart as SVG.
    pub(crate) picture: &'a str,
    /// The address map as SVG, if regions are known.
    pub(crate) map: Option<String>,
    /// The packed data of the script.
    pub(crate) data: &'a str,
    pub(crate) source: &'a PageInput<'a>,
}

impl Document<'_> {
    pub(crate) fn html(&self) -> String {
        let script = SCRIPT.concat();
        // The page loads nothing, and runs this script only.
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src 'unsafe-inline'; img-src data:; \
             base-uri 'none'; form-action 'none'",
            pack::script_hash(&script)
        );
        let title = self.stated.titles.first().map_or("", String::as_str);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    (head::metadata(&policy, &self.source.context.version, title))
                    style { (PreEscaped(style::sheet())) }
                }
                body {
                    (self.head(title))
                    main {
                        (self.tiles())
                        (self.chart())
                        (self.table())
                        (self.about())
                    }
                    script #data type="application/octet-stream" { (PreEscaped(self.data)) }
                    script { (PreEscaped(script)) }
                }
            }
        }
        .into_string()
    }

    fn head(&self, title: &str) -> Markup {
        let marks: Vec<&str> =
            self.stated.marks.iter().map(|(_, mark)| mark.text.as_str()).collect();
        let course = self.stated.finding.course_words(&self.stated.clock, &marks);
        let moment = |elapsed_ns| self.stated.clock.moment(elapsed_ns);
        let caveats = self.stated.finding.caveats.iter().chain(&self.became_shared);
        let caveats: Vec<String> =
            caveats.take(MAX_CAVEATS).map(|caveat| capital(&caveat.words(&moment))).collect();
        let made_by = self.source.code.as_ref().and_then(|code| code.made_by.as_ref());
        html! {
            header {
                h1 { (title) }
                p.about { (self.stated.about) }
                @if !course.is_empty() || made_by.is_some() || !caveats.is_empty() {
                    section.finding aria-label="Finding" {
                        @if !course.is_empty() {
                            p.course { (terminal(&course.join(" · "))) }
                        }
                        @if let Some(made_by) = made_by {
                            p.course { "A → B: " (terminal(&made_by.words())) }
                        }
                        @for caveat in &caveats {
                            p.caveat { (terminal(caveat)) }
                        }
                    }
                }
            }
        }
    }

    /// The totals; the script makes them the tabs of the chart.
    fn tiles(&self) -> Markup {
        html! {
            div #tiles role="group" aria-label="Quantity shown" {
                @for metric in PAGE_METRICS {
                    @let unit = metric.unit();
                    @let total = self.compared.total(metric);
                    @let plain = |value: Option<u64>| value.map_or("-".to_owned(), |value| unit.plain(value));
                    button.tile type="button" data-metric=(metric.name())
                        aria-pressed=(metric == Metric::RESIDENT) title=(capital(metric.meaning())) {
                        span.name { (metric.words()) }
                        span.change { (total.delta().map_or("-".to_owned(), |change| unit.signed(change))) }
                        span.ends { (plain(total.from)) " → " (plain(total.to)) }
                    }
                }
            }
        }
    }

    fn chart(&self) -> Markup {
        html! {
            section #chart aria-label="Chart" {
                noscript { (PreEscaped(self.picture)) }
                (controls())
            }
            ul #legend aria-label="Layers of the chart" hidden {}
            div.controls hidden {
                input #search type="search" placeholder="search types, files, regions" aria-label="Search types, files and regions";
            }
        }
    }

    fn table(&self) -> Markup {
        let metric = Metric::RESIDENT;
        let unit = metric.unit();
        let Lines(lines) = &self.compared.lines(metric, self.source.context.naming);
        let largest = self.compared.lines(metric, self.source.context.naming).largest();
        let plain = |value: Option<u64>| value.map_or("-".to_owned(), |value| unit.plain(value));
        let signed = |change: Option<i128>| change.map_or("-".to_owned(), |by| unit.signed(by));
        let total = self.compared.total(metric);
        let regions = self.compared.total(Metric::Regions).delta();
        let regions = regions.map_or("-".to_owned(), |by| Unit::Count.signed(by));
        html! {
            section #growth aria-labelledby="growth-title" {
                h2 #growth-title { "What changed, A → B" }
                p #span { (self.span()) }
                table {
                    thead {
                        tr {
                            th scope="col" { "type" }
                            th.n.a scope="col" { "at A" }
                            th.n scope="col" { "at B" }
                            th.n scope="col" { "change" }
                            th.n.regions scope="col" { "regions" }
                            th.share scope="col" { "share" }
                        }
                    }
                    tbody #rows {
                        @for line in lines {
                            tr {
                                th scope="row" { (swatch(line.family)) (terminal(&line.label)) }
                                td.n.a { (plain(line.delta.from)) }
                                td.n { (plain(line.delta.to)) }
                                td.n.change { (signed(line.delta.delta())) }
                                td.n.regions { (Unit::Count.signed(line.regions)) }
                                td.share { (bar(line.delta.delta(), largest)) }
                            }
                        }
                    }
                    tfoot #total {
                        tr {
                            th scope="row" { "TOTAL" }
                            td.n.a { (plain(total.from)) }
                            td.n { (plain(total.to)) }
                            td.n.change { (signed(total.delta())) }
                            td.n.regions { (regions) }
                            td.share {}
                        }
                    }
                }
                p #note role="status" {}
                p.printed { "On paper the table has its first 18 rows, and its total." }
            }
        }
    }

    /// Returns which samples are compared.
    fn span(&self) -> String {
        let ticks = self.source.columns.first().map(|series| &series.ticks[..]).unwrap_or_default();
        let begin_ns = self.stated.series.ticks.first().map_or(0, |first| first.taken.monotonic_ns);
        let (from, to) = self.compared.ends;
        let (Some(from), Some(to)) = (ticks.get(from), ticks.get(to)) else { return String::new() };
        let moment = |tick: &SeriesTick| {
            let elapsed_ns = tick.taken.monotonic_ns.saturating_sub(begin_ns);
            format!("{} (#{})", self.stated.clock.moment(elapsed_ns), tick.number)
        };
        let apart = to.taken.monotonic_ns.saturating_sub(from.taken.monotonic_ns);
        format!(
            "A is {}, B is {}, {} later. Sizes are resident bytes.",
            moment(from),
            moment(to),
            units::duration(apart)
        )
    }

    fn about(&self) -> Markup {
        html! {
            @if !self.stated.moments.is_empty() {
                (marks::list(&self.stated.moments, &self.stated.clock))
            }
            @if let Some(map) = &self.map {
                section #map aria-labelledby="map-title" {
                    h2 #map-title { "Address space" }
                    div.wide tabindex="0" role="region" aria-label="Address map" {
                        (PreEscaped(map))
                    }
                }
            }
            @if let Some(code) = &self.source.code {
                section #code aria-labelledby="code-title" {
                    h2 #code-title { "Code that made it resident" }
                    p { "Of the first A and B of this page, wherever they are moved. The search finds functions too." }
                    div.wide tabindex="0" role="region" aria-label="Picture of the code" {
                        (PreEscaped(&code.flame))
                    }
                }
            }
            @if !self.source.heap.is_empty() {
                (self.source.heap.section(&self.source.options.zone))
            }
            section #facts aria-labelledby="facts-title" {
                h2 #facts-title { "Where this comes from" }
                (facts::facts(self.source))
                p.scripted hidden {
                    button #save-change type="button" { "save the change A → B as CSV" }
                    " "
                    button #save-series type="button" { "save all samples of this page as CSV" }
                }
            }
            section #glossary {
                details open {
                    summary { h2 { "Words" } }
                    (glossary::glossary(self.compared.types, self.source.context.naming))
                }
            }
        }
    }
}

/// Returns the buttons of the chart, which the script shows.
fn controls() -> Markup {
    html! {
        div.controls role="toolbar" aria-label="Chart" hidden {
            button #by-type type="button" aria-pressed="true" { "by type" }
            button #by-family type="button" aria-pressed="false" { "by family" }
            button #zoom type="button" { "zoom to A–B" }
            button #whole type="button" { "whole time" }
            button #ends type="button" { "reset A and B" }
            span.hint { "drag A and B, or focus one and use ← →" }
        }
    }
}

fn swatch(family: vmrec_sampler::Family) -> Markup {
    html! { i.swatch style={ "background:var(--" (style::shade(family, 0)) ")" } {} }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}
