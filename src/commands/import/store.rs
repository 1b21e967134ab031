//! Writes pastes as recordings.

use std::path::Path;

use vmrec_report::{escape, units};
use vmrec_sampler::{
    Cost, Host, IMPORTED_BOOT, Pasted, ProcessId, ProcessInfo, Snapshot, Timestamp, sort_by_key,
};
use vmrec_store::{SessionStart, WhyEnded, Writer};

use crate::commands::import::source::Source;
use crate::commands::record::session::open_writer;
use crate::failure::Failure;
use crate::progress;

/// The time between samples whose times are unknown.
const STEP_NS: i64 = 1_000_000_000;

/// A paste and the names of its sources.
pub(crate) struct Import {
    from: String,
    /// The name of the file without its folder and ending, if it is one.
    file_name: Option<String>,
    pasted: Pasted,
}

impl From<(Source, Pasted)> for Import {
    fn from((source, pasted): (Source, Pasted)) -> Self {
        Self { from: source.to_string(), file_name: source.file_name(), pasted }
    }
}

/// Returns the pastes, which are of one process, as one: with all their snapshots.
pub(crate) fn joined(pastes: Vec<Import>) -> Result<Import, Failure> {
    let mut pastes = pastes.into_iter();
    let Some(mut whole) = pastes.next() else {
        return Err(Failure::usage("nothing to import"));
    };
    for Import { from, pasted, .. } in pastes {
        let (one, two) = (&whole.pasted.process, &pasted.process);
        let differ =
            |one: Option<&str>, two: Option<&str>| one.zip(two).is_some_and(|(a, b)| a != b);
        let other_pid = one.pid.zip(two.pid).is_some_and(|(one, two)| one != two);
        if other_pid
            || differ(one.name.as_deref(), two.name.as_deref())
            || whole.pasted.os != pasted.os
        {
            return Err(Failure::usage(format!(
                "{} and {from} are of different processes",
                whole.from
            ))
            .hint("leave --as-one out, and compare their recordings"));
        }
        whole.pasted.snapshots.extend(pasted.snapshots);
        whole.from = format!("{}, {from}", whole.from);
    }
    Ok(whole)
}

/// Writes each paste as a recording, and returns a line on each.
pub(crate) fn store(
    path: &Path,
    pastes: Vec<Import>,
    name: Option<&str>,
) -> Result<Vec<String>, Failure> {
    let now = vmrec_sampler::now();
    let (mut writer, _) = open_writer(path)?;
    let mut lines = Vec::new();
    for import in pastes {
        lines.push(write(&mut writer, import, name, now)?);
    }
    writer.close()?;
    Ok(lines)
}

fn write(
    writer: &mut Writer,
    import: Import,
    name: Option<&str>,
    now: Timestamp,
) -> Result<String, Failure> {
    let Import { from, file_name, pasted } = import;
    let times = times(&pasted, now);
    let from = format!(
        "{from} ({}{})",
        pasted.format.name(),
        if times.known { "" } else { ", time of import" }
    );
    let host = Host {
        name: String::new(),
        os: pasted.os.to_owned(),
        kernel: pasted.os_version.clone().unwrap_or_default(),
        architecture: pasted.process.architecture.clone().unwrap_or_default(),
        page_size_bytes: pasted.page_size_bytes.unwrap_or(0),
    };
    let process = process(&pasted);
    let start =
        SessionStart { targets: &from, host: &host, boot_id: IMPORTED_BOOT, interval_ns: 0 };
    let first = times.all.first().copied().unwrap_or(now);
    let file_name = file_name.filter(|_| pasted.process.name.is_none());
    let name = name.map(str::to_owned).or(file_name);
    let session = writer.begin_session(&start, first)?;
    let id = writer.begin(session, &process, name.as_deref(), first)?;
    let (mut samples, mut last) = (0_u64, first);
    let mut regions = 0;
    let mut snapshots: Vec<_> = pasted.snapshots.into_iter().collect();
    if times.known {
        sort_by_key(&mut snapshots, |snapshot| snapshot.taken_utc_ns);
    }
    progress::counted("importing", snapshots.len() as u64, |done| {
        for (snapshot, taken) in snapshots.into_iter().zip(times.all) {
            (samples, last, regions) = (samples + 1, taken, snapshot.regions.len());
            let snapshot = Snapshot {
                taken,
                cost: Cost::default(),
                consistency: snapshot.consistency,
                totals: snapshot.totals,
                regions: snapshot.regions,
                images: None,
            };
            writer.append(id, snapshot)?;
            done.add(1);
        }
        Ok::<(), Failure>(())
    })?;
    writer.end(id, last, &WhyEnded::Finished)?;
    let name = name.unwrap_or_else(|| process.name().to_owned());
    Ok(format!(
        "recording {}: {} from {}, {}, {}\n",
        id.0,
        escape::terminal(&name),
        escape::terminal(&from),
        units::counted(samples, "sample", "samples"),
        units::counted(regions as u64, "region", "regions"),
    ))
}

fn process(pasted: &Pasted) -> ProcessInfo {
    let of = &pasted.process;
    ProcessInfo {
        id: ProcessId {
            pid: of.pid.unwrap_or(0),
            start_ticks: 0,
            boot_id: IMPORTED_BOOT.to_owned(),
        },
        parent_pid: of.parent_pid,
        started_utc_ns: of.started_utc_ns,
        executable: of.executable.clone(),
        executable_deleted: false,
        architecture: of.architecture.clone(),
        arguments: of.arguments.clone(),
        short_name: of.name.clone().unwrap_or_default(),
        user_id: None,
    }
}

/// The times of a paste's samples.
struct Times {
    /// One for each snapshot, ascending; one or more.
    all: Vec<Timestamp>,
    /// Whether the paste says them.
    known: bool,
}

/// Returns the times of the snapshots: as the paste says, or the time of import and a second more
/// for each.
fn times(pasted: &Pasted, now: Timestamp) -> Times {
    let stated: Option<Vec<i64>> =
        pasted.snapshots.iter().map(|snapshot| snapshot.taken_utc_ns).collect();
    let known = stated.is_some();
    let mut stated = stated.unwrap_or_else(|| {
        (0..pasted.snapshots.len() as i64).map(|n| now.utc_ns.saturating_add(n * STEP_NS)).collect()
    });
    stated.sort_unstable();
    let first = stated.first().copied().unwrap_or(now.utc_ns);
    let all = stated
        .iter()
        .map(|utc_ns| Timestamp {
            utc_ns: *utc_ns,
            monotonic_ns: u64::try_from(utc_ns.saturating_sub(first)).unwrap_or(0),
        })
        .collect();
    Times { all, known }
}
