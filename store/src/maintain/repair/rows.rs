//! Moves rows from pages into the new file, each into the table that its
//! checksum proves.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use crate::error::{At, Error};
use crate::maintain::repair::cells::{PageKind, whole};
use crate::maintain::repair::pages::PageReader;
use crate::maintain::repair::tables::{LAYOUTS, Layout, Proof};
use crate::maintain::repair::trees::{Owner, Trees};
use crate::maintain::repair::{cells, samples};

/// Moves rows from the pages of a damaged file to a new one.
pub(crate) struct Mover<'a> {
    pub(crate) pages: &'a PageReader,
    pub(crate) trees: &'a Trees,
    pub(crate) new: &'a Connection,
    /// The paths of the damaged file and the new one.
    pub(crate) from: &'a Path,
    pub(crate) to: &'a Path,
    /// Whether any row was proven.
    pub(crate) proven: bool,
    /// The number of damaged rows of each table.
    pub(crate) refused: BTreeMap<&'static str, u64>,
}

impl Mover<'_> {
    /// Moves rows of all tables whose rows are proven by `proof`, those that trees lead to first.
    pub(crate) fn run(&mut self, proof: &[Proof]) -> Result<(), Error> {
        for reached in [true, false] {
            for number in 1..=self.pages.count {
                match self.trees.owner(number) {
                    Owner::Table(index) if reached => {
                        let table = &LAYOUTS[index];
                        if proof.contains(&table.proof) {
                            self.page(number, &|_| Some(table), true)?;
                        }
                    }
                    Owner::Unknown if !reached => {
                        self.page(number, &|values| proven(values, proof), false)?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn page(
        &mut self,
        number: u32,
        table: &dyn Fn(&[Value]) -> Option<&'static Layout>,
        reached: bool,
    ) -> Result<(), Error> {
        let from = self.from;
        let Some(page) = self.pages.read(number).at(from)? else { return Ok(()) };
        let first = number == 1;
        let Some(kind) = cells::kind(&page, first) else { return Ok(()) };
        for cell in cells::cells(&page, first, kind) {
            let Some(cell) = cell else {
                self.refuse_of(number);
                continue;
            };
            let plausible = cells::columns(&cell)
                .is_some_and(|columns| LAYOUTS.iter().any(|table| table.columns == columns));
            let values = if plausible { whole(self.pages, &cell).at(from)? } else { None };
            let moved = match values {
                Some(mut values) => {
                    if kind == PageKind::TableLeaf && values.first() == Some(&Value::Null) {
                        values[0] = Value::Integer(cell.rowid);
                    }
                    match table(&values) {
                        Some(table) => self.insert(table, values, reached)?,
                        None => false,
                    }
                }
                None => false,
            };
            if !moved {
                self.refuse_of(number);
            }
        }
        Ok(())
    }

    /// Counts a damaged row on a page, if its table is known.
    fn refuse_of(&mut self, number: u32) {
        if let Owner::Table(index) = self.trees.owner(number) {
            *self.refused.entry(LAYOUTS[index].name).or_default() += 1;
        }
    }

    /// Writes a row of `table`, unless it is damaged or exists already.
    fn insert(&mut self, table: &Layout, values: Vec<Value>, reached: bool) -> Result<bool, Error> {
        if values.len() != table.columns || !table.proves(&values) {
            return Ok(false);
        }
        if table.proof == Proof::Frame && !self.is_frame(&values)? {
            return Ok(false);
        }
        self.proven = true;
        let marks = "?, ".repeat(table.columns - 1);
        let sql = format!("INSERT OR IGNORE INTO {} VALUES ({marks}?)", table.name);
        let inserted = self
            .new
            .prepare_cached(&sql)
            .and_then(|mut insert| insert.execute(params_from_iter(&values)));
        match inserted {
            // An existing row was proven first; one that breaks a constraint was not written by a
            // recorder.
            Ok(rows) => Ok(rows > 0 || !reached),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                Ok(false)
            }
            Err(error) => Err(Error::sql(self.to, error)),
        }
    }

    /// Returns whether a row of `frame` belongs to a sample that was found.
    fn is_frame(&self, values: &[Value]) -> Result<bool, Error> {
        samples::is_frame(self.new, values).at(self.to)
    }
}

/// Returns the table that the checksum of a row proves.
fn proven(values: &[Value], proof: &[Proof]) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|table| {
        proof.contains(&table.proof) && values.len() == table.columns && table.proves(values)
    })
}
