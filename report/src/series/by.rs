//! The keys that a metric is summed by.

/// The keys that a metric is summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// One sum for each family.
    Family,
    /// One sum for each type.
    Type,
    /// One sum for each library, file or thread; else for each type.
    Object,
}

impl By {
    /// Returns the word used on the command line and in titles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::Type => "type",
            Self::Object => "object",
        }
    }

    /// Returns the word for several of them.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Family => "families",
            Self::Type => "types",
            Self::Object => "objects",
        }
    }
}
