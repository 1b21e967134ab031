//! `samples([recording])`: every sample of a recording, wherever the file keeps it.

use std::sync::Arc;

use vmrec_store::{RecordingId, Sample, SampleState, TableFunction, TableRows, Value};

use crate::commands::sql::source::{Source, rows};

/// As the table `sample` has them, which holds only the newest ones.
const COLUMNS: [(&str, &str); 43] = [
    ("recording", "INTEGER"),
    ("number", "INTEGER"),
    ("taken_utc_ns", "INTEGER"),
    ("taken_monotonic_ns", "INTEGER"),
    ("state", "TEXT"),
    ("reason", "TEXT"),
    ("missed_ticks", "INTEGER"),
    ("cost_cpu_ns", "INTEGER"),
    ("cost_wall_ns", "INTEGER"),
    ("regions", "INTEGER"),
    ("virtual_bytes", "INTEGER"),
    ("resident_bytes", "INTEGER"),
    ("peak_resident_bytes", "INTEGER"),
    ("anonymous_resident_bytes", "INTEGER"),
    ("file_resident_bytes", "INTEGER"),
    ("shmem_resident_bytes", "INTEGER"),
    ("swapped_bytes", "INTEGER"),
    ("page_table_bytes", "INTEGER"),
    ("footprint_bytes", "INTEGER"),
    ("peak_footprint_bytes", "INTEGER"),
    ("purgeable_footprint_bytes", "INTEGER"),
    ("network_footprint_bytes", "INTEGER"),
    ("media_footprint_bytes", "INTEGER"),
    ("graphics_footprint_bytes", "INTEGER"),
    ("neural_footprint_bytes", "INTEGER"),
    ("threads", "INTEGER"),
    ("minor_faults", "INTEGER"),
    ("major_faults", "INTEGER"),
    ("cpu_ns", "INTEGER"),
    ("max_mappings", "INTEGER"),
    ("address_space_limit_bytes", "INTEGER"),
    ("data_limit_bytes", "INTEGER"),
    ("cgroup_bytes", "INTEGER"),
    ("cgroup_peak_bytes", "INTEGER"),
    ("cgroup_max_bytes", "INTEGER"),
    ("cgroup_anonymous_bytes", "INTEGER"),
    ("cgroup_file_bytes", "INTEGER"),
    ("cgroup_kernel_bytes", "INTEGER"),
    ("cgroup_slab_bytes", "INTEGER"),
    ("cgroup_socket_bytes", "INTEGER"),
    ("cgroup_oom_kills", "INTEGER"),
    ("cgroup_some_stalled_ns", "INTEGER"),
    ("cgroup_all_stalled_ns", "INTEGER"),
];

/// Returns the function.
pub(crate) fn function(source: Arc<Source>) -> TableFunction {
    TableFunction {
        name: "samples",
        columns: COLUMNS.to_vec(),
        arguments: &["at_recording"],
        required: 0,
        answer: Box::new(move |arguments| {
            source.with(arguments.first().unwrap_or(&Value::Null), |opened| {
                Ok(rows(Samples {
                    recording: opened.recording.id,
                    samples: opened.store.samples(opened.recording.id)?,
                }))
            })
        }),
    }
}

/// The samples of one recording.
struct Samples {
    recording: RecordingId,
    samples: Vec<Sample>,
}

impl TableRows for Samples {
    fn count(&self) -> usize {
        self.samples.len()
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let Some(sample) = self.samples.get(row) else { return Value::Null };
        let (taken, cost, totals) = (&sample.taken, &sample.cost, &sample.totals);
        let (state, reason, missed_ticks) = match &sample.state {
            SampleState::Complete => ("complete", None, None),
            SampleState::Cheap => ("cheap", None, None),
            SampleState::Unchanged => ("unchanged", None, None),
            SampleState::Torn(reason) => ("torn", Some(&**reason), None),
            SampleState::TotalsAlone(reason) => ("totals", Some(&**reason), None),
            SampleState::Missed { ticks, reason } => ("missed", Some(&**reason), Some(*ticks)),
        };
        match column {
            0 => self.recording.0.into(),
            1 => sample.number.into(),
            2 => taken.utc_ns.into(),
            3 => taken.monotonic_ns.into(),
            4 => state.into(),
            5 => reason.into(),
            6 => missed_ticks.into(),
            7 => cost.cpu_ns.into(),
            8 => cost.wall_ns.into(),
            9 => sample.regions.into(),
            10 => totals.virtual_bytes.into(),
            11 => totals.resident_bytes.into(),
            12 => totals.peak_resident_bytes.into(),
            13 => totals.anonymous_resident_bytes.into(),
            14 => totals.file_resident_bytes.into(),
            15 => totals.shmem_resident_bytes.into(),
            16 => totals.swapped_bytes.into(),
            17 => totals.page_table_bytes.into(),
            18 => totals.footprint_bytes.into(),
            19 => totals.peak_footprint_bytes.into(),
            20 => totals.purgeable_footprint_bytes.into(),
            21 => totals.network_footprint_bytes.into(),
            22 => totals.media_footprint_bytes.into(),
            23 => totals.graphics_footprint_bytes.into(),
            24 => totals.neural_footprint_bytes.into(),
            25 => totals.threads.into(),
            26 => totals.minor_faults.into(),
            27 => totals.major_faults.into(),
            28 => totals.cpu_ns.into(),
            29 => totals.max_mappings.into(),
            30 => totals.address_space_limit_bytes.into(),
            31 => totals.data_limit_bytes.into(),
            32 => totals.cgroup_bytes.into(),
            33 => totals.cgroup_peak_bytes.into(),
            34 => totals.cgroup_max_bytes.into(),
            35 => totals.cgroup_anonymous_bytes.into(),
            36 => totals.cgroup_file_bytes.into(),
            37 => totals.cgroup_kernel_bytes.into(),
            38 => totals.cgroup_slab_bytes.into(),
            39 => totals.cgroup_socket_bytes.into(),
            40 => totals.cgroup_oom_kills.into(),
            41 => totals.cgroup_some_stalled_ns.into(),
            _ => totals.cgroup_all_stalled_ns.into(),
        }
    }
}
