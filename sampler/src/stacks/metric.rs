//! The quantities that stacks are summed by.

/// A quantity of memory that stacks have parts of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StackMetric {
    /// Bytes of resident pages, by the code that touched them first. An estimate.
    #[default]
    Resident,
    /// Bytes of mappings that are there, by the code that made them.
    Mapped,
    /// Bytes of mappings made since the recording began, by the code that made them.
    Births,
    /// Bytes of mappings that ended since the recording began, by the code that ended them.
    Deaths,
    /// Bytes that `madvise` gave back since the recording began, by the code that called it.
    Released,
    /// Bytes of blocks that are allocated, by the code that allocated them. An estimate.
    Live,
    /// Bytes of blocks allocated since the recording began, by the code that allocated them. An
    /// estimate.
    Allocated,
}

impl StackMetric {
    /// Every metric, in the order in which rows are stored.
    pub const ALL: [Self; 7] = [
        Self::Resident,
        Self::Mapped,
        Self::Births,
        Self::Deaths,
        Self::Released,
        Self::Live,
        Self::Allocated,
    ];

    /// Returns its name, in options and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resident => "resident",
            Self::Mapped => "mapped",
            Self::Births => "births",
            Self::Deaths => "deaths",
            Self::Released => "released",
            Self::Live => "live",
            Self::Allocated => "allocated",
        }
    }

    /// Returns the metric of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Returns whether it counts all since the recording began, rather than the present state.
    pub const fn counts_up(self) -> bool {
        matches!(self, Self::Births | Self::Deaths | Self::Released | Self::Allocated)
    }

    /// Returns whether a size of a snapshot is the whole that all its parts sum to.
    pub const fn has_whole(self) -> bool {
        matches!(self, Self::Resident | Self::Mapped)
    }

    /// Returns whether it is of the blocks of an allocator.
    pub const fn is_of_blocks(self) -> bool {
        matches!(self, Self::Live | Self::Allocated)
    }
}
