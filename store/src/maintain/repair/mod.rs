//! Recovers the readable rows of a damaged file into a new one.
//!
//! SQLite gives up where its trees are broken, so pages are read one by one
//! ([`pages`], [`cells`]). A row's checksum covers the name of its table, so
//! one that matches proves the row wherever it is found. Rows that the file's
//! own trees lead to ([`trees`]) come first, because outdated copies of rows
//! may be elsewhere. Then samples are put in order ([`samples`]): one whose
//! regions cannot be rebuilt becomes a lost sample, so that it is drawn as a
//! gap and never as a wrong figure.

pub(crate) mod cells;
pub(crate) mod chunks;
pub(crate) mod images;
pub(crate) mod outcome;
pub(crate) mod pages;
pub(crate) mod placeholder;
pub(crate) mod rows;
pub(crate) mod samples;
pub(crate) mod tables;
pub(crate) mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::db::columns::RECORDING;
use crate::db::integer::{from_column, to_column};
use crate::db::transaction::Transaction;
use crate::db::{lock, open, row_checksum, wal};
use crate::error::{At, Error};
use crate::maintain::backup::{draft, free, put, same_file};
use crate::maintain::repair::pages::PageReader;
use crate::maintain::repair::rows::Mover;
use crate::maintain::repair::tables::{LAYOUTS, Proof};
use crate::maintain::repair::trees::Trees;
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::evidence;

/// The result of a repair.
#[derive(Debug)]
pub struct Repaired {
    /// The recordings of the new file, oldest first.
    pub recordings: Vec<RecoveredRecording>,
    /// The number of kinds of regions that samples had and whose rows are lost.
    pub kinds_lost: u64,
    /// The number of damaged rows, by table.
    pub damaged_rows: BTreeMap<&'static str, u64>,
    /// The number of missing or damaged pages, by the table whose rows they held or led to.
    pub damaged_pages: BTreeMap<&'static str, u64>,
    /// Whether the list of tables is damaged, so that more may be missing than is known.
    pub tables_lost: bool,
    /// The damage of the log of the damaged file: the newest samples may be lost.
    pub log_problems: Vec<String>,
    /// The damage that remains in the new file.
    pub problems: Vec<String>,
}

/// The result of a repair for one recording.
#[derive(Debug)]
pub struct RecoveredRecording {
    /// Its number, as before.
    pub id: RecordingId,
    /// Whether its own row is lost: then only its samples describe it.
    pub is_placeholder: bool,
    /// Whether the row of its session is lost, with its host, interval and boot.
    pub session_lost: bool,
    /// The number of samples with regions that were kept.
    pub kept: u64,
    /// The number of lost samples; each is a missed one in the new file.
    pub lost: u64,
    /// The reasons, with the number of samples each.
    pub why: BTreeMap<&'static str, u64>,
    /// The number of marks that were kept.
    pub marks: u64,
    /// The number of pieces of evidence that were kept.
    pub evidence: u64,
}

impl Repaired {
    /// Returns whether anything was lost, or may have been.
    pub fn lost_something(&self) -> bool {
        self.tables_lost
            || self.kinds_lost > 0
            || !self.log_problems.is_empty()
            || !self.problems.is_empty()
            || !self.damaged_rows.is_empty()
            || !self.damaged_pages.is_empty()
            || self.recordings.iter().any(|recording| {
                recording.is_placeholder || recording.session_lost || recording.lost > 0
            })
    }
}

/// Writes the readable contents of the file at `from`, which is not changed, to a new file at `to`.
pub fn repair(from: &Path, to: &Path) -> Result<Repaired, Error> {
    let not_ours = match open::must_be_ours(from) {
        Ok(()) => None,
        // Damage to its header can make a recording look like another kind of file: its rows
        // decide.
        Err(error @ Error::NotARecording { .. }) if from.is_file() && open::has_bytes(from) => {
            Some(error)
        }
        Err(error) => return Err(error),
    };
    let from_real = open::real_path(from)?;
    if lock::held(&from_real) {
        return Err(Error::Busy { path: from.to_owned(), pid: None });
    }
    let to = open::new_path(to)?;
    if same_file(&from_real, &to) {
        return Err(Error::SameFile { path: to });
    }
    let _lock = free(&to, false)?;
    let draft = draft(&to)?;
    let repaired = write(&from_real, &draft).and_then(|(repaired, proven)| match not_ours {
        Some(not_ours) if !proven && repaired.recordings.iter().all(|one| one.is_placeholder) => {
            Err(not_ours)
        }
        _ => put(&draft, &to).map(|()| repaired),
    });
    if repaired.is_err() {
        let _ = fs::remove_file(&draft);
    }
    repaired
}

