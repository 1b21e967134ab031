//! `series(metric, by [, recording])`: a metric over time, summed by family or by type.

use std::sync::Arc;

use vmrec_report::{By, Series, TornValues};
use vmrec_store::{RecordingId, TableFunction, TableRows, Value};

use crate::args::SpanArgs;
use crate::commands::sql::source::{Source, rows, text};
use crate::parse::parse_metric;

/// Returns the function.
pub(crate) fn function(source: Arc<Source>) -> TableFunction {
    TableFunction {
        name: "series",
        columns: vec![
            ("recording", "INTEGER"),
            ("number", "INTEGER"),
            ("taken_utc_ns", "INTEGER"),
            ("elapsed_s", "REAL"),
            ("key", "TEXT"),
            ("family", "TEXT"),
            ("value", "INTEGER"),
        ],
        arguments: &["of_metric", "by_what", "at_recording"],
        required: 2,
        answer: Box::new(move |arguments| match arguments {
            [metric, by, recording] => {
                let metric = parse_metric(text(metric, "a metric")?)
                    .map_err(|message| message.replace("\nhint: ", "; "))?;
                let by = match text(by, "family or type")? {
                    "family" => By::Family,
                    "type" => By::Type,
                    _ => return Err("sums are by 'family' or by 'type'".to_owned()),
                };
                source.with(recording, |opened| {
                    let all = SpanArgs { from: "start".to_owned(), to: "end".to_owned() };
                    let series = opened.sums(&[metric], by, &all, TornValues::Kept)?.pop();
                    Ok(rows(Values { recording: opened.recording.id, series }))
                })
            }
            _ => Err("a metric is wanted, and what it is summed by".to_owned()),
        }),
    }
}

/// One series, sample by sample and key by key.
struct Values {
    recording: RecordingId,
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
        let tick = &series.ticks[index];
        match column {
            0 => self.recording.0.into(),
            1 => tick.number.into(),
            2 => tick.taken.utc_ns.into(),
            3 => Value::Real(series.elapsed_ns(index) as f64 / 1e9),
            4 => (&*key.key.name).into(),
            5 => key.key.family.name().into(),
            _ => key.values.get(index).into(),
        }
    }
}
