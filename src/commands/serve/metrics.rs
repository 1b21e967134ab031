//! The newest sample of each process being recorded, as OpenMetrics for Prometheus.
//!
//! The number of series is bounded: by the processes with series of their own, and by the types of
//! each. What is left out is summed as `other`, so that sums over all series stay right. A size
//! that is not known has no series; it is not 0.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use vmrec_report::{Amounts, Metric, ProcessAt, escape};
use vmrec_sampler::{Quantity, Timestamp, sort_by_key};

use crate::commands::serve::args::SeriesOf;
use crate::failure::Failure;
use crate::file;
use crate::output::unwritable;

/// The type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics that have a series for each type of each process.
const METRICS: [Metric; 8] = [
    Metric::Virtual,
    Metric::RESIDENT,
    Metric::PRIVATE,
    Metric::PSS,
    Metric::SWAPPED,
    Metric::Measured(Quantity::Dirty),
    Metric::Measured(Quantity::PrivateDirty),
    Metric::Regions,
];
/// The maximum number of types of a process with series of their own.
const MAX_TYPES: usize = 48;
/// The maximum length of a label, in characters.
const MAX_LABEL: usize = 120;
/// The label of all that has no series of its own.
const OTHER: &str = "other";

type Labels = Vec<(&'static str, String)>;

/// The newest sample of a process.
#[derive(Clone, Debug)]
struct Seen {
    process: ProcessAt,
    taken: Timestamp,
}

/// The sums that share the labels of a process.
#[derive(Clone, Debug, Default)]
struct Group {
    processes: i64,
    newest_utc_ns: i64,
    /// By the name and the family of the type.
    types: BTreeMap<(String, &'static str), Amounts>,
}

/// Returns all metrics.
pub(super) fn text(path: &Path, by: SeriesOf, max_processes: usize) -> Result<String, Failure> {
    let (held, seen) = seen(path)?;
    let groups = groups(seen, by, max_processes);
    let mut registry = Registry::default();
    let recorded = Gauge::<i64>::default();
    recorded.set(i64::from(held));
    registry.register("vmrec_recorders", "Recorders that write now", recorded);
    let (processes, newest) =
        (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    registry.register("vmrec_processes", "Processes being recorded", processes.clone());
    registry.register(
        "vmrec_last_sample_timestamp_seconds",
        "When the newest sample was taken, seconds since 1970",
        newest.clone(),
    );
    for (of, group) in &groups {
        processes.get_or_create(of).set(group.processes);
        newest.get_or_create(of).set(group.newest_utc_ns / 1_000_000_000);
    }
    for metric in METRICS {
        let family = Family::<Labels, Gauge>::default();
        for (of, group) in &groups {
            for ((name, family_name), amounts) in &group.types {
                let Some(value) = amounts.get(metric) else { continue };
                let mut labels = of.clone();
                labels.push(("type", name.clone()));
                labels.push(("family", (*family_name).to_owned()));
                family.get_or_create(&labels).set(i64::try_from(value).unwrap_or(i64::MAX));
            }
        }
        let name = format!("vmrec_{}", metric.column());
        registry.register(name, format!("{}: {}", metric.title(), metric.meaning()), family);
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(unwritable)?;
    Ok(text)
}

/// Returns how many recorders write, and the newest samples of the processes they record.
fn seen(path: &Path) -> Result<(u32, Vec<Seen>), Failure> {
    let (mut held, mut seen) = (0, Vec::new());
    let files = match file::all(path) {
        // Nothing was recorded yet.
        Err(_) if !path.exists() => Vec::new(),
        files => files?,
    };
    for file in files {
        let store = file.content;
        if !store.being_recorded() {
            continue;
        }
        held += 1;
        for summary in store.recordings()? {
            let recording = &summary.recording;
            if recording.ended.is_some() {
                continue;
            }
            let Some(extent) = store.extent(recording.id)? else { continue };
            let snapshot = store.snapshot(recording.id, extent.last.number)?;
            let process = ProcessAt::of(recording.id, &recording.process, &snapshot);
            seen.push(Seen { process, taken: extent.last.taken });
        }
    }
    Ok((held, seen))
}

/// Sums what shares labels: the largest processes or names have labels of their own.
fn groups(seen: Vec<Seen>, by: SeriesOf, max_processes: usize) -> Vec<(Labels, Group)> {
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for Seen { process, taken } in seen {
        let pid = match by {
            SeriesOf::Process => process.pid.map(|pid| pid.to_string()).unwrap_or_default(),
            SeriesOf::Name => String::new(),
        };
        let group = groups.entry((label(&process.name), pid)).or_default();
        group.processes += 1;
        group.newest_utc_ns = group.newest_utc_ns.max(taken.utc_ns);
        for (of, amounts) in process.types() {
            let key = (label(of.name()), of.family().name());
            group.types.entry(key).or_default().merge(amounts);
        }
    }
    let mut groups: Vec<((String, String), Group)> = groups.into_iter().collect();
    let size = |amounts: &Amounts| amounts.get(Metric::Own).or(amounts.get(Metric::RESIDENT));
    let whole =
        |group: &Group| group.types.values().filter_map(size).fold(0_u64, u64::saturating_add);
    groups.sort_by_cached_key(|(of, group)| (Reverse(whole(group)), of.clone()));
    let mut other = Group::default();
    for (_, group) in groups.drain(max_processes.min(groups.len())..) {
        other.processes += group.processes;
        other.newest_utc_ns = other.newest_utc_ns.max(group.newest_utc_ns);
        for (key, amounts) in group.types {
            other.types.entry(key).or_default().merge(&amounts);
        }
    }
    if other.processes > 0 {
        groups.push(((OTHER.to_owned(), String::new()), other));
    }
    let labelled = |((process, pid), mut group): ((String, String), Group)| {
        limit_types(&mut group);
        let mut labels = vec![("process", process)];
        if by == SeriesOf::Process {
            labels.push(("pid", pid));
        }
        (labels, group)
    };
    groups.into_iter().map(labelled).collect()
}

/// Sums the smallest types of a process where it has very many.
fn limit_types(group: &mut Group) {
    if group.types.len() <= MAX_TYPES {
        return;
    }
    let mut all: Vec<_> = std::mem::take(&mut group.types).into_iter().collect();
    sort_by_key(&mut all, |(_, amounts)| Reverse(amounts.virtual_bytes));
    let mut rest = Amounts::default();
    all.drain(MAX_TYPES - 1..).for_each(|(_, amounts)| rest.merge(&amounts));
    group.types = all.into_iter().collect();
    group.types.insert((OTHER.to_owned(), OTHER), rest);
}

/// Returns untrusted text as the value of a label: on one line, of bounded length, and escaped as the
/// format wants it, which the encoder leaves to its callers.
fn label(text: &str) -> String {
    let mut label = String::new();
    for character in escape::terminal(text).chars().take(MAX_LABEL) {
        match character {
            '\\' => label.push_str("\\\\"),
            '"' => label.push_str("\\\""),
            '\n' => label.push_str("\\n"),
            other => label.push(other),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_ends_its_label_or_its_line(text in any::<String>()) {
            let label = label(&text);
            prop_assert!(label.chars().all(|c| !c.is_control()), "{label:?}");
            let mut escaped = false;
            for character in label.chars() {
                prop_assert!(escaped || character != '"', "{label:?}");
                escaped = character == '\\' && !escaped;
            }
            prop_assert!(!escaped, "{label:?}");
            prop_assert!(label.chars().count() <= 2 * MAX_LABEL);
        }
    }
}
