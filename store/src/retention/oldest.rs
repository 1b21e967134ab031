//! The order in which samples are deleted for the size of the file, from the
//! headers of chunks alone.

use std::collections::VecDeque;

use crate::recording::RecordingId;
use crate::retention::plan::{Keep, Known, PruneStep};

/// The steps that delete one chunk with all that belongs to it.
pub(crate) type Group = Vec<PruneStep>;

/// Returns the steps that delete the chunks of the recordings that may lose samples, chunk by
/// chunk: the oldest first, those of ended recordings before those of active ones, and samples near
/// marks last.
///
/// The newest samples of the file stay: its last chunk, unless there are rows after it.
pub(crate) fn oldest_first(
    recordings: &[Known],
    may_lose: impl Fn(RecordingId) -> bool,
) -> VecDeque<Group> {
    let (running, mut ordered): (Vec<&Known>, Vec<&Known>) =
        recordings.iter().partition(|known| known.running);
    ordered.extend(running);
    let newest = newest(&ordered);
    let mut groups = VecDeque::new();
    for marks_too in [false, true] {
        for known in ordered.iter().filter(|known| may_lose(known.id)) {
            groups.extend(pass(known, newest, marks_too));
        }
    }
    groups
}

/// Returns the chunk with the newest samples, by its recording and last sample; `None` if newer
/// samples are still rows.
fn newest(ordered: &[&Known]) -> Option<(RecordingId, u64)> {
    ordered.iter().rev().find_map(|known| {
        if known.tail {
            return Some(None);
        }
        let last = known.chunks.iter().rev().find(|header| header.samples > 0)?;
        Some(Some((known.id, last.last)))
    })?
}

/// Returns the steps of one recording that delete samples far from marks or, with `marks_too`, all
/// that are left after these.
fn pass(known: &Known, newest: Option<(RecordingId, u64)>, marks_too: bool) -> Vec<Group> {
    let (mut groups, mut all_go) = (Vec::new(), !known.running && !known.tail);
    for header in known.chunks.iter().filter(|header| header.samples > 0) {
        if newest == Some((known.id, header.last)) {
            all_go = false;
            continue;
        }
        let far = known.without(header);
        let keep = if marks_too {
            Some(Keep::Nothing).filter(|_| far != Some(Keep::Nothing))
        } else {
            all_go &= far == Some(Keep::Nothing);
            far
        };
        if let Some(keep) = keep {
            let reduce = PruneStep::Reduce { recording: known.id, last: header.last, keep };
            groups.push(vec![reduce, PruneStep::Cascade(known.id)]);
        }
    }
    if let Some(last) = groups.last_mut().filter(|_| all_go) {
        last.push(PruneStep::Delete(known.id));
    }
    groups
}
