//! The arguments of `vmrec sql`.

use clap::Args;

use crate::args::{FileArgs, FormatArgs};

/// Ask a file anything by SQL, of its snapshots too
///
/// `vmrec sql --tables` lists what there is; docs/schema.md describes every column.
#[derive(Args, Debug)]
pub(crate) struct SqlArgs {
    /// One SELECT statement, or - to read it from standard input
    #[arg(value_name = "SQL", required_unless_present = "tables")]
    pub(crate) sql: Option<String>,

    /// List the tables, views and functions
    #[arg(long, conflicts_with = "sql")]
    tables: bool,

    /// Print each row as lines of name and value
    #[arg(long, short = 'x', conflicts_with_all = ["json", "csv"])]
    pub(crate) expanded: bool,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) file: FileArgs,
}
