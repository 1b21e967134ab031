//! One snapshot, or one quantity over time, as JSON.

use serde::Serialize;
use vmrec_sampler::{Host, Naming, ProcessInfo, Region, Snapshot};

use crate::amounts::Amounts;
use crate::export::json::{Moment, Sums, addresses};
use crate::metric::Metric;
use crate::text::clock;

/// One element of `export --series BY --session N --json`: a value of one of its recordings.
#[derive(Serialize)]
pub struct SessionSeriesRow<'a> {
    /// The recording.
    pub recording: i64,
    /// Its process.
    pub pid: Option<u32>,
    /// The name of the process.
    pub process: &'a str,
    /// The value.
    #[serde(flatten)]
    pub row: SeriesRow<'a>,
}

/// `map --json`.
#[derive(Serialize)]
pub struct SnapshotDocument<'a> {
    process: &'a str,
    pid: Option<u32>,
    #[serde(flatten)]
    taken: Moment,
    page_size: Option<u64>,
    unchanged: bool,
    cheap: bool,
    torn: Option<&'a str>,
    totals_alone: Option<&'a str>,
    regions: Option<Vec<SnapshotRegion<'a>>>,
    total: TotalValue,
}

impl<'a> SnapshotDocument<'a> {
    /// Creates the document.
    pub fn new(process: &'a ProcessInfo, host: &Host, snapshot: &'a Snapshot) -> Self {
        let sum = Amounts::of(snapshot);
        Self {
            process: process.name(),
            pid: process.id.known_pid(),
            taken: Moment::of(snapshot.taken.utc_ns),
            page_size: host.known_page_bytes(),
            unchanged: snapshot.consistency.is_unchanged(),
            cheap: snapshot.consistency.is_cheap(),
            torn: snapshot.consistency.torn(),
            totals_alone: snapshot.consistency.totals_alone(),
            regions: snapshot.consistency.totals_alone().is_none().then(|| {
                let row = |region| {
                    let provenance = snapshot.provenance_of(region).name();
                    SnapshotRegion { provenance, ..SnapshotRegion::of(region, Naming::of(host)) }
                };
                snapshot.regions.iter().map(row).collect()
            }),
            total: TotalValue {
                regions: sum.get(Metric::Regions),
                sizes: Sums(sum),
                footprint_bytes: snapshot.totals.footprint_bytes,
            },
        }
    }
}

#[derive(Serialize)]
struct SnapshotRegion<'a> {
    start: Option<String>,
    end: Option<String>,
    #[serde(rename = "type")]
    region_type: &'a str,
    label: &'a str,
    family: &'static str,
    family_label: &'static str,
    detail: Option<&'a str>,
    confidence: &'static str,
    rule: &'a str,
    protection: Option<String>,
    max_protection: Option<String>,
    share_mode: Option<&'static str>,
    #[serde(flatten)]
    sizes: Sums,
    object: Option<&'a str>,
    object_deleted: bool,
    offset: Option<u64>,
    provenance: &'static str,
}

impl<'a> SnapshotRegion<'a> {
    fn of(region: &'a Region, naming: Naming) -> Self {
        let identity = &*region.identity;
        let label = &identity.label;
        let (start, end) = addresses(identity.range);
        Self {
            start,
            end,
            region_type: label.region_type.name(),
            label: label.region_type.label(naming),
            family: label.region_type.family().name(),
            family_label: label.region_type.family().label(naming),
            detail: label.detail.as_deref(),
            confidence: label.confidence.name(),
            rule: label.rule.name(),
            protection: identity.known_protection().map(|rights| rights.to_string()),
            max_protection: identity.max_protection.map(|rights| rights.to_string()),
            share_mode: region.share_mode.map(|mode| mode.name()),
            sizes: Sums([region].into_iter().collect()),
            object: identity.object.as_ref().map(|object| &*object.name),
            object_deleted: identity.object.as_ref().is_some_and(|object| object.deleted),
            offset: identity.known_offset(),
            provenance: region.provenance.name(),
        }
    }
}

#[derive(Serialize)]
struct TotalValue {
    regions: Option<u64>,
    #[serde(flatten)]
    sizes: Sums,
    footprint_bytes: Option<u64>,
}

/// One value of a series: an element of `series --json`, which is an array.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesRow<'a> {
    time: String,
    pub(crate) utc_ns: i64,
    pub(crate) key: &'a str,
    pub(crate) label: &'a str,
    pub(crate) quantity: &'a str,
    pub(crate) value: Option<u64>,
}

impl<'a> SeriesRow<'a> {
    /// Creates the value of `quantity` of `key` (a family, a type) and its label at a moment.
    pub fn new(
        utc_ns: i64,
        (key, label): (&'a str, &'a str),
        quantity: &'a str,
        value: Option<u64>,
    ) -> Self {
        Self { time: clock::utc(utc_ns), utc_ns, key, label, quantity, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{before_and_after, process, recording};

    #[test]
    fn a_snapshot_has_the_keys_promised_and_null_for_unknown() {
        let (mut snapshot, _) = before_and_after();
        snapshot.regions.truncate(1);
        let (process, host) = (process(), recording(1).host);
        let mut text = Vec::new();
        crate::export::json::write(&mut text, &SnapshotDocument::new(&process, &host, &snapshot))
            .unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
    {
      "process": "server",
      "pid": 4242,
      "time": "2026-03-01T13:00:00.000Z",
      "utc_ns": 1772370000000000000,
      "page_size": 4096,
      "unchanged": false,
      "cheap": false,
      "torn": null,
      "totals_alone": null,
      "regions": [
        {
          "start": "0x555500000000",
          "end": "0x555500400000",
          "type": "MALLOC (brk heap)",
          "label": "MALLOC (brk heap)",
          "family": "malloc",
          "family_label": "malloc",
          "detail": null,
          "confidence": "sure",
          "rule": "R1",
          "protection": "rw-",
          "max_protection": "rwx",
          "share_mode": "PRV",
          "virtual_bytes": 4194304,
          "resident_bytes": 3145728,
          "private_bytes": 3145728,
          "dirty_bytes": 3145728,
          "private_dirty_bytes": 3145728,
          "swapped_bytes": 0,
          "pss_bytes": null,
          "anonymous_bytes": null,
          "referenced_bytes": null,
          "reclaimable_bytes": null,
          "locked_bytes": null,
          "huge_bytes": null,
          "object": "[heap]",
          "object_deleted": false,
          "offset": 0,
          "provenance": "measured"
        }
      ],
      "total": {
        "regions": 1,
        "virtual_bytes": 4194304,
        "resident_bytes": 3145728,
        "private_bytes": 3145728,
        "dirty_bytes": 3145728,
        "private_dirty_bytes": 3145728,
        "swapped_bytes": 0,
        "pss_bytes": null,
        "anonymous_bytes": null,
        "referenced_bytes": null,
        "reclaimable_bytes": null,
        "locked_bytes": null,
        "huge_bytes": null,
        "footprint_bytes": null
      }
    }
    "#);
    }

    #[test]
    fn a_series_value() {
        let row = SeriesRow::new(
            1_772_370_000_000_000_000,
            ("image", "program + libraries"),
            "resident_bytes",
            None,
        );
        insta::assert_snapshot!(serde_json::to_string(&row).unwrap(), @r#"{"time":"2026-03-01T13:00:00.000Z","utc_ns":1772370000000000000,"key":"image","label":"program + libraries","quantity":"resident_bytes","value":null}"#);
    }
}
