//! Ctrl-Z: the live line is taken away before vmrec stops, so that the shell's prompt and the lines
//! shown once it goes on stand on lines of their own.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread::Builder;

use signal_hook::consts::SIGTSTP;
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// Stops vmrec as it would stop by itself, with the line on `terminal` taken away, whenever that is asked for.
pub(crate) fn heed(terminal: Arc<Mutex<File>>) {
    // A shell without job control has it ignored.
    if vmrec_sampler::ignores_signal(SIGTSTP) {
        return;
    }
    let Ok(mut signals) = Signals::new([SIGTSTP]) else { return };
    let wait = move || {
        for signal in &mut signals {
            // Nothing is shown between; a terminal that is paused keeps nobody from stopping.
            let mut shown = terminal.try_lock();
            if let Ok(terminal) = &mut shown {
                let _ = terminal.write_all(b"\r\x1b[K");
            }
            let _ = low_level::emulate_default_handler(signal);
        }
    };
    // Without the thread the signal has no effect: it is better to record on than not to be stopped.
    let _ = Builder::new().name("vmrec-stops".to_owned()).spawn(wait);
}
