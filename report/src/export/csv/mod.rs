//! The same rows as CSV: a header, then one line a row; sizes in bytes, unknown empty.
//!
//! Text is on one line and starts no formula, since spreadsheets open CSV.

#[cfg(test)]
mod tests;

use std::io;

use csv::Writer;
use vmrec_sampler::{AddressRange, Naming, ProcessInfo, Snapshot};

use crate::amounts::{Amounts, Change};
use crate::diff::Diff;
use crate::diff::group::View;
use crate::error::Error;
use crate::export::json::snapshot::{SeriesRow, SessionSeriesRow};
use crate::metric::Metric;
use crate::recordings::{Listed, why_ended_name};
use crate::session::diff::SessionDiff;
use crate::session::list::ListedSession;
use crate::text::{clock, escape};

/// Writes one view of a diff, in the diff's order. Each metric has three columns:
/// `…_from`, `…_to`, `…_delta`. Beside the keys of types and families are their labels.
pub fn diff(out: impl io::Write, diff: &Diff, view: View, naming: Naming) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    let names: &[&str] = match view {
        View::Family => &["family", "label"],
        View::Type => &["type", "label", "family", "family_label"],
        View::Object => &["object", "label", "path"],
        View::Region => &[
            "change",
            "type",
            "label",
            "family",
            "family_label",
            "object",
            "detail",
            "start",
            "end",
        ],
    };
    let mut header: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    for name in std::iter::once("regions").chain(Metric::SIZES.map(Metric::column)) {
        header.extend(["from", "to", "delta"].map(|end| format!("{name}_{end}")));
    }
    out.write_record(&header)?;
    match view {
        View::Family => {
            for row in &diff.families {
                let names = [row.key.name(), row.key.label(naming)];
                out.write_record(change_record(&names, &row.change))?;
            }
        }
        View::Type => {
            for row in &diff.types {
                let family = row.key.family();
                let names =
                    [row.key.name(), row.key.label(naming), family.name(), family.label(naming)];
                out.write_record(change_record(&names, &row.change))?;
            }
        }
        View::Object => {
            for row in &diff.objects {
                let (key, label) = (row.key.name(Naming::Apple), row.key.name(naming));
                let names = [&*key, &*label, row.key.path().unwrap_or_default()];
                out.write_record(change_record(&names, &row.change))?;
            }
        }
        View::Region => {
            for row in &diff.regions {
                let [start, end] = addresses(row.range());
                let names = [
                    row.kind.name(),
                    row.region_type.name(),
                    row.region_type.label(naming),
                    row.region_type.family().name(),
                    row.region_type.family().label(naming),
                    row.object_name().unwrap_or_default(),
                    row.detail.as_deref().unwrap_or_default(),
                    &start,
                    &end,
                ];
                out.write_record(change_record(&names, &row.change))?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Writes one line a region.
pub fn snapshot(out: impl io::Write, snapshot: &Snapshot, naming: Naming) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    out.write_record(snapshot_header())?;
    for record in snapshot_records(snapshot, naming) {
        out.write_record(record)?;
    }
    Ok(out.flush()?)
}

/// Writes the snapshots of processes of a session, with the recording and process before each region.
pub fn session_snapshot<'a>(
    out: impl io::Write,
    snapshots: impl IntoIterator<Item = (i64, &'a ProcessInfo, &'a Snapshot)>,
    naming: Naming,
) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    out.write_record(["recording", "pid", "process"].into_iter().chain(snapshot_header()))?;
    for (recording, process, snapshot) in snapshots {
        let of = [recording.to_string(), pid(process.id.known_pid()), text(process.name())];
        for record in snapshot_records(snapshot, naming) {
            out.write_record(of.iter().cloned().chain(record))?;
        }
    }
    Ok(out.flush()?)
}

fn pid(pid: Option<u32>) -> String {
    pid.map(|pid| pid.to_string()).unwrap_or_default()
}

fn snapshot_header() -> impl Iterator<Item = &'static str> {
    let names = [
        "start",
        "end",
        "type",
        "label",
        "family",
        "family_label",
        "detail",
        "confidence",
        "rule",
        "protection",
        "max_protection",
        "share_mode",
        "object",
        "offset",
        "provenance",
    ];
    names.into_iter().chain(Metric::SIZES.map(Metric::column))
}

/// Returns a record for each region.
fn snapshot_records(snapshot: &Snapshot, naming: Naming) -> impl Iterator<Item = Vec<String>> {
    snapshot.regions.iter().map(move |region| {
        let identity = &*region.identity;
        let label = &identity.label;
        let [start, end] = addresses(identity.range);
        let protection = identity.known_protection().map(|rights| rights.to_string());
        let max_protection = identity.max_protection.map(|rights| rights.to_string());
        let mut record = vec![
            start,
            end,
            text(label.region_type.name()),
            text(label.region_type.label(naming)),
            label.region_type.family().name().to_owned(),
            label.region_type.family().label(naming).to_owned(),
            text(label.detail.as_deref().unwrap_or_default()),
            label.confidence.name().to_owned(),
            text(label.rule.name()),
            protection.unwrap_or_default(),
            max_protection.unwrap_or_default(),
            region.share_mode.map(|mode| mode.name()).unwrap_or_default().to_owned(),
            text(identity.object.as_ref().map_or("", |object| &object.name)),
            number(identity.known_offset()),
            snapshot.provenance_of(region).name().to_owned(),
        ];
        let sizes: Amounts = [region].into_iter().collect();
        record.extend(Metric::SIZES.map(|metric| number(sizes.get(metric))));
        record
    })
}

