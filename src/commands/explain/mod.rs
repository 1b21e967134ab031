//! `vmrec explain`: why a region has its type, and what is known of one that nothing explains.

pub(crate) mod contents;
#[cfg(test)]
pub(crate) mod made_up;
pub(crate) mod nearly;
pub(crate) mod own_type;
pub(crate) mod pattern;
pub(crate) mod text;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use vmrec_report::escape;
use vmrec_sampler::{Evidence, Naming, Quantity, Region, RegionType, Sampler, sort_by_key};

use crate::args::{ReadingArgs, RecordingArgs, TypesArgs};
use crate::commands::explain::text::Explained;
use crate::failure::Failure;
use crate::parse::parse_address;
use crate::process::PickArgs;
use crate::recording::Opened;
use crate::{output, process, types_file};

/// How long mapped files are read before the types rest on those read so far.
const MAX_READING: Duration = Duration::from_secs(10);
/// The maximum number of regions of a type that are explained.
const MAX_REGIONS: usize = 5;

/// Show why a region has its type, and how to name it yourself
///
/// For each region: the rule that decided and how sure it is, the neighbours, regions
/// alike, what its memory holds as far as it was looked at, the rules that nearly held,
/// and a type of your own for `--types`. Of a type the largest five regions are shown.
#[derive(Args, Debug)]
#[command(
    override_usage = "vmrec explain [OPTIONS] <ADDRESS|TYPE> <TARGET>\n       vmrec explain [OPTIONS] <ADDRESS|TYPE> --at <TIME>"
)]
pub(crate) struct ExplainArgs {
    /// Address such as 0x7f0000001000, or a type such as MALLOC_LARGE
    #[arg(value_name = "ADDRESS|TYPE")]
    subject: String,

    /// Pid or full or partial executable name
    #[arg(required_unless_present_any = ["at", "recording"], conflicts_with_all = ["at", "recording"])]
    target: Option<String>,

    /// Time of a recording [default with --recording: end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,

    #[command(flatten)]
    pick: PickArgs,

    #[command(flatten)]
    types: TypesArgs,

    #[command(flatten)]
    reading: ReadingArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// The regions of a process and what their types rest on.
struct Scene {
    regions: Vec<Region>,
    evidence: Option<Evidence>,
    naming: Naming,
}

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let scene = match &args.target {
        Some(target) => live(args, target)?,
        None => recorded(args)?,
    };
    let chosen = chosen(&scene, &args.subject)?;
    let explained = Explained {
        regions: &scene.regions,
        evidence: scene.evidence.as_ref(),
        naming: scene.naming,
    };
    output::print(&explained.text(&chosen, MAX_REGIONS))?;
    Ok(ExitCode::SUCCESS)
}

fn live(args: &ExplainArgs, target: &str) -> Result<Scene, Failure> {
    let mut sampler = Sampler::attach(process::find(target, args.pick)?)?;
    sampler.set_user_rules(types_file::rules(&args.types)?);
    args.reading.apply(&mut sampler);
    let began = Instant::now();
    let mut snapshot = sampler.sample()?;
    // The evidence is that of the first sample, which looks at all memory.
    let mut evidence = sampler.evidence();
    while sampler.is_pending() && began.elapsed() < MAX_READING {
        snapshot = sampler.sample()?;
        let peeks = evidence.take().map(|before| before.peeks).unwrap_or_default();
        evidence = sampler.evidence();
        if let Some(evidence) = &mut evidence {
            peeks.into_iter().for_each(|(at, bytes)| {
                evidence.peeks.entry(at).or_insert(bytes);
            });
        }
    }
    for note in sampler.notes() {
        output::note(&format!("note: {note}"));
    }
    let naming = Naming::of(&vmrec_sampler::host());
    Ok(Scene { regions: snapshot.regions, evidence, naming })
}

fn recorded(args: &ExplainArgs) -> Result<Scene, Failure> {
    let opened = Opened::open(&args.recording)?;
    let at = opened.resolve(args.at.as_deref().unwrap_or("end"))?;
    let mut snapshot = opened.snapshot(&at)?;
    types_file::apply(&types_file::rules(&args.types)?, &mut snapshot.regions);
    let evidence = opened.store.evidence(opened.recording.id, at.number)?;
    let naming = Naming::of(&opened.recording.host);
    Ok(Scene { regions: snapshot.regions, evidence, naming })
}

/// Returns the indices of the regions meant, the largest in memory first.
fn chosen(scene: &Scene, subject: &str) -> Result<Vec<usize>, Failure> {
    let shown = escape::terminal(subject);
    if let Some(address) = address_of(subject) {
        let within = |region: &Region| region.identity.range.holds(address);
        let found = scene.regions.iter().position(within);
        return found.map(|index| vec![index]).ok_or_else(|| {
            Failure::usage(format!("no region holds the address {shown}"))
                .hint("`vmrec map` lists the regions and their addresses")
        });
    }
    let known = RegionType::known_as(subject);
    let is_it = |region: &Region| {
        let own = &region.identity.label.region_type;
        known.as_ref().is_some_and(|known| known == own)
            || own.name().eq_ignore_ascii_case(subject)
            || own.label(scene.naming).eq_ignore_ascii_case(subject)
    };
    let mut found: Vec<usize> =
        (0..scene.regions.len()).filter(|index| is_it(&scene.regions[*index])).collect();
    let resident = |index: &usize| scene.regions[*index].quantities.get(Quantity::Resident);
    sort_by_key(&mut found, |index| std::cmp::Reverse(resident(index)));
    if found.is_empty() {
        return Err(Failure::usage(format!("no region has the type {shown}"))
            .hint("`vmrec map --summary` lists the types of a process"));
    }
    Ok(found)
}

/// Reads an address in hexadecimal, with or without `0x`; a word of letters alone is a type.
fn address_of(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let plain = digits.len() >= 4 && digits.bytes().any(|byte| byte.is_ascii_digit());
    (digits.len() != text.len() || plain).then(|| parse_address(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_hexadecimal_and_a_type_is_not() {
        assert_eq!(address_of("0x7f00"), Some(0x7f00));
        assert_eq!(address_of("0x0"), Some(0));
        assert_eq!(address_of("7f0000001000"), Some(0x7f00_0000_1000));
        for other in ["guard", "dead", "Stack", "MALLOC_LARGE", "0xg", "", "7f"] {
            assert_eq!(address_of(other), None, "{other}");
        }
    }
}
