//! Table functions as SQLite's virtual tables.
//!
//! This is the only `unsafe` of the store: SQLite calls through tables of C
//! functions, and rusqlite's traits for them are unsafe to implement because
//! they require a layout that the compiler cannot check. All else is safe.

#![allow(unsafe_code, reason = "rusqlite's traits of virtual tables are unsafe to implement")]

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Null;
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConnection, VTabCursor,
    sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, Result};

use crate::read::query::value::Value;

/// The number of cached answers: the sides of a join are read in turns.
const KEPT_ANSWERS: usize = 4;

/// In the number of a plan, the first bit of the column to look up; below it, a bit for each argument given.
const LOOKUP_SHIFT: u32 = 8;

/// Registers the function with this connection.
pub(crate) fn register(connection: &Connection, function: TableFunction) -> Result<()> {
    const MODULE: Module<'_, FunctionTable> = Module::eponymous_only_module();
    let name = function.name;
    let shared = Shared { function, answers: Mutex::default() };
    connection.create_module(name, &MODULE, Some(Arc::new(shared)))
}

/// A function with its latest answers.
struct Shared {
    function: TableFunction,
    answers: Mutex<Vec<(Vec<Value<'static>>, Arc<Answered>)>>,
}

impl Shared {
    /// Returns the rows for these arguments.
    fn answer(&self, arguments: &[Value<'static>]) -> Result<Arc<Answered>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match answers.iter().position(|(asked, _)| asked == arguments) {
            Some(index) => answers.remove(index),
            None => {
                let rows = (self.function.answer)(arguments).map_err(|message| {
                    Error::ModuleError(format!("{}: {message}", self.function.name))
                })?;
                answers.truncate(KEPT_ANSWERS - 1);
                (arguments.to_vec(), Arc::new(Answered { rows, indexes: Mutex::default() }))
            }
        };
        let answered = Arc::clone(&found.1);
        answers.insert(0, found);
        Ok(answered)
    }

    fn declaration(&self) -> String {
        let columns = self.function.columns.iter().map(|(name, kind)| format!("\"{name}\" {kind}"));
        let arguments = self.function.arguments.iter().map(|name| format!("\"{name}\" HIDDEN"));
        format!("CREATE TABLE t({})", columns.chain(arguments).collect::<Vec<_>>().join(", "))
    }
}

/// The integers of a column, ascending, each with its row.
type Index = Arc<[(i64, usize)]>;

/// Rows, and indexes of the columns used in lookups: without them a join would read all rows for
/// each row.
struct Answered {
    rows: Box<dyn TableRows>,
    indexes: Mutex<Vec<(usize, Index)>>,
}

impl Answered {
    fn index(&self, column: usize) -> Index {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, index)) = indexes.iter().find(|(of, _)| *of == column) {
            return Arc::clone(index);
        }
        let mut entries: Vec<(i64, usize)> = (0..self.rows.count())
            .filter_map(|row| match self.rows.value(row, column) {
                Value::Integer(number) => Some((number, row)),
                _ => None,
            })
            .collect();
        entries.sort_unstable();
        let index: Index = entries.into();
        indexes.push((column, Arc::clone(&index)));
        index
    }
}

/// A function as SQLite sees it: a table with its arguments as hidden columns.
#[repr(C)]
struct FunctionTable {
    base: sqlite3_vtab,
    shared: Arc<Shared>,
}

// SAFETY: the struct is repr(C) and its first field is sqlite3_vtab, as the trait requires.
unsafe impl VTab<'_> for FunctionTable {
    type Aux = Arc<Shared>;
    type Cursor = FunctionCursor;

    fn connect(
        _connection: &mut VTabConnection,
        aux: Option<&Self::Aux>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let shared = aux.ok_or_else(|| Error::ModuleError("a function without rows".to_owned()))?;
        let declaration = CString::new(shared.declaration())?;
        let table = Self { base: sqlite3_vtab::default(), shared: Arc::clone(shared) };
        Ok((Cow::Owned(declaration), table))
    }

    /// Uses every argument, and one integer column with an equality constraint.
    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let function = &self.shared.function;
        let columns = function.columns.len();
        let mut arguments = vec![None; function.arguments.len()];
        let mut lookup = None;
        for (index, constraint) in info.constraints().enumerate() {
            let Ok(column) = usize::try_from(constraint.column()) else { continue };
            if constraint.operator() != IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ {
                continue;
            }
            if let Some(argument) = column.checked_sub(columns) {
                if !constraint.is_usable() {
                    return Ok(false); // in another order of the tables the argument is known
                }
                arguments[argument] = Some(index);
            } else if constraint.is_usable() && function.columns[column].1 == "INTEGER" {
                lookup = lookup.or(Some((column, index)));
            }
        }
        let (mut plan, mut next) = (0, 1);
        for (bit, index) in arguments.iter().enumerate() {
            let Some(index) = index else { continue };
            let mut usage = info.constraint_usage(*index);
            usage.set_argv_index(next);
            usage.set_omit(true);
            (plan, next) = (plan | 1 << bit, next + 1);
        }
        let mut rows = 10_000;
        if let Some((column, index)) = lookup {
            // Not omitted: SQLite checks the rows that the index finds by its own rules.
            info.constraint_usage(index).set_argv_index(next);
            plan |= (column as c_int + 1) << LOOKUP_SHIFT;
            rows = 4;
        }
        info.set_idx_num(plan);
        info.set_estimated_rows(rows);
        info.set_estimated_cost(rows as f64);
        Ok(true)
    }

    fn open(&mut self) -> Result<FunctionCursor> {
        Ok(FunctionCursor {
            base: sqlite3_vtab_cursor::default(),
            shared: Arc::clone(&self.shared),
            arguments: Vec::new(),
            answered: None,
            index: None,
            left: 0..0,
        })
    }
}

