//! Failures of commands: the error, a hint for the next step, and the exit status.

pub(crate) mod hints;

use std::fmt::Display;
use std::io;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use vmrec_report::escape;
use vmrec_sampler::{Error as SamplerError, Family, Naming};
use vmrec_store::Error as StoreError;

use crate::failure::hints::{
    CHEAP_HINT, FOLDER_MISSING, HIDDEN, NO_HEAP, NO_PROC, TOTALS_HINT, alloc_hint, permission_hint,
    stack_hint, stop_hint,
};
use crate::shell::shell_word;
use crate::types_file::error::{TypesError, Wrong};

/// Whose fault it is, which decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Wrong usage (2).
    Usage = 2,
    /// The target is not there or may not be read (3).
    Target = 3,
    /// The recording cannot be used (4).
    Recording = 4,
}

/// An error as the user sees it.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    /// Wraps `error` under `status`, without a hint.
    pub(crate) fn new(status: Status, error: impl Into<anyhow::Error>) -> Self {
        Self { status, error: error.into(), hint: None }
    }

    /// States a misuse of the command line.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Status::Usage, anyhow::anyhow!("{message}"))
    }

    /// States that a file cannot be read or written.
    pub(crate) fn io(action: &str, path: &Path, source: std::io::Error) -> Self {
        let kind = source.kind();
        let error =
            anyhow::Error::new(source).context(format!("cannot {action} {}", path.display()));
        let failure = Self::new(Status::Recording, error);
        match kind {
            ErrorKind::StorageFull => {
                failure.hint("free some space or name a file on another disk")
            }
            ErrorKind::NotFound => failure.hint(FOLDER_MISSING),
            ErrorKind::PermissionDenied => failure.hint("name a file where you may write"),
            _ => failure,
        }
    }

    /// States that a recording cannot be drawn.
    pub(crate) fn undrawable(error: vmrec_report::Error) -> Self {
        let is_unread = matches!(error, vmrec_report::Error::TotalsAlone { .. });
        let is_cheap = matches!(error, vmrec_report::Error::Cheap { .. });
        let failure = Self::new(Status::Recording, error);
        match (is_unread, is_cheap) {
            (true, _) => failure.hint(TOTALS_HINT),
            (_, true) => failure.hint(CHEAP_HINT),
            _ => failure,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Returns what is wrong, for another error to include.
    pub(crate) fn sentence(&self) -> String {
        format!("{:#}", self.error)
    }

    /// Returns whether it is a misuse: of what is asked for, not of what is there.
    #[cfg(feature = "serve")]
    pub(crate) fn is_usage(&self) -> bool {
        self.status == Status::Usage
    }

    /// Returns the error and its hint as they are printed, escaped.
    pub(crate) fn text(&self) -> String {
        let hints = self.hint.iter().flat_map(|hint| hint.lines());
        let hints = hints.map(|line| format!("hint: {}\n", escape::terminal(line)));
        format!("vmrec: {}\n{}", escape::terminal(&self.sentence()), hints.collect::<String>())
    }

    /// Prints the error and its hint to standard error and gives the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        // A reader of our output that went away (`vmrec list | head -1`) is not an error.
        let broken_pipe = self.error.chain().any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
        });
        if broken_pipe {
            return ExitCode::SUCCESS;
        }
        // A standard error that is gone or full changes nothing about the outcome.
        let _ = io::stderr().write_all(self.text().as_bytes());
        ExitCode::from(self.status as u8)
    }
}

impl From<SamplerError> for Failure {
    fn from(error: SamplerError) -> Self {
        let hint = match &error {
            SamplerError::NotFound { .. } => {
                Some("look for it with `ps -e`; give a pid or a full or partial executable name")
            }
            SamplerError::NoProc | SamplerError::OtherProc => Some(NO_PROC),
            SamplerError::Hidden { .. } => Some(HIDDEN),
            SamplerError::NotPermitted { user_id, .. } => {
                Some(permission_hint(vmrec_sampler::own_user_id(), *user_id))
            }
            SamplerError::Exited { .. } | SamplerError::Zombie { .. } => {
                Some("start it again, or let vmrec start it: `vmrec record -- COMMAND`")
            }
            SamplerError::Reused { .. } => Some("look its new pid up with `ps -e` and record that"),
            SamplerError::KernelThread { .. } => {
                Some("only programs have memory regions to record")
            }
            SamplerError::StopRefused { why, .. } => Some(stop_hint(why)),
            SamplerError::AllocsRefused { why, .. } => alloc_hint(why),
            SamplerError::StacksRefused { why, .. } => stack_hint(why),
            SamplerError::DidNotStop { .. } => {
                Some("threads may wait in the kernel for a device: try again later")
            }
            SamplerError::StoppedTooLong { .. } => Some(
                "allow more: --max-stop 60s; a GiB of heap takes some 0.3 s, on a busy machine more",
            ),
            SamplerError::NoHeap { .. } => Some(NO_HEAP),
            SamplerError::HeapNotSupported { .. } => Some(NO_HEAP),
            SamplerError::Kernel { .. } => Some(vmrec_sampler::PERMISSION_HINT),
            SamplerError::BadLine { .. } => {
                Some("this kernel prints what vmrec does not know; please report the line")
            }
            _ => None,
        };
        let failure = Self::new(Status::Target, error);
        if let Some(hint) = hint { failure.hint(hint) } else { failure }
    }
}

