//! `vmrec watch`, on a terminal of 80 by 24.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

#[cfg(target_os = "linux")]
use crate::fixture::fixed;
use crate::harness::{Bench, Workload};

const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with a vmrec that runs on it.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    fn run(bench: &Bench, arguments: &[&str]) -> Self {
        let (ours, theirs) = pair(80, 24);
        let mut command = bench.command(arguments);
        command.env("TERM", "xterm-256color");
        command.stdin(theirs.try_clone().unwrap());
        command.stdout(theirs.try_clone().unwrap()).stderr(theirs);
        let child = command.spawn().unwrap();
        drop(command);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(side(24), side(80), 0)));
        let (mut output, shown) = (ours.try_clone().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails once vmrec has closed the terminal.
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..length]);
            }
        });
        Self { child, keyboard: ours, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen has a text, and returns it all.
    fn wait_for(&self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.text();
            if shown.contains(text) {
                return shown;
            }
            assert!(begun.elapsed() < PATIENCE, "no `{text}` in\n{shown}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn quit(mut self) -> Option<i32> {
        self.press("q");
        self.child.wait().unwrap().code()
    }
}

fn side(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).unwrap()
}

/// Returns both ends of a terminal of that size.
#[allow(unsafe_code)]
fn pair(columns: u16, rows: u16) -> (File, OwnedFd) {
    let size = libc::winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut ours, mut theirs) = (-1, -1);
    let (name, settings) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: both numbers are places of ours; no name and no settings are asked for; the size lives on.
    let made = unsafe {
        libc::openpty(&raw mut ours, &raw mut theirs, name, settings, (&raw const size).cast_mut())
    };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    for end in [ours, theirs] {
        // SAFETY: a flag of a file of ours: a terminal that a child keeps would never end.
        unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: nobody else owns the two.
    unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) }
}

#[test]
#[cfg(target_os = "linux")]
fn a_recording_is_walked_through_with_its_marks_and_regions() {
    let bench = fixed();
    let mut terminal = Terminal::run(&bench, &["watch", "-r", "1"]);
    assert_snapshot!("watch_a_recording", terminal.wait_for("q quit"));
    terminal.press("\r");
    assert_snapshot!("watch_regions", terminal.wait_for("OBJECT OR DETAIL"));
    terminal.press("\r\x1b[H");
    terminal.wait_for("#1  [1]");
    terminal.press("\t/HEAP\r");
    assert_snapshot!("watch_filtered_at_the_start", terminal.wait_for("types with `HEAP`"));
    assert_eq!(terminal.quit(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn a_missed_sample_is_unknown_and_changes_count_from_where_one_likes() {
    let bench = fixed();
    let mut terminal = Terminal::run(&bench, &["watch", "-r", "load test"]);
    terminal.wait_for("q quit");
    terminal.press("\x1b[D\x1b[D");
    assert_snapshot!("watch_a_missed_sample", terminal.wait_for("#3"));
    terminal.press("\x1b[D");
    terminal.wait_for("#2  [1]");
    terminal.press("b");
    terminal.wait_for("changes count from #2");
    terminal.press("\x1b[F");
    assert_snapshot!("watch_since_another_sample", terminal.wait_for("q quit"));
    assert_eq!(terminal.quit(), Some(0));
}

#[test]
fn a_target_is_recorded_marked_and_its_chart_saved() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let mut terminal = Terminal::run(&bench, &["watch", &workload.pid_text(), "--every", "100ms"]);
    terminal.wait_for("● recording");
    terminal.press("mcache warm\r");
    terminal.wait_for("marked `cache warm`");
    terminal.press("s");
    terminal.wait_for("vmrec-1-resident.svg");
    assert_eq!(terminal.quit(), Some(0));
    assert!(bench.path("vmrec-1-resident.svg").exists());
    let info = bench.json(&["info", "--json"]);
    assert_eq!(info["why_ended"], "interrupted");
    assert_eq!(info["marks"][0]["text"], "cache warm");
}

#[test]
fn without_a_terminal_it_records_or_says_how_to_look() {
    let bench = Bench::new();
    assert_snapshot!(bench.run(&["watch"]).failure(), @"
    vmrec: there is no terminal to show a recording on
    hint: `vmrec info`, `vmrec diff` and `vmrec chart` show it without one
    [exit status: Some(2)]
    ");
    let said = bench.run(&["watch", "no-such-program"]);
    assert_eq!(said.status, Some(3), "{said:?}");
}
