//! The meaning of the types and metrics that a page shows.

use maud::{Markup, html};
use vmrec_sampler::{Naming, RegionType, sort_by_key};

use crate::page::plan::PAGE_METRICS;
use crate::series::tick::SeriesKey;
use crate::text::escape::terminal;

/// Returns the meanings of the metrics, then of the types, by family.
pub(crate) fn glossary(types: &[SeriesKey], naming: Naming) -> Markup {
    let mut types: Vec<RegionType> =
        types.iter().map(|key| RegionType::named(&key.name, key.family)).collect();
    sort_by_key(&mut types, |of| (of.family(), of.label(naming).to_lowercase()));
    html! {
        h3 { "Quantities" }
        dl.words {
            @for metric in PAGE_METRICS {
                div { dt { (metric.words()) } dd { (metric.meaning()) } }
            }
        }
        h3 { "Types" }
        dl.words {
            @for of in &types {
                div {
                    dt { (terminal(of.label(naming))) }
                    dd {
                        (of.meaning().unwrap_or("A type of the user's own, or of a newer vmrec."))
                        " "
                        span.family { (of.family().label(naming)) }
                    }
                }
            }
        }
    }
}
