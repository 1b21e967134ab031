//! `vmrec sql --tables`: what there is to read, one line each.

use vmrec_store::Value;

use crate::cli::FormatArgs;
use crate::failure::Failure;

/// Name, kind and what it holds; those first that most questions need.
const TABLES: [[&str; 3]; 21] = [
    ["region_at(time [, recording])", "function", "every region of a sample"],
    ["series(metric, by [, recording])", "function", "a metric over time by family or type"],
    ["samples([recording])", "function", "every sample with process totals"],
    ["latest", "view", "newest snapshot that is in a chunk"],
    ["rollup", "view", "sums of each type by the minute"],
    ["rollup_hour", "view", "the same by the hour"],
    ["recording", "table", "one target over one stretch of time"],
    ["argument", "table", "arguments the target began with"],
    ["mark", "table", "named moments"],
    ["object", "table", "files and what else is mapped"],
    ["region", "table", "what of a region stays the same"],
    ["region_kind", "table", "what many regions have in common"],
    ["sample", "table", "samples since the last chunk"],
    ["frame", "table", "their regions, encoded"],
    ["chunk", "table", "older samples and regions, encoded"],
    ["evidence", "table", "what types were told by, encoded"],
    ["rollup_row", "table", "what rollup unpacks"],
    ["rollup_hour_row", "table", "what rollup_hour unpacks"],
    ["latest_row", "table", "what latest shows, without names"],
    ["region_type", "table", "types that rollups are by"],
    ["quantity", "table", "what rollups give of each type"],
];

/// Prints them.
pub(super) fn print(format: FormatArgs) -> Result<(), Failure> {
    let names = ["name", "kind", "holds"].map(str::to_owned);
    let all = TABLES.iter().map(|row| row.map(Value::from).to_vec());
    super::print(format, &names, all)
}
