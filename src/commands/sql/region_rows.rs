//! `region_at(time [, recording])`: every region of the sample that a time means.

use std::sync::Arc;

use vmrec_sampler::{Quantity, Region, Snapshot};
use vmrec_store::{RecordingId, TableFunction, TableRows, Value};

use crate::commands::sql::source::{Source, rows, text};

const COLUMNS: [(&str, &str); 19] = [
    ("recording", "INTEGER"),
    ("number", "INTEGER"),
    ("taken_utc_ns", "INTEGER"),
    ("start", "INTEGER"),
    ("end", "INTEGER"),
    ("range", "TEXT"),
    ("type", "TEXT"),
    ("family", "TEXT"),
    ("confidence", "TEXT"),
    ("rule", "TEXT"),
    ("protection", "TEXT"),
    ("max_protection", "TEXT"),
    ("share_mode", "TEXT"),
    ("object", "TEXT"),
    ("offset", "INTEGER"),
    ("detail", "TEXT"),
    ("flags", "TEXT"),
    ("provenance", "TEXT"),
    ("virtual_bytes", "INTEGER"),
];

/// Returns the function.
pub(crate) fn function(source: Arc<Source>) -> TableFunction {
    let quantities = Quantity::ALL.map(|quantity| (quantity.name(), "INTEGER"));
    TableFunction {
        name: "region_at",
        columns: COLUMNS.into_iter().chain(quantities).collect(),
        arguments: &["at_time", "at_recording"],
        required: 1,
        answer: Box::new(move |arguments| match arguments {
            [time, recording] => {
                let time = text(time, "a time")?;
                source.with(recording, |opened| {
                    let at = opened.resolve(time)?;
                    let snapshot = opened.snapshot(&at)?;
                    Ok(rows(Regions {
                        recording: opened.recording.id,
                        number: at.number,
                        snapshot,
                    }))
                })
            }
            _ => Err("a time is wanted".to_owned()),
        }),
    }
}

/// The regions of one sample.
struct Regions {
    recording: RecordingId,
    number: u64,
    snapshot: Snapshot,
}

impl TableRows for Regions {
    fn count(&self) -> usize {
        self.snapshot.regions.len()
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let Some(region) = self.snapshot.regions.get(row) else { return Value::Null };
        match column {
            0 => self.recording.0.into(),
            1 => self.number.into(),
            2 => self.snapshot.taken.utc_ns.into(),
            17 => self.snapshot.provenance_of(region).name().into(),
            _ => of_region(region, column),
        }
    }
}

fn of_region(region: &Region, column: usize) -> Value<'_> {
    let identity = &*region.identity;
    let (range, label) = (identity.range, &identity.label);
    match column {
        3 => range.placed().map(|range| range.start).into(),
        4 => range.placed().map(|range| range.end).into(),
        5 => range.placed().map(|range| range.to_string()).into(),
        6 => label.region_type.name().into(),
        7 => label.region_type.family().name().into(),
        8 => label.confidence.name().into(),
        9 => label.rule.name().into(),
        10 => identity.known_protection().map(|rights| rights.to_string()).into(),
        11 => identity.max_protection.map(|rights| rights.to_string()).into(),
        12 => region.share_mode.map(|mode| mode.name()).into(),
        13 => identity.object.as_ref().map(|object| &*object.name).into(),
        14 => identity.known_offset().into(),
        15 => label.detail.as_deref().into(),
        16 => (&*identity.flags).into(),
        18 => range.known_bytes().into(),
        _ => Quantity::ALL
            .get(column - COLUMNS.len())
            .and_then(|quantity| region.quantities.get(*quantity))
            .into(),
    }
}
