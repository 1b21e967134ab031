//! Colours: one for each family in every chart, distinguishable for colour-blind
//! readers through hue and lightness (after Okabe and Ito, and Tol); types of
//! one family are shades of it. Every light colour is used for one purpose
//! only, since the dark theme finds elements by it.

use vmrec_sampler::Family;

/// Red, green and blue.
pub(crate) type Rgb = (u8, u8, u8);

/// A colour in both themes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    pub(crate) light: Rgb,
    pub(crate) dark: Rgb,
}

const fn paint(light: u32, dark: u32) -> Paint {
    Paint { light: rgb(light), dark: rgb(dark) }
}

const fn rgb(hex: u32) -> Rgb {
    ((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The background.
pub(crate) const PAPER: Paint = paint(0xffffff, 0x15181d);
/// Titles and labels.
pub(crate) const INK: Paint = paint(0x1b1f24, 0xe8eaed);
/// The text beside them.
pub(crate) const MUTED: Paint = paint(0x596069, 0xa3abb5);
/// Lines of the grid.
pub(crate) const GRID: Paint = paint(0xe1e4e8, 0x2e343c);
/// Lines of the axes, leaders.
pub(crate) const AXIS: Paint = paint(0x8c939c, 0x6e7681);
/// Rules and text of marks.
pub(crate) const MARK: Paint = paint(0x3b4148, 0xd4d8dd);
/// Hatching of gaps.
pub(crate) const GAP: Paint = paint(0xc4c9cf, 0x454c56);
/// All keys that are not drawn by themselves.
pub(crate) const OTHER: Paint = paint(0x6a7078, 0x8a929c);

/// Returns the colour of a family.
pub(crate) const fn family(family: Family) -> Paint {
    match family {
        Family::Image => paint(0x0072b2, 0x38a0da),
        Family::Malloc => paint(0xe69f00, 0xf0ad1f),
        Family::Stack => paint(0x93378f, 0xa8459f),
        Family::RuntimeHeap => paint(0x2ba884, 0x3cc39c),
        Family::Jit => paint(0xf2e33a, 0xf7ec6e),
        Family::MappedFile => paint(0x6cb9ea, 0x7cc8f4),
        Family::SharedMemory => paint(0x1e2160, 0x4a47b8),
        Family::Kernel => paint(0xe08fb8, 0xf0a9cb),
        Family::VmAllocate => paint(0xc94a0c, 0xe0642a),
        Family::Reserved => paint(0xcdd1d6, 0x4d5560),
    }
}

/// Returns the colour of the type at `rank` among those of its family: 0 is
/// the family's own colour, the others turn lighter and darker by turns.
pub(crate) fn shade(of: Family, rank: usize) -> Paint {
    let base = family(of);
    let part = (rank.div_ceil(2) as f64 * 0.27).min(0.85);
    let towards = if rank % 2 == 1 { 255.0 } else { 0.0 };
    let mix = |channel: u8| (f64::from(channel) * (1.0 - part) + towards * part).round() as u8;
    let all = |(r, g, b): Rgb| (mix(r), mix(g), mix(b));
    if rank == 0 { base } else { Paint { light: all(base.light), dark: all(base.dark) } }
}

/// Returns the colours of areas of these families, the largest first.
pub(crate) fn areas(families: &[Family]) -> Vec<Paint> {
    let rank = |index: usize| {
        families[..index].iter().filter(|family| **family == families[index]).count()
    };
    (0..families.len()).map(|index| shade(families[index], rank(index))).collect()
}

/// Returns the colour of a family's line, dark enough on white and light enough on black.
const fn line(family: Family) -> Paint {
    match family {
        Family::Image => paint(0x0072b2, 0x38a0da),
        Family::Malloc => paint(0xc07a00, 0xf0ad1f),
        Family::Stack => paint(0x93378f, 0xc66cbd),
        Family::RuntimeHeap => paint(0x158f6c, 0x3cc39c),
        Family::Jit => paint(0x5e5a00, 0xf7ec6e),
        Family::MappedFile => paint(0x0097a7, 0x6fdbe8),
        Family::SharedMemory => paint(0x1e2160, 0x8a87f0),
        Family::Kernel => paint(0xcb5c93, 0xf0a9cb),
        Family::VmAllocate => paint(0xa02c00, 0xe0642a),
        Family::Reserved => paint(0x4a2c14, 0xb98a5e),
    }
}

/// Returns the colours of lines of these families, the one that moved most first.
pub(crate) fn lines(families: &[Family]) -> Vec<Paint> {
    apart(families, line)
}

/// Returns the colours of areas of objects of these families, the largest first.
pub(crate) fn objects(families: &[Family]) -> Vec<Paint> {
    apart(families, family)
}

/// Returns colours of which each is a hue of its own, that of its family where none before has it.
fn apart(families: &[Family], of: fn(Family) -> Paint) -> Vec<Paint> {
    let mut free: Vec<Family> =
        Family::ALL.into_iter().filter(|family| !families.contains(family)).collect();
    let colour = |(index, family): (usize, &Family)| match families[..index].contains(family) {
        false => of(*family),
        true if free.is_empty() => OTHER,
        true => of(free.remove(0)),
    };
    families.iter().enumerate().map(colour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE L*a*b* as readers without one kind of cone see it (after Viénot, 1999), or as all do.
    fn seen(colour: Rgb, sight: &str) -> [f64; 3] {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let (r, g, b) = (linear(colour.0), linear(colour.1), linear(colour.2));
        let (r, g, b) = match sight {
            "protan" => {
                let rg = 0.11238 * r + 0.88762 * g;
                (rg, rg, 0.00401 * r - 0.00401 * g + b)
            }
            "deutan" => {
                let rg = 0.29275 * r + 0.70725 * g;
                (rg, rg, -0.02234 * r + 0.02234 * g + b)
            }
            _ => (r, g, b),
        };
        let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
        let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        [116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z))]
    }

    fn distance(a: Rgb, b: Rgb, sight: &str) -> f64 {
        let (a, b) = (seen(a, sight), seen(b, sight));
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn families_are_told_apart_by_every_reader() {
        let mut close = Vec::new();
        let all: Vec<_> = Family::ALL
            .map(|f| (f.name(), family(f)))
            .into_iter()
            .chain([("other", OTHER)])
            .collect();
        for (index, (name, a)) in all.iter().enumerate() {
            for (other, b) in &all[..index] {
                for sight in ["all", "protan", "deutan"] {
                    for (theme, a, b) in [("light", a.light, b.light), ("dark", a.dark, b.dark)] {
                        let apart = distance(a, b, sight);
                        if apart < 13.0 {
                            close.push(format!("{name} {other} {sight} {theme}: {apart:.0}"));
                        }
                    }
                }
            }
        }
        assert!(close.is_empty(), "{close:#?}");
    }

    #[test]
    fn neighbours_in_a_stack_differ_in_lightness() {
        for pair in Family::ALL.windows(2) {
            let [a, b] = [family(pair[0]), family(pair[1])];
            for (a, b) in [(a.light, b.light), (a.dark, b.dark)] {
                let apart = (seen(a, "all")[0] - seen(b, "all")[0]).abs();
                assert!(apart > 9.0, "{:?}: {apart}", pair);
            }
        }
    }

    #[test]
    fn shades_of_a_family_are_told_apart() {
        for of in Family::ALL {
            let shades: Vec<_> = (0..6).map(|rank| shade(of, rank)).collect();
            for (index, a) in shades.iter().enumerate() {
                for b in &shades[..index] {
                    assert!(distance(a.light, b.light, "all") > 3.0, "{of} {a:?} {b:?}");
                }
            }
        }
    }

    /// The ratio of WCAG 2: 3 is the minimum for what is drawn.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let light = |(r, g, b): Rgb| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn lines_stand_out_from_the_paper_and_from_each_other() {
        let all: Vec<Paint> = Family::ALL.into_iter().map(line).chain([OTHER]).collect();
        let mut close = Vec::new();
        for (index, a) in all.iter().enumerate() {
            assert!(contrast(a.light, PAPER.light) >= 3.0, "{a:?}");
            assert!(contrast(a.dark, PAPER.dark) >= 3.0, "{a:?}");
            for b in &all[..index] {
                for sight in ["all", "protan", "deutan"] {
                    for (a, b) in [(a.light, b.light), (a.dark, b.dark)] {
                        let apart = distance(a, b, sight);
                        if apart < if sight == "all" { 25.0 } else { 10.0 } {
                            close.push(format!("{a:?} {b:?} {sight}: {apart:.0}"));
                        }
                    }
                }
            }
        }
        assert!(close.is_empty(), "{close:#?}");
    }

    #[test]
    fn no_two_lines_share_a_hue() {
        let families = [Family::Malloc, Family::Image, Family::Malloc, Family::Malloc, Family::Jit];
        let colours = lines(&families);
        assert_eq!((colours[0], colours[4]), (line(Family::Malloc), line(Family::Jit)));
        let mut light: Vec<Rgb> = colours.iter().map(|paint| paint.light).collect();
        light.sort_unstable();
        light.dedup();
        assert_eq!(light.len(), families.len());
    }

    #[test]
    fn light_colours_have_one_purpose() {
        let shades = || Family::ALL.into_iter().flat_map(|of| (0..5).map(move |n| shade(of, n)));
        let others = [PAPER, INK, MUTED, GRID, AXIS, MARK, GAP, OTHER];
        for keys in [shades().collect::<Vec<_>>(), Family::ALL.map(line).to_vec()] {
            let mut all: Vec<Rgb> = keys.iter().chain(&others).map(|paint| paint.light).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }
}
