//! The columns of each table whose rows have a checksum, named once: rows are
//! written, read and summed by these lists.
//!
//! A column that a later version adds goes to the end of its list. It is null
//! in old rows, and nulls at the end are not summed, so that old checksums match.

/// A table whose rows have a checksum.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// The number of leading columns that identify a row.
    pub(crate) key: usize,
    /// The columns that are summed, in the order of the file.
    pub(crate) columns: &'static [&'static str],
}

/// The name of the column that holds the checksum.
pub(crate) const CHECKSUM: &str = "checksum";

pub(crate) const SESSION: Table = Table {
    name: "session",
    key: 1,
    columns: &[
        "id",
        "targets",
        "interval_ns",
        "vmrec",
        "host",
        "os",
        "kernel",
        "architecture",
        "page_size_bytes",
        "boot_id",
        "begun_utc_ns",
        "begun_monotonic_ns",
    ],
};
pub(crate) const RECORDING: Table = Table {
    name: "recording",
    key: 1,
    columns: &[
        "id",
        "session",
        "name",
        "pid",
        "start_ticks",
        "parent_pid",
        "parent",
        "started_utc_ns",
        "executable",
        "executable_deleted",
        "architecture",
        "short_name",
        "user_id",
        "begun_utc_ns",
        "begun_monotonic_ns",
        "ended_utc_ns",
        "ended_monotonic_ns",
        "why_ended",
        "exit_status",
        "failure",
        "last_number",
    ],
};
pub(crate) const ARGUMENT: Table =
    Table { name: "argument", key: 2, columns: &["recording", "position", "text"] };
pub(crate) const STACK: Table = Table {
    name: "stack",
    key: 2,
    columns: &["recording", "node", "parent", "function", "module", "offset"],
};
pub(crate) const IMAGE: Table = Table {
    name: "image",
    key: 1,
    columns: &["id", "path", "uuid", "address", "segments", "fingerprint"],
};
pub(crate) const IMAGE_SPAN: Table = Table {
    name: "image_span",
    key: 3,
    columns: &["recording", "image", "first", "first_utc_ns", "gone", "gone_utc_ns"],
};
pub(crate) const OBJECT: Table = Table {
    name: "object",
    key: 1,
    columns: &["id", "name", "device_major", "device_minor", "inode", "deleted", "fingerprint"],
};
pub(crate) const REGION_KIND: Table = Table {
    name: "region_kind",
    key: 1,
    columns: &[
        "id",
        "protection",
        "max_protection",
        "object",
        "flags",
        "type",
        "family",
        "confidence",
        "rule",
        "detail",
        "fingerprint",
    ],
};
pub(crate) const SAMPLE: Table = Table {
    name: "sample",
    key: 1,
    columns: &[
        "id",
        "recording",
        "number",
        "taken_utc_ns",
        "taken_monotonic_ns",
        "state",
        "reason",
        "missed_ticks",
        "cost_cpu_ns",
        "cost_wall_ns",
        "regions",
        "virtual_bytes",
        "resident_bytes",
        "peak_resident_bytes",
        "anonymous_resident_bytes",
        "file_resident_bytes",
        "shmem_resident_bytes",
        "swapped_bytes",
        "page_table_bytes",
        "footprint_bytes",
        "peak_footprint_bytes",
        "purgeable_footprint_bytes",
        "network_footprint_bytes",
        "media_footprint_bytes",
        "graphics_footprint_bytes",
        "neural_footprint_bytes",
        "threads",
        "minor_faults",
        "major_faults",
        "cpu_ns",
        "max_mappings",
        "address_space_limit_bytes",
        "data_limit_bytes",
        "cgroup_bytes",
        "cgroup_peak_bytes",
        "cgroup_max_bytes",
        "cgroup_anonymous_bytes",
        "cgroup_file_bytes",
        "cgroup_kernel_bytes",
        "cgroup_slab_bytes",
        "cgroup_socket_bytes",
        "cgroup_oom_kills",
        "cgroup_some_stalled_ns",
        "cgroup_all_stalled_ns",
    ],
};
pub(crate) const MARK: Table =
    Table { name: "mark", key: 1, columns: &["id", "recording", "utc_ns", "text"] };
pub(crate) const HEAP_REPORT: Table = Table {
    name: "heap_report",
    key: 1,
    columns: &["id", "recording", "utc_ns", "kind", "document"],
};
/// The groups of a chunk, which follow the checksum, hold their own.
pub(crate) const CHUNK: Table = Table {
    name: "chunk",
    key: 1,
    columns: &[
        "id",
        "recording",
        "first",
        "last",
        "samples",
        "snapshots",
        "torn",
        "unchanged",
        "cheap",
        "totals_alone",
        "missed_ticks",
        "begin_utc_ns",
        "begin_monotonic_ns",
        "end_utc_ns",
        "end_monotonic_ns",
        "min_utc_ns",
        "max_utc_ns",
        "cost_cpu_ns",
        "cost_wall_ns",
        "max_footprint_bytes",
        "first_resident_bytes",
        "last_resident_bytes",
        "max_resident_bytes",
    ],
};
pub(crate) const REGION_TYPE: Table =
    Table { name: "region_type", key: 1, columns: &["id", "name", "family"] };
pub(crate) const ROLLUP_ROW: Table =
    Table { name: "rollup_row", key: 1, columns: &["id", "types"] };
pub(crate) const LATEST_ROW: Table = Table {
    name: "latest_row",
    key: 1,
    columns: &["id", "recording", "number", "taken_utc_ns", "known", "unit_bytes", "regions"],
};

/// All tables whose rows have a checksum.
pub(crate) const TABLES: [&Table; 15] = [
    &SESSION,
    &RECORDING,
    &ARGUMENT,
    &STACK,
    &IMAGE,
    &IMAGE_SPAN,
    &OBJECT,
    &REGION_KIND,
    &SAMPLE,
    &MARK,
    &HEAP_REPORT,
    &CHUNK,
    &REGION_TYPE,
    &ROLLUP_ROW,
    &LATEST_ROW,
];

impl Table {
    /// Returns the list of all summed columns and the checksum, for SELECT and INSERT.
    pub(crate) fn list(&self) -> String {
        self.list_of("")
    }

    /// Returns the same list for a table that a statement calls `alias`.
    pub(crate) fn list_of(&self, alias: &str) -> String {
        let mut list = String::with_capacity(self.columns.len() * 16);
        for column in self.columns.iter().chain([&CHECKSUM]) {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(alias);
            list.push_str(column);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::db::schema;

    #[test]
    fn the_lists_are_those_of_the_schema() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut statement =
            connection.prepare("SELECT name, type FROM pragma_table_info(?)").unwrap();
        for table in TABLES {
            let columns: Vec<(String, String)> = statement
                .query_map([table.name], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            let summed: Vec<&str> = columns
                .iter()
                .filter(|(name, kind)| name != CHECKSUM && kind != "BLOB")
                .map(|(name, _)| name.as_str())
                .collect();
            assert_eq!(summed, table.columns, "{}", table.name);
        }
        let with_checksum: i64 = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
                 WHERE t.type = 'table' AND c.name = 'checksum'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        // The checksums of frames, evidence and live stacks cover their encoded data.
        assert_eq!(with_checksum, TABLES.len() as i64 + 3);
    }
}
