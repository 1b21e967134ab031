//! Whole charts in characters, as a reader sees them.

use vmrec_sampler::Family;

use super::*;
use crate::chart::options::Theme;
use crate::chart::tests::data::{browser, context, gallery, series};
use crate::metric::Metric;
use crate::series::by::By;

const SECOND: u64 = 1_000_000_000;
const PLAIN: Terminal =
    Terminal { columns: 80, lines: 24, colors: TerminalColors::None, unicode: true };

fn drawn(series: &Series, options: &ChartOptions, terminal: &Terminal) -> String {
    draw_terminal(std::slice::from_ref(series), options, &context(), terminal).unwrap()
}

#[test]
fn a_terminal_has_the_finding_the_areas_and_their_figures() {
    let series = browser(By::Family);
    insta::assert_snapshot!(drawn(&series, &ChartOptions::default(), &PLAIN));
}

#[test]
fn growth_is_lines_that_end_in_letters() {
    let series = browser(By::Type);
    let options = ChartOptions { kind: ChartKind::Growth, ..ChartOptions::default() };
    insta::assert_snapshot!(drawn(&series, &options, &PLAIN));
}

#[test]
fn ascii_is_enough() {
    let terminal = Terminal { unicode: false, columns: 60, ..PLAIN };
    for kind in [ChartKind::Area, ChartKind::Growth] {
        let options = ChartOptions { kind, axis: TimeAxis::Elapsed, ..ChartOptions::default() };
        let text = drawn(&browser(By::Family), &options, &terminal);
        assert!(text.is_ascii(), "{text}");
        if kind == ChartKind::Area {
            insta::assert_snapshot!(text);
        }
    }
}

/// The lines of the plot: what lies right of the axis, from its top.
fn plot_lines(text: &str) -> Vec<String> {
    let edge = |line: &str| line.find(['┤', '│']).map(|at| line[at + '│'.len_utf8()..].to_owned());
    let lines = text.lines().skip_while(|line| !line.contains('┤'));
    lines.take_while(|line| !line.contains('└')).filter_map(edge).collect()
}

#[test]
fn the_height_of_a_column_is_the_highest_total_in_it() {
    let names = [(Family::Malloc, "malloc")];
    let value = |n: u64, _| Some(if n == 777 { 96 << 20 } else { 10 << 20 });
    let series = series(Metric::RESIDENT, By::Family, &names, 1000, SECOND, value);
    let text = drawn(&series, &ChartOptions::default(), &PLAIN);
    let lines = plot_lines(&text);
    // The axis ends at 100M: the peak of one sample of a thousand is drawn as high as it was.
    let eighths = |column: usize| -> usize {
        let cells = lines.iter().filter_map(|line| line.chars().nth(column));
        cells.map(|c| "▁▂▃▄▅▆▇█".chars().position(|block| block == c).map_or(0, |at| at + 1)).sum()
    };
    let width = 80 - 6;
    let peak = eighths(777 * width / 999) as f64 / (lines.len() * 8) as f64;
    assert!((peak - 0.96).abs() < 0.01, "{peak}\n{text}");
    assert!((eighths(3) as f64 / (lines.len() * 8) as f64 - 0.1).abs() < 0.01, "{text}");
}

#[test]
fn every_chart_fits_its_terminal() {
    for (name, series, options) in gallery() {
        let sizes = [(80, 24, true), (80, 24, false), (40, 12, true), (200, 60, true)];
        for (columns, lines, unicode) in sizes {
            let terminal = Terminal { columns, lines, unicode, ..PLAIN };
            let text = drawn(&series, &options, &terminal);
            let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap();
            assert!(widest <= columns, "{name} {columns}: {widest}\n{text}");
            if columns >= 80 {
                assert!(text.lines().count() < lines, "{name} {lines}\n{text}");
            }
        }
    }
}

#[test]
fn colours_take_no_room_and_are_those_of_the_theme() {
    let series = browser(By::Family);
    for colors in [TerminalColors::Indexed, TerminalColors::Direct] {
        let text = drawn(&series, &ChartOptions::default(), &Terminal { colors, ..PLAIN });
        let light = ChartOptions { theme: Theme::Light, ..ChartOptions::default() };
        assert_ne!(text, drawn(&series, &light, &Terminal { colors, ..PLAIN }));
        for line in text.lines() {
            let pieces: Vec<&str> = line.split("\x1b[").collect();
            let shown = |(at, piece): (usize, &&str)| match at {
                0 => piece.width(),
                _ => piece.split_once('m').map_or(0, |(_, shown)| shown.width()),
            };
            let width: usize = pieces.iter().enumerate().map(shown).sum();
            assert!(width <= 80, "{width}: {line:?}");
        }
    }
}

#[test]
fn untrusted_text_steers_no_terminal() {
    let hostile = "a\x1b]2;owned\x07\x1b[31m\n\u{202e}b".to_owned();
    let mut context = context();
    context.process = hostile.clone();
    context.recording = Some(hostile.clone());
    context.marks.iter_mut().for_each(|mark| mark.text = hostile.clone());
    let mut series = browser(By::Type);
    series.keys.iter_mut().for_each(|key| key.key.name = hostile.as_str().into());
    for terminal in [PLAIN, Terminal { unicode: false, ..PLAIN }] {
        let options = ChartOptions::default();
        let text = draw_terminal(std::slice::from_ref(&series), &options, &context, &terminal);
        let text = text.unwrap();
        assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{text:?}");
    }
}

#[test]
fn what_is_0_throughout_has_no_plot() {
    let names = [(Family::Malloc, "malloc")];
    let series = series(Metric::SWAPPED, By::Family, &names, 50, SECOND, |_, _| Some(0));
    let text = drawn(&series, &ChartOptions::default(), &PLAIN);
    assert!(text.starts_with("0 throughout: nothing was swapped\n"), "{text}");
    assert!(!text.contains('└'));
}
