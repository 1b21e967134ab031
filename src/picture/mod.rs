//! Writes pictures to files: SVG as it is, and PNG where the name ends so.

#[cfg(feature = "png")]
mod png;

use std::path::Path;

use vmrec_report::Theme;

use crate::failure::Failure;
use crate::output;

/// Returns whether a file of this name is to be a PNG.
pub(crate) fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
}

/// Checks that a picture can have the format that the name of its file asks for.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    if is_png(path) && !cfg!(feature = "png") { Err(without_png()) } else { Ok(()) }
}

fn without_png() -> Failure {
    Failure::usage("this vmrec was built without PNG")
        .hint("write SVG (-o growth.svg), or install with `cargo install --path . --features png`")
}

/// Returns the theme of a picture in that file: a PNG cannot follow its reader's choice.
pub(crate) fn theme(path: Option<&Path>, asked: Theme) -> Theme {
    if asked == Theme::Auto && path.is_some_and(is_png) { Theme::Light } else { asked }
}

/// Writes an SVG document to a file, in the format that its name asks for.
pub(crate) fn write(path: &Path, svg: &str) -> Result<(), Failure> {
    match is_png(path) {
        true => output::replace_file(path, &rendered(svg)?),
        false => output::replace_file(path, svg.as_bytes()),
    }
}

#[cfg(feature = "png")]
fn rendered(svg: &str) -> Result<Vec<u8>, Failure> {
    png::render(svg)
}

#[cfg(not(feature = "png"))]
fn rendered(_: &str) -> Result<Vec<u8>, Failure> {
    Err(without_png())
}
