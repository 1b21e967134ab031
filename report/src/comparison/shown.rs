//! A comparison as text and as JSON.

use serde::Serialize;
use vmrec_sampler::{Host, Snapshot, SumOf};

use crate::comparison;
use crate::comparison::{ComparedFigure, Verdict};
use crate::text::escape;
use crate::text::table::{Align, Cell, Column, Table, Tone};
use crate::text::units::size;

/// The program that compared, and its machine.
#[derive(Debug, Serialize)]
pub struct Machine<'a> {
    vmrec: &'a str,
    os: &'a str,
    kernel: &'a str,
    architecture: &'a str,
    page_size_bytes: u64,
}

impl<'a> Machine<'a> {
    /// Takes vmrec's version and the properties that identify the machine.
    pub fn new(version: &'a str, host: &'a Host) -> Self {
        Self {
            vmrec: version,
            os: &host.os,
            kernel: &host.kernel,
            architecture: &host.architecture,
            page_size_bytes: host.page_size_bytes,
        }
    }
}

/// `selftest --json`.
#[derive(Debug, Serialize)]
pub struct SelftestDocument<'a> {
    #[serde(flatten)]
    machine: Machine<'a>,
    regions: usize,
    torn: Option<&'a str>,
    notes: &'a [String],
    figures: Vec<FigureValue>,
    differ: usize,
}

#[derive(Debug, Serialize)]
struct FigureValue {
    quantity: &'static str,
    vmrec_bytes: Option<u64>,
    source: &'static str,
    system_min_bytes: Option<u64>,
    system_max_bytes: Option<u64>,
    slack_bytes: u64,
    difference_bytes: Option<i128>,
    verdict: &'static str,
}

impl<'a> SelftestDocument<'a> {
    /// Creates the document.
    pub fn new(
        machine: Machine<'a>,
        snapshot: &'a Snapshot,
        rows: &[ComparedFigure],
        notes: &'a [String],
    ) -> Self {
        let value = |row: &ComparedFigure| FigureValue {
            quantity: row.figure.of.name(),
            vmrec_bytes: row.vmrec_bytes,
            source: row.figure.source,
            system_min_bytes: row.figure.min_and_max.map(|(min, _)| min),
            system_max_bytes: row.figure.min_and_max.map(|(_, max)| max),
            slack_bytes: row.slack_bytes,
            difference_bytes: row.difference(),
            verdict: row.verdict.name(),
        };
        Self {
            machine,
            regions: snapshot.regions.len(),
            torn: snapshot.consistency.torn(),
            notes,
            figures: rows.iter().map(value).collect(),
            differ: count(rows, Verdict::Differs),
        }
    }
}

fn count(rows: &[ComparedFigure], verdict: Verdict) -> usize {
    rows.iter().filter(|row| row.verdict == verdict).count()
}

/// Returns the comparison as a table, with what it comes to under it.
pub fn text(
    machine: &Machine<'_>,
    snapshot: &Snapshot,
    rows: &[ComparedFigure],
    width: usize,
) -> String {
    let Machine { vmrec, os, kernel, architecture, page_size_bytes } = machine;
    let head = format!(
        "vmrec {vmrec}, {os} {kernel}, {architecture}, pages of {page_size_bytes} bytes, {} regions",
        snapshot.regions.len()
    );
    let columns = vec![
        Column::new("QUANTITY", Align::Left),
        Column::new("VMREC", Align::Right),
        Column::new("SYSTEM", Align::Right),
        Column::new("SOURCE", Align::Left),
        Column::new("DIFFERENCE", Align::Right),
        Column::new("VERDICT", Align::Left),
    ];
    let mut table = Table::new(columns, 0, 8);
    for row in rows {
        let difference = row.difference();
        table.row(vec![
            Cell::new(&words(row.figure.of)),
            Cell::size(row.vmrec_bytes),
            Cell::size(row.figure.min_and_max.map(|(min, _)| min)),
            Cell::new(row.figure.source),
            Cell::size_change(difference).toned(Tone::Plain),
            Cell::new(&match (row.verdict, difference) {
                // An exact `ok` is more than one within what the source may be off.
                (Verdict::Agrees, Some(bytes)) if bytes != 0 => {
                    format!("ok within {}", size(row.slack_bytes))
                }
                (verdict, _) => verdict.name().to_owned(),
            }),
        ]);
    }
    let torn = snapshot.consistency.torn().map(|why| format!("torn: {why}\n")).unwrap_or_default();
    let head = escape::terminal(&head);
    let mut text = format!("{head}\n\n{}\n{torn}", table.render(width, false));
    let explained = explained(rows);
    if !explained.is_empty() {
        text.push_str(&format!("{explained}\n"));
    }
    if *os != "linux" || !comparison::passed(snapshot, rows) {
        text.push_str(&format!("{}\n", report(&head, &torn, rows)));
    }
    text + &conclusion(snapshot, rows) + "\n"
}

