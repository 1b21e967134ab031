//! PNG from SVG, with a font of its own: the machine need not have any.
//!
//! The font has Latin, Greek and Cyrillic letters; others are boxes in a PNG, and whole in an SVG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::failure::{Failure, Status};

/// Subsets of Liberation Sans: see OFL.txt beside them.
const REGULAR: &[u8] = include_bytes!("vmrec-sans-regular.ttf");
const BOLD: &[u8] = include_bytes!("vmrec-sans-bold.ttf");
const FAMILY: &str = "Vmrec Sans";
/// The maximum number of pixels: 160 MB while it is drawn.
const MAX_PIXELS: u64 = 40_000_000;

/// Draws an SVG document of vmrec's own.
pub(crate) fn render(svg: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: String| Failure::new(Status::Recording, anyhow::anyhow!(error));
    let mut options = Options { font_family: FAMILY.to_owned(), ..Options::default() };
    let fonts = options.fontdb_mut();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let tree = Tree::from_str(svg, &options)
        .map_err(|error| failed(format!("the picture cannot be drawn as PNG: {error}")))?;
    let size = tree.size().to_int_size();
    let (width, height) = (size.width(), size.height());
    let too_large = || {
        Failure::usage(format!("a PNG of {width}x{height} pixels is too large"))
            .hint("give a smaller --width and --height, or write SVG")
    };
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large());
    }
    let mut pixmap = Pixmap::new(width, height).ok_or_else(too_large)?;
    resvg::render(&tree, Transform::default(), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| failed(format!("the PNG cannot be encoded: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(text: &str) -> Pixmap {
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='100' height='30'>\
             <text x='5' y='20' font-family='system-ui,Arial,sans-serif' font-size='16'>{text}</text></svg>"
        );
        Pixmap::decode_png(&render(&svg).unwrap()).unwrap()
    }

    #[test]
    fn text_is_drawn_without_any_font_of_the_machine() {
        let inked = |map: &Pixmap| map.pixels().iter().filter(|pixel| pixel.alpha() > 128).count();
        let (none, some, more) =
            (pixels(""), pixels("→ é"), pixels("<tspan font-weight='bold'>→ é</tspan>"));
        assert_eq!((none.width(), none.height(), inked(&none)), (100, 30, 0));
        assert!(inked(&some) > 20 && inked(&more) > inked(&some));
    }

    #[test]
    fn a_picture_beyond_all_memory_is_refused() {
        let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='10000' height='10000'/>";
        assert!(render(svg).unwrap_err().text().contains("too large"));
    }
}
