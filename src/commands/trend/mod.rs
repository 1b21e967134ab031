//! `vmrec trend`: which types rise, how fast, and how long that can go on.

mod recorded;

use std::process::ExitCode;

use clap::Args;
use vmrec_report::{
    By, Clock, ENOUGH_SAMPLES, Metric, Trend, TrendLayout, TrendLimit, TrendOptions,
    USUAL_MAX_MAP_COUNT, json, trend_table, units,
};
use vmrec_sampler::Naming;

use crate::args::{RecordingArgs, SpanArgs, SumBy};
use crate::failure::{Failure, Status};
use crate::parse::{metric_parser, size_of};
use crate::recording::Opened;
use crate::shell::shell_word;
use crate::{output, zone};

/// Show which types rise, how fast, and the time left to a limit
///
/// Slopes are Theil and Sen's, with an interval of 95 %; a warm-up at the begin is left out.
#[derive(Args, Debug)]
pub(crate) struct TrendArgs {
    /// Begin at this time
    #[arg(allow_hyphen_values = true, value_name = "FROM", default_value = "start")]
    from: String,

    /// End at this time
    #[arg(allow_hyphen_values = true, value_name = "TO", default_value = "end")]
    to: String,

    /// Metric
    #[arg(long, value_name = "METRIC", default_value = "resident", value_parser = metric_parser())]
    metric: Metric,

    /// Kind of the rows
    #[arg(long, value_enum, default_value_t = SumBy::Type)]
    by: SumBy,

    /// Limit to derive the time left to beside those recorded: 512M, virtual=4G, regions=65530
    #[arg(long, value_name = "[METRIC=]LIMIT", value_parser = limit)]
    limit: Vec<Limit>,

    /// Samples that a slope needs
    #[arg(long, value_name = "N", default_value_t = ENOUGH_SAMPLES)]
    min_samples: usize,

    /// Count the warm-up too
    #[arg(long)]
    whole: bool,

    /// Show every row instead of those that moved most
    #[arg(long)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// A limit as it is written; that of the metric shown without one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    metric: Option<Metric>,
    value: u64,
    name: Option<&'static str>,
}

/// Reads the value of `--limit`.
fn limit(text: &str) -> Result<Limit, String> {
    let max_map_count = "vm.max_map_count";
    if text == "max_map_count" || text == max_map_count {
        let value = USUAL_MAX_MAP_COUNT;
        return Ok(Limit { metric: Some(Metric::Regions), value, name: Some(max_map_count) });
    }
    let (metric, value) =
        match text.split_once('=') {
            Some((metric, value)) => {
                let known = Metric::from_name(metric.trim());
                (
                    Some(known.ok_or_else(|| {
                        crate::parse::parse_metric(metric).err().unwrap_or_default()
                    })?),
                    value,
                )
            }
            None => (None, text),
        };
    let value = size_of(value.trim()).filter(|value| *value > 0).ok_or_else(|| {
        "not a limit\nhint: write a size like 512M, a number of regions, or max_map_count"
            .to_owned()
    })?;
    Ok(Limit { metric, value, name: None })
}

/// Runs the command.
pub(crate) fn run(args: &TrendArgs) -> Result<ExitCode, Failure> {
    let opened = Opened::open(&args.recording)?;
    let span = SpanArgs { from: args.from.clone(), to: args.to.clone() };
    let mut metrics = vec![args.metric];
    for metric in args.limit.iter().filter_map(|limit| limit.metric) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    let by: By = args.by.into();
    let (from, to) = (opened.resolve(&span.from)?, opened.resolve(&span.to)?);
    if to.number < from.number {
        return Err(Failure::usage(format!("`{}` is later than `{}`", args.from, args.to)).hint(
            format!(
                "swap them: vmrec trend{} {} {}",
                opened.options(&args.recording),
                shell_word(&args.to),
                shell_word(&args.from)
            ),
        ));
    }
    let series = opened.series(&metrics, by, &span)?;
    let options = TrendOptions {
        naming: Naming::of(&opened.recording.host),
        min_samples: args.min_samples,
        warm_up: !args.whole,
        marks: opened.marks.iter().map(|mark| (mark.utc_ns, mark.text.clone())).collect(),
    };
    let trends: Option<Vec<Trend>> = series.iter().map(|one| Trend::of(one, &options)).collect();
    let trends = trends.filter(|trends| !trends.is_empty()).ok_or_else(|| {
        Failure::new(Status::Recording, anyhow::anyhow!("there is no sample in that time"))
            .hint("`vmrec info` shows when samples were taken")
    })?;
    let of = |metric: Metric| trends.iter().find(|trend| trend.metric == metric);
    let recorded = recorded::limits(&opened, from.number..=to.number, &options)?;
    // The kernel's default stands in where its setting was not recorded.
    let is_recorded = |limit: &Limit| {
        limit.name.is_some() && recorded.iter().any(|(of, _)| of.name.as_deref() == limit.name)
    };
    let given = args.limit.iter().filter(|limit| !is_recorded(limit)).filter_map(|limit| {
        let metric = limit.metric.unwrap_or(args.metric);
        let name = limit.name.map(str::to_owned);
        let bound = TrendLimit { metric, value: limit.value, name, recorded: None };
        Some((bound, of(metric)?.clone()))
    });
    let limits: Vec<(TrendLimit, Trend)> = given.chain(recorded.iter().cloned()).collect();
    let Some(trend) = of(args.metric) else { return Ok(ExitCode::FAILURE) };
    let name = format!(
        "{}: {} by {}, {}",
        opened.title(false),
        args.metric.words(),
        by.name(),
        units::counted(trend.samples as u64, "sample", "samples"),
    );
    if args.json {
        output::print_json(&json::TrendDocument::new(&name, by.name(), trend, &limits))?;
        return Ok(ExitCode::SUCCESS);
    }
    let clock = Clock::Wall { begin_utc_ns: trend.begin_utc_ns, zone: zone::local() };
    let layout = TrendLayout {
        name: &name,
        clock: &clock,
        all: args.all,
        width: output::width(),
        color: output::color(),
    };
    output::print(&trend_table(trend, &limits, &layout))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_of_the_metric_shown_or_of_another() {
        let of = |metric, value| Limit { metric, value, name: None };
        assert_eq!(limit("512M"), Ok(of(None, 512 << 20)));
        assert_eq!(limit("virtual=4G"), Ok(of(Some(Metric::Virtual), 4 << 30)));
        assert_eq!(limit("regions=1000"), Ok(of(Some(Metric::Regions), 1000)));
        assert_eq!(limit("max_map_count").map(|limit| limit.value), Ok(65_530));
        for wrong in ["", "0", "512MB", "colour=4G", "virtual=", "="] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
