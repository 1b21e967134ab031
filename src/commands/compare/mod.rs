//! `vmrec compare`: which memory differs between two recordings, or two sides of several runs.

pub(crate) mod args;
pub(crate) mod side;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use vmrec_report::{
    By, CompareBy, ComparedRun, Comparison, Sides, compare_markdown, compare_table,
    draw_comparison, json,
};
use vmrec_sampler::Naming;

use crate::args::SpanArgs;
use crate::commands::compare::args::{Align, CompareArgs};
use crate::commands::compare::side::{Chosen, side};
use crate::failure::{Failure, Status};
use crate::output;
use crate::recording::{Opened, same_counting};

/// Runs the command.
pub(crate) fn run(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let [before, after] = [&args.before, &args.after].map(|text| open(text, args));
    let (before, after) = (before?, after?);
    let naming = same_system(&before, &after)?;
    same_counting(before.iter().chain(&after).map(|(_, opened)| opened), &[args.metric])?;
    let files: BTreeSet<&Path> =
        before.iter().chain(&after).map(|(_, opened)| &*opened.path).collect();
    let runs = |runs: &[(Chosen, Opened)]| -> Result<Vec<ComparedRun>, Failure> {
        let compared = |(chosen, opened): &(Chosen, Opened)| {
            compared(chosen, opened, args, name(chosen, opened, files.len() > 1))
        };
        runs.iter().map(compared).collect()
    };
    let mut sides = Sides {
        before: runs(&before)?,
        after: runs(&after)?,
        metric: args.metric,
        by: args.by.into(),
        naming,
        aligned: args.align.text().to_owned(),
        from_end: args.align == Align::End,
    };
    if args.common {
        sides.cut_to_common();
    }
    if sides.by == CompareBy::Object {
        add_objects(&mut sides.before, &before)?;
        add_objects(&mut sides.after, &after)?;
    }
    let comparison = Comparison::of(&sides);
    if !comparison.is_known() {
        let text =
            format!("{} memory cannot be compared: {}", args.metric.name(), comparison.headline());
        return Err(Failure::new(Status::Recording, anyhow::anyhow!(text))
            .hint("choose another --metric: not every system measures each"));
    }
    if let Some(path) = &args.svg {
        let svg =
            draw_comparison(&comparison).map_err(|error| Failure::new(Status::Recording, error))?;
        output::replace_file(path, svg.as_bytes())?;
    }
    if args.json {
        output::print_json(&json::CompareDocument::new(&comparison))?;
    } else if args.md {
        output::print(&compare_markdown(&comparison, args.all))?;
    } else {
        output::print(&compare_table(&comparison, args.all, output::width(), output::color()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the runs of a side.
fn open(text: &str, args: &CompareArgs) -> Result<Vec<(Chosen, Opened)>, Failure> {
    let chosen = side(text, &args.file)?;
    chosen
        .into_iter()
        .map(|chosen| Ok((chosen.clone(), Opened::open(&chosen.recording)?)))
        .collect()
}

/// Returns the words of the system that all runs were recorded on.
fn same_system(before: &[(Chosen, Opened)], after: &[(Chosen, Opened)]) -> Result<Naming, Failure> {
    let mut hosts = before.iter().chain(after).map(|(_, opened)| &opened.recording.host);
    let Some(first) = hosts.next() else {
        return Err(Failure::usage("there is no run to compare"));
    };
    match hosts.find(|host| host.os != first.os) {
        None => Ok(Naming::of(first)),
        Some(other) => Err(Failure::usage(format!(
            "recordings of {} and {} are not comparable: their types and quantities differ",
            first.os, other.os
        ))
        .hint("compare recordings of one system")),
    }
}

/// Returns the name of a run for display; that of its file where there are several.
fn name(chosen: &Chosen, opened: &Opened, with_file: bool) -> String {
    let at = chosen.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
    opened.title(with_file) + &at
}

/// Reads the sums of a run.
fn compared(
    chosen: &Chosen,
    opened: &Opened,
    args: &CompareArgs,
    name: String,
) -> Result<ComparedRun, Failure> {
    let span = match &chosen.at {
        Some(at) => SpanArgs { from: at.clone(), to: at.clone() },
        None => SpanArgs::whole(),
    };
    let counted = match (&chosen.at, &args.align) {
        (None, Align::Mark(mark)) => SpanArgs { from: mark.clone(), ..SpanArgs::whole() },
        _ => span.clone(),
    };
    let by = match args.by.into() {
        CompareBy::Family => By::Family,
        CompareBy::Type | CompareBy::Object => By::Type,
    };
    let (from, to) = opened.between(&counted)?;
    let mut series = opened.series(&[args.metric], by, &span)?;
    let recording = &opened.recording;
    let machine = (recording.host.architecture.clone(), recording.host.page_size_bytes);
    let numbers = (from.number, to.number);
    Ok(ComparedRun::new(name, recording.interval_ns, machine, series.remove(0), numbers))
}

/// Reads the snapshots that objects are derived from.
fn add_objects(runs: &mut [ComparedRun], opened: &[(Chosen, Opened)]) -> Result<(), Failure> {
    for (run, (_, opened)) in runs.iter_mut().zip(opened) {
        let (recording, owner) = (&opened.recording, opened.owner());
        for number in run.object_samples() {
            let snapshot = opened.store.snapshot(recording.id, number)?;
            run.add_objects(number, &snapshot, &owner);
        }
    }
    Ok(())
}
