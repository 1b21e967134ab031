//! Recordings as JSON: the list and one overview.

use serde::Serialize;
use vmrec_sampler::ProcessTotals;
use vmrec_store::{Sample, WhyEnded};

use crate::export::json::Moment;
use crate::recordings::{Listed, Overview, why_ended_name};
use crate::text::clock;

/// One element of `list --json`, which is an array.
#[derive(Serialize)]
pub struct ListRow<'a> {
    recording: i64,
    session: i64,
    pid: Option<u32>,
    name: &'a str,
    recording_name: Option<&'a str>,
    samples: u64,
    started: String,
    started_utc_ns: i64,
    ended: Option<String>,
    ended_utc_ns: Option<i64>,
    running: bool,
    why_ended: Option<&'static str>,
    exit_status: Option<i32>,
    error: Option<&'a str>,
    length_ns: u64,
    interval_ns: u64,
    peak_resident_bytes: Option<u64>,
    growth_resident_bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    imported_from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<u32>,
}

impl<'a> ListRow<'a> {
    /// Creates it from one recording.
    pub fn new(listed: &Listed<'a>) -> Self {
        let recording = listed.recording;
        let ended = recording.ended.map(|ended| ended.utc_ns);
        let (exit_status, error) = match &recording.why_ended {
            Some(WhyEnded::TargetExited(status)) => (*status, None),
            Some(WhyEnded::Failed(why)) => (None, Some(why.as_str())),
            _ => (None, None),
        };
        Self {
            recording: recording.id.0,
            session: recording.session.0,
            pid: recording.process.id.known_pid(),
            name: recording.process.name(),
            recording_name: recording.name.as_deref(),
            samples: listed.samples,
            started: clock::utc(recording.begun.utc_ns),
            started_utc_ns: recording.begun.utc_ns,
            ended: ended.map(clock::utc),
            ended_utc_ns: ended,
            running: listed.running,
            why_ended: recording.why_ended.as_ref().map(why_ended_name),
            exit_status,
            error,
            length_ns: listed.length_ns(),
            interval_ns: recording.interval_ns,
            peak_resident_bytes: listed.resident.peak_bytes,
            growth_resident_bytes: listed.resident.growth_bytes(),
            imported_from: recording.imported_from.as_deref(),
            file: listed.file,
        }
    }
}

/// `info --json`.
#[derive(Serialize)]
pub struct InfoDocument<'a> {
    #[serde(flatten)]
    row: ListRow<'a>,
    process: ProcessValue<'a>,
    host: HostValue<'a>,
    complete_samples: u64,
    unchanged_samples: u64,
    cheap_samples: u64,
    torn_samples: u64,
    totals_alone_samples: u64,
    missed_ticks: u64,
    deleted_samples: u64,
    cost: Option<CostValue>,
    first: Option<SampleValue>,
    last: Option<SampleValue>,
    peak: Option<SampleValue>,
    peak_resident: Option<SampleValue>,
    kernel_peak_bytes: Option<u64>,
    control_group: Option<GroupValue>,
    limits: Option<LimitsValue>,
    marks: Vec<MarkValue<'a>>,
}

