//! The runs of both sides, and what of them is compared.

use vmrec_sampler::Naming;

use crate::compare::run::ComparedRun;
use crate::metric::Metric;

/// The kind of the parts that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareBy {
    /// Families of types.
    Family,
    /// Types.
    Type,
    /// Libraries, files and threads by their names, else types.
    Object,
}

impl CompareBy {
    /// Returns the word for one of them.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::Type => "type",
            Self::Object => "object",
        }
    }

    /// Returns the word for several of them.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Family => "families",
            Self::Type => "types",
            Self::Object => "objects",
        }
    }
}

/// Runs of two sides.
#[derive(Clone, Debug)]
pub struct Sides {
    /// The runs before.
    pub before: Vec<ComparedRun>,
    /// The runs after.
    pub after: Vec<ComparedRun>,
    /// The metric compared.
    pub metric: Metric,
    /// The kind of the parts.
    pub by: CompareBy,
    /// Whose words types are named in.
    pub naming: Naming,
    /// The moment that runs are aligned at, in words: `start`, `@warm`, `end`.
    pub aligned: String,
    /// Whether that is their end.
    pub from_end: bool,
}

impl Sides {
    /// Counts only as long a time of each run as all of them have: from the moment they are aligned
    /// at, or before it if that is their end.
    pub fn cut_to_common(&mut self) {
        let spans = self.runs().map(ComparedRun::span_ns);
        let Some(span_ns) = spans.min() else { return };
        let from_end = self.from_end;
        for run in self.before.iter_mut().chain(&mut self.after) {
            run.cut(span_ns, from_end);
        }
    }

    /// Returns all runs, those before first.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &ComparedRun> {
        self.before.iter().chain(&self.after)
    }
}
