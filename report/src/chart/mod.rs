//! Charts: a series drawn as an SVG picture that explains itself.
//!
//! [`draw`] needs plain values only. The picture has no scripts and no fonts
//! of its own, describes the drawing in words, and stays under 200 KB however
//! long the recording.

pub(crate) mod canvas;
pub(crate) mod downsample;
pub(crate) mod header;
pub(crate) mod key;
pub(crate) mod labels;
pub(crate) mod layout;
pub(crate) mod limits;
pub(crate) mod marks;
pub(crate) mod multiples;
pub(crate) mod options;
pub(crate) mod palette;
pub(crate) mod picture;
pub(crate) mod plot;
pub(crate) mod select;
pub(crate) mod stated;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod value;
pub(crate) mod words;

use vmrec_sampler::stable_hash;

use crate::chart::canvas::SvgDocument;
use crate::chart::header::Header;
use crate::chart::marks::Moment;
use crate::chart::options::{ChartContext, ChartKind, ChartOptions, Drawn};
use crate::chart::picture::Picture;
use crate::chart::stated::Stated;
use crate::error::Error;
use crate::finding::outcome::Verdict;
use crate::series::Series;
use crate::text::units;

/// The minimum and maximum size of a picture, in pixels.
const MIN_WIDTH: u32 = 320;
const MIN_HEIGHT: u32 = 260;
const MAX_SIDE: u32 = 10_000;

/// Draws the first of `series` as SVG; the others are of the same samples, and show whether memory
/// that the first one no longer counts was freed.
pub fn draw(
    series: &[Series],
    options: &ChartOptions,
    context: &ChartContext,
) -> Result<Drawn, Error> {
    let asked = options;
    let options = &scaled(options);
    check_size(options)?;
    let stated = Stated::of_first(series, options, context)?;
    let Stated { series, counted, moments, finding, titles, course, about, limits, .. } = &stated;
    let header = Header::fit(titles, course, about, f64::from(options.width));
    let picture = Picture { series, options, context, counted, limits, header: &header };
    let picture = match finding.verdict {
        Verdict::Zero => picture.without_plot()?,
        _ => picture.with_plot(finding, moments)?,
    };
    let title = titles.first().cloned().unwrap_or_default();
    let lines: Vec<_> = match options.kind {
        ChartKind::Area => Vec::new(),
        ChartKind::Growth => picture.shown.iter().rev().map(|shown| shown.paint).collect(),
    };
    let mut lead = vec![course.join(" · "), about.clone()];
    lead.extend(limits.sentences());
    let description =
        words::description(series, context, &lead, &picture.shown, &mark_words(moments));
    let document = SvgDocument {
        id: &unique(&options.id, &[&picture.drawn, &description, options.theme.name()]),
        title: &title,
        description: &description,
        width: options.width,
        height: picture.height,
        scale: asked.scale,
        theme: options.theme,
        dense: picture.dense,
        lines: &lines,
    };
    let svg = canvas::document(&picture.drawn, &picture.used, &document);
    Ok(Drawn { svg, finding: stated.headline.clone() })
}

fn check_size(options: &ChartOptions) -> Result<(), Error> {
    let (width, height) = (options.width, options.height);
    if !(MIN_WIDTH..=MAX_SIDE).contains(&width) || !(MIN_HEIGHT..=MAX_SIDE).contains(&height) {
        return Err(Error::Size {
            width,
            height,
            min_width: MIN_WIDTH,
            min_height: MIN_HEIGHT,
            max: MAX_SIDE,
        });
    }
    Ok(())
}

/// The marks in words for the description: the first ones, since it is read aloud.
fn mark_words(marks: &[Moment<'_>]) -> Vec<String> {
    const MAX_WORDS: usize = 20;
    let mut words: Vec<String> = marks
        .iter()
        .take(MAX_WORDS)
        .map(|moment| {
            let words: String = text::clean(moment.text).chars().take(200).collect();
            let until = moment
                .until_ns
                .map_or(String::new(), |at| format!(" until {}", units::duration(at)));
            format!("{words} after {}{until}", units::duration(moment.at_ns))
        })
        .collect();
    if marks.len() > MAX_WORDS {
        words.push(format!("and {} more", units::count((marks.len() - MAX_WORDS) as u64)));
    }
    words
}

/// Returns the options to lay out by: a picture that is enlarged has less room.
fn scaled(options: &ChartOptions) -> ChartOptions {
    let scale = if options.scale.is_normal() { options.scale.abs() } else { 1.0 };
    let side = |pixels: u32| (f64::from(pixels) / scale).round() as u32;
    ChartOptions { width: side(options.width), height: side(options.height), ..options.clone() }
}

/// Returns an element id that no chart with another content has: two in one page would share
/// styles and patterns.
pub(crate) fn unique(id: &str, content: &[&str]) -> String {
    let hash = stable_hash(content.iter().flat_map(|text| text.bytes().chain([0])));
    format!("{}-{hash:016x}", identifier(id))
}

/// An element id of the letters a style sheet takes without escaping.
fn identifier(id: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let kept: String = id.chars().filter(allowed).collect();
    match kept.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => kept,
        _ => format!("chart-{kept}"),
    }
}
