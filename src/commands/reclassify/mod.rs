//! `vmrec reclassify`: the present rules applied to an old recording.
//!
//! Each region gets its type from the first sample that has it, by the
//! evidence stored with the recording. Figures never change.

pub(crate) mod known;
pub(crate) mod table;

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use vmrec_sampler::{
    Evidence, Identity, Label, Naming, Piece, Process, Quantity, Rebuilt, Region, RegionType, Rule,
    Snapshot, UserRule, classify, darwin_labels, label_of, sort_by_key,
};
use vmrec_store::{Error as StoreError, NewLabel, Writer};

use crate::args::{RecordingArgs, TypesArgs};
use crate::commands::reclassify::known::{Known, peek};
use crate::commands::reclassify::table::{ReclassifyDocument, TypeChangeRow, TypeName};
use crate::failure::Failure;
use crate::failure::hints::RECORDER_FIRST;
use crate::recording::Opened;
use crate::{output, progress, types_file};

/// Apply the present rules to an old recording
///
/// Changes the types of its regions where newer rules, or types of your own,
/// classify them differently; sizes and addresses stay as they are.
#[derive(Args, Debug)]
pub(crate) struct ReclassifyArgs {
    /// Show what would change and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    types: TypesArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ReclassifyArgs) -> Result<ExitCode, Failure> {
    let rules = types_file::rules(&args.types)?;
    let mut opened = Opened::open(&args.recording)?;
    if let Some(from) = &opened.recording.imported_from {
        let number = opened.recording.id.0;
        return Err(Failure::usage(format!(
            "recording {number} was imported from {from}: its types rest on that text"
        ))
        .hint("import the text again with this version: `vmrec import FILE`"));
    }
    // Nobody else writes from before the labels are read until they are written.
    let writer = if args.dry_run { None } else { Some(writer(&opened)?) };
    if writer.is_some() {
        // A writer brings the file to the present version, which is read otherwise.
        opened = Opened::open(&args.recording)?;
    }
    let reclassified = progress::shown("classifying", || Reclassified::of(&opened, &rules))?;
    let (id, naming) = (opened.recording.id, Naming::of(&opened.recording.host));
    // The file is left in one piece only once nobody has it open.
    drop(opened);
    if let Some(mut writer) = writer {
        progress::shown("writing types", || writer.relabel(id, &reclassified.labels()))?;
        writer.close()?;
    }
    reclassified.note(args.types.types.is_some());
    let document = ReclassifyDocument {
        recording: id.0,
        dry_run: args.dry_run,
        without_evidence: reclassified.without_evidence,
        regions: reclassified.regions,
        changes: reclassified.rows(naming),
    };
    if args.json {
        output::print_json(&document)?;
    } else {
        output::print(&document.text(output::width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn writer(opened: &Opened) -> Result<Writer, Failure> {
    Writer::open(&opened.path).map_err(|error| match error {
        busy @ StoreError::Busy { .. } => Failure::from(busy).hint(RECORDER_FIRST),
        error => error.into(),
    })
}

/// A region with another label than it had.
struct LabelChange {
    /// The first sample that has it, and its index there.
    sample: u64,
    region: usize,
    before: Arc<Identity>,
    after: Label,
    /// Resident bytes at the last sample; 0 if that does not have it.
    resident_bytes: u64,
}

/// The labels that the current rules give the regions of a recording.
struct Reclassified {
    /// Every region of the recording: one that was gone and came back counts twice.
    regions: usize,
    changes: Vec<LabelChange>,
    /// Samples whose regions were classified by names and flags only.
    without_evidence: usize,
}

/// The regions of the last sample with the index of their change, by their identities, which the
/// store shares among samples in a row.
type Live = HashMap<*const Identity, (Arc<Identity>, Option<usize>)>;

impl Reclassified {
    fn of(opened: &Opened, rules: &[UserRule]) -> Result<Self, StoreError> {
        let (store, id) = (&opened.store, opened.recording.id);
        let macos = opened.recording.host.os == "macos";
        let mut reclassified = Self { regions: 0, changes: Vec::new(), without_evidence: 0 };
        let mut live = Live::new();
        let mut known = Known::of(opened);
        let mut rows = store.evidence_numbers(id)?.into_iter().peekable();
        let mut failed = None;
        let last = opened.extent.as_ref().map_or(0, |extent| extent.last.number);
        store.for_each_snapshot(id, 0..=u64::MAX, |sample, snapshot| {
            let Some(snapshot) = snapshot else { return ControlFlow::Continue(()) };
            while let Some(number) = rows.next_if(|number| *number <= sample.number) {
                match store.evidence(id, number) {
                    Ok(evidence) => known.absorb(evidence.unwrap_or_default(), snapshot),
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            let is_new = |region: &Region| !live.contains_key(&Arc::as_ptr(&region.identity));
            let pieces = if !snapshot.regions.iter().any(is_new) {
                Vec::new()
            } else if macos {
                by_tags(snapshot, rules)
            } else {
                reclassified.without_evidence += usize::from(!known.any);
                pieces(snapshot, &known.evidence, rules)
            };
            live = reclassified.add(sample.number, snapshot, &pieces, &live);
            if sample.number == last {
                reclassified.add_resident(snapshot, &live);
            }
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok(reclassified), Err)
    }

    /// Adds the regions of a sample that the one before, `live`, does not have.
    fn add(&mut self, sample: u64, snapshot: &Snapshot, pieces: &[Piece], live: &Live) -> Live {
        let mut now = Live::with_capacity(snapshot.regions.len());
        for (index, Region { identity, .. }) in snapshot.regions.iter().enumerate() {
            let key = Arc::as_ptr(identity);
            let change = match live.get(&key) {
                Some((_, change)) => *change,
                None => {
                    self.regions += 1;
                    let after =
                        label_of(identity.range, pieces).filter(|of| **of != identity.label);
                    after.map(|after| {
                        self.changes.push(LabelChange {
                            sample,
                            region: index,
                            before: Arc::clone(identity),
                            after: after.clone(),
                            resident_bytes: 0,
                        });
                        self.changes.len() - 1
                    })
                }
            };
            now.insert(key, (Arc::clone(identity), change));
        }
        now
    }

    fn add_resident(&mut self, snapshot: &Snapshot, live: &Live) {
        for region in &snapshot.regions {
            let change = live.get(&Arc::as_ptr(&region.identity)).and_then(|(_, change)| *change);
            if let Some(change) = change.and_then(|index| self.changes.get_mut(index)) {
                change.resident_bytes = region.quantities.get(Quantity::Resident).unwrap_or(0);
            }
        }
    }

    fn labels(&self) -> Vec<NewLabel> {
        let label = |change: &LabelChange| NewLabel {
            sample: change.sample,
            region: change.region,
            label: change.after.clone(),
        };
        self.changes.iter().map(label).collect()
    }

    /// Says what the table does not.
    fn note(&self, with_types: bool) {
        if self.without_evidence > 0 {
            output::note(
                "note: the recording lacks evidence for some samples:\n\
                 note: their types are derived from names and flags only",
            );
        }
        let lost = |change: &&LabelChange| change.before.label.rule == Rule::User;
        let lost = self.changes.iter().filter(lost).count();
        if lost > 0 && !with_types {
            output::note(&format!(
                "note: {lost} regions had types of your own\n\
                 hint: give their file again with --types FILE to keep them"
            ));
        }
    }

    /// Returns the changes of type, the most resident first.
    fn rows(&self, naming: Naming) -> Vec<TypeChangeRow> {
        let mut rows: BTreeMap<(&RegionType, &RegionType), (u64, u64)> = BTreeMap::new();
        for LabelChange { before, after, resident_bytes, .. } in &self.changes {
            let row = rows.entry((&before.label.region_type, &after.region_type)).or_default();
            row.0 += 1;
            row.1 = row.1.saturating_add(*resident_bytes);
        }
        let mut rows: Vec<_> = rows
            .into_iter()
            .map(|((from, to), (regions, resident_bytes))| TypeChangeRow {
                from: TypeName::of(from, naming),
                to: TypeName::of(to, naming),
                regions,
                resident_bytes,
            })
            .collect();
        sort_by_key(&mut rows, |row| std::cmp::Reverse((row.resident_bytes, row.regions)));
        rows
    }
}

/// Applies the present rules to a sample.
fn pieces(snapshot: &Snapshot, evidence: &Evidence, rules: &[UserRule]) -> Vec<Piece> {
    let Rebuilt { mappings, occupied } = Rebuilt::of(&snapshot.regions);
    let process = Process {
        mappings: &mappings,
        occupied: &occupied,
        facts: &evidence.facts,
        kept: &[],
        user_rules: rules,
    };
    classify(&process, &mut |address, buffer| peek(evidence, address, buffer))
}

/// Applies the present rules to a sample of macOS, where the kernel's own words on each region decide.
fn by_tags(snapshot: &Snapshot, rules: &[UserRule]) -> Vec<Piece> {
    let mut regions = snapshot.regions.clone();
    for (region, label) in regions.iter_mut().zip(darwin_labels(&snapshot.regions)) {
        Arc::make_mut(&mut region.identity).label = label;
    }
    types_file::apply(rules, &mut regions);
    let piece = |region: &Region| Piece {
        range: region.identity.range,
        label: region.identity.label.clone(),
    };
    regions.iter().map(piece).collect()
}
