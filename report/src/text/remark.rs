//! The line that says how far the regions of a snapshot can be trusted.

use vmrec_sampler::Consistency;

use crate::text::escape;

/// Returns it for regions that are not of the moment of their snapshot.
pub(crate) fn remark(consistency: &Consistency) -> Option<String> {
    match consistency {
        Consistency::Torn(why) => Some(format!("torn: {}", escape::terminal(why))),
        Consistency::Unchanged => {
            Some("unchanged: not run since its regions were read, up to a minute before".to_owned())
        }
        Consistency::Cheap => {
            Some("cheap: pages were counted, dirty and PSS sizes are carried over".to_owned())
        }
        Consistency::Complete | Consistency::TotalsAlone(_) => None,
    }
}
