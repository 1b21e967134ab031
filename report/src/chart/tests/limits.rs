//! Limits beside the data: a line where it is in reach, else words.

use super::*;
use crate::limits::{LimitKind, RecordedLimit};

fn limited(value: u64) -> ChartContext {
    let limit = RecordedLimit { kind: LimitKind::ControlGroup, value, before: None };
    ChartContext { limits: vec![limit], ..context() }
}

/// The heights of the limit's line and of the labels of the value axis.
fn line(svg: &str) -> Option<f64> {
    let document = parse(svg);
    let limit = document.descendants().find(|node| {
        node.has_tag_name("polyline") && node.attribute("stroke") == Some("#B3261E")
    })?;
    let points = limit.attribute("points").unwrap();
    let (_, y) = points.split_whitespace().next().unwrap().split_once(',').unwrap();
    Some(y.parse::<f64>().unwrap())
}

/// The values of the axis and their heights, from the bottom up: the labels farthest left.
fn ticks(svg: &str) -> Vec<(f64, f64)> {
    let document = parse(svg);
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let labels: Vec<(f64, f64, f64)> = texts
        .filter_map(|node| {
            let (number, unit) =
                node.text()?.trim().split_at_checked(node.text()?.trim().len() - 1)?;
            let scale = match unit {
                "M" => f64::from(1 << 20),
                "G" => f64::from(1 << 30),
                _ => return None,
            };
            let at = |name| node.attribute(name)?.parse::<f64>().ok();
            Some((at("x")?, number.parse::<f64>().ok()? * scale, at("y")?))
        })
        .collect();
    let left = labels.iter().map(|(x, ..)| *x).fold(f64::MAX, f64::min);
    let mut ticks: Vec<(f64, f64)> =
        labels.iter().filter(|(x, ..)| *x == left).map(|(_, value, y)| (*value, *y)).collect();
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    ticks
}

#[test]
fn a_limit_in_reach_is_a_line_at_its_height() {
    let series = browser(By::Family);
    let highest = series.totals.max().unwrap();
    for (value, options) in [
        (600 << 20, ChartOptions::default()),
        (highest / 2, ChartOptions { width: 480, height: 320, ..ChartOptions::default() }),
        (highest * 2, ChartOptions::default()),
    ] {
        let svg = draw(&series, &options, &limited(value)).unwrap();
        assert!(texts(&svg).iter().any(|text| text.starts_with("memory.max ")), "{value}");
        let y = line(&svg).unwrap();
        // The line is as far above the lowest label as the axis says.
        let ticks = ticks(&svg);
        let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
        let part = (value as f64 - low.0) / (high.0 - low.0);
        let expected = low.1 - (low.1 - high.1) * part;
        assert!((y - expected).abs() < 60.0, "{y} {expected} of {value}");
    }
}

#[test]
fn a_limit_out_of_reach_or_of_another_metric_is_said_or_left_out() {
    let series = browser(By::Family);
    let options = ChartOptions::default();
    let svg = draw(&series, &options, &limited(64 << 30)).unwrap();
    assert_eq!(line(&svg), None);
    let said = texts(&svg).join(" ");
    assert!(said.contains("limit memory.max 64.0G for its control group: "), "{said}");
    let growth = ChartOptions { kind: ChartKind::Growth, ..options.clone() };
    let svg = draw(&series, &growth, &limited(600 << 20)).unwrap();
    assert_eq!(line(&svg), None);
    let private = Series { metric: Metric::PRIVATE, ..series };
    let svg = draw(&private, &options, &limited(600 << 20)).unwrap();
    assert!(line(&svg).is_none() && !texts(&svg).join(" ").contains("memory.max"));
}

#[test]
fn what_counts_more_than_is_drawn_has_no_line() {
    let series = Series { metric: Metric::Virtual, ..browser(By::Family) };
    let limit = RecordedLimit {
        kind: LimitKind::AddressSpace,
        value: series.totals.max().unwrap(),
        before: None,
    };
    let context = ChartContext { limits: vec![limit], ..context() };
    let whole = draw(&series, &ChartOptions::default(), &context).unwrap();
    assert!(line(&whole).is_some());
    let part = Series { rest: Some(series.totals.clone()), ..series };
    let svg = draw(&part, &ChartOptions::default(), &context).unwrap();
    assert!(line(&svg).is_none());
    assert!(texts(&svg).join(" ").contains("counts what is left out too"));
}

proptest! {
    #[test]
    fn an_axis_shows_each_line_that_is_drawn(value in 1_u64..4 << 30) {
        let series = browser(By::Family);
        let svg = draw(&series, &ChartOptions::default(), &limited(value)).unwrap();
        let highest = series.totals.max().unwrap();
        prop_assert_eq!(line(&svg).is_some(), value <= highest * 2);
        if let Some(y) = line(&svg) {
            let top = ticks(&svg).last().unwrap().1;
            prop_assert!(y >= top - 60.0, "{} above {}", y, top);
        }
    }
}
