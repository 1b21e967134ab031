//! The chart that ends a recording: `vmrec record --chart FILE`.

use std::path::Path;

use vmrec_report::{By, ChartContext, ChartOptions, Metric, Series, Theme, draw, escape};
use vmrec_store::RecordingId;

use crate::args::{Choice, FileArgs, RecordingArgs, SpanArgs};
use crate::commands::chart::source;
use crate::failure::Failure;
use crate::failure::hints::FOLDER_MISSING;
use crate::recording::Opened;
use crate::session::OpenedSession;
use crate::{output, picture, zone};

/// Checks that a file can be there at all: a wrong name must not cost the user a run.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    picture::check(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no folder {} to write the chart to", folder.display()))
        .hint(FOLDER_MISSING))
}

/// Draws the resident memory of a whole recording by family into a file.
pub(crate) fn write(file: &Path, recording: RecordingId, path: &Path) -> Result<(), Failure> {
    let opened = Opened::open(&RecordingArgs {
        file: FileArgs { db: Some(file.to_owned()) },
        recording: Some(Choice::Number(recording.0)),
    })?;
    let series = opened.series(&[Metric::RESIDENT], By::Family, &SpanArgs::whole())?;
    drawn(path, &series, &source::context(&opened)?)
}

/// Draws private and swapped memory of a whole session by process into a file.
pub(crate) fn write_session(opened: &OpenedSession, path: &Path) -> Result<(), Failure> {
    opened.must_have_samples()?;
    let series = opened.series(&[Metric::Own], By::Process, &SpanArgs::whole(), false)?;
    drawn(path, &series, &opened.context()?)
}

fn drawn(path: &Path, series: &[Series], context: &ChartContext) -> Result<(), Failure> {
    let options = ChartOptions {
        theme: picture::theme(Some(path), Theme::Auto),
        zone: zone::local(),
        ..ChartOptions::default()
    };
    let drawn = draw(series, &options, context).map_err(Failure::undrawable)?;
    picture::write(path, &drawn.svg)?;
    output::note(&format!("{}: {}", path.display(), escape::terminal(&drawn.finding)));
    Ok(())
}
