//! Transactions that write.

use std::ops::Deref;

use rusqlite::Connection;

/// A transaction that holds the write lock from its start and is rolled back unless it is
/// committed.
///
/// Its statements stay prepared: there is a transaction for each sample.
#[derive(Debug)]
pub(crate) struct Transaction<'a>(&'a Connection);

impl<'a> Transaction<'a> {
    /// Begins a transaction.
    pub(crate) fn begin(connection: &'a mut Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(connection))
    }

    /// Commits the transaction durably.
    pub(crate) fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // If a rollback fails, the next process that opens the file rolls back.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// Runs `work` in a transaction, which is rolled back if it fails.
pub(crate) fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = Transaction::begin(connection)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
