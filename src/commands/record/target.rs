//! Whom to watch: a process found by pid or name, or a command started here.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use vmrec_sampler::{
    Error as SamplerError, ExitWatch, Limits, ListedProcess, ProcessInfo, Sampler, Sharers,
    StackOptions, UserRule,
};

use crate::args::ReadingArgs;
use crate::commands::record::events::{Event, Events};
use crate::commands::record::stack_source::{SourceOptions, StackSource};
use crate::commands::record::via::{Reader, Vmmap};
use crate::failure::{Failure, Status};
use crate::process;
use crate::process::PickArgs;

/// The process to record.
pub(crate) struct Target {
    pid: u32,
    child: Option<Child>,
    launched: bool,
    status: Option<i32>,
    /// The user's own types.
    rules: Vec<UserRule>,
    /// What is read of it beside its tables in the kernel.
    pub(crate) reading: ReadingArgs,
    /// Whether each sample reads all regions.
    pub(crate) reread: bool,
    /// The limits of the cost of samples, unless each reads all.
    pub(crate) limits: Option<Limits>,
    /// The program that reads it in vmrec's place.
    pub(crate) via: Option<PathBuf>,
    /// Records its stacks, if that is asked for.
    pub(crate) stacks: Option<StackSource>,
}

impl Target {
    /// Finds the process meant by a pid or a name.
    pub(crate) fn find(text: &str, pick: PickArgs, rules: Vec<UserRule>) -> Result<Self, Failure> {
        Ok(Self {
            pid: Self::pid_of(text, pick)?,
            child: None,
            launched: false,
            status: None,
            rules,
            reading: ReadingArgs::default(),
            reread: false,
            limits: None,
            via: None,
            stacks: None,
        })
    }

    /// Finds the number of the process meant by a pid or a name.
    pub(crate) fn pid_of(text: &str, pick: PickArgs) -> Result<u32, Failure> {
        let pid = process::find(text, pick)?;
        if pid == std::process::id() {
            return Err(Failure::usage("vmrec cannot record itself"));
        }
        Ok(pid)
    }

    /// Finds the process meant by a pid or a name, as the list of all shows it.
    pub(crate) fn listed(text: &str, pick: PickArgs) -> Result<ListedProcess, Failure> {
        Ok(listed(&vmrec_sampler::process_info(Self::pid_of(text, pick)?)?))
    }

    /// Finds all processes meant by pids or names, except vmrec itself; perhaps none.
    pub(crate) fn listed_all(
        texts: &[String],
        pick: PickArgs,
    ) -> Result<Vec<ListedProcess>, Failure> {
        let processes = vmrec_sampler::processes();
        let mut found = Vec::new();
        for text in texts {
            if !pick.full && text.bytes().all(|byte| byte.is_ascii_digit()) {
                found.push(Self::listed(text, PickArgs::default())?);
                continue;
            }
            let matching = process::matching(text, pick, &processes)?;
            found.extend(matching.into_iter().filter_map(|at| Some(listed(processes.get(at)?))));
        }
        Ok(found)
    }