/// A position among the rows of one call.
#[repr(C)]
struct FunctionCursor {
    base: sqlite3_vtab_cursor,
    shared: Arc<Shared>,
    arguments: Vec<Value<'static>>,
    answered: Option<Arc<Answered>>,
    /// The index that `left` counts in; without one it counts rows.
    index: Option<Index>,
    left: Range<usize>,
}

impl FunctionCursor {
    fn row(&self) -> usize {
        let index = self.left.start;
        self.index.as_ref().map_or(index, |sorted| sorted[index].1)
    }
}

// SAFETY: the struct is repr(C) and its first field is sqlite3_vtab_cursor, as the trait requires.
unsafe impl VTabCursor for FunctionCursor {
    fn filter(&mut self, plan: c_int, _text: Option<&str>, values: &Filters<'_>) -> Result<()> {
        let function = &self.shared.function;
        let mut values = values.iter();
        self.arguments = (0..function.arguments.len())
            .map(|bit| match plan & 1 << bit {
                0 => Value::Null,
                _ => values.next().map_or(Value::Null, Value::copied),
            })
            .collect();
        if plan.trailing_ones() < function.required as u32 {
            let names = function.arguments[..function.required].join(", ");
            let call = format!("{}({names})", function.name);
            return Err(Error::ModuleError(format!("an argument is missing: {call}")));
        }
        let answered = self.shared.answer(&self.arguments)?;
        (self.index, self.left) = (None, 0..answered.rows.count());
        let column = (plan >> LOOKUP_SHIFT) as usize;
        if let (Some(column), Some(Value::Integer(wanted))) =
            (column.checked_sub(1), values.next().map(Value::copied))
        {
            let index = answered.index(column);
            self.left = index.partition_point(|(number, _)| *number < wanted)
                ..index.partition_point(|(number, _)| *number <= wanted);
            self.index = Some(index);
        }
        self.answered = Some(answered);
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.left.start += 1;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.left.is_empty()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        let value = match column.checked_sub(self.shared.function.columns.len()) {
            Some(argument) => self.arguments.get(argument).cloned(),
            None => self.answered.as_ref().map(|answered| answered.rows.value(self.row(), column)),
        };
        match value {
            None | Some(Value::Null) => context.set_result(Null),
            Some(Value::Integer(number)) => context.set_result(number),
            Some(Value::Real(number)) => context.set_result(number),
            Some(Value::Text(text)) => context.set_result(&*text),
            Some(Value::Blob(bytes)) => context.set_result(&*bytes),
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.row() as i64)
    }
}

/// Rows that SQL reads one value at a time, so that unused values are not copied.
pub trait TableRows: Send + Sync {
    /// Returns how many rows there are.
    fn count(&self) -> usize;

    /// Returns the value in a row and a column, both from 0.
    fn value(&self, row: usize, column: usize) -> Value<'_>;
}

/// A function that SQL calls in FROM: `region_at('end')`.
pub struct TableFunction {
    /// Its name.
    pub name: &'static str,
    /// Its columns, each with its type in SQL.
    pub columns: Vec<(&'static str, &'static str)>,
    /// Its arguments, which are hidden columns of these names.
    pub arguments: &'static [&'static str],
    /// The number of required arguments; the others default to NULL.
    pub required: usize,
    /// Computes its rows; called again for arguments that are no longer cached.
    pub answer: Answer,
}

/// Computes a function's rows for its arguments, or an error message.
pub(crate) type Answer =
    Box<dyn Fn(&[Value<'_>]) -> std::result::Result<Box<dyn TableRows>, String> + Send + Sync>;
