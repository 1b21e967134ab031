//! Tests of the decisions about macOS's answers, with tables and test kernels.

pub(crate) mod kernel;
pub(crate) mod labels;
pub(crate) mod paths;
pub(crate) mod sizes;
pub(crate) mod walks;

use std::sync::Arc;

use crate::darwin::entry::{Entry, Leaf};
use crate::region::Object;

/// Anonymous, private memory of four pages, two of them resident.
pub(crate) fn entry(start: u64) -> Entry {
    Entry {
        start,
        size: 0x4000,
        protection: 3,
        max_protection: 7,
        pages_resident: 2,
        pages_dirtied: 1,
        share_mode: 2,
        object_id: 0xa1,
        ..Entry::default()
    }
}

pub(crate) fn leaf(entry: Entry) -> Leaf {
    Leaf { entry, ..Leaf::default() }
}

/// A file of the file system.
pub(crate) fn object(path: &str) -> Arc<Object> {
    Arc::new(Object { name: path.into(), device: (1, 16), inode: 7, deleted: false })
}
