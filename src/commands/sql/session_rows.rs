//! `session_series(metric, by [, session])`: a metric over time over all processes of a session.

use std::sync::Arc;

use clap::ValueEnum;
use vmrec_report::Series;
use vmrec_store::{SessionId, TableFunction, TableRows, Value};

use crate::args::{SeriesBy, SpanArgs};
use crate::commands::sql::source::{Source, rows, text};
use crate::parse::parse_metric;

/// Returns the function.
pub(crate) fn function(source: Arc<Source>) -> TableFunction {
    TableFunction {
        name: "session_series",
        columns: vec![
            ("session", "INTEGER"),
            ("taken_utc_ns", "INTEGER"),
            ("elapsed_s", "REAL"),
            ("key", "TEXT"),
            ("value", "INTEGER"),
        ],
        arguments: &["of_metric", "by_what", "at_session"],
        required: 2,
        answer: Box::new(move |arguments| match arguments {
            [metric, by, session] => {
                let metric = parse_metric(text(metric, "a metric")?)
                    .map_err(|message| message.replace("\nhint: ", "; "))?;
                let by = SeriesBy::from_str(text(by, "a kind of sums")?, false).map_err(|_| {
                    "sums are by 'process', 'name', 'process-type', 'type' or 'family'".to_owned()
                })?;
                source.with_session(session, |opened| {
                    opened.must_have_samples()?;
                    let all = SpanArgs { from: "start".to_owned(), to: "end".to_owned() };
                    let series = opened.series(&[metric], by.of_session()?, &all, false)?.pop();
                    Ok(rows(Values { session: opened.session.id, series }))
                })
            }
            _ => Err("a metric is wanted, and what it is summed by".to_owned()),
        }),
    }
}

/// One series, moment by moment and key by key.
struct Values {
    session: SessionId,
    series: Option<Series>,
}

impl TableRows for Values {
    fn count(&self) -> usize {
        self.series.as_ref().map_or(0, |series| series.ticks.len() * series.keys.len())
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let Some(series) = &self.series else { return Value::Null };
        let Some(index) = row.checked_div(series.keys.len()) else { return Value::Null };
        let key = &series.keys[row % series.keys.len()];
        match column {
            0 => self.session.0.into(),
            1 => series.ticks[index].taken.utc_ns.into(),
            2 => Value::Real(series.elapsed_ns(index) as f64 / 1e9),
            3 => (&*key.key.name).into(),
            _ => key.values.get(index).into(),
        }
    }
}
