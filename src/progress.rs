//! Shows on a terminal that long work goes on, and how far it is.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// Work shorter than this shows nothing.
const QUIET: Duration = Duration::from_secs(1);
/// Work of an unknown length, and of a known one: 60 columns with the longest word there is.
const SPINNER: &str = "{spinner} {msg} {elapsed}";
const BAR: &str = "{msg} {bar:24} {percent:>3} % {elapsed}, {eta} left";
/// The time between two pictures.
const FRAME: Duration = Duration::from_millis(200);

/// How far some work is.
#[derive(Debug, Default)]
pub(crate) struct Done(AtomicU64);

impl Done {
    /// Counts steps that are done.
    pub(crate) fn add(&self, steps: u64) {
        self.0.fetch_add(steps, Ordering::Relaxed);
    }
}

/// Does some work; if it takes longer than a second, says so on standard error, with the time it has
/// taken, where that is a terminal.
pub(crate) fn shown<T>(what: &str, work: impl FnOnce() -> T) -> T {
    drawn(what, None, work)
}

/// Does some work of so many steps, and shows in the same way which part of it is done.
pub(crate) fn counted<T>(what: &str, steps: u64, work: impl FnOnce(&Done) -> T) -> T {
    let done = Done::default();
    drawn(what, Some((steps, &done)), || work(&done))
}

fn drawn<T>(what: &str, of: Option<(u64, &Done)>, work: impl FnOnce() -> T) -> T {
    if terminal::is_dumb() || !stderr().is_terminal() {
        return work();
    }
    let (ended, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let waits = |time| end.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
            if !waits(QUIET) {
                return;
            }
            let steps = of.map(|(steps, _)| steps);
            let bar = ProgressBar::with_draw_target(steps, ProgressDrawTarget::stderr())
                .with_elapsed(QUIET)
                .with_message(what.to_owned());
            let template = if steps.is_some() { BAR } else { SPINNER };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            loop {
                match of {
                    Some((_, Done(done))) => bar.set_position(done.load(Ordering::Relaxed)),
                    None => bar.tick(),
                }
                if !waits(FRAME) {
                    break;
                }
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(ended);
        result
    })
}
