//! The lines above the drawing: the finding, its course, and in grey what is drawn.

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::{layout, palette, text};
use crate::error::Error;

/// Font sizes, in pixels.
const TITLE_SIZE: f64 = 16.0;
const NARROW_TITLE_SIZE: f64 = 14.0;
const COURSE_SIZE: f64 = 12.5;
const ABOUT_SIZE: f64 = 11.0;
/// Where the title's middle lies, and how far below each line the next one is.
const TITLE_Y: f64 = 24.0;
const COURSE_LINE: f64 = 18.0;
const ABOUT_LINE: f64 = 17.0;
/// From the middle of the last line to what lies below.
const BELOW: f64 = 17.0;
const BELOW_NARROW: f64 = 16.0;
/// The maximum number of lines about the course.
const MAX_COURSE_LINES: usize = 2;

/// The lines above the drawing, cut to its width.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) title: String,
    title_size: f64,
    pub(crate) course: Vec<String>,
    /// What is drawn; in a narrow picture that is in its footer.
    pub(crate) about: Option<String>,
}

impl Header {
    /// Fits the lines into `width`: of the title's forms, which say less and less, the first that
    /// fits; a narrow picture has one line about the course.
    pub(crate) fn fit(titles: &[String], course: &[String], about: &str, width: f64) -> Self {
        let room = width - 2.0 * layout::MARGIN;
        let title_size = if width < layout::NARROW { NARROW_TITLE_SIZE } else { TITLE_SIZE };
        let fits = |title: &&String| text::bold_width(title, title_size) <= room;
        let title = titles.iter().find(fits).or(titles.last()).cloned().unwrap_or_default();
        let mut lines = text::wrap(course, " · ", COURSE_SIZE, room);
        lines.truncate(if width < layout::NARROW { 1 } else { MAX_COURSE_LINES });
        Self {
            title: text::fit(&title, title_size * text::BOLD, room),
            title_size,
            course: lines,
            about: (width >= layout::NARROW).then(|| text::fit(about, ABOUT_SIZE, room)),
        }
    }

    /// Returns the height they take.
    pub(crate) fn height(&self) -> f64 {
        let rest = if self.about.is_some() { ABOUT_LINE + BELOW } else { BELOW_NARROW };
        TITLE_Y + self.course.len() as f64 * COURSE_LINE + rest
    }

    /// Draws the lines.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>) -> Result<(), Error> {
        let mut y = TITLE_Y;
        let left = layout::MARGIN;
        let title = Face { size: self.title_size, bold: true, paint: palette::INK };
        canvas.text(&self.title, (left, y), Anchor::Start, title)?;
        for line in &self.course {
            y += COURSE_LINE;
            let face = Face { size: COURSE_SIZE, bold: false, paint: palette::INK };
            canvas.text(line, (left, y + 2.0), Anchor::Start, face)?;
        }
        let Some(words) = &self.about else { return Ok(()) };
        y += ABOUT_LINE;
        let about = Face { size: ABOUT_SIZE, bold: false, paint: palette::MUTED };
        canvas.text(words, (left, y + 2.0), Anchor::Start, about)
    }
}