impl<'a> InfoDocument<'a> {
    /// Creates the document.
    pub fn new(overview: &Overview<'a>) -> Self {
        let summary = overview.summary();
        let (process, host) = (&overview.recording.process, &overview.recording.host);
        Self {
            row: ListRow::new(&overview.listed()),
            process: ProcessValue {
                pid: process.id.known_pid(),
                start_ticks: process.id.known_start_ticks(),
                boot_id: &process.id.boot_id,
                parent_pid: process.parent_pid,
                started: process.started_utc_ns.map(clock::utc),
                executable: process.executable.as_deref(),
                executable_deleted: process.executable_deleted,
                architecture: process.architecture.as_deref(),
                arguments: &process.arguments,
                short_name: &process.short_name,
                user_id: process.user_id,
            },
            host: HostValue {
                name: known(&host.name),
                os: &host.os,
                kernel: known(&host.kernel),
                architecture: known(&host.architecture),
                page_size_bytes: host.known_page_bytes(),
            },
            complete_samples: summary.complete,
            unchanged_samples: summary.unchanged,
            cheap_samples: summary.cheap,
            torn_samples: summary.torn,
            totals_alone_samples: summary.totals_alone,
            missed_ticks: summary.missed_ticks,
            deleted_samples: summary.deleted,
            cost: overview.recording.imported_from.is_none().then(|| CostValue {
                cpu_ns: summary.cpu_ns,
                mean_cpu_ns: summary.mean_cpu_ns(),
                max_cpu_ns: summary.max_cpu_ns,
                mean_wall_ns: summary.mean_wall_ns(),
                max_wall_ns: summary.max_wall_ns,
                overhead: summary.overhead(),
            }),
            first: summary.first.map(SampleValue::of),
            last: summary.last.map(SampleValue::of),
            peak: summary.peak.map(SampleValue::of),
            peak_resident: summary.peak_resident.map(SampleValue::of),
            kernel_peak_bytes: summary.kernel_peak_bytes,
            control_group: summary.last.and_then(|sample| GroupValue::of(&sample.totals)),
            limits: summary.last.map(|sample| LimitsValue::of(&sample.totals)),
            marks: overview
                .marks
                .iter()
                .map(|mark| MarkValue { moment: Moment::of(mark.utc_ns), text: &mark.text })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct ProcessValue<'a> {
    pid: Option<u32>,
    start_ticks: Option<u64>,
    boot_id: &'a str,
    parent_pid: Option<u32>,
    started: Option<String>,
    executable: Option<&'a str>,
    executable_deleted: bool,
    architecture: Option<&'a str>,
    arguments: &'a [String],
    short_name: &'a str,
    user_id: Option<u32>,
}

#[derive(Serialize)]
struct HostValue<'a> {
    name: Option<&'a str>,
    os: &'a str,
    kernel: Option<&'a str>,
    architecture: Option<&'a str>,
    page_size_bytes: Option<u64>,
}

/// Returns a text of the machine, unknown where an imported recording does not say.
fn known(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[derive(Serialize)]
struct CostValue {
    cpu_ns: u64,
    mean_cpu_ns: Option<u64>,
    max_cpu_ns: u64,
    mean_wall_ns: Option<u64>,
    max_wall_ns: u64,
    /// Part of one processor, 1 being all of it.
    overhead: Option<f64>,
}

#[derive(Serialize)]
struct SampleValue {
    sample: u64,
    #[serde(flatten)]
    taken: Moment,
    resident_bytes: Option<u64>,
    footprint_bytes: Option<u64>,
}

impl SampleValue {
    fn of(sample: &Sample) -> Self {
        Self {
            sample: sample.number,
            taken: Moment::of(sample.taken.utc_ns),
            resident_bytes: sample.totals.resident_bytes,
            footprint_bytes: sample.totals.footprint_bytes,
        }
    }
}

/// The figures of the control group at a sample.
#[derive(Serialize)]
struct GroupValue {
    charged_bytes: u64,
    peak_bytes: Option<u64>,
    max_bytes: Option<u64>,
    anonymous_bytes: Option<u64>,
    file_bytes: Option<u64>,
    kernel_bytes: Option<u64>,
    slab_bytes: Option<u64>,
    socket_bytes: Option<u64>,
    oom_kills: Option<u64>,
    some_stalled_ns: Option<u64>,
    all_stalled_ns: Option<u64>,
}

impl GroupValue {
    /// Returns them if the group is known.
    fn of(totals: &ProcessTotals) -> Option<Self> {
        Some(Self {
            charged_bytes: totals.cgroup_bytes?,
            peak_bytes: totals.cgroup_peak_bytes,
            max_bytes: totals.cgroup_max_bytes,
            anonymous_bytes: totals.cgroup_anonymous_bytes,
            file_bytes: totals.cgroup_file_bytes,
            kernel_bytes: totals.cgroup_kernel_bytes,
            slab_bytes: totals.cgroup_slab_bytes,
            socket_bytes: totals.cgroup_socket_bytes,
            oom_kills: totals.cgroup_oom_kills,
            some_stalled_ns: totals.cgroup_some_stalled_ns,
            all_stalled_ns: totals.cgroup_all_stalled_ns,
        })
    }
}

/// The limits of the process at a sample.
#[derive(Serialize)]
struct LimitsValue {
    mappings: Option<u64>,
    address_space_bytes: Option<u64>,
    data_bytes: Option<u64>,
}

impl LimitsValue {
    fn of(totals: &ProcessTotals) -> Self {
        Self {
            mappings: totals.max_mappings,
            address_space_bytes: totals.address_space_limit_bytes,
            data_bytes: totals.data_limit_bytes,
        }
    }
}

#[derive(Serialize)]
struct MarkValue<'a> {
    #[serde(flatten)]
    moment: Moment,
    text: &'a str,
}

#[cfg(test)]
mod tests {
    use vmrec_store::Mark;

