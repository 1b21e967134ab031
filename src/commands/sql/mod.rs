//! `vmrec sql`: SQL that reads, over the whole file.

pub(crate) mod args;
pub(crate) mod functions;
pub(crate) mod region_rows;
pub(crate) mod sample_rows;
pub(crate) mod series_rows;
pub(crate) mod source;
pub(crate) mod tables;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::{io, iter};

use vmrec_report::rows;
use vmrec_store::Query;

use crate::commands::sql::args::SqlArgs;
use crate::commands::sql::source::Source;
use crate::failure::Failure;
use crate::file;

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
        None => tables::print_tables(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(sql: &str, args: &SqlArgs) -> Result<(), Failure> {
    let path = file::path(&args.file)?;
    let source = Arc::new(Source::new(&path));
    let query = Query::open(&path, functions::all(&source))?;
    query.add_text_of_number("size", functions::size)?;
    let mut selection = query.prepare(sql)?;
    let names = rows::distinct(selection.columns());
    let mut answer = selection.rows();
    // Most mistakes in a statement show at its first row, before anything is printed.
    let first = answer.next_row().map_err(|error| source.failure(error))?;
    let mut failed = None;
    let rest = iter::from_fn(|| {
        answer.next_row().unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    tables::print(args, &names, first.into_iter().chain(rest))?;
    failed.map_or(Ok(()), |error| Err(source.failure(error)))
}
