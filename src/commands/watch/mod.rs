//! `vmrec watch`: memory by type on the whole terminal, as it is recorded or was.
//!
//! The view reads the file that a recorder writes, so whoever records it loses nothing by it: a
//! TARGET is recorded by a `vmrec record` of its own, which ends when the view does.

mod data;
mod draw;
mod graph;
mod keys;
mod recorder;
mod regions;
mod state;
mod table;

use std::io;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::args::{Choice, FileArgs, RecordingArgs};
use crate::commands::watch::data::Data;
use crate::commands::watch::recorder::Recorder;
use crate::commands::watch::state::{Effect, State};
use crate::failure::{Failure, Status};
use crate::file;
use crate::parse::parse_interval;

/// Watch memory by type live, or walk through a recording
///
/// TARGET is recorded as `vmrec record` does until you press q. A recording, one that another
/// vmrec writes too, is watched with -r. Keys: m mark, b count changes from here, tab metric,
/// arrows choose a type and walk through time, Enter its regions, / filter, s save the chart.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Pid or full or partial executable name, to be recorded [default: the newest recording]
    #[arg(conflicts_with = "recording")]
    target: Option<String>,

    /// Time between samples of TARGET: 50ms to 24h
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    every: Duration,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// How often the file is asked for a new sample at most.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// Runs the command.
pub(crate) fn run(args: &WatchArgs) -> Result<ExitCode, Failure> {
    let terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    let Some(target) = &args.target else {
        if !terminal {
            return Err(Failure::usage("there is no terminal to show a recording on")
                .hint("`vmrec info`, `vmrec diff` and `vmrec chart` show it without one"));
        }
        view(&args.recording, None)?;
        return Ok(ExitCode::SUCCESS);
    };
    let path = file::path(&args.recording.file)?;
    let path = file::to_record(&path);
    if !terminal {
        // Without a terminal it is a recording with plain lines.
        return recorder::in_place(target, args.every, &path);
    }
    let mut recorder = Recorder::start(target, args.every, &path)?;
    let id = match recorder.first_sample(&path)? {
        Ok(id) => id,
        Err(status) => return Ok(status),
    };
    let recording =
        RecordingArgs { recording: Some(Choice::Number(id.0)), file: FileArgs { db: Some(path) } };
    let shown = view(&recording, Some(&mut recorder));
    let status = recorder.end();
    shown?;
    Ok(status)
}

/// Shows a recording until the user has seen enough.
fn view(args: &RecordingArgs, mut recorder: Option<&mut Recorder>) -> Result<(), Failure> {
    let mut state = State::default();
    let mut data = Data::read(args, &state)?;
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    let outcome = (|| {
        loop {
            terminal.draw(|frame| draw::draw(frame, &mut state, &data)).map_err(unusable)?;
            loop {
                let wait = Duration::from_nanos(data.interval_ns() / 2).min(MAX_WAIT);
                let effect = match event::poll(wait).map_err(unusable)? {
                    true => match event::read().map_err(unusable)? {
                        Event::Key(key) if key.kind != KeyEventKind::Release => {
                            keys::press(&mut state, &data, key)
                        }
                        Event::Resize(..) => Effect::Redraw,
                        _ => Effect::Nothing,
                    },
                    false => Effect::Nothing,
                };
                if effect == Effect::Quit {
                    return Ok(());
                }
                if let Some(recorder) = recorder.as_deref_mut() {
                    state.recorder_ended = recorder.has_ended();
                }
                let acted = data.act(&mut state, effect)?;
                if data.refresh(&state)? || acted {
                    break;
                }
            }
        }
    })();
    ratatui::restore();
    outcome
}

/// States that the terminal cannot be used.
fn unusable(error: io::Error) -> Failure {
    Failure::new(Status::Usage, anyhow::Error::new(error).context("the terminal cannot be used"))
}