/// Returns a line on each figure that does not agree.
fn explained(rows: &[ComparedFigure]) -> String {
    let line = |row: &ComparedFigure| {
        let (words, source) = (words(row.figure.of), row.figure.source);
        match row.verdict {
            Verdict::Differs => {
                Some(format!("{words}, {source}: {}\n", comparison::meaning(row.figure.of)))
            }
            Verdict::CountedOtherwise => {
                Some(format!("{words}: {source} {}\n", comparison::counting(&row.figure)?))
            }
            Verdict::Agrees | Verdict::Moves | Verdict::Unknown => None,
        }
    };
    rows.iter().filter_map(line).collect()
}

/// Returns a block for a report: all figures in bytes, as nothing in it must be rounded.
fn report(head: &str, torn: &str, rows: &[ComparedFigure]) -> String {
    let mut text = format!("To report it, paste the lines between the marks:\n~~~\n{head}\n{torn}");
    let known = |bytes: Option<u64>| bytes.map_or("-".to_owned(), |bytes| bytes.to_string());
    for row in rows {
        let ComparedFigure { figure, vmrec_bytes, verdict, .. } = row;
        let (min, max) = figure.min_and_max.unzip();
        let system =
            if min == max { known(min) } else { format!("{} to {}", known(min), known(max)) };
        text.push_str(&format!(
            "{} {}: vmrec {}, system {system}, {}\n",
            figure.source,
            words(figure.of),
            known(*vmrec_bytes),
            verdict.name()
        ));
    }
    text + "~~~\n"
}

fn words(of: SumOf) -> String {
    match of {
        SumOf::VirtualButSubmaps => "virtual, no submaps".to_owned(),
        of => of.name().trim_end_matches("_bytes").replace('_', " "),
    }
}

/// Says in one line what the comparison comes to.
fn conclusion(snapshot: &Snapshot, rows: &[ComparedFigure]) -> String {
    let [agree, moves, differ, otherwise, unknown] = [
        Verdict::Agrees,
        Verdict::Moves,
        Verdict::Differs,
        Verdict::CountedOtherwise,
        Verdict::Unknown,
    ]
    .map(|verdict| count(rows, verdict));
    let mut line = if differ > 0 {
        format!("{differ} of {} figures differ", rows.len())
    } else if snapshot.consistency.torn().is_some() {
        "the snapshot is torn".to_owned()
    } else if agree == 0 {
        "nothing could be compared".to_owned()
    } else {
        format!("all {agree} figures agree")
    };
    if moves > 0 {
        line.push_str(&format!(", {moves} moved by other processes"));
    }
    if otherwise > 0 {
        line.push_str(&format!(", {otherwise} counted otherwise"));
    }
    if unknown > 0 {
        line.push_str(&format!(", {unknown} unknown"));
    }
    if !comparison::passed(snapshot, rows) {
        line.push_str("; please report this output");
    }
    line
}
