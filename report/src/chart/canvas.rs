//! Draws in pixels and colours of both themes onto plotters' SVG backend, and
//! makes its output a document of its own.
//!
//! The backend knows whole numbers only: it draws in tenths of a pixel, which
//! the viewBox scales back.

use std::collections::BTreeMap;
use std::fmt::Write;

use plotters::backend::SVGBackend;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{DrawingBackend, IntoFont, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, RGBAColor};

use crate::chart::options::Theme;
use crate::chart::palette::{Paint, Rgb};
use crate::chart::{palette, text};
use crate::error::Error;

/// Units of the drawing in a pixel.
const SCALE: f64 = 10.0;

/// Where a text lies from its point; up and down it is always centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) paint: Paint,
}

/// A drawing in progress.
pub(crate) struct Canvas<'a> {
    backend: SVGBackend<'a>,
    theme: Theme,
    /// The colours used, light and dark.
    used: BTreeMap<Rgb, Rgb>,
}

impl<'a> Canvas<'a> {
    /// Begins a drawing into `buffer`.
    pub(crate) fn new(buffer: &'a mut String, width: u32, height: u32, theme: Theme) -> Self {
        let scale = SCALE as u32;
        let backend = SVGBackend::with_string(buffer, (width * scale, height * scale));
        Self { backend, theme, used: BTreeMap::new() }
    }

    pub(crate) fn rect(
        &mut self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        paint: Paint,
    ) -> Result<(), Error> {
        let style = self.style(paint, 1.0, 0.0);
        self.backend
            .draw_rect(point((left, top)), point((right, bottom)), &style, true)
            .map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(())
    }

    /// Fills a rectangle so that what lies behind it shows.
    pub(crate) fn tint(
        &mut self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        paint: Paint,
        alpha: f64,
    ) -> Result<(), Error> {
        let style = self.style(paint, alpha, 0.0);
        self.backend
            .draw_rect(point((left, top)), point((right, bottom)), &style, true)
            .map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(())
    }

    pub(crate) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        paint: Paint,
        width: f64,
        alpha: f64,
    ) -> Result<(), Error> {
        let style = self.style(paint, alpha, width);
        self.backend
            .draw_line(point(from), point(to), &style)
            .map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(())
    }

    pub(crate) fn polygon(
        &mut self,
        points: impl IntoIterator<Item = (f64, f64)>,
        paint: Paint,
    ) -> Result<(), Error> {
        let style = self.style(paint, 1.0, 0.0);
        self.backend
            .fill_polygon(straightened(points), &style)
            .map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(())
    }

    pub(crate) fn polyline(
        &mut self,
        points: impl IntoIterator<Item = (f64, f64)>,
        paint: Paint,
        width: f64,
    ) -> Result<(), Error> {
        let style = self.style(paint, 1.0, width);
        self.backend
            .draw_path(straightened(points), &style)
            .map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(())
    }

    pub(crate) fn dot(&mut self, at: (f64, f64), radius: f64, paint: Paint) -> Result<(), Error> {
        let style = self.style(paint, 1.0, 0.0);
        self.backend
            .draw_circle(point(at), (radius * SCALE) as u32, &style, true)
            .map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(())
    }

    pub(crate) fn text(
        &mut self,
        text: &str,
        at: (f64, f64),
        anchor: Anchor,
        face: Face,
    ) -> Result<(), Error> {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font_style = if face.bold { FontStyle::Bold } else { FontStyle::Normal };
        // The backend divides sizes by 1.24.
        let font = ("sans-serif", face.size * SCALE * 1.24).into_font().style(font_style);
        let colour = self.colour(face.paint, 1.0);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        self.backend
            .draw_text(text, &style, point(at))
            .map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(())
    }

    /// Ends the drawing and returns the colours it used.
    pub(crate) fn finish(mut self) -> Result<BTreeMap<Rgb, Rgb>, Error> {
        self.backend.present().map_err(DrawingAreaErrorKind::BackendError)?;
        Ok(std::mem::take(&mut self.used))
    }

    fn style(&mut self, paint: Paint, alpha: f64, width: f64) -> ShapeStyle {
        ShapeStyle {
            color: self.colour(paint, alpha),
            filled: true,
            stroke_width: (width * SCALE) as u32,
        }
    }

    fn colour(&mut self, paint: Paint, alpha: f64) -> RGBAColor {
        self.used.insert(paint.light, paint.dark);
        let (r, g, b) = match self.theme {
            Theme::Auto | Theme::Light => paint.light,
            Theme::Dark => paint.dark,
        };
        RGBAColor(r, g, b, alpha)
    }
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

