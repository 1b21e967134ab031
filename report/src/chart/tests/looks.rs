//! Colours, sizes and dots of pictures.

use super::*;

#[test]
fn themes_differ_in_colours_only() {
    let [auto, light, dark] = [Theme::Auto, Theme::Light, Theme::Dark].map(|theme| {
        let options = ChartOptions { theme, ..ChartOptions::default() };
        draw(&sawtooth(), &options, &context()).unwrap()
    });
    assert!(auto.contains("prefers-color-scheme:dark"));
    assert!(!light.contains("prefers-color-scheme") && !dark.contains("prefers-color-scheme"));
    assert!(light.contains("#FFFFFF") && !dark.contains("#FFFFFF"));
    assert_eq!(texts(&light), texts(&dark));
}

/// Two charts in one page share no id, so that neither takes the other's styles or hatching.
#[test]
fn ids_differ_where_the_content_does() {
    let id = |svg: &str| parse(svg).root_element().attribute("id").unwrap().to_owned();
    let plain = ChartOptions::default();
    let first = draw(&browser(By::Family), &plain, &context()).unwrap();
    assert_eq!(id(&first), id(&draw(&browser(By::Family), &plain, &context()).unwrap()));
    let mut ids = vec![id(&first), id(&draw(&sawtooth(), &plain, &context()).unwrap())];
    for theme in [Theme::Light, Theme::Dark] {
        let options = ChartOptions { theme, ..ChartOptions::default() };
        ids.push(id(&draw(&browser(By::Family), &options, &context()).unwrap()));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for attribute in first.split(" id=\"").skip(1) {
        assert!(attribute.starts_with(&id(&first)), "{}", &attribute[..40]);
    }
}

#[test]
fn a_narrow_picture_leaves_most_of_its_height_to_the_plot() {
    for (name, series, options) in crate::chart::tests::data::gallery() {
        for (width, height) in [(480, 320), (480, 400), (320, 260), (599, 300)] {
            let options = ChartOptions { width, height, ..options.clone() };
            let svg = draw(&series, &options, &context()).unwrap();
            // The grid spans the plot; a picture of nothing has none.
            let document = parse(&svg);
            let lines = document.descendants().filter(|node| node.has_tag_name("line"));
            let y = |node: roxmltree::Node<'_, '_>| {
                let at = |name| node.attribute(name).unwrap().parse::<f64>().unwrap() / 10.0;
                (at("y1") == at("y2") && at("x2") - at("x1") > f64::from(width) / 2.0)
                    .then(|| at("y1"))
            };
            let grid: Vec<f64> = lines.filter_map(y).collect();
            if name == "zero" {
                assert_eq!(grid, [0.0; 0]);
                continue;
            }
            let top = grid.iter().copied().fold(f64::MAX, f64::min);
            let part = (grid.iter().copied().fold(0.0, f64::max) - top) / f64::from(height);
            assert!(part >= layout::MIN_PLOT_PART, "{name} {width}x{height}: {part}");
        }
    }
}

#[test]
fn a_scaled_picture_has_its_size_and_larger_text() {
    let options = ChartOptions { width: 1600, height: 900, scale: 2.0, ..ChartOptions::default() };
    let svg = draw(&browser(By::Family), &options, &context()).unwrap();
    let document = parse(&svg);
    let root = document.root_element();
    assert_eq!(root.attribute("width"), Some("1600"));
    assert_eq!(root.attribute("height"), Some("900"));
    assert_eq!(root.attribute("viewBox"), Some("0 0 8000 4500"));
    assert_eq!(root.attribute("style"), Some("max-width:100%;height:auto"));
    let options = ChartOptions { scale: 8.0, ..options };
    assert!(matches!(draw(&browser(By::Family), &options, &context()), Err(Error::Size { .. })));
}

#[test]
fn a_fall_has_its_axis_below_0() {
    let names = [(Family::Malloc, "malloc"), (Family::Stack, "stack")];
    let value = |n: u64, key: u64| Some(if key == 0 { (322 - n * 3) << 20 } else { (9 + n) << 10 });
    let series = series(Metric::RESIDENT, By::Family, &names, 100, SECOND, value);
    let options = ChartOptions { kind: ChartKind::Growth, ..ChartOptions::default() };
    let svg = draw(&series, &options, &context()).unwrap();
    let texts = texts(&svg);
    assert_eq!(texts[0], "chromium fell 296.9M in 1m 39s: malloc -297.0M");
    assert!(texts.iter().any(|text| text == "-300M"), "{texts:?}");
    assert!(!texts.iter().any(|text| text.starts_with("+") && text.ends_with("M")), "{texts:?}");
}

#[test]
fn peaks_have_a_dot_and_torn_samples_a_triangle() {
    let svg = draw(&browser(By::Family), &ChartOptions::default(), &context()).unwrap();
    assert!(texts(&svg).contains(&"522.9M".to_owned()));
    // Two of the three torn samples are next to each other.
    assert_eq!(elements(&svg, "polyline"), 2);
    assert!(texts(&svg).iter().any(|text| text.contains("3 torn: triangles below the axis")));
}

#[test]
fn a_span_is_one_mark_with_two_ends() {
    let mut context = context();
    let mark = |seconds: i64, text: &str| ChartMark {
        utc_ns: crate::chart::tests::data::BEGUN + seconds * 1_000_000_000,
        text: text.to_owned(),
    };
    context.marks = vec![mark(100, "load"), mark(300, "load.end"), mark(400, "alone.end")];
    let plain = draw(&browser(By::Family), &ChartOptions::default(), &context).unwrap();
    let said = texts(&plain);
    assert!(said.contains(&"load".to_owned()) && !said.contains(&"load.end".to_owned()));
    assert!(said.contains(&"alone.end".to_owned()), "an end without a begin is a mark: {said:?}");
    assert!(plain.contains("Marks: load after 1m 40s until 5m 00s; alone.end after 6m 40s"));
    // A tint behind the data, and a bar above it.
    let document = parse(&plain);
    let tints = document
        .descendants()
        .filter(|node| node.has_tag_name("rect") && node.attribute("opacity") == Some("0.16"));
    assert_eq!(tints.count(), 1);
    let bars = document.descendants().filter(|node| node.attribute("stroke-width") == Some("30"));
    let flat = |node: &roxmltree::Node<'_, '_>| node.attribute("y1") == node.attribute("y2");
    assert_eq!(bars.filter(flat).count(), 1);
}

/// Estimates of widths are on the wide side, so what fits by them is not cut off anywhere.
#[test]
fn no_text_leaves_the_picture() {
    for (name, series, options) in crate::chart::tests::data::gallery() {
        for (width, height) in [(960, 540), (600, 400), (320, 260), (1600, 300)] {
            let options = ChartOptions { width, height, ..options.clone() };
            let svg = draw(&series, &options, &context()).unwrap();
            for node in parse(&svg).descendants().filter(|node| node.has_tag_name("text")) {
                let number = |name| node.attribute(name).unwrap().parse::<f64>().unwrap() / 10.0;
                let words = node.text().unwrap().trim();
                let bold = node.attribute("font-weight") == Some("bold");
                let width_of = if bold { text::bold_width } else { text::width };
                let length = width_of(words, number("font-size"));
                let left = match node.attribute("text-anchor") {
                    Some("end") => number("x") - length,
                    Some("middle") => number("x") - length / 2.0,
                    _ => number("x"),
                };
                assert!(
                    left >= 0.0 && left + length <= f64::from(width) + 1.0,
                    "{name} {width}: {words}"
                );
                assert!(
                    (5.0..=f64::from(height) - 5.0).contains(&number("y")),
                    "{name} {height}: {words}"
                );
            }
        }
    }
}
