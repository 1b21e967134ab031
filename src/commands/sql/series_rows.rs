//! `series(metric, by [, recording])` and `session_series(metric, by [, session])`: a metric over
//! time, of one recording or of all processes of a session.

use std::sync::Arc;

use clap::ValueEnum;
use vmrec_report::{By, Metric, Series, TornValues};
use vmrec_store::{TableFunction, TableRows, Value};

use crate::args::{SeriesBy, SpanArgs};
use crate::commands::sql::source::{Source, rows, text};
use crate::parse::parse_metric;

/// A column of a series, in SQL's words.
#[derive(Clone, Copy)]
enum Column {
    Recording,
    Session,
    Number,
    Taken,
    Elapsed,
    Key,
    Family,
    Value,
}

const OF_RECORDING: &[Column] = &[
    Column::Recording,
    Column::Number,
    Column::Taken,
    Column::Elapsed,
    Column::Key,
    Column::Family,
    Column::Value,
];

const OF_SESSION: &[Column] =
    &[Column::Session, Column::Taken, Column::Elapsed, Column::Key, Column::Value];

impl Column {
    const fn name_and_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Recording => ("recording", "INTEGER"),
            Self::Session => ("session", "INTEGER"),
            Self::Number => ("number", "INTEGER"),
            Self::Taken => ("taken_utc_ns", "INTEGER"),
            Self::Elapsed => ("elapsed_s", "REAL"),
            Self::Key => ("key", "TEXT"),
            Self::Family => ("family", "TEXT"),
            Self::Value => ("value", "INTEGER"),
        }
    }
}

/// Returns the function of a recording.
pub(crate) fn of_recording(source: Arc<Source>) -> TableFunction {
    function(
        "series",
        OF_RECORDING,
        &["of_metric", "by_what", "at_recording"],
        move |metric, by, recording| {
            let by = match by {
                "family" => By::Family,
                "type" => By::Type,
                _ => return Err("sums are by 'family' or by 'type'".to_owned()),
            };
            source.with(recording, |opened| {
                let series =
                    opened.sums(&[metric], by, &SpanArgs::whole(), TornValues::Kept)?.pop();
                Ok(rows(Values { columns: OF_RECORDING, of: opened.recording.id.0, series }))
            })
        },
    )
}

/// Returns the function of a session.
pub(crate) fn of_session(source: Arc<Source>) -> TableFunction {
    function(
        "session_series",
        OF_SESSION,
        &["of_metric", "by_what", "at_session"],
        move |metric, by, session| {
            let by = SeriesBy::from_str(by, false).map_err(|_| {
                "sums are by 'process', 'name', 'process-type', 'type' or 'family'".to_owned()
            })?;
            source.with_session(session, |opened| {
                opened.must_have_samples()?;
                let series =
                    opened.series(&[metric], by.of_session()?, &SpanArgs::whole(), false)?.pop();
                Ok(rows(Values { columns: OF_SESSION, of: opened.session.id.0, series }))
            })
        },
    )
}

/// Returns a function whose `arguments` are a metric, what it is summed by, and a recording or
/// session; `answer` gets their values.
fn function(
    name: &'static str,
    columns: &'static [Column],
    arguments: &'static [&'static str],
    answer: impl Fn(Metric, &str, &Value<'_>) -> Result<Box<dyn TableRows>, String>
    + Send
    + Sync
    + 'static,
) -> TableFunction {
    TableFunction {
        name,
        columns: columns.iter().map(|column| column.name_and_type()).collect(),
        arguments,
        required: 2,
        answer: Box::new(move |arguments| match arguments {
            [metric, by, run] => {
                let metric = parse_metric(text(metric, "a metric")?)
                    .map_err(|message| message.replace("\nhint: ", "; "))?;
                answer(metric, text(by, "a kind of sums")?, run)
            }
            _ => Err("a metric is wanted, and what it is summed by".to_owned()),
        }),
    }
}

/// One series, moment by moment and key by key.
struct Values {
    columns: &'static [Column],
    /// The number of the recording or session.
    of: i64,
    series: Option<Series>,
}

impl TableRows for Values {
    fn count(&self) -> usize {
        self.series.as_ref().map_or(0, |series| series.ticks.len() * series.keys.len())
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let (Some(series), Some(column)) = (&self.series, self.columns.get(column)) else {
            return Value::Null;
        };
        let Some(index) = row.checked_div(series.keys.len()) else { return Value::Null };
        let (tick, key) = (&series.ticks[index], &series.keys[row % series.keys.len()]);
        match column {
            Column::Recording | Column::Session => self.of.into(),
            Column::Number => tick.number.into(),
            Column::Taken => tick.taken.utc_ns.into(),
            Column::Elapsed => Value::Real(series.elapsed_ns(index) as f64 / 1e9),
            Column::Key => (&*key.key.name).into(),
            Column::Family => key.key.family.name().into(),
            Column::Value => key.values.get(index).into(),
        }
    }
}
