//! The columns of a table, by the words of its heading.

use crate::procfs::sizes::Field;

/// A column of the heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Address,
    Rights,
    Offset,
    Device,
    Inode,
    /// The virtual size.
    Size,
    /// The written bytes, private and shared.
    Dirty,
    /// Bytes of a page, of which the sum means nothing.
    PageSize,
    Field(Field),
    /// A number that no region has: a share of huge pages, a key.
    Other,
    Flags,
    Mapping,
}

impl Column {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "Address" => Self::Address,
            "Perm" | "Mode" => Self::Rights,
            "Offset" => Self::Offset,
            "Device" => Self::Device,
            "Inode" => Self::Inode,
            "Size" | "Kbytes" => Self::Size,
            "Dirty" => Self::Dirty,
            "RSS" => Self::Field(Field::Rss),
            "PSS" => Self::Field(Field::Pss),
            "Swp" => Self::Field(Field::Swap),
            "KernelPageSize" | "MMUPageSize" => Self::PageSize,
            "VmFlags" => Self::Flags,
            "Mapping" => Self::Mapping,
            other => Field::from_key(other.as_bytes()).map_or(Self::Other, Self::Field),
        }
    }

    pub(super) const fn is_number(&self) -> bool {
        matches!(self, Self::Size | Self::Dirty | Self::PageSize | Self::Field(_) | Self::Other)
    }
}

/// The heading of a table, or the columns of pmap without options.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) columns: Vec<(String, Column)>,
    /// The cell after the last of the flags, in the line as it was pasted.
    pub(super) flags_end: Option<usize>,
}

impl Heading {
    pub(super) fn of(text: &str) -> Self {
        let text = text.replace("VmFlagsMapping", "VmFlags Mapping");
        let columns =
            text.split_ascii_whitespace().map(|word| (word.to_owned(), Column::of(word))).collect();
        let flags_end = text.find("VmFlags").map(|at| at + "VmFlags".len());
        Self { columns, flags_end }
    }

    pub(super) fn plain() -> Self {
        let column = |name: &str, column| (name.to_owned(), column);
        Self {
            columns: vec![
                column("Address", Column::Address),
                column("Kbytes", Column::Size),
                column("Mode", Column::Rights),
                column("Mapping", Column::Mapping),
            ],
            flags_end: None,
        }
    }

    /// Returns how many words a row has before its flags and its name.
    pub(super) fn fixed(&self) -> usize {
        let is_fixed =
            |(_, column): &&(String, Column)| !matches!(column, Column::Flags | Column::Mapping);
        self.columns.iter().filter(is_fixed).count()
    }
}