    /// Starts a command, with the standard input of vmrec or with none.
    pub(crate) fn launch(
        command: &[OsString],
        rules: Vec<UserRule>,
        stacks: Option<SourceOptions>,
        has_input: bool,
    ) -> Result<Self, Failure> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(Failure::usage("no command follows `--`"));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        if !has_input {
            command.stdin(Stdio::null());
        }
        let started = match stacks {
            None => command.spawn().map(|child| Ok((child, None))),
            Some(options) => StackSource::spawn(command, &options)
                .map(|started| started.map(|(child, source)| (child, Some(source)))),
        };
        let (child, source) = started.map_err(|source| {
            let context = format!("cannot start `{}`", program.display());
            Failure::new(Status::Target, anyhow::Error::new(source).context(context))
                .hint("check the name, or record a running process: `vmrec record TARGET`")
        })??;
        Ok(Self {
            pid: child.id(),
            child: Some(child),
            launched: true,
            status: None,
            rules,
            reading: ReadingArgs::default(),
            reread: false,
            limits: None,
            via: None,
            stacks: source,
        })
    }

    /// Returns its process number.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns whether vmrec started it.
    pub(crate) const fn is_launched(&self) -> bool {
        self.launched
    }

    /// Attaches a sampler to it; `None` if a signal ends the recording before.
    ///
    /// Reading its arguments takes as long as the process wants: they may lie on a page that never
    /// comes.
    pub(crate) fn attach(&self, events: &Events) -> Option<Result<Reader, SamplerError>> {
        let (pid, rules, reading) = (self.pid, self.rules.clone(), self.reading);
        let (reread, limits) = (self.reread, self.limits);
        let via = self.via.clone();
        let attach = move || {
            if let Some(program) = via {
                return Ok(Reader::Vmmap(Box::new(Vmmap::attach(program, pid, rules)?)));
            }
            let mut sampler = Sampler::attach_or_totals(pid)?;
            sampler.set_user_rules(rules);
            reading.apply(&mut sampler);
            sampler.set_skips_unchanged(!reread);
            sampler.set_limits(limits, &Sharers::default());
            Ok(Reader::Kernel(Box::new(sampler)))
        };
        events.while_heeding(attach, |signal, forward| self.signalled(signal, forward))
    }

    /// Begins to record its stacks, unless that began as it was started.
    pub(crate) fn record_stacks(&mut self, options: &StackOptions) -> Result<(), SamplerError> {
        if self.stacks.is_none() {
            self.stacks = Some(StackSource::attach(&[self.pid], options)?);
        }
        Ok(())
    }

    /// Returns whether a signal to vmrec ends the recording: a command decides what it means.
    fn signalled(&self, signal: i32, forward: bool) -> bool {
        if self.launched && forward {
            self.forward(signal);
        }
        !self.launched
    }

    /// Starts a thread that puts its exit into the queue; `None` if a signal comes before.
    pub(crate) fn watch(&mut self, events: &Events) -> Option<Result<(), Failure>> {
        let queue = events.sender();
        if let Some(mut child) = self.child.take() {
            thread::spawn(move || {
                let status = child.wait().ok().map(status_number);
                // Nobody listens any more once the recording has ended.
                let _ = queue.send(Event::Exited(status));
            });
            return Some(Ok(()));
        }
        let pid = self.pid;
        let watch =
            move || vmrec_sampler::process_info(pid).and_then(|info| ExitWatch::new(&info.id));
        let watch = match events.while_heeding(watch, |_, _| true)? {
            Ok(watch) => watch,
            // Attaching says better than watching what is wrong with the target.
            Err(SamplerError::NotFound { .. } | SamplerError::Exited { .. }) => {
                return Some(Err(SamplerError::NotFound { pid }.into()));
            }
            Err(error) => return Some(Err(error.into())),
        };
        thread::spawn(move || {
            // A watch that fails leaves the exit to the next sample.
            let _ = watch.wait();
            let _ = queue.send(Event::Exited(None));
        });
        Some(Ok(()))
    }

    /// Sends a signal that vmrec got on to the command it started.
    pub(crate) fn forward(&self, signal: i32) {
        // It fails only if the command is already gone, which its exit event reports.
        let _ = vmrec_sampler::send_signal(self.pid, signal);
    }

    /// Waits for a launched command to end, passing signals on; `None` for a target found.
    pub(crate) fn wait(&mut self, events: &Events) -> Option<i32> {
        if !self.launched {
            return None;
        }
        while self.status.is_none() {
            match events.wait()? {
                Event::Exited(status) => self.status = Some(status?),
                Event::Signal { signal, forward: true } => self.forward(signal),
                Event::Signal { .. } | Event::Sampled(_) | Event::Looked(_) | Event::Done => {}
            }
        }
        self.status
    }

    /// Keeps the status an exit event brought.
    pub(crate) fn exited(&mut self, status: Option<i32>) {
        self.status = status.or(self.status);
    }
}

fn listed(info: &ProcessInfo) -> ListedProcess {
    ListedProcess {
        pid: info.id.pid,
        start_ticks: info.id.start_ticks,
        parent_pid: info.parent_pid.unwrap_or(0),
        short_name: info.short_name.clone(),
        ended: false,
    }
}

/// Returns whether an error means that the target has ended, which is an ending, not a failure.
pub(crate) const fn is_gone(error: &SamplerError) -> bool {
    use SamplerError::{Exited, NotFound, Reused, Zombie};
    matches!(error, Exited { .. } | NotFound { .. } | Reused { .. } | Zombie { .. })
}

/// Returns the number a shell would give: the exit code, or 128 + the signal that ended it.
pub(crate) fn status_number(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}
