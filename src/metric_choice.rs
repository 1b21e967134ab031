//! `--metric` where stacks or regions are compared: each has metrics of its own.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use vmrec_report::Metric;
use vmrec_sampler::StackMetric;

use crate::failure::Failure;
use crate::parse::parse_metric;

/// The name of a metric of regions, of stacks, or of both.
#[derive(Clone, Debug)]
pub(crate) struct MetricChoice(String);

impl MetricChoice {
    /// Returns the metric of regions, if there is one of the name.
    pub(crate) fn of_regions(choice: Option<&Self>) -> Result<Option<Metric>, Failure> {
        let of = |choice: &Self| {
            parse_metric(&choice.0).map_err(|_| {
                Failure::usage(format!("`{}` is a metric of stacks", choice.0))
                    .hint(format!("add --by stack --metric {}", choice.0))
            })
        };
        choice.map(of).transpose()
    }

    /// Returns the metric of stacks, if there is one of the name.
    pub(crate) fn of_stacks(choice: Option<&Self>) -> Result<Option<StackMetric>, Failure> {
        let of = |choice: &Self| {
            StackMetric::from_name(&choice.0).ok_or_else(|| {
                let names = StackMetric::ALL.map(StackMetric::name).join(", ");
                Failure::usage(format!("stacks have no metric `{}`", choice.0))
                    .hint(format!("their metrics are {names}"))
            })
        };
        choice.map(of).transpose()
    }
}

/// Reads the name of a metric of stacks, and lists all in the help.
pub(crate) fn stack_metric_parser() -> impl TypedValueParser<Value = StackMetric> {
    PossibleValuesParser::new(StackMetric::ALL.map(StackMetric::name))
        .map(|name| StackMetric::from_name(&name).unwrap_or_default())
}

/// Reads the name of a metric of regions or of stacks, and lists all in the help.
pub(crate) fn any_metric_parser() -> impl TypedValueParser<Value = MetricChoice> {
    let of_regions =
        Metric::ALL.map(|metric| PossibleValue::new(metric.name()).alias(metric.column()));
    let of_stacks = StackMetric::ALL.into_iter().filter(|it| *it != StackMetric::Resident);
    let of_stacks = of_stacks.map(|metric| PossibleValue::new(metric.name()));
    PossibleValuesParser::new(of_regions.into_iter().chain(of_stacks)).map(MetricChoice)
}
