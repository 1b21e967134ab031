//! Writes shapes with tooltips as SVG, in tenths of a pixel like the charts' own.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::chart::canvas::hex;
use crate::chart::options::Theme;
use crate::chart::palette::{Paint, Rgb};
use crate::chart::text;

/// A drawing in progress.
pub(crate) struct Sketch {
    pub(crate) drawn: String,
    pub(crate) used: BTreeMap<Rgb, Rgb>,
    theme: Theme,
}

/// A rectangle: left, top, width and height in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// The line around a rectangle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    pub(crate) paint: Paint,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
}

impl Sketch {
    pub(crate) fn new(theme: Theme) -> Self {
        // The first line is that of a backend's document, which is replaced.
        Self { drawn: "<svg>\n".to_owned(), used: BTreeMap::new(), theme }
    }

    fn color(&mut self, paint: Paint) -> String {
        self.used.insert(paint.light, paint.dark);
        hex(if self.theme == Theme::Dark { paint.dark } else { paint.light })
    }

    /// Begins shapes with one tooltip, which ends with [`Sketch::end`].
    pub(crate) fn begin(&mut self, tooltip: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.drawn, "<g><title>{}</title>", text::escape(&text::clean(tooltip)));
    }

    pub(crate) fn end(&mut self) {
        self.drawn.push_str("</g>\n");
    }

    /// Adds a rectangle.
    pub(crate) fn rect(&mut self, rect: Rect, fill: Option<Paint>, outline: Option<Outline>) {
        let fill = fill.map_or_else(|| "none".to_owned(), |paint| self.color(paint));
        let Rect { x, y, width, height } = rect;
        let [x, y, width, height] = [x, y, width, height].map(tenths);
        let _ = write!(
            self.drawn,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\""
        );
        if let Some(Outline { paint, width, dashed }) = outline {
            let stroke = self.color(paint);
            let _ = write!(self.drawn, " stroke=\"{stroke}\" stroke-width=\"{}\"", tenths(width));
            if dashed {
                self.drawn.push_str(" stroke-dasharray=\"30 25\"");
            }
        }
        self.drawn.push_str("/>");
    }

    /// Adds a text whose middle lies at `y`.
    pub(crate) fn text(
        &mut self,
        words: &str,
        (x, y): (f64, f64),
        size: f64,
        paint: Paint,
        bold: bool,
    ) {
        let fill = self.color(paint);
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            self.drawn,
            "<text x=\"{}\" y=\"{}\" dy=\"0.36em\" font-size=\"{}\" fill=\"{fill}\"{weight}>{}</text>",
            tenths(x),
            tenths(y),
            tenths(size),
            text::escape(&text::clean(words)),
        );
    }

    pub(crate) fn finish(mut self) -> (String, BTreeMap<Rgb, Rgb>) {
        self.drawn.push_str("</svg>\n");
        (self.drawn, self.used)
    }
}

fn tenths(pixels: f64) -> i64 {
    (pixels * 10.0).round() as i64
}
