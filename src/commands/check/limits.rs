//! Limits as they are written: `private:V8 heap=80M`, `5M/min`, `+5%`.

use vmrec_report::{Bound, Figure, Metric};

use crate::parse::size_of;

/// A limit whose type or family is not looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) metric: Metric,
    /// The name; the total without one.
    pub(crate) name: Option<Name>,
    pub(crate) figure: Figure,
    pub(crate) bound: Bound,
}

/// A name of regions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Name {
    /// Of a type or family.
    Type(String),
    /// Of an object.
    Object(String),
    /// Of a function.
    Stack(String),
}

/// Stands before the name of an object.
const OBJECT: &str = "object:";
/// Stands before the name of a function.
const STACK: &str = "stack:";

/// A number of percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percent(pub(crate) f64);

/// Reads the value of `--max`.
pub(crate) fn max(text: &str) -> Result<Written, String> {
    let (metric, name, bound) = subject(text);
    Ok(Written { metric, name, figure: Figure::Highest, bound: self::bound(bound)? })
}

/// Reads the value of `--growth`.
pub(crate) fn growth(text: &str) -> Result<Written, String> {
    let (metric, name, bound) = subject(text);
    let (figure, bound) = rate(bound)?;
    Ok(Written { metric, name, figure, bound })
}

/// Splits `[METRIC:][object:|stack:][NAME]=BOUND`; a name with `=` in it is cut at the last one.
fn subject(text: &str) -> (Metric, Option<Name>, &str) {
    let Some((of, bound)) = text.rsplit_once('=') else { return (Metric::RESIDENT, None, text) };
    let (metric, name) = named(of.trim());
    (metric, name, bound)
}

/// Reads `[METRIC:][object:|stack:][NAME]`.
pub(crate) fn named(of: &str) -> (Metric, Option<Name>) {
    if let Some(metric) = Metric::from_name(of) {
        return (metric, None);
    }
    let (metric, name) = match of.split_once(':') {
        Some((metric, name)) => match Metric::from_name(metric) {
            Some(metric) => (metric, name),
            None => (Metric::RESIDENT, of),
        },
        None => (Metric::RESIDENT, of),
    };
    let name = name.trim();
    let object = name.strip_prefix(OBJECT).map(|name| Name::Object(name.trim().to_owned()));
    let stack = name.strip_prefix(STACK).map(|name| Name::Stack(name.trim().to_owned()));
    (metric, object.or(stack).or_else(|| Some(Name::Type(name.to_owned()))))
}

/// Reads `20M`, `5M/min` or `+5%` as growth.
pub(crate) fn rate(text: &str) -> Result<(Figure, Bound), String> {
    const SECOND: u64 = 1_000_000_000;
    let Some((bound, unit)) = text.split_once('/') else {
        return Ok((Figure::Growth, self::bound(text)?));
    };
    let per_ns = match unit.trim() {
        "s" | "sec" | "second" => SECOND,
        "m" | "min" | "minute" => 60 * SECOND,
        "h" | "hour" => 3600 * SECOND,
        "d" | "day" => 86_400 * SECOND,
        _ => return Err("no unit of time\nhint: write /s, /min, /h or /d, like 5M/min".to_owned()),
    };
    Ok((Figure::Slope { per_ns }, self::bound(bound)?))
}

/// Reads `200M`, `1200` or `+5%`.
pub(crate) fn bound(text: &str) -> Result<Bound, String> {
    let text = text.trim();
    if text.ends_with('%') {
        return percent(text).map(|Percent(percent)| Bound::AboveBaseline(percent));
    }
    if text == "max_map_count" {
        return Ok(Bound::MaxMapCount);
    }
    size_of(text).map(Bound::Absolute).ok_or_else(|| {
        "not a limit\nhint: write a size like 200M, a number of regions, or +5% of a baseline"
            .to_owned()
    })
}

/// Reads `5%`, `+5%` or `5`.
pub(crate) fn percent(text: &str) -> Result<Percent, String> {
    let number = text.trim().trim_end_matches('%').trim_start_matches('+').trim_end();
    let percent: Option<f64> = number.parse().ok();
    percent
        .filter(|percent| percent.is_finite() && *percent >= 0.0)
        .map(Percent)
        .ok_or_else(|| "not a percentage\nhint: write it like 5% or 0.5%".to_owned())
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::Quantity;

    use super::*;

    const PRIVATE: Metric = Metric::Measured(Quantity::Private);

    fn read(text: &str) -> (Metric, Option<Name>, Bound) {
        let Written { metric, name, bound, .. } = max(text).unwrap();
        (metric, name, bound)
    }

    #[test]
    fn a_limit_names_metric_and_type_in_any_combination() {
        let size = |mebibytes: u64| Bound::Absolute(mebibytes << 20);
        assert_eq!(read("200M"), (Metric::RESIDENT, None, size(200)));
        assert_eq!(read("private=150M"), (PRIVATE, None, size(150)));
        let of = |name: &str| Some(Name::Type(name.into()));
        assert_eq!(read("V8 heap=80M"), (Metric::RESIDENT, of("V8 heap"), size(80)));
        assert_eq!(read("private:V8 heap = 80M"), (PRIVATE, of("V8 heap"), size(80)));
        assert_eq!(read("a:b=c=1M"), (Metric::RESIDENT, of("a:b=c"), size(1)));
        let of = |name: &str| Some(Name::Object(name.into()));
        assert_eq!(read("object:lib*.so=1M"), (Metric::RESIDENT, of("lib*.so"), size(1)));
        let stack = Some(Name::Stack("std::sort".into()));
        assert_eq!(read("stack:std::sort=1M"), (Metric::RESIDENT, stack, size(1)));
        assert_eq!(read("private:object: a:b=1M"), (PRIVATE, of("a:b"), size(1)));
        assert_eq!(read("regions=+5%"), (Metric::Regions, None, Bound::AboveBaseline(5.0)));
        assert_eq!(read("regions=max_map_count"), (Metric::Regions, None, Bound::MaxMapCount));
        for wrong in ["", "x", "resident=", "resident=-5M", "5x", "resident=x%", "-5%", "nan%"] {
            assert!(max(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn growth_is_per_time_where_that_is_named() {
        let figure = |text: &str| growth(text).map(|written| written.figure);
        assert_eq!(figure("20M"), Ok(Figure::Growth));
        assert_eq!(figure("private=5M/min"), Ok(Figure::Slope { per_ns: 60_000_000_000 }));
        assert_eq!(figure("0/h"), Ok(Figure::Slope { per_ns: 3_600_000_000_000 }));
        assert!(figure("5M/week").is_err());
    }
}
