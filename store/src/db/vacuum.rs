//! Returns free pages to the file system.

use rusqlite::Connection;

/// Returns at most `pages` free pages to the file system.
pub(crate) fn vacuum(connection: &Connection, pages: u64) -> rusqlite::Result<()> {
    // Each step of the statement frees a page.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// More pages than a file has.
pub(crate) const ALL_PAGES: u64 = i32::MAX as u64;
