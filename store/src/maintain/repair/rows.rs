//! Rows from pages into the new file, each in the table it is proven to be of.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params, params_from_iter};

use crate::db::insert;
use crate::error::Error;
use crate::maintain::repair::cells::{Kind, whole};
use crate::maintain::repair::pages::Pages;
use crate::maintain::repair::tables::{Proof, TABLES, Table, Verdict};
use crate::maintain::repair::trees::{Owner, Trees};
use crate::maintain::repair::{cells, samples};
use crate::tables::identity_cache::COLUMNS_BEFORE_3;

/// Moves rows from the pages of a damaged file to a new one.
pub(crate) struct Mover<'a> {
    pub(crate) pages: &'a Pages,
    pub(crate) trees: &'a Trees,
    pub(crate) new: &'a Connection,
    /// The damaged file's name and the new one's.
    pub(crate) from: &'a Path,
    pub(crate) to: &'a Path,
    /// The types of the columns of each table.
    pub(crate) types: Vec<Vec<Type>>,
    /// Whether any row was proven.
    pub(crate) proven: bool,
    /// Rows of each table that were found damaged.
    pub(crate) refused: BTreeMap<&'static str, u64>,
}

impl Mover<'_> {
    /// Moves rows of all tables whose rows are proven by `proof`, first those that trees lead to.
    pub(crate) fn run(&mut self, proof: &[Proof]) -> Result<(), Error> {
        for reached in [true, false] {
            for number in 1..=self.pages.count {
                match self.trees.owner(number) {
                    Owner::Table(place) if reached => {
                        let table = &TABLES[place];
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
        table: &dyn Fn(&[Value]) -> Option<&'static Table>,
        reached: bool,
    ) -> Result<(), Error> {
        let from = self.from;
        let io = |source| Error::io(from, source);
        let Some(page) = self.pages.read(number).map_err(io)? else { return Ok(()) };
        let first = number == 1;
        let Some(kind) = cells::kind(&page, first) else { return Ok(()) };
        for cell in cells::cells(&page, first, kind) {
            let Some(cell) = cell else {
                self.refuse_of(number);
                continue;
            };
            let plausible = cells::columns(&cell).is_some_and(|columns| {
                TABLES.iter().any(|table| table.fits(columns)) || columns == COLUMNS_BEFORE_3
            });
            let values = if plausible { whole(self.pages, &cell).map_err(io)? } else { None };
            let moved = match values {
                Some(mut values) => {
                    if kind == Kind::TableLeaf && values.first() == Some(&Value::Null) {
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

    /// Takes note of a damaged row on a page, if it is known of which table.
    fn refuse_of(&mut self, number: u32) {
        if let Owner::Table(place) = self.trees.owner(number) {
            *self.refused.entry(TABLES[place].name).or_default() += 1;
        }
    }

    /// Writes a row of `table`, unless it is damaged; that it is there already is fine.
    fn insert(
        &mut self,
        table: &Table,
        mut values: Vec<Value>,
        reached: bool,
    ) -> Result<bool, Error> {
        if table.name == "region" && values.len() == COLUMNS_BEFORE_3 {
            match with_kind(self.new, &values).map_err(|error| Error::sql(self.to, error))? {
                Some(converted) => values = converted,
                None => return Ok(false),
            }
        }
        if !table.fits(values.len()) {
            return Ok(false);
        }
        values.resize(table.columns, Value::Null);
        let verdict = table.judge(&values);
        match verdict {
            Verdict::Proven => {}
            Verdict::Unchecked if reached && self.types_match(table, &values) => {
                table.seal(&mut values);
            }
            Verdict::Unchecked | Verdict::Refused => return Ok(false),
        }
        if table.proof == Proof::Frame && !self.is_frame(&values)? {
            return Ok(false);
        }
        self.proven |= verdict == Verdict::Proven;
        let marks = "?, ".repeat(table.columns - 1);
        let sql = format!("INSERT OR IGNORE INTO {} VALUES ({marks}?)", table.name);
        let inserted = self
            .new
            .prepare_cached(&sql)
            .and_then(|mut insert| insert.execute(params_from_iter(&values)));
        match inserted {
            // A row that is there already was proven first; one that breaks a rule was not written by a recorder.
            Ok(rows) => Ok(rows > 0 || !reached),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                Ok(false)
            }
            Err(error) => Err(Error::sql(self.to, error)),
        }
    }

    /// Tells whether values are of the types of their columns, so that none is changed as it is stored.
    fn types_match(&self, table: &Table, values: &[Value]) -> bool {
        let place = TABLES.iter().position(|one| one.name == table.name);
        place.and_then(|place| self.types.get(place)).is_some_and(|types| {
            types.iter().zip(values).all(|(wanted, value)| {
                value.data_type() == Type::Null || value.data_type() == *wanted
            })
        })
    }

    /// Tells whether a row of `frame` is that of a sample that was found.
    fn is_frame(&self, values: &[Value]) -> Result<bool, Error> {
        samples::is_frame(self.new, values).map_err(|error| Error::sql(self.to, error))
    }
}

/// Returns a row of `region` before version 3 as one of today, whose kind is written if it is new;
/// `None` if it is not such a row.
fn with_kind(new: &Connection, values: &[Value]) -> rusqlite::Result<Option<Vec<Value>>> {
    let [_, recording, .., flags, name, family, confidence, rule, detail] = values else {
        return Ok(None);
    };
    let texts = [flags, name, family, confidence, rule];
    if !matches!(recording, Value::Integer(_))
        || texts.iter().any(|text| !matches!(text, Value::Text(_)))
        || !matches!(detail, Value::Text(_) | Value::Null)
    {
        return Ok(None);
    }
    let known = new
        .prepare_cached(
            "SELECT id FROM region_kind WHERE recording = ? AND flags = ? AND type = ? \
             AND family = ? AND confidence = ? AND rule = ? AND detail IS ?",
        )?
        .query_row([recording, flags, name, family, confidence, rule, detail], |row| row.get(0))
        .optional()?;
    let kind = match known {
        Some(kind) => kind,
        None => {
            let kind = insert::next_id(new, "region_kind")?;
            let row = params![kind, recording, flags, name, family, confidence, rule, detail];
            insert::row(new, "region_kind", row)?;
            kind
        }
    };
    let place = values.iter().take(COLUMNS_BEFORE_3 - 6).cloned();
    Ok(Some(place.chain([Value::Integer(kind), Value::Null]).collect()))
}

/// Returns the types of the columns of all tables, in the order of [`TABLES`].
pub(crate) fn types(new: &Connection) -> rusqlite::Result<Vec<Vec<Type>>> {
    let mut statement = new.prepare("SELECT type FROM pragma_table_info(?) ORDER BY cid")?;
    let mut types = Vec::new();
    for table in &TABLES {
        let named = statement.query_map([table.name], |row| {
            Ok(match row.get_ref(0)?.as_str()? {
                "INTEGER" => Type::Integer,
                "TEXT" => Type::Text,
                _ => Type::Blob,
            })
        })?;
        types.push(named.collect::<rusqlite::Result<_>>()?);
    }
    Ok(types)
}

/// Returns the table that a row says by its checksum it is of.
fn proven(values: &[Value], proof: &[Proof]) -> Option<&'static Table> {
    TABLES.iter().find(|table| {
        proof.contains(&table.proof)
            && values.len() == table.columns
            && table.judge(values) == Verdict::Proven
    })
}
