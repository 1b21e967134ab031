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
/// Lines of limits and their words.
pub(crate) const LIMIT: Paint = paint(0xb3261e, 0xff8a80);
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

/// How many shades a family has.
pub(crate) const SHADES: usize = 9;
/// The minimum difference in lightness of areas that lie on each other: readers who see no hue, as
/// in a grey print, would take them for one.
pub(crate) const MIN_APART: f64 = 7.0;

/// Returns the lightness of a colour in both themes, from 0 to 100 (L* of CIE).
pub(crate) fn lightness(of: Paint) -> [f64; 2] {
    [of.light, of.dark].map(|(red, green, blue)| {
        let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
        116.0 * cube_root(luminance) - 16.0
    })
}

/// Returns the light that a channel of a colour gives, from 0 to 1.
fn linear(channel: u8) -> f64 {
    let part = f64::from(channel) / 255.0;
    if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}

/// Returns a cube root, that of small values by CIE's line.
fn cube_root(t: f64) -> f64 {
    if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 }
}

/// The cones of the eye that some readers lack.
#[derive(Clone, Copy, Debug)]
enum Cones {
    /// For long waves: protanopes.
    Long,
    /// For middle waves: deuteranopes.
    Middle,
}

/// Returns a colour in CIE L*a*b* as readers see it who lack these cones (after Viénot, 1999), or none.
fn seen(colour: Rgb, lacking: Option<Cones>) -> [f64; 3] {
    let (r, g, b) = (linear(colour.0), linear(colour.1), linear(colour.2));
    let (r, g, b) = match lacking {
        None => (r, g, b),
        Some(Cones::Long) => {
            let rg = 0.11238 * r + 0.88762 * g;
            (rg, rg, 0.00401 * r - 0.00401 * g + b)
        }
        Some(Cones::Middle) => {
            let rg = 0.29275 * r + 0.70725 * g;
            (rg, rg, -0.02234 * r + 0.02234 * g + b)
        }
    };
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let [x, y, z] = [x, y, z].map(cube_root);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(a: Rgb, b: Rgb, lacking: Option<Cones>) -> f64 {
    let (a, b) = (seen(a, lacking), seen(b, lacking));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Returns how far two colours are apart for the reader, and in the theme, where that is least: in
/// lightness, or for readers without one kind of cone.
fn apart(a: Paint, b: Paint) -> f64 {
    [Some(Cones::Long), Some(Cones::Middle)]
        .into_iter()
        .flat_map(|lacking| {
            [distance(a.light, b.light, lacking), distance(a.dark, b.dark, lacking)]
        })
        .fold(apart_in_lightness(a, b), f64::min)
}

/// Returns how far two colours are apart in lightness, in the theme where that is less.
fn apart_in_lightness(a: Paint, b: Paint) -> f64 {
    let (a, b) = (lightness(a), lightness(b));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(f64::MAX, f64::min)
}

/// Returns the colours of areas of these families, from the top of a stack to its bottom, where
/// [`OTHER`] may lie: the first shade of each that no other area has, and that those above and
/// below it differ from.
pub(crate) fn areas(families: &[Family], other: bool) -> Vec<Paint> {
    let mut paints: Vec<Paint> = Vec::with_capacity(families.len());
    for (index, of) in families.iter().enumerate() {
        let below = (other && index + 1 == families.len()).then_some(OTHER);
        let neighbours = || paints.last().copied().into_iter().chain(below);
        let least =
            |paint: Paint| neighbours().map(|other| apart(paint, other)).fold(f64::MAX, f64::min);
        let shades =
            || (0..SHADES).map(|rank| shade(*of, rank)).filter(|one| !paints.contains(one));
        let far = shades().find(|paint| least(*paint) >= MIN_APART);
        let farthest = || shades().max_by(|a, b| least(*a).total_cmp(&least(*b)));
        paints.push(far.or_else(farthest).unwrap_or(OTHER));
    }
    paints
}

/// Returns the colour of a family's line, dark enough on white and light enough on black.
pub(crate) const fn line(family: Family) -> Paint {
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

/// Returns families to take the colours of, each another one: the own family where none before has it.
pub(crate) fn hues(families: &[Family]) -> Vec<Family> {
    let mut free: Vec<Family> =
        Family::ALL.into_iter().filter(|family| !families.contains(family)).collect();
    let hue = |(index, family): (usize, &Family)| match families[..index].contains(family) {
        true if !free.is_empty() => free.remove(0),
        _ => *family,
    };
    families.iter().enumerate().map(hue).collect()
}

/// The difference in lightness from which on readers distinguish thin lines by it.
const LINES_APART: f64 = 16.0;
/// The dashes of lines, in pixels, the plainest first.
const DASHES: [&[u32]; 7] =
    [&[], &[10, 3], &[4, 3], &[2, 3], &[10, 3, 2, 3], &[16, 3], &[10, 3, 2, 3, 2, 3]];

/// Returns the dashes of lines of these colours, the one that moved most first: none, where no line
/// before is as light and has none.
pub(crate) fn dashes(lines: &[Paint]) -> Vec<&'static [u32]> {
    let mut dashes: Vec<&'static [u32]> = Vec::with_capacity(lines.len());
    for line in lines {
        let before = || lines.iter().zip(&dashes);
        let free = |apart: f64| {
            let alike = |other: &Paint| apart_in_lightness(*line, *other) < apart;
            DASHES.iter().find(|one| !before().any(|(other, of)| of == *one && alike(other)))
        };
        let found = free(LINES_APART).or_else(|| free(MIN_APART));
        dashes.push(found.copied().unwrap_or_default());
    }
    dashes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
                for lacking in [None, Some(Cones::Long), Some(Cones::Middle)] {
                    for (theme, a, b) in [("light", a.light, b.light), ("dark", a.dark, b.dark)] {
                        let apart = distance(a, b, lacking);
                        if apart < 13.0 {
                            close.push(format!("{name} {other} {lacking:?} {theme}: {apart:.0}"));
                        }
                    }
                }
            }
        }
        assert!(close.is_empty(), "{close:#?}");
    }

    proptest! {
        /// Any families may lie on each other in any order, since those that moved most are above.
        #[test]
        fn neighbours_in_a_stack_differ_without_hue(
            stack in proptest::collection::vec(0..Family::ALL.len(), 1..10), other: bool,
        ) {
            let families: Vec<Family> = stack.into_iter().map(|at| Family::ALL[at]).collect();
            let mut paints = areas(&families, other);
            paints.extend(other.then_some(OTHER));
            for pair in paints.windows(2) {
                prop_assert!(apart_in_lightness(pair[0], pair[1]) >= MIN_APART, "{pair:?}");
                for lacking in [Some(Cones::Long), Some(Cones::Middle)] {
                    for (a, b) in [(pair[0].light, pair[1].light), (pair[0].dark, pair[1].dark)] {
                        prop_assert!(distance(a, b, lacking) >= MIN_APART, "{pair:?} {lacking:?}");
                    }
                }
            }
            for (index, paint) in paints.iter().enumerate() {
                prop_assert!(!paints[..index].contains(paint), "{paint:?} twice");
            }
        }
    }

    #[test]
    fn the_first_area_of_a_family_has_its_own_colour_beside_an_unlike_one() {
        let paints = areas(&[Family::RuntimeHeap, Family::Image, Family::RuntimeHeap], false);
        assert_eq!(paints[..2], [family(Family::RuntimeHeap), family(Family::Image)]);
        assert_eq!(paints[2], shade(Family::RuntimeHeap, 1));
    }

    proptest! {
        #[test]
        fn lines_of_like_lightness_have_other_dashes(
            order in Just((0..=Family::ALL.len()).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let all: Vec<Paint> = Family::ALL.into_iter().map(line).chain([OTHER]).collect();
            let lines: Vec<Paint> = order.into_iter().map(|at| all[at]).collect();
            let dashes = dashes(&lines);
            prop_assert!(dashes[0].is_empty(), "the first line is whole");
            for (index, a) in lines.iter().enumerate() {
                for (other, b) in lines[..index].iter().enumerate() {
                    let differ = dashes[index] != dashes[other];
                    let enough = if index < 5 { LINES_APART } else { MIN_APART };
                    prop_assert!(differ || apart_in_lightness(*a, *b) >= enough, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn shades_of_a_family_are_told_apart() {
        for of in Family::ALL {
            let shades: Vec<_> = (0..6).map(|rank| shade(of, rank)).collect();
            for (index, a) in shades.iter().enumerate() {
                for b in &shades[..index] {
                    assert!(distance(a.light, b.light, None) > 3.0, "{of} {a:?} {b:?}");
                }
            }
        }
    }

    /// The ratio of WCAG 2: 3 is the minimum for what is drawn.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
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
                for lacking in [None, Some(Cones::Long), Some(Cones::Middle)] {
                    for (a, b) in [(a.light, b.light), (a.dark, b.dark)] {
                        let apart = distance(a, b, lacking);
                        if apart < if lacking.is_none() { 25.0 } else { 10.0 } {
                            close.push(format!("{a:?} {b:?} {lacking:?}: {apart:.0}"));
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
        let colours: Vec<Paint> = hues(&families).into_iter().map(line).collect();
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