/// Returns the result, and whether any row was proven by its checksum.
fn write(from: &Path, draft: &Path) -> Result<(Repaired, bool), Error> {
    let pages = PageReader::open(from)?;
    let trees = Trees::follow(&pages).at(from)?;
    let mut new = open::lay_out(draft).at(draft)?;
    // Nobody sees the file until it is complete, so no transaction is needed.
    new.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;").at(draft)?;
    let transaction = Transaction::begin(&mut new).at(draft)?;
    let mut mover = Mover {
        pages: &pages,
        trees: &trees,
        new: &transaction,
        from,
        to: draft,
        proven: false,
        refused: BTreeMap::new(),
    };
    mover.run(&[Proof::Row, Proof::Numbered])?;
    // Frames are proven together with their samples.
    mover.run(&[Proof::Frame])?;
    let (mut damaged_rows, proven) = (mover.refused, mover.proven);
    let lost_evidence = remove_undecodable(&transaction).at(draft)?;
    if lost_evidence > 0 {
        *damaged_rows.entry("evidence").or_default() += lost_evidence;
    }
    let spans_lost = images::spans_lost(damaged_rows.keys(), &trees.broken);
    images::mend(&transaction, spans_lost || !trees.listed).at(draft)?;
    let (recordings, kinds) = mend(&transaction).at(draft)?;
    transaction.commit().at(draft)?;
    new.close().map_err(|(_, source)| source).at(draft)?;
    let problems = Store::open(draft)?.verify()?;
    let mut log_problems = Vec::new();
    wal::problems(from, &mut log_problems).at(from)?;
    let broken = LAYOUTS.iter().zip(trees.broken).filter(|(_, pages)| *pages > 0);
    let repaired = Repaired {
        recordings,
        kinds_lost: kinds.len() as u64,
        damaged_rows,
        damaged_pages: broken.map(|(table, pages)| (table.name, pages)).collect(),
        tables_lost: !trees.listed,
        log_problems,
        problems,
    };
    Ok((repaired, proven))
}

/// Recovers every recording that has any row left, and puts its samples in order.
fn mend(new: &Transaction<'_>) -> rusqlite::Result<(Vec<RecoveredRecording>, BTreeSet<i64>)> {
    let ids = |sql: &str| -> rusqlite::Result<Vec<i64>> {
        new.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    let placeholders =
        ids("SELECT recording FROM sample UNION SELECT recording FROM chunk UNION \
         SELECT recording FROM mark UNION SELECT recording FROM evidence UNION \
         SELECT recording FROM heap_report UNION SELECT recording FROM stack UNION \
         SELECT recording FROM stack_live \
         UNION SELECT recording FROM image_span EXCEPT SELECT id FROM recording")?;
    for id in &placeholders {
        placeholder::recording(new, *id)?;
    }
    let lost_sessions = ids("SELECT session FROM recording EXCEPT SELECT id FROM session")?;
    for id in &lost_sessions {
        placeholder::session(new, *id)?;
    }
    for id in ids("SELECT id FROM recording WHERE parent NOT IN (SELECT id FROM recording)")? {
        row_checksum::update(new, &RECORDING, id, || {
            new.execute("UPDATE recording SET parent = NULL WHERE id = ?", [id])
        })?;
    }
    new.execute_batch(
        "DELETE FROM argument WHERE recording NOT IN (SELECT id FROM recording); \
         DELETE FROM rollup_row WHERE chunk NOT IN (SELECT id FROM chunk); \
         DELETE FROM region_kind WHERE object IS NOT NULL AND object NOT IN (SELECT id FROM object); \
         DELETE FROM latest_row WHERE recording NOT IN (SELECT id FROM recording);",
    )?;
    let count = |sql: &str, id: i64| new.query_row(sql, [id], |row| row.get(0).map(from_column));
    let mut kinds = BTreeSet::new();
    let mut mended = Vec::new();
    for id in ids("SELECT id FROM recording ORDER BY id")? {
        cut_arguments(new, id)?;
        let outcome = crate::maintain::repair::samples::mend(new, RecordingId(id))?;
        kinds.extend(outcome.kinds);
        mended.push(RecoveredRecording {
            id: RecordingId(id),
            is_placeholder: placeholders.contains(&id),
            session_lost: lost_sessions.contains(&new.query_row(
                "SELECT session FROM recording WHERE id = ?",
                [id],
                |row| row.get(0),
            )?),
            kept: outcome.kept,
            lost: outcome.lost,
            why: outcome.why,
            marks: count("SELECT count(*) FROM mark WHERE recording = ?", id)?,
            evidence: count("SELECT count(*) FROM evidence WHERE recording = ?", id)?,
        });
    }
    Ok((mended, kinds))
}

/// Removes the arguments after a lost one: a command line with a hole would look like another one.
fn cut_arguments(new: &Connection, recording: i64) -> rusqlite::Result<()> {
    let positions: Vec<i64> = new
        .prepare_cached("SELECT position FROM argument WHERE recording = ? ORDER BY position")?
        .query_map([recording], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let whole =
        (0..).zip(&positions).take_while(|(expected, position)| *expected == **position).count();
    new.execute(
        "DELETE FROM argument WHERE recording = ? AND position >= ?",
        [recording, to_column(whole as u64)],
    )?;
    Ok(())
}

/// Removes evidence that cannot be decoded, or builds on such or on lost evidence, and returns how
/// much.
fn remove_undecodable(new: &Connection) -> rusqlite::Result<u64> {
    let mut lost = Vec::new();
    evidence::undecodable(new, |_, at| lost.extend(at))?;
    for at in &lost {
        new.execute("DELETE FROM evidence WHERE recording = ? AND number = ?", *at)?;
    }
    Ok(lost.len() as u64)
}
