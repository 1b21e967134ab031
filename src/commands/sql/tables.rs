//! Rows that `vmrec sql` prints: those of a query, or what there is to read.

use std::io;
use std::io::{BufWriter, IsTerminal, Write};

use vmrec_report::rows;
use vmrec_store::Value;

use crate::commands::sql::args::SqlArgs;
use crate::failure::Failure;
use crate::output;

/// Name, kind and what it holds; those first that most questions need.
const TABLES: [[&str; 3]; 25] = [
    ["region_at(time [, recording])", "function", "every region of a sample"],
    ["series(metric, by [, recording])", "function", "a metric over time by family or type"],
    ["session_series(metric, by [, n])", "function", "a metric of a session over time"],
    ["samples([recording])", "function", "every sample with process totals"],
    ["latest", "view", "newest snapshot that is in a chunk"],
    ["rollup", "view", "sums of each type, by the chunk"],
    ["images", "view", "libraries of macOS, and when"],
    ["session", "table", "one run of the recorder"],
    ["recording", "table", "one target over one stretch of time"],
    ["argument", "table", "arguments the target began with"],
    ["mark", "table", "named moments"],
    ["object", "table", "files and other mapped objects"],
    ["region_kind", "table", "kinds of regions, without addresses"],
    ["sample", "table", "samples since the last chunk"],
    ["frame", "table", "their regions, encoded"],
    ["chunk", "table", "older samples and regions, encoded"],
    ["rollup_row", "table", "rows of rollup, packed"],
    ["region_type", "table", "types that sums are by"],
    ["latest_row", "table", "rows of latest, without names"],
    ["evidence", "table", "evidence that types rest on, encoded"],
    ["image", "table", "libraries at their addresses"],
    ["image_span", "table", "when a process had them"],
    ["stack", "table", "call stacks that touched memory"],
    ["stack_live", "table", "their present pages, encoded"],
    ["heap_report", "table", "blocks of a heap by class, as JSON"],
];

/// Prints the tables.
pub(crate) fn print_tables(args: &SqlArgs) -> Result<(), Failure> {
    let names = ["name", "kind", "holds"].map(str::to_owned);
    let all = TABLES.iter().map(|row| row.map(Value::from).to_vec());
    print(args, &names, all)
}

/// Writes rows to standard output, as a table that fits only where a terminal shows it.
pub(crate) fn print(
    args: &SqlArgs,
    names: &[String],
    all: impl Iterator<Item = Vec<Value<'static>>>,
) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        let mut shown = Vec::new();
        write(&mut shown, args, names, all, Some(output::width()))?;
        return output::print(&String::from_utf8_lossy(&shown));
    }
    write(BufWriter::new(io::stdout().lock()), args, names, all, None)
}

fn write(
    mut out: impl Write,
    args: &SqlArgs,
    names: &[String],
    all: impl Iterator<Item = Vec<Value<'static>>>,
    width: Option<usize>,
) -> Result<(), Failure> {
    let written = if args.format.json {
        rows::json(&mut out, names, all)
    } else if args.format.csv {
        rows::csv(&mut out, names, all)
    } else if args.expanded {
        rows::expanded(&mut out, names, all)
    } else {
        out.write_all(rows::table(names, all, width).as_bytes()).map_err(Into::into)
    };
    written.and_then(|()| Ok(out.flush()?)).map_err(output::unwritable)
}
