//! The rows of samples and of sums by type.

use std::collections::BTreeMap;

use vmrec_sampler::{RegionType, Snapshot};
use vmrec_store::{Recording, Sample, SampleState};

use crate::amounts::Amounts;
use crate::export::parquet::table::{CellKind, CellValue};
use crate::metric::Metric;

use CellKind::{Integer, Text, Time, Unsigned};

/// The columns of samples.
pub(crate) const SAMPLE_COLUMNS: [(&str, CellKind); 54] = [
    ("recording", Text),
    ("number", Unsigned),
    ("taken", Time),
    ("taken_utc_ns", Integer),
    ("process", Text),
    ("pid", Unsigned),
    ("executable", Text),
    ("recording_name", Text),
    ("recording_number", Integer),
    ("imported_from", Text),
    ("os", Text),
    ("kernel", Text),
    ("architecture", Text),
    ("process_started", Time),
    ("interval_ns", Unsigned),
    ("state", Text),
    ("reason", Text),
    ("regions", Unsigned),
    ("virtual_bytes", Unsigned),
    ("resident_bytes", Unsigned),
    ("peak_resident_bytes", Unsigned),
    ("anonymous_resident_bytes", Unsigned),
    ("file_resident_bytes", Unsigned),
    ("shmem_resident_bytes", Unsigned),
    ("swapped_bytes", Unsigned),
    ("page_table_bytes", Unsigned),
    ("footprint_bytes", Unsigned),
    ("peak_footprint_bytes", Unsigned),
    ("purgeable_footprint_bytes", Unsigned),
    ("network_footprint_bytes", Unsigned),
    ("media_footprint_bytes", Unsigned),
    ("graphics_footprint_bytes", Unsigned),
    ("neural_footprint_bytes", Unsigned),
    ("threads", Unsigned),
    ("minor_faults", Unsigned),
    ("major_faults", Unsigned),
    ("cpu_ns", Unsigned),
    ("cost_cpu_ns", Unsigned),
    ("cost_wall_ns", Unsigned),
    ("missed_ticks", Unsigned),
    ("max_mappings", Unsigned),
    ("address_space_limit_bytes", Unsigned),
    ("data_limit_bytes", Unsigned),
    ("cgroup_bytes", Unsigned),
    ("cgroup_peak_bytes", Unsigned),
    ("cgroup_max_bytes", Unsigned),
    ("cgroup_anonymous_bytes", Unsigned),
    ("cgroup_file_bytes", Unsigned),
    ("cgroup_kernel_bytes", Unsigned),
    ("cgroup_slab_bytes", Unsigned),
    ("cgroup_socket_bytes", Unsigned),
    ("cgroup_oom_kills", Unsigned),
    ("cgroup_some_stalled_ns", Unsigned),
    ("cgroup_all_stalled_ns", Unsigned),
];

/// Returns a time in the unit of the files.
pub(crate) fn time(utc_ns: i64) -> CellValue {
    CellValue::Integer(utc_ns.div_euclid(1000))
}

/// Returns the row of a sample.
pub(crate) fn sample(key: &str, recording: &Recording, sample: &Sample) -> Vec<CellValue> {
    let (process, host, totals) = (&recording.process, &recording.host, &sample.totals);
    let known = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    let (state, reason, missed) = match &sample.state {
        SampleState::Complete => ("complete", None, None),
        SampleState::Cheap => ("cheap", None, None),
        SampleState::Unchanged => ("unchanged", None, None),
        SampleState::Torn(reason) => ("torn", Some(reason), None),
        SampleState::TotalsAlone(reason) => ("totals", Some(reason), None),
        SampleState::Missed { ticks, reason } => ("missed", Some(reason), Some(*ticks)),
    };
    let was_taken = missed.is_none() && recording.imported_from.is_none();
    vec![
        key.into(),
        sample.number.into(),
        time(sample.taken.utc_ns),
        CellValue::Integer(sample.taken.utc_ns),
        process.name().into(),
        process.id.known_pid().map(u64::from).into(),
        process.executable.clone().into(),
        recording.name.clone().into(),
        CellValue::Integer(recording.id.0),
        recording.imported_from.clone().into(),
        (&*host.os).into(),
        known(&host.kernel).into(),
        process.architecture.clone().or_else(|| known(&host.architecture)).into(),
        process.started_utc_ns.map_or(CellValue::Null, time),
        recording.interval_ns.into(),
        state.into(),
        reason.cloned().into(),
        sample.regions.into(),
        totals.virtual_bytes.into(),
        totals.resident_bytes.into(),
        totals.peak_resident_bytes.into(),
        totals.anonymous_resident_bytes.into(),
        totals.file_resident_bytes.into(),
        totals.shmem_resident_bytes.into(),
        totals.swapped_bytes.into(),
        totals.page_table_bytes.into(),
        totals.footprint_bytes.into(),
        totals.peak_footprint_bytes.into(),
        totals.purgeable_footprint_bytes.into(),
        totals.network_footprint_bytes.into(),
        totals.media_footprint_bytes.into(),
        totals.graphics_footprint_bytes.into(),
        totals.neural_footprint_bytes.into(),
        totals.threads.into(),
        totals.minor_faults.into(),
        totals.major_faults.into(),
        totals.cpu_ns.into(),
        Some(sample.cost.cpu_ns).filter(|_| was_taken).into(),
        Some(sample.cost.wall_ns).filter(|_| was_taken).into(),
        missed.into(),
        totals.max_mappings.into(),
        totals.address_space_limit_bytes.into(),
        totals.data_limit_bytes.into(),
        totals.cgroup_bytes.into(),
        totals.cgroup_peak_bytes.into(),
        totals.cgroup_max_bytes.into(),
        totals.cgroup_anonymous_bytes.into(),
        totals.cgroup_file_bytes.into(),
        totals.cgroup_kernel_bytes.into(),
        totals.cgroup_slab_bytes.into(),
        totals.cgroup_socket_bytes.into(),
        totals.cgroup_oom_kills.into(),
        totals.cgroup_some_stalled_ns.into(),
        totals.cgroup_all_stalled_ns.into(),
    ]
}

/// Returns the columns of sums.
pub(crate) fn sum_columns() -> Vec<(&'static str, CellKind)> {
    let mut columns = vec![
        ("recording", Text),
        ("number", Unsigned),
        ("taken", Time),
        ("type", Text),
        ("family", Text),
        ("regions", Unsigned),
    ];
    columns.extend(Metric::SIZES.map(|metric| (metric.column(), Unsigned)));
    columns
}

/// Returns the rows of the sums of a snapshot: one for each type. A sum is unknown if the size of
/// one region is.
pub(crate) fn sums(key: &str, sample: &Sample, snapshot: &Snapshot) -> Vec<Vec<CellValue>> {
    let mut types: BTreeMap<&RegionType, Amounts> = BTreeMap::new();
    for region in &snapshot.regions {
        types.entry(&region.identity.label.region_type).or_default().add(region);
    }
    types
        .into_iter()
        .map(|(of, sum)| {
            let mut row: Vec<CellValue> = vec![
                key.into(),
                sample.number.into(),
                time(sample.taken.utc_ns),
                of.name().into(),
                of.family().name().into(),
                sum.regions.into(),
            ];
            row.extend(Metric::SIZES.map(|metric| {
                let known = sum.get(metric).filter(|_| sum.unknown_regions(metric) == 0);
                CellValue::from(known)
            }));
            row
        })
        .collect()
}