/// Writes one line a recording.
pub fn list(out: impl io::Write, rows: &[Listed<'_>]) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    out.write_record([
        "recording",
        "pid",
        "name",
        "recording_name",
        "samples",
        "started",
        "ended",
        "running",
        "why_ended",
        "length_ns",
        "interval_ns",
        "peak_resident_bytes",
        "growth_resident_bytes",
        "file",
    ])?;
    for row in rows {
        let recording = row.recording;
        out.write_record([
            recording.id.0.to_string(),
            recording.process.id.known_pid().map_or_else(String::new, |pid| pid.to_string()),
            text(recording.process.name()),
            text(recording.name.as_deref().unwrap_or_default()),
            row.samples.to_string(),
            clock::utc(recording.begun.utc_ns),
            recording.ended.map(|ended| clock::utc(ended.utc_ns)).unwrap_or_default(),
            row.running.to_string(),
            recording.why_ended.as_ref().map(why_ended_name).unwrap_or_default().to_owned(),
            row.length_ns().to_string(),
            recording.interval_ns.to_string(),
            row.resident.peak_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            row.resident.growth_bytes().map(|bytes| bytes.to_string()).unwrap_or_default(),
            row.file.unwrap_or(1).to_string(),
        ])?;
    }
    Ok(out.flush()?)
}

/// Writes one line a value of a series.
pub fn series<'a>(
    out: impl io::Write,
    rows: impl IntoIterator<Item = SeriesRow<'a>>,
) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    out.write_record(SERIES)?;
    for row in rows {
        out.write_record(series_record(&row))?;
    }
    Ok(out.flush()?)
}

/// Writes the values over time of the recordings of a session, one row each.
pub fn session_series<'a>(
    out: impl io::Write,
    rows: impl IntoIterator<Item = SessionSeriesRow<'a>>,
) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    out.write_record(["recording", "pid", "process"].into_iter().chain(SERIES))?;
    for SessionSeriesRow { recording, pid: number, process, row } in rows {
        let of = [recording.to_string(), pid(number), text(process)];
        out.write_record(of.into_iter().chain(series_record(&row)))?;
    }
    Ok(out.flush()?)
}

const SERIES: [&str; 6] = ["time", "utc_ns", "key", "label", "quantity", "value"];

fn series_record(row: &SeriesRow<'_>) -> [String; 6] {
    [
        clock::utc(row.utc_ns),
        row.utc_ns.to_string(),
        text(row.key),
        text(row.label),
        text(row.quantity),
        number(row.value),
    ]
}

/// Writes the changes of a session, a line for each process and type.
pub fn session_diff(out: impl io::Write, diff: &SessionDiff, naming: Naming) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    let names = ["pid", "process", "change", "type", "label", "family", "family_label"];
    let mut header: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    for name in std::iter::once("regions").chain(Metric::SIZES.map(Metric::column)) {
        header.extend(["from", "to", "delta"].map(|end| format!("{name}_{end}")));
    }
    out.write_record(&header)?;
    for process in &diff.processes {
        let pid = process.pid.map(|pid| pid.to_string()).unwrap_or_default();
        for row in &process.types {
            let family = row.key.family();
            let names = [
                &*pid,
                &*process.name,
                process.presence().name(),
                row.key.name(),
                row.key.label(naming),
                family.name(),
                family.label(naming),
            ];
            out.write_record(change_record(&names, &row.change))?;
        }
    }
    Ok(out.flush()?)
}

/// Writes the list of sessions.
pub fn session_list(out: impl io::Write, rows: &[ListedSession<'_>]) -> Result<(), Error> {
    let mut out = Writer::from_writer(out);
    out.write_record([
        "session",
        "targets",
        "started",
        "length_ns",
        "interval_ns",
        "processes",
        "recordings",
        "running",
        "file",
    ])?;
    for row in rows {
        out.write_record([
            row.session.id.0.to_string(),
            text(&row.session.targets),
            clock::utc(row.session.begun.utc_ns),
            row.length_ns.to_string(),
            row.session.interval_ns.to_string(),
            row.processes.to_string(),
            row.recordings.to_string(),
            row.running.to_string(),
            row.file.unwrap_or(1).to_string(),
        ])?;
    }
    Ok(out.flush()?)
}

fn change_record(names: &[&str], change: &Change) -> Vec<String> {
    let mut record: Vec<String> = names.iter().map(|name| text(name)).collect();
    for metric in std::iter::once(Metric::Regions).chain(Metric::SIZES) {
        let delta = change.get(metric);
        record.extend([number(delta.from), number(delta.to), number(delta.delta())]);
    }
    record
}

/// Returns the first address inside and the first after it; nothing of memory without addresses.
fn addresses(range: AddressRange) -> [String; 2] {
    let Some(range) = range.placed() else { return Default::default() };
    [range.start, range.end].map(|address| format!("{address:#x}"))
}

fn text(text: &str) -> String {
    escape::csv_text(text).into_owned()
}

fn number(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