/// Leaves out points on the straight line between their neighbours.
fn straightened(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<(i32, i32)> {
    let mut kept: Vec<(i32, i32)> = Vec::new();
    for next in points.into_iter().map(point) {
        if let [.., a, b] = kept[..] {
            let [(ax, ay), (bx, by), (cx, cy)] =
                [a, b, next].map(|(x, y)| (i64::from(x), i64::from(y)));
            let forward = (bx - ax) * (cx - bx) + (by - ay) * (cy - by) >= 0;
            if forward && (bx - ax) * (cy - by) == (by - ay) * (cx - bx) {
                kept.pop();
            }
        }
        if kept.last() != Some(&next) {
            kept.push(next);
        }
    }
    kept
}

/// The document's title, description and size.
pub(crate) struct SvgDocument<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// How many times larger than drawn it is shown.
    pub(crate) scale: f64,
    pub(crate) theme: Theme,
    /// Whether areas may have spikes as thin as a pixel.
    pub(crate) dense: bool,
    /// The colours of lines, the one that moved most first: some are dashed.
    pub(crate) lines: &'a [Paint],
}

/// Makes the backend's output a document: its head gets title, description, styles and hatching,
/// which the backend cannot write.
pub(crate) fn document(drawn: &str, used: &BTreeMap<Rgb, Rgb>, about: &SvgDocument<'_>) -> String {
    let SvgDocument { id, title, description, width, height, scale, theme, .. } = about;
    let pick = |paint: Paint| hex(if *theme == Theme::Dark { paint.dark } else { paint.light });
    let (view_width, view_height) = (*width * SCALE as u32, *height * SCALE as u32);
    let [shown_width, shown_height] =
        [*width, *height].map(|side| (f64::from(side) * scale).round() as u32);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"{id}\" width=\"{shown_width}\" \
         height=\"{shown_height}\" style=\"max-width:100%;height:auto\" viewBox=\"0 0 {view_width} {view_height}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n<style>\n\
         #{id} text{{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\
         \"Helvetica Neue\",Arial,sans-serif}}\n\
         #{id} polygon{{stroke:{paper};stroke-width:{edge};stroke-linejoin:round}}\n\
         #{id} polyline{{stroke-linejoin:round;stroke-linecap:round}}\n",
        text::escape(title),
        text::escape(description),
        paper = pick(palette::PAPER),
        // Areas are separated by a pale edge, which would hide spikes as thin as itself.
        edge = if about.dense { 0 } else { 5 },
    );
    for (line, dashes) in about.lines.iter().zip(palette::dashes(about.lines)) {
        if dashes.is_empty() {
            continue;
        }
        let dashes: Vec<String> =
            dashes.iter().map(|length| (length * SCALE as u32).to_string()).collect();
        let _ = writeln!(
            svg,
            "#{id} polyline[stroke=\"{}\"]{{stroke-dasharray:{};stroke-linecap:butt}}",
            pick(*line),
            dashes.join(" ")
        );
    }
    if used.contains_key(&palette::LIMIT.light) {
        let limit = pick(palette::LIMIT);
        let _ = writeln!(svg, "#{id} polyline[stroke=\"{limit}\"]{{stroke-dasharray:80 40}}");
    }
    if *theme == Theme::Auto {
        svg.push_str("@media (prefers-color-scheme:dark){\n");
        let _ = writeln!(svg, "#{id} polygon{{stroke:{}}}", hex(palette::PAPER.dark));
        for (light, dark) in used {
            let (light, dark) = (hex(*light), hex(*dark));
            let _ = writeln!(
                svg,
                "#{id} [fill=\"{light}\"]{{fill:{dark}}}#{id} [stroke=\"{light}\"]{{stroke:{dark}}}"
            );
        }
        svg.push_str("}\n");
    }
    let gap = pick(palette::GAP);
    let _ = write!(
        svg,
        "</style>\n<defs><pattern id=\"{id}-gap\" width=\"70\" height=\"70\" \
         patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"70\" stroke=\"{gap}\" stroke-width=\"22\"/>\
         </pattern></defs>\n"
    );
    let body = drawn.split_once('\n').map_or("", |(_, body)| body);
    let hatched = format!("fill=\"url(#{id}-gap)\"");
    svg.push_str(&body.replace(&format!("fill=\"{gap}\""), &hatched));
    svg
}

/// Writes a colour as the backend does.
pub(crate) fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_runs_lose_their_inner_points() {
        let points = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 0.0), (3.0, 5.0), (3.0, 1.0)];
        assert_eq!(straightened(points), [(0, 0), (20, 20), (30, 0), (30, 50), (30, 10)]);
    }
}
