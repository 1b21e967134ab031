//! The rows of a table that is not to show all: alike regions are one, and rows that hardly count are
//! not shown by themselves.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::diff::table::line::Line;
use crate::metric::Metric;
use crate::text::units;

/// A row counts if a change of it is at least one of so many parts of all changes.
const PARTS: u128 = 1000;

/// Puts alike regions together, the rows that count first, those that moved most before others, and
/// returns how many these are.
pub(super) fn ordered(lines: &mut Vec<Line>, metrics: &[Metric], sorted_by: Metric) -> usize {
    *lines = grouped(std::mem::take(lines));
    let moved = |line: &Line, metric| line.change.get(metric).delta().unwrap_or(0).unsigned_abs();
    let all: Vec<u128> =
        metrics.iter().map(|&metric| lines.iter().map(|line| moved(line, metric)).sum()).collect();
    let counts = |line: &Line| {
        let unknown = metrics.iter().any(|&metric| line.change.get(metric).delta().is_none());
        let mut parts = metrics.iter().zip(&all);
        unknown || parts.any(|(&metric, all)| *all > 0 && moved(line, metric) * PARTS >= *all)
    };
    lines.sort_by_cached_key(|line| (!counts(line), Reverse(moved(line, sorted_by))));
    lines.partition_point(counts)
}

/// The properties that alike regions share.
#[derive(PartialEq, Eq, Hash)]
struct Alike {
    name: String,
    kind: String,
    from: Option<u64>,
    to: Option<u64>,
}

/// Makes one line of regions of one name, kind of change and size, where it first stood.
fn grouped(lines: Vec<Line>) -> Vec<Line> {
    let mut places: HashMap<Alike, usize> = HashMap::new();
    let mut groups: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        let [name, kind, _] = &line.names[..] else {
            groups.push(line);
            continue;
        };
        let size = line.change.get(Metric::Virtual);
        let key = Alike { name: name.clone(), kind: kind.clone(), from: size.from, to: size.to };
        match places.get(&key).map(|at| &mut groups[*at]) {
            None => {
                places.insert(key, groups.len());
                groups.push(line);
            }
            Some(group) => {
                group.change.merge(&line.change);
                group.otherwise_changed |= line.otherwise_changed;
                group.rows += 1;
            }
        }
    }
    for group in groups.iter_mut().filter(|group| group.rows > 1) {
        let size = group.change.get(Metric::Virtual);
        let bytes = size.to.filter(|to| *to > 0).or(size.from);
        let each = bytes.map_or_else(units::unknown, |bytes| units::size(bytes / group.rows));
        group.names[0] = format!("{} {each} × {}", group.names[0], group.rows);
        group.names[2].clear();
    }
    groups
}
