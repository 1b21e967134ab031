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
    /// One estimate for each function with its caller, of stacks.
    Stack,
    /// One sum for each process of a session.
    Process,
    /// One sum for all processes of a session that have the same name.
    Name,
    /// One sum for each type of each process of a session.
    ProcessAndType,
}

impl By {
    /// Returns the word used on the command line and in titles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::Type => "type",
            Self::Object => "object",
            Self::Stack => "stack",
            Self::Process => "process",
            Self::Name => "name",
            Self::ProcessAndType => "process and type",
        }
    }

    /// Returns the word for several of them.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Family => "families",
            Self::Type => "types",
            Self::Object => "objects",
            Self::Stack => "stacks",
            Self::Process => "processes",
            Self::Name => "names",
            Self::ProcessAndType => "types of processes",
        }
    }

    /// Returns the word, marked if sums are estimates.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Stack => "stack (estimated)",
            _ => self.name(),
        }
    }

    /// Returns whether its keys are of processes, or of parts of them.
    pub const fn is_of_processes(self) -> bool {
        matches!(self, Self::Process | Self::Name | Self::ProcessAndType)
    }
}
