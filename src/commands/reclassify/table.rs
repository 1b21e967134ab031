//! The output of `vmrec reclassify`: the changes of type, as a table or JSON.

use serde::Serialize;
use vmrec_report::{Align, Cell, Column, Table, units};
use vmrec_sampler::{Naming, RegionType};

/// `reclassify --json`.
#[derive(Serialize)]
pub(crate) struct ReclassifyDocument {
    pub(crate) recording: i64,
    pub(crate) dry_run: bool,
    pub(crate) without_evidence: usize,
    pub(crate) regions: usize,
    pub(crate) changes: Vec<TypeChangeRow>,
}

/// Regions of one type that have another one, or the same one by another rule.
#[derive(Serialize)]
pub(crate) struct TypeChangeRow {
    pub(crate) from: TypeName,
    pub(crate) to: TypeName,
    pub(crate) regions: u64,
    pub(crate) resident_bytes: u64,
}

/// A type as it is shown.
#[derive(PartialEq, Eq, Serialize)]
pub(crate) struct TypeName {
    #[serde(rename = "type")]
    name: String,
    label: String,
    family: &'static str,
    family_label: &'static str,
}

impl TypeName {
    /// Returns the names of `region_type`.
    pub(crate) fn of(region_type: &RegionType, naming: Naming) -> Self {
        Self {
            name: region_type.name().to_owned(),
            label: region_type.label(naming).to_owned(),
            family: region_type.family().name(),
            family_label: region_type.family().label(naming),
        }
    }
}

impl ReclassifyDocument {
    /// Returns the table and what it adds up to.
    pub(crate) fn text(&self, width: usize) -> String {
        let mut table = Table::new(
            vec![
                Column::new("TYPE", Align::Left),
                Column::new("TYPE NOW", Align::Left),
                Column::new("REGIONS", Align::Right),
                Column::new("RESIDENT", Align::Right),
            ],
            0,
            12,
        );
        let (moved, refined): (Vec<&TypeChangeRow>, Vec<&TypeChangeRow>) =
            self.changes.iter().partition(|row| row.from != row.to);
        for row in &moved {
            table.row(vec![
                Cell::new(&row.from.label),
                Cell::new(&row.to.label),
                Cell::new(&row.regions.to_string()),
                Cell::size(Some(row.resident_bytes)),
            ]);
        }
        let sum = |rows: &[&TypeChangeRow]| rows.iter().map(|row| row.regions).sum::<u64>();
        let mut text = if moved.is_empty() { String::new() } else { table.render(width, false) };
        let verb = if self.dry_run { "would get" } else { "got" };
        text.push_str(&format!(
            "{} of {} of recording {} {verb} another type\n",
            sum(&moved),
            units::counted(self.regions as u64, "region", "regions"),
            self.recording
        ));
        if !refined.is_empty() {
            let verb = if self.dry_run { "would keep" } else { "kept" };
            text.push_str(&format!(
                "{} {verb} their type, by another rule or in more detail\n",
                sum(&refined)
            ));
        }
        text
    }
}
