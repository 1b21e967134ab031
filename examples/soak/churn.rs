//! The process that starts others, which live for 50 ms to 5 s, until its standard input ends.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The lives of processes, in turns: few live long enough for several samples.
const LIVES: [&str; 8] = ["0.05", "0.1", "0.3", "0.5", "1", "1.5", "2.5", "5"];

/// Starts so many processes a second, then prints how many it started and ends this one.
pub(crate) fn run(rate: u32) -> ! {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::Relaxed);
    });
    let (begun, mut started) = (Instant::now(), 0_u32);
    let mut living: Vec<Child> = Vec::new();
    let pause = Duration::from_secs(1) / rate.max(1);
    while !ended.load(Ordering::Relaxed) {
        let life = LIVES[started as usize % LIVES.len()];
        // Every other one runs a second program before its own.
        let mut command = match started / 8 % 2 {
            0 => Command::new("sleep"),
            _ => Command::new("sh"),
        };
        match started / 8 % 2 {
            0 => command.arg(life),
            _ => command.args(["-c", &format!("sleep 0.02; exec sleep {life}")]),
        };
        living.extend(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn());
        started += 1;
        living.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        thread::sleep((pause * started).saturating_sub(begun.elapsed()));
    }
    for child in &mut living {
        let _ = child.kill();
        let _ = child.wait();
    }
    println!("{started}");
    std::process::exit(0)
}
