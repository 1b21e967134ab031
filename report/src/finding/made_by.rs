//! The code that made most of a change, where call stacks were recorded.

/// The function, called by one other, that made most of what grew, or of what shrank.
///
/// Its names may hold anything: escape what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeBy {
    /// The function, in brief.
    pub(crate) function: String,
    /// The function that called it, if that is known.
    pub(crate) caller: Option<String>,
    /// Whether memory that it made was given back.
    pub(crate) shrank: bool,
    /// Its estimated share of all that grew, or shrank, be that attributed or not.
    pub(crate) percent: u64,
    /// Whether that is of the blocks that are allocated, not of all memory.
    pub(crate) of_blocks: bool,
}

impl MadeBy {
    /// Returns it in words: `about 79 % of what grew from fill ← main`.
    pub(crate) fn words(&self) -> String {
        let caller = self.caller.as_ref().map(|name| format!(" ← {name}")).unwrap_or_default();
        let of = match (self.of_blocks, self.shrank) {
            (false, false) => "what grew",
            (false, true) => "what shrank",
            (true, false) => "the new blocks",
            (true, true) => "the freed blocks",
        };
        format!("about {} % of {of} from {}{caller}", self.percent, self.function)
    }
}
