//! JSON for other programs. Its keys are stable: they are added to, not renamed.
//!
//! Sizes are bytes, unknown is null, times are RFC 3339 UTC to the millisecond
//! with the exact nanoseconds beside them. Text is as the process set it, with
//! what steers a terminal written as `\uXXXX`, which readers turn back.

pub(crate) mod diff;
pub(crate) mod format;
pub(crate) mod recording;
pub(crate) mod session;
pub(crate) mod snapshot;

use std::io;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use vmrec_sampler::AddressRange;

use crate::amounts::{Amounts, Change, Delta};
use crate::export::json::format::Indented;
use crate::metric::Metric;
use crate::text::clock;

/// Writes a document, indented, with a line break at its end.
pub fn write(mut out: impl io::Write, document: &impl Serialize) -> io::Result<()> {
    let formatter = Indented::default();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    document.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Writes an array of the documents as [`write()`] does, each as soon as it comes.
pub(crate) fn write_each(
    mut out: impl io::Write,
    documents: impl Iterator<Item = impl Serialize>,
) -> io::Result<()> {
    let formatter = Indented::default();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    let mut array = serializer.serialize_seq(None)?;
    for document in documents {
        array.serialize_element(&document)?;
    }
    SerializeSeq::end(array)?;
    out.write_all(b"\n")
}

/// One number at two times.
#[derive(Serialize)]
struct DeltaValue<T> {
    from: Option<T>,
    to: Option<T>,
    delta: Option<i128>,
}

impl From<Delta> for DeltaValue<u64> {
    fn from(delta: Delta) -> Self {
        Self { from: delta.from, to: delta.to, delta: delta.delta() }
    }
}

fn regions_delta(change: &Change) -> DeltaValue<u64> {
    change.get(Metric::Regions).into()
}

/// Every metric of a change, by its name.
struct Changes<'a>(&'a Change);

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Metric::SIZES.len()))?;
        for metric in Metric::SIZES {
            map.serialize_entry(metric.column(), &DeltaValue::from(self.0.get(metric)))?;
        }
        map.end()
    }
}

/// Every metric of a sum, by its name.
struct Sums(Amounts);

impl Serialize for Sums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Metric::SIZES.len()))?;
        for metric in Metric::SIZES {
            map.serialize_entry(metric.column(), &self.0.get(metric))?;
        }
        map.end()
    }
}

/// A moment, rounded for reading and exact.
#[derive(Serialize)]
pub(crate) struct Moment {
    time: String,
    utc_ns: i64,
}

impl Moment {
    pub(crate) fn of(utc_ns: i64) -> Self {
        Self { time: clock::utc(utc_ns), utc_ns }
    }
}

fn addresses(range: AddressRange) -> (Option<String>, Option<String>) {
    let placed = range.placed();
    let text = |address: u64| format!("{address:#x}");
    (placed.map(|range| text(range.start)), placed.map(|range| text(range.end)))
}
