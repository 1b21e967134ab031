//! `vmrec stop`: ends a recorder, as Ctrl-C does.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use signal_hook::consts::SIGTERM;
use vmrec_report::units::counted;

use crate::args::FileArgs;
use crate::failure::{Failure, Status};
use crate::file::{db_option, path};
use crate::recorders::Recorder;
use crate::{output, recorders};

/// How long a recorder may take to end: its last sample, and its command if it started one.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked for.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// End a recorder, and wait until all is stored
///
/// It ends as with Ctrl-C, on whichever terminal it runs or on none. A command that it started gets SIGTERM, and the recording ends with it.
#[derive(Args, Debug)]
pub(crate) struct StopArgs {
    /// Process of the recorder, where several write beside each other
    #[arg(value_name = "PID")]
    pid: Option<u32>,

    /// End all recorders of the file and beside it
    #[arg(long, conflicts_with = "pid")]
    all: bool,

    #[command(flatten)]
    file: FileArgs,
}

/// Runs the command.
pub(crate) fn run(args: &StopArgs) -> Result<ExitCode, Failure> {
    let path = path(&args.file)?;
    let mut recorders = recorders::running(&path)?;
    recorders.retain(|one| args.pid.is_none() || one.pid == args.pid);
    let db = db_option(&path);
    if recorders.is_empty() {
        let whose = args.pid.map(|pid| format!(" of process {pid}")).unwrap_or_default();
        let none = anyhow::anyhow!("no recorder{whose} writes to {}", path.display());
        return Err(Failure::new(Status::Target, none).hint(format!(
            "`vmrec status{db}` shows those that run; name another file with --db"
        )));
    }
    if recorders.len() > 1 && !args.all {
        let pids: Vec<String> =
            recorders.iter().filter_map(|one| Some(one.pid?.to_string())).collect();
        return Err(Failure::usage(format!(
            "{} recorders run: {}",
            recorders.len(),
            pids.join(", ")
        ))
        .hint(format!("`vmrec stop{db} PID` ends one, `vmrec stop{db} --all` ends all")));
    }
    recorders.iter().try_for_each(stop)?;
    Ok(ExitCode::SUCCESS)
}

fn stop(recorder: &Recorder) -> Result<(), Failure> {
    let Recorder { file, pid, recordings } = recorder;
    let at = file.path.display();
    let Some(pid) = *pid else {
        let unknown = anyhow::anyhow!("the lock of {at} does not say which process records");
        return Err(
            Failure::new(Status::Target, unknown).hint(format!("`lsof {at}-lock` shows it"))
        );
    };
    // Whoever may write to the folder may have written another pid.
    let program = vmrec_sampler::program_name(pid);
    if program != vmrec_sampler::program_name(std::process::id()) {
        let is = program.map_or("not there".to_owned(), |name| format!("`{name}`"));
        let other = anyhow::anyhow!(
            "process {pid}, which the lock of {at} names, is {is}: nothing was ended"
        );
        return Err(Failure::new(Status::Target, other).hint(format!(
            "`lsof {at}-lock` shows the recorder; in another container end it there"
        )));
    }
    vmrec_sampler::send_signal(pid, SIGTERM).map_err(|source| {
        let error = anyhow::Error::new(source).context(format!("cannot end process {pid}"));
        Failure::new(Status::Target, error).hint("end it as the user that started it, or with sudo")
    })?;
    let begun = Instant::now();
    while file.content.recorder_pid() == Some(pid) {
        if begun.elapsed() >= PATIENCE {
            let late = anyhow::anyhow!("process {pid} still records to {at}");
            return Err(Failure::new(Status::Target, late).hint(format!(
                "a command that it started may heed SIGTERM late; `kill -CONT {pid}` if it was stopped"
            )));
        }
        thread::sleep(ASK_EVERY);
    }
    let ended = file.content.recordings()?;
    let of_it = |number| recordings.iter().any(|one| one.recording.id.0 == number);
    let samples = ended.iter().filter(|one| of_it(one.recording.id.0)).map(|one| one.samples).sum();
    output::note(&format!(
        "ended process {pid}: {} in {} of {at}",
        counted(samples, "sample", "samples"),
        counted(recordings.len() as u64, "recording", "recordings"),
    ));
    Ok(())
}
