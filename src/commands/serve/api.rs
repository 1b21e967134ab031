//! The answers of `/api/`: the same documents as the commands write with `--json`.

use std::path::Path;

use serde::Deserialize;
use vmrec_report::{By, Listed, Metric, json};
use vmrec_sampler::Naming;

use crate::args::SpanArgs;
use crate::commands::export::written::rows;
use crate::commands::list::listed_sessions;
use crate::commands::serve::answer::Answer;
use crate::commands::serve::page::{opened, opened_session};
use crate::failure::Failure;
use crate::parse::parse_metric;
use crate::{file, output};

/// The maximum number of samples of one series.
const MAX_SAMPLES: u64 = 20_000;

/// What is asked for, as on the command line.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    at: Option<String>,
    from: Option<String>,
    to: Option<String>,
    metric: Option<String>,
    by: Option<String>,
}

impl Asked {
    fn span(&self) -> SpanArgs {
        let or = |text: &Option<String>, usual: &str| text.clone().unwrap_or(usual.to_owned());
        SpanArgs { from: or(&self.from, "start"), to: or(&self.to, "end") }
    }

    fn metric(&self, usual: Metric) -> Result<Metric, Failure> {
        let metric = self.metric.as_deref().map(parse_metric).transpose();
        Ok(metric.map_err(Failure::usage)?.unwrap_or(usual))
    }
}

/// `list --json`.
pub(super) fn recordings(path: &Path) -> Result<Answer, Failure> {
    let mut all = Vec::new();
    for file in file::all(path)? {
        let held = file.content.being_recorded();
        all.push((file.beside(), held, file.content.recordings()?));
    }
    let rows = all.iter().flat_map(|(file, held, recordings)| {
        recordings.iter().map(|summary| {
            let running = *held && summary.recording.ended.is_none();
            json::ListRow::new(&Listed::of(summary, running, *file))
        })
    });
    Ok(Answer::json(output::json(&rows.collect::<Vec<_>>())?))
}

/// `list --sessions --json`.
pub(super) fn sessions(path: &Path) -> Result<Answer, Failure> {
    let mut all = Vec::new();
    for file in file::all(path)? {
        let (sessions, recordings) = (file.content.sessions()?, file.content.recordings()?);
        all.push((file.beside(), file.content.being_recorded(), sessions, recordings));
    }
    let mut rows = Vec::new();
    for (file, held, sessions, recordings) in &all {
        rows.extend(listed_sessions(sessions, recordings, *held, *file));
    }
    Ok(Answer::json(output::json(&rows.iter().map(json::SessionRow::new).collect::<Vec<_>>())?))
}

/// `info --session N --json`.
pub(super) fn session(path: &Path, number: &str) -> Result<Answer, Failure> {
    let opened = opened_session(path, number)?;
    let summaries = opened.summaries()?;
    let document = json::SessionInfoDocument::new(&opened.overview(&summaries)?);
    Ok(Answer::json(output::json(&document)?))
}

/// `diff --session N --json`.
pub(super) fn session_diff(path: &Path, number: &str, asked: &Asked) -> Result<Answer, Failure> {
    let opened = opened_session(path, number)?;
    opened.must_have_samples()?;
    let (from, to) = opened.between(&asked.span())?;
    let changes = opened.diff(&from, &to, asked.metric(Metric::Own)?)?;
    let naming = Naming::of(&opened.session.host);
    let document = json::SessionDiffDocument::new(opened.session.id, naming, &from, &to, &changes);
    Ok(Answer::json(output::json(&document)?))
}

/// `export --series BY --json`, of one metric.
pub(super) fn series(path: &Path, number: &str, asked: &Asked) -> Result<Answer, Failure> {
    let opened = opened(path, number)?;
    let by = match asked.by.as_deref() {
        None | Some("type") => By::Type,
        Some("family") => By::Family,
        Some(_) => return Err(Failure::usage("`by` is `type` or `family`")),
    };
    let span = asked.span();
    let (from, to) = opened.between(&span)?;
    if to.number - from.number >= MAX_SAMPLES {
        return Err(Failure::usage(format!("that is more than {MAX_SAMPLES} samples"))
            .hint("ask for a part of the time with from=TIME and to=TIME"));
    }
    let series = opened.series(&[asked.metric(Metric::RESIDENT)?], by, &span)?;
    let naming = Naming::of(&opened.recording.host);
    Ok(Answer::json(output::json(&rows(&series, naming).collect::<Vec<_>>())?))
}

/// `export --json`: every region of a sample.
pub(super) fn snapshot(path: &Path, number: &str, asked: &Asked) -> Result<Answer, Failure> {
    let opened = opened(path, number)?;
    let at = opened.resolve(asked.at.as_deref().unwrap_or("end"))?;
    let snapshot = opened.snapshot(&at)?;
    let (process, host) = (&opened.recording.process, &opened.recording.host);
    Ok(Answer::json(output::json(&json::SnapshotDocument::new(process, host, &snapshot))?))
}
