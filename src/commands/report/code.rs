//! The code that made the change that a page shows, where call stacks were recorded.

use vmrec_report::{FlameHead, FlameOptions, Heading, PageCode, Theme, flame};

use crate::failure::Failure;
use crate::recording::Opened;
use crate::{stacks, zone};

/// Width of the picture in pixels: that of the page.
const WIDTH: u32 = 1124;

/// Draws the change between two samples; `None` if no stacks were recorded.
pub(super) fn code(opened: &Opened, ends: (u64, u64)) -> Result<Option<PageCode>, Failure> {
    let resolve = |number: u64| opened.resolve(&format!("#{number}"));
    let (from, to) = (resolve(ends.0)?, resolve(ends.1)?);
    let (before, after) = (opened.snapshot(&from)?, opened.snapshot(&to)?);
    let Some(diff) = stacks::found(opened, [&from, &to], [&before, &after])? else {
        return Ok(None);
    };
    let time_zone = zone::local();
    let consistency = [&before.consistency, &after.consistency];
    let heading = Heading::new(&opened.recording, [&from, &to], consistency, &time_zone);
    let options = FlameOptions { theme: Theme::Auto, width: WIDTH };
    let flame = flame(&FlameHead::of_process(&heading), &diff, None, &options).svg;
    Ok(Some(PageCode { flame, made_by: diff.made_by() }))
}
