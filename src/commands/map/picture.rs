//! `vmrec map --svg`: the address space as a picture.

use std::io;
use std::io::IsTerminal;
use std::path::Path;

use vmrec_report::{AddressMapOptions, PageSource, Theme, address_map, escape};
use vmrec_sampler::{Naming, Snapshot};

use crate::failure::{Failure, Status};
use crate::{output, picture, zone};

/// Width of a picture, and the most that it may be high, in pixels.
const WIDTH: u32 = 960;
const MAX_HEIGHT: u32 = 9000;

/// Draws a snapshot, with the changes since an earlier one, to `output` or standard output.
pub(crate) fn draw(
    output: Option<&Path>,
    naming: Naming,
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    earlier: Option<&Snapshot>,
) -> Result<(), Failure> {
    let path = output.filter(|path| *path != Path::new("-"));
    if let Some(path) = path {
        picture::check(path)?;
    }
    if path.is_none() && io::stdout().is_terminal() {
        return Err(Failure::usage("a terminal cannot show an SVG map")
            .hint("name a file: vmrec map --svg -o map.svg"));
    }
    let unread = [Some(snapshot), earlier].into_iter().flatten();
    if let Some(why) = unread.filter_map(|snapshot| snapshot.consistency.totals_alone()).next() {
        let text = format!("where regions lie is unknown: {why}");
        return Err(Failure::new(Status::Recording, anyhow::anyhow!(text)));
    }
    let options = AddressMapOptions {
        theme: picture::theme(path, Theme::Auto),
        zone: zone::local(),
        naming,
        width: WIDTH,
        max_height: MAX_HEIGHT,
    };
    let drawn = address_map(source, snapshot, earlier, &options);
    match path {
        None => output::print(&drawn.svg),
        Some(path) => {
            picture::write(path, &drawn.svg)?;
            output::note(&format!("{}: {}", path.display(), escape::terminal(&drawn.title)));
            Ok(())
        }
    }
}
