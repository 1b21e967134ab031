//! Shows on a terminal that long work goes on.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows nothing.
const QUIET: Duration = Duration::from_secs(1);
/// The time between two pictures.
const FRAME: Duration = Duration::from_millis(200);

/// Does some work; if it takes longer than a second, says so on standard error, with the time it has
/// taken, where that is a terminal.
pub(crate) fn shown<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if dumb || !stderr().is_terminal() {
        return work();
    }
    let (done, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let waits = |time| end.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
            if !waits(QUIET) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                .with_elapsed(QUIET)
                .with_message(what.to_owned());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.tick();
            while waits(FRAME) {
                bar.tick();
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(done);
        result
    })
}
