//! Runs another program, with bounds on its time and on what it prints.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The bytes of a program's messages that are kept.
const MAX_MESSAGE: u64 = 4096;

/// Runs `command`, called `name`, for `patience` at most, and returns what it prints, `max` bytes at
/// most; the error says why there is nothing.
pub(crate) fn printed(
    command: &mut Command,
    name: &str,
    patience: Duration,
    max: u64,
) -> Result<Vec<u8>, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    let page = drained(child.stdout.take(), max);
    let message = drained(child.stderr.take(), MAX_MESSAGE);
    let read = page.recv_timeout(patience);
    let Ok(page) = read else {
        end(&mut child);
        return Err(format!("{name} took more than {} s", patience.as_secs()));
    };
    if page.len() as u64 > max {
        end(&mut child);
        return Err(format!("{name} printed too much"));
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(page);
    }
    let message = message.recv_timeout(patience).unwrap_or_default();
    let message = String::from_utf8_lossy(&message);
    let first = message.lines().find(|line| !line.trim().is_empty());
    Err(first.map_or_else(|| status.to_string(), |line| line.trim().to_owned()))
}

/// Reads what a program writes, a byte more than `max` at most, on a thread of its own.
fn drained(from: Option<impl Read + Send + 'static>, max: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, bytes) = mpsc::channel();
    thread::spawn(move || {
        let mut read = Vec::new();
        if let Some(from) = from {
            // What was read before an error is all there is.
            let _ = from.take(max + 1).read_to_end(&mut read);
        }
        // Nobody waits any more for one that took too long.
        let _ = sender.send(read);
    });
    bytes
}

fn end(child: &mut Child) {
    // It fails only for one that has ended.
    let _ = child.kill();
    let _ = child.wait();
}