/// Returns the key of a family, with its label where that differs.
fn family_names(family: Family) -> String {
    match (family.name(), family.label(Naming::Linux)) {
        (key, label) if key == label => key.to_owned(),
        (key, label) => format!("{key} ({label})"),
    }
}

impl From<TypesError> for Failure {
    fn from(error: TypesError) -> Self {
        let hint = match &error.what {
            Wrong::Read(source) if source.kind() == ErrorKind::NotFound => {
                "name a file of types with --types FILE".to_owned()
            }
            Wrong::Read(_) | Wrong::TooLong => {
                "a file of types is a short text in UTF-8".to_owned()
            }
            Wrong::Toml(message) if message.starts_with("unknown field") => {
                "what is not known is refused, so that no condition goes unnoticed".to_owned()
            }
            Wrong::Toml(_) => "a type is [[type]], then name = \"…\" and its conditions".to_owned(),
            Wrong::Name => "give name a word or a few, such as name = \"Model weights\"".to_owned(),
            Wrong::Family(_) => {
                format!("the families are {}", Family::ALL.map(family_names).join(", "))
            }
            Wrong::Size(_) => "write bytes, or K, M, G or T of them: min_size = \"64M\"".to_owned(),
            Wrong::NoSize => "min_size must not be above max_size".to_owned(),
            Wrong::Protection(_) => {
                "write rights as r, w and x or -: protection = \"rw-\"".to_owned()
            }
            Wrong::NoCondition => {
                "add object, anon_name, min_size, max_size or protection".to_owned()
            }
        };
        Self::new(Status::Usage, error).hint(hint)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::NotARecording { .. } => {
                Some("name another file with --db; this one was left as it is".to_owned())
            }
            StoreError::NewerVersion { .. } => Some("it was written by a newer vmrec: update vmrec".to_owned()),
            StoreError::Draft { .. } => Some(
                "record anew, into another file with --db FILE or with this one moved away"
                    .to_owned(),
            ),
            StoreError::OtherSchema { path, .. } => Some(format!(
                "a draft of vmrec or another program made them; `vmrec repair {} -o NEW` saves what \
                 can be proven of it into a new file",
                shell_word(&path.display().to_string())
            )),
            StoreError::NotPlain { .. } => Some(
                "remove it if no vmrec runs, or record into a folder of your own with --db FILE"
                    .to_owned(),
            ),
            StoreError::HardLinked { .. } => Some(
                "its names do not share a lock: remove all but one, or copy it with `vmrec backup`"
                    .to_owned(),
            ),
            StoreError::Gone { .. } => Some(
                "samples up to then may be in the file under its new name; record anew".to_owned(),
            ),
            StoreError::Busy { .. } => Some(
                "end that recorder first, or record into another file with --db FILE".to_owned(),
            ),
            StoreError::Locked { path } => Some(format!(
                "try again; if it stays so, `lsof {}` lists the programs that have it open: one of \
                 them holds a transaction",
                shell_word(&path.display().to_string())
            )),
            StoreError::Missing { .. } => Some(
                "record something first: `vmrec record TARGET`; or name the file with --db FILE".to_owned(),
            ),
            StoreError::DiskFull { limit_bytes: Some(_), .. } => Some(
                "raise the limit (`ulimit -f`, LimitFSIZE of systemd); all samples before are kept"
                    .to_owned(),
            ),
            StoreError::DiskFull { .. } => {
                Some("free some space, or record to another disk with --db FILE; all samples before are kept".to_owned())
            }
            StoreError::LimitTooSmall { fixed_bytes, .. } => Some(format!(
                "give --max-size {}K or more; nothing was deleted: its tables, its newest samples \
                 and recordings that were not named stay",
                fixed_bytes.div_ceil(1024)
            )),
            StoreError::FolderMissing { .. } => Some(FOLDER_MISSING.to_owned()),
            StoreError::Exists { .. } => {
                Some("name another file, or replace this one with --force".to_owned())
            }
            StoreError::SameFile { .. } => Some("name another file to copy to".to_owned()),
            StoreError::Damaged { path, .. } => Some(format!(
                "`vmrec repair {} -o NEW` saves what can be read of it into a new file",
                shell_word(&path.display().to_string())
            )),
            StoreError::NoSuchRecording { .. } => {
                Some("`vmrec list` shows the recordings of a file".to_owned())
            }
            StoreError::Query { .. } => Some(
                "the tables are described in docs/schema.md; `vmrec sql --tables` lists them".to_owned(),
            ),
            StoreError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                Some("name a file where you may write with --db FILE".to_owned())
            }
            _ => None,
        };
        let status = match error {
            StoreError::Query { .. } => Status::Usage,
            StoreError::Exists { .. }
            | StoreError::FolderMissing { .. }
            | StoreError::SameFile { .. } => Status::Usage,
            _ => Status::Recording,
        };
        let failure = Self::new(status, error);
        if let Some(hint) = hint { failure.hint(hint) } else { failure }
    }
}
