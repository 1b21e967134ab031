//! Assigns pages to tables by the file's own trees, as far as these are
//! readable.

use std::io;

use rusqlite::types::Value;

use crate::db::open::PAGE_BYTES;
use crate::db::wal::word;
use crate::maintain::repair::cells;
use crate::maintain::repair::cells::PageKind;
use crate::maintain::repair::pages::PageReader;
use crate::maintain::repair::tables::LAYOUTS;

/// The owner of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// No tree leads to it.
    Unknown,
    /// It holds rows of the table at this index of [`LAYOUTS`], or leads to such pages.
    Table(usize),
    /// It belongs to another tree.
    Other,
    /// It is free: its contents were deleted.
    Free,
}

/// The owners of all pages.
#[derive(Debug)]
pub(crate) struct Trees {
    owners: Vec<Owner>,
    /// The number of pages of each table that trees lead to and that are missing or no tree pages.
    pub(crate) broken: [u64; LAYOUTS.len()],
    /// Whether the list of tables could be read to its end.
    pub(crate) listed: bool,
}

impl Trees {
    /// Follows all trees of a file.
    pub(crate) fn follow(pages: &PageReader) -> io::Result<Self> {
        let mut trees = Self {
            owners: vec![Owner::Unknown; pages.count as usize + 1],
            broken: [0; LAYOUTS.len()],
            listed: true,
        };
        let mut list = Vec::new();
        trees.listed = trees.descend(pages, 1, Owner::Other, &mut list)? == 0 && !list.is_empty();
        let mut roots = Vec::new();
        for number in list {
            let Some(page) = pages.read(number)? else { continue };
            let Some(kind) = cells::kind(&page, number == 1) else { continue };
            for cell in cells::cells(&page, number == 1, kind) {
                match cell.map(|cell| cells::whole(pages, &cell)).transpose()?.flatten().as_deref()
                {
                    Some([Value::Text(what), Value::Text(name), _, Value::Integer(root), ..]) => {
                        let index = LAYOUTS.iter().position(|table| table.name == name);
                        let index = index.filter(|_| what == "table");
                        roots.push((*root, index.map_or(Owner::Other, Owner::Table)));
                    }
                    _ => trees.listed = false,
                }
            }
        }
        for (root, owner) in roots {
            let Ok(root @ 1..) = u32::try_from(root) else { continue }; // a view has none
            let broken = trees.descend(pages, root, owner, &mut Vec::new())?;
            if let Owner::Table(index) = owner {
                trees.broken[index] += broken;
            }
        }
        trees.free(pages)?;
        Ok(trees)
    }

    /// Returns the owner of a page.
    pub(crate) fn owner(&self, number: u32) -> Owner {
        self.owners.get(number as usize).copied().unwrap_or(Owner::Unknown)
    }

    /// Assigns `root` and all pages below it to `owner`, adds those with rows to `leaves` and
    /// returns the number of pages that are missing or no tree pages.
    fn descend(
        &mut self,
        pages: &PageReader,
        root: u32,
        owner: Owner,
        leaves: &mut Vec<u32>,
    ) -> io::Result<u64> {
        let (mut broken, mut left) = (0, vec![root]);
        while let Some(number) = left.pop() {
            let unknown = self.owner(number) == Owner::Unknown;
            let page = pages.read(number)?.filter(|_| unknown);
            let found = page.and_then(|page| Some((page, cells::kind(&page, number == 1)?)));
            let Some((page, kind)) = found else {
                broken += 1;
                continue;
            };
            self.owners[number as usize] = owner;
            left.extend(cells::children(&page, number == 1, kind));
            if kind != PageKind::TableInterior {
                leaves.push(number);
            }
        }
        Ok(broken)
    }

    /// Marks the free pages, unless their list is damaged.
    fn free(&mut self, pages: &PageReader) -> io::Result<()> {
        let Some(first) = pages.read(1)? else { return Ok(()) };
        let (mut trunk, count) = (word(&first, 32), word(&first, 36) as usize);
        let mut free = Vec::new();
        while trunk != 0 {
            let Some(page) = pages.read(trunk)? else { return Ok(()) };
            let here = word(&page, 4) as usize;
            if here > PAGE_BYTES / 4 - 2 || free.len() > count {
                return Ok(());
            }
            free.push(trunk);
            free.extend((0..here).map(|index| word(&page, 8 + 4 * index)));
            trunk = word(&page, 0);
        }
        if free.len() == count && free.iter().all(|page| self.owner(*page) == Owner::Unknown) {
            for page in free {
                if let Some(owner) = self.owners.get_mut(page as usize) {
                    *owner = Owner::Free;
                }
            }
        }
        Ok(())
    }
}
