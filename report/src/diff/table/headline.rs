//! The first line of a diff: its finding.

use vmrec_sampler::Family;

use crate::amounts::Change;
use crate::diff::Diff;
use crate::diff::group::View;
use crate::diff::table::heading::{DiffLayout, Heading};
use crate::diff::table::notes::became_shared;
use crate::finding::baseline::{age_ns, may_load};
use crate::finding::caveat::Caveat;
use crate::finding::clock::Clock;
use crate::finding::{Finding, Moments};
use crate::metric::Metric;
use crate::text::escape;
use crate::text::table::cut_middle;

/// Returns the finding of a diff, in the most complete form that fits its width; `None` if the
/// metric is unknown at either time. Reserved address space is left out, as in a chart.
pub(crate) fn of(heading: &Heading<'_>, diff: &Diff, layout: &DiffLayout) -> Option<String> {
    let metric = diff.sorted_by;
    let hidden = (metric == Metric::Virtual).then_some(Family::Reserved);
    let total = hidden.and_then(|_| without_reserved(diff)).unwrap_or(diff.total).get(metric);
    let part = |label: &str, family: Family, change: &Change| {
        let counted = Some(family) != hidden;
        Some((label.to_owned(), change.get(metric).delta().filter(|_| counted)?))
    };
    let parts: Vec<(String, i128)> = match layout.view {
        View::Family => diff
            .families
            .iter()
            .filter_map(|row| part(row.key.label(layout.naming), row.key, &row.change))
            .collect(),
        View::Type | View::Object | View::Region => diff
            .types
            .iter()
            .filter_map(|row| part(row.key.label(layout.naming), row.key.family(), &row.change))
            .collect(),
    };
    let [from, to] = [heading.from, heading.to].map(|end| end.taken.monotonic_ns);
    let moments = Moments {
        first: total.from?,
        last: total.to?,
        highest: None,
        leader: None,
        elapsed_ns: to.abs_diff(from),
    };
    let shared = became_shared(diff).filter(|_| metric == Metric::PRIVATE);
    let caveats = shared.into_iter().collect();
    let finding = Finding::of_moments(metric, moments, parts, caveats);
    let forms = finding.headlines(heading.process.name(), &Clock::Elapsed);
    let forms: Vec<String> = forms.iter().map(|form| escape::terminal(form).to_string()).collect();
    let fits = |form: &&String| form.chars().count() <= layout.width;
    let form = forms.iter().find(fits).or(forms.last())?;
    Some(cut_middle(form, layout.width).into_owned())
}

/// Returns that the first sample is of a process that had hardly started.
pub(crate) fn loading(heading: &Heading<'_>) -> Option<Caveat> {
    let age_ns = age_ns(heading.process.started_utc_ns, heading.from.taken.utc_ns)?;
    may_load(age_ns).then_some(Caveat::Loading { age_ns })
}

/// Returns the total without reserved address space, if the two differ in what is shown.
pub(crate) fn without_reserved(diff: &Diff) -> Option<Change> {
    let reserved = diff.families.iter().find(|row| row.key == Family::Reserved)?;
    let bytes = reserved.change.get(Metric::Virtual);
    let at_the_end = diff.sorted_by == Metric::Virtual && bytes.to != Some(0);
    if bytes.from == bytes.to && !at_the_end {
        return None;
    }
    let mut usable = Change::default();
    let others = diff.families.iter().filter(|row| row.key != Family::Reserved);
    others.for_each(|row| usable.merge(&row.change));
    Some(usable)
}
