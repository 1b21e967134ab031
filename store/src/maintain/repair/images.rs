//! The images of recordings, some rows of which are lost: those that are left would say that the
//! others went, so that the images of such a recording become unknown.

use crate::db::columns::IMAGE_SPAN;
use crate::db::transaction::Transaction;
use crate::maintain::repair::tables::LAYOUTS;

/// Returns whether rows of spans are lost, by the tables with damaged rows and the damaged pages of
/// each layout.
pub(crate) fn spans_lost<'a>(
    mut damaged: impl Iterator<Item = &'a &'static str>,
    broken: &[u64],
) -> bool {
    let is_lost = |table: &str, pages: u64| table == IMAGE_SPAN.name && pages > 0;
    damaged.any(|table| is_lost(table, 1))
        || LAYOUTS.iter().zip(broken).any(|(layout, pages)| is_lost(layout.name, *pages))
}

/// Deletes the images of all recordings, or of those that lost one.
pub(crate) fn mend(new: &Transaction<'_>, spans_lost: bool) -> rusqlite::Result<()> {
    if spans_lost {
        new.execute_batch("DELETE FROM image_span")?;
    }
    new.execute_batch(
        "DELETE FROM image_span WHERE recording IN \
           (SELECT recording FROM image_span WHERE image NOT IN (SELECT id FROM image)); \
         DELETE FROM image WHERE id NOT IN (SELECT image FROM image_span);",
    )
}
