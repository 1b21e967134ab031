//! Runs a reader's own SQL on a recording file: a single read-only statement.
//!
//! Snapshots are encoded, so a caller adds [`TableFunction`]s that SQL reads as
//! tables. The caller provides their rows; [`table_function`] connects them to
//! SQLite.

pub(crate) mod authorizer;
pub(crate) mod table_function;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use std::path::{Path, PathBuf};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Statement};

use crate::error::{At, Error};
use crate::read::query::table_function::TableFunction;
use crate::read::query::value::Value;
use crate::read::store::Store;

/// A recording file open for read-only SQL.
#[derive(Debug)]
pub struct Query {
    connection: Connection,
    path: PathBuf,
}

impl Query {
    /// Opens the file at `path` as [`Store::open`] does, with table functions.
    pub fn open(
        path: &Path,
        functions: impl IntoIterator<Item = TableFunction>,
    ) -> Result<Self, Error> {
        let mut connection = Store::open(path)?.connection;
        functions
            .into_iter()
            .try_for_each(|function| {
                crate::read::query::table_function::register(&connection, function)
            })
            .and_then(|()| connection.authorizer(Some(crate::read::query::authorizer::authorize)))
            .at(path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Adds a function of a number, which returns a text: of null null, of another number the nearest whole one's.
    pub fn add_text_of_number(
        &self,
        name: &'static str,
        text: fn(i64) -> String,
    ) -> Result<(), Error> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let answer = move |context: &Context<'_>| match context.get_raw(0) {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(text(number))),
            ValueRef::Real(number) => Ok(Some(text(number.round() as i64))),
            ValueRef::Text(_) | ValueRef::Blob(_) => {
                Err(rusqlite::Error::UserFunctionError(format!("{name}() takes a number").into()))
            }
        };
        self.connection.create_scalar_function(name, 1, flags, answer).at(&self.path)
    }

    /// Prepares the one statement in `sql`.
    pub fn prepare(&self, sql: &str) -> Result<Selection<'_>, Error> {
        let statement =
            self.connection.prepare(sql).map_err(|source| failed(&self.path, source))?;
        let refused = |message: &str| Err(Error::Query { message: message.to_owned() });
        if !statement.readonly() {
            refused(crate::read::query::authorizer::REFUSED)
        } else if statement.column_count() == 0 {
            refused("there is no statement that returns rows")
        } else if statement.parameter_count() > 0 {
            refused("parameters are not supported")
        } else {
            Ok(Selection { statement, path: &self.path })
        }
    }
}

/// A prepared statement.
#[derive(Debug)]
pub struct Selection<'a> {
    statement: Statement<'a>,
    path: &'a Path,
}

impl Selection<'_> {
    /// Returns the names of its columns, which need not be unique.
    pub fn columns(&self) -> Vec<String> {
        self.statement.column_names().map(str::to_owned).collect()
    }

    /// Runs it.
    pub fn rows(&mut self) -> Rows<'_> {
        Rows {
            columns: self.statement.column_count(),
            path: self.path,
            rows: self.statement.raw_query(),
        }
    }
}

/// The rows of a statement, computed one by one.
pub struct Rows<'a> {
    rows: rusqlite::Rows<'a>,
    columns: usize,
    path: &'a Path,
}

impl Rows<'_> {
    /// Returns the next row.
    pub fn next_row(&mut self) -> Result<Option<Vec<Value<'static>>>, Error> {
        let failed = |source| failed(self.path, source);
        let Some(row) = self.rows.next().map_err(failed)? else { return Ok(None) };
        (0..self.columns)
            .map(|column| row.get_ref(column).map(Value::copied))
            .collect::<Result<_, _>>()
            .map(Some)
            .map_err(failed)
    }
}

/// Distinguishes a statement that cannot be run from a file that cannot be read.
fn failed(path: &Path, source: rusqlite::Error) -> Error {
    use rusqlite::Error as Sql;
    let message = match source {
        Sql::MultipleStatement => "only one statement can be run at a time".to_owned(),
        Sql::SqlInputError { error, .. } | Sql::SqliteFailure(error, _)
            if error.code == ErrorCode::AuthorizationForStatementDenied =>
        {
            crate::read::query::authorizer::REFUSED.to_owned()
        }
        Sql::SqlInputError { msg, sql, offset, .. } => {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            match (sql.get(..offset), sql.get(offset..).and_then(|rest| rest.lines().next())) {
                (Some(before), Some(rest)) if !rest.is_empty() => {
                    let rest: String = rest.chars().take(SHOWN_CHARACTERS).collect();
                    format!("{msg}, at character {}: {rest}", before.chars().count() + 1)
                }
                _ => msg,
            }
        }
        Sql::SqliteFailure(error, Some(message)) if !is_of_the_file(error.code) => message,
        other => return Error::sql(path, other),
    };
    Error::Query { message }
}

/// How many characters of a statement are shown from its error on.
const SHOWN_CHARACTERS: usize = 40;

const fn is_of_the_file(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
    )
}
