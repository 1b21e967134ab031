//! The first line of a session's diff: its finding, by process and type.

use vmrec_sampler::Naming;

use crate::finding::clock::Clock;
use crate::finding::{Finding, Moments};
use crate::session::diff::SessionDiff;
use crate::text::escape;
use crate::text::table::cut_middle;

/// Returns the finding of a diff, in the most complete form that fits a width; `None` if the number
/// that rows are sorted by is unknown at either moment.
pub(crate) fn of(
    session: &str,
    diff: &SessionDiff,
    naming: Naming,
    elapsed_ns: u64,
    width: usize,
) -> Option<String> {
    let metric = diff.sorted_by;
    let total = diff.total.get(metric);
    let parts = diff.processes.iter().flat_map(|process| {
        process.types.iter().filter_map(move |of| {
            let pid = process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
            let label = of.key.label(naming);
            Some((format!("{} ({pid}) ▸ {label}", process.name), of.change.get(metric).delta()?))
        })
    });
    let moments =
        Moments { first: total.from?, last: total.to?, highest: None, leader: None, elapsed_ns };
    let finding = Finding::of_moments(metric, moments, parts, Vec::new());
    let forms = finding.headlines(session, &Clock::Elapsed);
    let forms: Vec<String> = forms.iter().map(|form| escape::terminal(form).to_string()).collect();
    let fits = |form: &&String| form.chars().count() <= width;
    // A form without parts would hide the process.
    let largest = finding.shares.named.first();
    let is_whole = |form: &&String| form.contains('▸') || largest.is_none();
    if let Some(form) = forms.iter().filter(is_whole).find(fits) {
        return Some(form.clone());
    }
    let short = match largest {
        Some(share) => {
            let (change, of) = (metric.unit().signed(share.change), finding.change());
            format!("{} {change}; {session} {}", share.label, metric.unit().signed(of))
        }
        None => forms.last()?.clone(),
    };
    Some(cut_middle(&escape::terminal(&short), width).into_owned())
}
