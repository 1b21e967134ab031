//! The style of a page: the colours of families in both themes, and `style.css`.

use std::fmt::Write;

use vmrec_sampler::Family;

use crate::chart::palette::{self, Paint, Rgb, SHADES};

const RULES: &str = include_str!("style.css");

/// Returns the style sheet.
pub(crate) fn sheet() -> String {
    let (light, dark) = (colours(|paint| paint.light), colours(|paint| paint.dark));
    format!(
        ":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{RULES}"
    )
}

fn colours(of: fn(Paint) -> Rgb) -> String {
    let mut rules = String::new();
    let mut rule = |name: &str, paint: Paint| {
        let (red, green, blue) = of(paint);
        // Writing to a string cannot fail.
        let _ = write!(rules, "--{name}:#{red:02x}{green:02x}{blue:02x};");
    };
    for (name, paint) in [
        ("paper", palette::PAPER),
        ("ink", palette::INK),
        ("muted", palette::MUTED),
        ("grid", palette::GRID),
        ("axis", palette::AXIS),
        ("mark", palette::MARK),
        ("limit", palette::LIMIT),
        ("gap", palette::GAP),
        ("other", palette::OTHER),
    ] {
        rule(name, paint);
    }
    for family in Family::ALL {
        for rank in 0..SHADES {
            rule(&shade(family, rank), palette::shade(family, rank));
        }
    }
    rules
}

/// Returns the name of the colour of a family's type.
pub(crate) fn shade(family: Family, rank: usize) -> String {
    format!("f{}-{}", family as usize, rank.min(SHADES - 1))
}
