//! What is made of a recording at its end: its page, the verdicts on its limits, its chart.

use std::path::Path;
use std::process::ExitCode;

use vmrec_store::{RecordingId, SessionId};

use crate::args::{Choice, FileArgs, FileNumber};
use crate::commands::chart::at_end;
use crate::commands::check::Judged;
use crate::commands::check::budget::Budget;
use crate::commands::record::args::RecordArgs;
use crate::commands::report;
use crate::failure::Failure;
use crate::output;
use crate::session::OpenedSession;

/// The outputs asked for.
pub(super) struct Outputs<'a> {
    args: &'a RecordArgs,
    budget: Option<Budget>,
}

/// The recording that they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    /// One process.
    Process(RecordingId),
    /// Several.
    Session(SessionId),
}

impl<'a> Outputs<'a> {
    /// Reads the limits and checks the names of files: a wrong one must not cost the user a run.
    pub(super) fn of(args: &'a RecordArgs) -> Result<Self, Failure> {
        let read = |file| Budget::of_file(file)?.whole();
        let budget = args.check.as_deref().map(read).transpose()?;
        if let Some(budget) = budget.as_ref().filter(|_| args.is_family()) {
            Judged::can_be_of_session(budget)?;
        }
        args.report.as_deref().map(report::check_path).transpose()?;
        args.chart.as_deref().map(at_end::check).transpose()?;
        Ok(Self { args, budget })
    }

    /// Makes them, and returns the exit status: that of a command that failed goes first.
    pub(super) fn make(
        &self,
        path: &Path,
        recorded: Option<Recorded>,
        status: Option<i32>,
    ) -> Result<ExitCode, Failure> {
        let page = self.args.report.as_deref().zip(recorded);
        let written = page.map_or(Ok(()), |(page, recorded)| recorded.page(page, path));
        match (written, status) {
            (Err(failure), Some(status)) if status != 0 => drop(failure.report()),
            (written, _) => written?,
        }
        let kept = match (&self.budget, recorded) {
            (Some(budget), Some(recorded)) => recorded.keeps_to(budget, path)?,
            // Nothing recorded keeps to no limit.
            (budget, _) => budget.is_none(),
        };
        let chart = self.args.chart.as_deref().zip(recorded);
        let drawn = chart.map_or(Ok(()), |(chart, recorded)| recorded.chart(chart, path));
        let own = match drawn {
            Err(failure) => failure.report(),
            Ok(()) if !kept => ExitCode::FAILURE,
            Ok(()) => ExitCode::SUCCESS,
        };
        // The command's own failure says more.
        Ok(match status.unwrap_or(0) {
            0 => own,
            status => ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)),
        })
    }
}

impl Recorded {
    fn page(self, page: &Path, path: &Path) -> Result<(), Failure> {
        match self {
            Self::Process(RecordingId(number)) => report::at_end(page, path, number),
            Self::Session(session) => report::session_at_end(page, &opened(path, session)?),
        }
    }

    fn chart(self, chart: &Path, path: &Path) -> Result<(), Failure> {
        match self {
            Self::Process(recording) => at_end::write(path, recording, chart),
            Self::Session(session) => at_end::write_session(&opened(path, session)?, chart),
        }
    }

    /// Checks what was recorded and shows the verdicts.
    fn keeps_to(self, budget: &Budget, path: &Path) -> Result<bool, Failure> {
        let judged = match self {
            Self::Process(RecordingId(number)) => {
                let file = FileArgs { db: Some(path.to_owned()) };
                Judged::of(budget, &file, &[Choice::Number(number)])?
            }
            Self::Session(session) => Judged::of_session(budget, &opened(path, session)?)?,
        };
        output::note(judged.text(output::width(), false).trim_end());
        Ok(judged.passed)
    }
}

fn opened(path: &Path, SessionId(number): SessionId) -> Result<OpenedSession, Failure> {
    let file = FileArgs { db: Some(path.to_owned()) };
    OpenedSession::open(&file, Some(FileNumber { file: 1, number }))
}
