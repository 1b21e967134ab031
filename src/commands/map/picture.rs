//! `vmrec map --svg`: the address space as a picture.

use std::io;
use std::io::IsTerminal;
use std::path::Path;

use vmrec_report::{AddressMapOptions, PageSource, Theme, address_map, escape};
use vmrec_sampler::{Naming, Snapshot};

use crate::failure::Failure;
use crate::{output, picture, zone};

/// Width of a picture in pixels.
const WIDTH: u32 = 960;

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
    let options = AddressMapOptions {
        theme: picture::theme(path, Theme::Auto),
        zone: zone::local(),
        naming,
        width: WIDTH,
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
