//! `vmrec sql`: SQL that reads, over the whole file.

mod functions;
mod region_rows;
mod sample_rows;
mod series_rows;
mod tables;

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::iter;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use vmrec_report::rows;
use vmrec_store::{Query, Value};

use self::functions::Source;
use crate::cli::{FileArgs, FormatArgs};
use crate::failure::Failure;
use crate::{file, output};

/// Ask a file anything by SQL, of its snapshots too
///
/// `vmrec sql --tables` lists what there is; docs/schema.md describes every column.
#[derive(Args, Debug)]
pub(crate) struct SqlArgs {
    /// One SELECT statement, or - to read it from standard input
    #[arg(value_name = "SQL", required_unless_present = "tables")]
    sql: Option<String>,

    /// List the tables, views and functions
    #[arg(long, conflicts_with = "sql")]
    tables: bool,

    #[command(flatten)]
    format: FormatArgs,

    #[command(flatten)]
    file: FileArgs,
}

/// Runs the command.
pub(crate) fn run(args: &SqlArgs) -> Result<ExitCode, Failure> {
    match &args.sql {
        Some(sql) if sql == "-" => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|source| Failure::io("read", Path::new("standard input"), source))?;
            answer(&text, args)?;
        }
        Some(sql) => answer(sql, args)?,
        None => tables::print(args.format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(sql: &str, args: &SqlArgs) -> Result<(), Failure> {
    let path = file::path(&args.file)?;
    let source = Arc::new(Source::new(&path));
    let query = Query::open(&path, functions::all(&source))?;
    let mut selection = query.prepare(sql)?;
    let names = rows::distinct(selection.columns());
    let mut answer = selection.rows();
    // What is wrong with the statement mostly shows at its first row, before anything is printed.
    let first = answer.next_row().map_err(|error| source.failure(error))?;
    let mut failed = None;
    let rest = iter::from_fn(|| {
        answer.next_row().unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    print(args.format, &names, first.into_iter().chain(rest))?;
    failed.map_or(Ok(()), |error| Err(source.failure(error)))
}

/// Writes rows to standard output, as a table that fits only where a terminal shows it.
fn print(
    format: FormatArgs,
    names: &[String],
    all: impl Iterator<Item = Vec<Value<'static>>>,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if format.json {
        rows::json(&mut out, names, all)
    } else if format.csv {
        rows::csv(&mut out, names, all)
    } else {
        let width = io::stdout().is_terminal().then(output::width);
        out.write_all(rows::table(names, all, width).as_bytes()).map_err(Into::into)
    };
    written.and_then(|()| Ok(out.flush()?)).map_err(output::unwritable)
}