    use super::*;
    use crate::fixture::{recording, samples};

    #[test]
    fn a_recording_in_a_list_and_by_itself() {
        let (recording, samples) = (recording(1), samples());
        let marks =
            [Mark { recording: recording.id, utc_ns: recording.begun.utc_ns, text: "a\nb".into() }];
        let overview = Overview {
            recording: &recording,
            samples: &samples,
            marks: &marks,
            running: false,
            private_at_ends: [None; 2],
        };
        let row = ListRow::new(&overview.listed());
        insta::assert_snapshot!(serde_json::to_string_pretty(&[row]).unwrap(), @r#"
    [
      {
        "recording": 1,
        "session": 1,
        "pid": 4242,
        "name": "server",
        "recording_name": null,
        "samples": 2,
        "started": "2026-03-01T13:00:00.000Z",
        "started_utc_ns": 1772370000000000000,
        "ended": "2026-03-01T13:00:05.000Z",
        "ended_utc_ns": 1772370005000000000,
        "running": false,
        "why_ended": "target_exited",
        "exit_status": 1,
        "error": null,
        "length_ns": 5000000000,
        "interval_ns": 2000000000,
        "peak_resident_bytes": 67108864,
        "growth_resident_bytes": 46137344
      }
    ]
    "#);
        let value = serde_json::to_value(InfoDocument::new(&overview)).unwrap();
        let keys = [
            "process",
            "host",
            "cost",
            "first",
            "peak",
            "kernel_peak_bytes",
            "marks",
            "missed_ticks",
        ];
        let fields = keys.map(|key| format!("{key}: {}", value[key])).join("\n");
        insta::assert_snapshot!(fields, @r#"
    process: {"architecture":"x86_64","arguments":["server","--port","80 80"],"boot_id":"b0","executable":"/opt/app/bin/server","executable_deleted":false,"parent_pid":1,"pid":4242,"short_name":"server","start_ticks":99,"started":"2026-03-01T12:43:20.000Z","user_id":1000}
    host: {"architecture":"x86_64","kernel":"6.18.44","name":"box","os":"linux","page_size_bytes":4096}
    cost: {"cpu_ns":1200000,"max_cpu_ns":900000,"max_wall_ns":1200000,"mean_cpu_ns":600000,"mean_wall_ns":800000,"overhead":0.0003}
    first: {"footprint_bytes":10485760,"resident_bytes":20971520,"sample":1,"time":"2026-03-01T13:00:00.000Z","utc_ns":1772370000000000000}
    peak: {"footprint_bytes":33554432,"resident_bytes":67108864,"sample":3,"time":"2026-03-01T13:00:04.000Z","utc_ns":1772370004000000000}
    kernel_peak_bytes: 73400320
    marks: [{"text":"a\nb","time":"2026-03-01T13:00:00.000Z","utc_ns":1772370000000000000}]
    missed_ticks: 1
    "#);
    }
}
