//! Terminals that the tests hold the window of, and results shown there: with a pager, with colours.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use crate::fixture::fixed;
use crate::harness::Bench;

/// A terminal: the end that a program sees, and the end that a window would hold.
#[allow(unsafe_code)]
pub(crate) fn terminal() -> (File, File) {
    let (mut window, mut program) = (-1, -1);
    let size = libc::winsize { ws_row: 25, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let (name, settings) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: openpty writes two descriptors, which nothing else owns, and reads the size; the
    // name and the settings may be null.
    unsafe {
        assert_eq!(
            libc::openpty(&mut window, &mut program, name, settings, (&raw const size).cast_mut()),
            0
        );
        // Another holder of the window would keep it open.
        assert_eq!(libc::fcntl(window, libc::F_SETFD, libc::FD_CLOEXEC), 0);
        (File::from_raw_fd(program), File::from_raw_fd(window))
    }
}

/// Starts vmrec as the leader of a session whose terminal this is, as a shell in a window does.
#[allow(unsafe_code)]
pub(crate) fn in_terminal(command: &mut Command, program: &File) -> Child {
    command
        .stdin(program.try_clone().unwrap())
        .stdout(program.try_clone().unwrap())
        .stderr(program.try_clone().unwrap());
    let make_own = || {
        // SAFETY: both are system calls, which may be made between fork and exec.
        match unsafe { libc::setsid() != -1 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0 } {
            true => Ok(()),
            false => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(make_own) }.spawn().unwrap()
}

/// Runs vmrec in a terminal of 80 columns and 25 lines, and returns all that it shows; it must succeed.
fn shown(bench: &Bench, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let (program, mut window) = terminal();
    let mut command = bench.command(arguments);
    command.env("TERM", "xterm").env_remove("PAGER").env_remove("VMREC_PAGER").env_remove("LESS");
    command.envs(environment.iter().copied());
    let mut child = in_terminal(&mut command, &program);
    drop((command, program));
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    // The system reports an error once nobody holds the other end.
    while let Ok(count @ 1..) = window.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..count]);
    }
    let shown = String::from_utf8(shown).unwrap().replace('\r', "");
    assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}: {shown}");
    shown
}

#[test]
fn what_a_terminal_cannot_show_at_once_goes_through_the_users_pager() {
    let bench = fixed();
    let paged = bench.path("paged");
    let map = ["map", "-r", "1"];
    let whole = bench.out(&map);
    assert!(whole.lines().count() > 25);
    let keep = format!("tee '{}' | head -3", paged.display());
    let seen = shown(&bench, &map, &[("VMREC_PAGER", &keep), ("PAGER", "false")]);
    assert_eq!(fs::read_to_string(&paged).unwrap().lines().next(), whole.lines().next());
    assert!(seen.starts_with("Process:") && !seen.contains("REGION TYPE"), "{seen}");
    fs::remove_file(&paged).unwrap();

    let keep = format!("cat > '{}'", paged.display());
    let sql = ["sql", "SELECT * FROM region_at('peak', 1)"];
    for long in [&map[..], &["info", "-r", "1", "--json"], &sql] {
        assert!(!shown(&bench, long, &[("PAGER", &keep)]).contains("server"));
        assert!(fs::read_to_string(&paged).unwrap().contains("server"));
        fs::remove_file(&paged).unwrap();
    }
    // Not what fits, not where nobody may page, and not where it is not wanted.
    for (arguments, pager, kind) in [
        (&["list"][..], keep.as_str(), "xterm"),
        (&[], &keep, "xterm"),
        (&["map", "-r", "1", "--no-pager"], &keep, "xterm"),
        (&map, &keep, "dumb"),
        (&map, "", "xterm"),
        (&map, "cat", "xterm"),
    ] {
        let seen = shown(&bench, arguments, &[("VMREC_PAGER", pager), ("TERM", kind)]);
        assert!(
            !paged.exists()
                && seen.contains("vmrec") | seen.contains("REGION TYPE") | seen.contains("NAME"),
            "{seen}"
        );
    }
    let mut command = bench.command(&map);
    command.env("TERM", "xterm").env("VMREC_PAGER", &keep);
    assert_eq!(String::from_utf8(command.output().unwrap().stdout).unwrap(), whole);
}

#[test]
fn a_pager_that_cannot_be_run_or_is_left_at_once_is_no_error() {
    let bench = fixed();
    let map = ["map", "-r", "1", "--summary"];
    for pager in ["/nowhere/pager", "no-such-pager -x", ";", "'"] {
        let seen = shown(&bench, &map, &[("VMREC_PAGER", pager)]);
        assert!(seen.contains("REGION TYPE"), "{pager}: {seen}");
    }
    shown(&bench, &map, &[("VMREC_PAGER", "true")]);
    shown(&bench, &map, &[("VMREC_PAGER", "exit 7")]);
}

#[test]
fn signs_and_states_have_colours_on_a_terminal_alone_and_not_with_no_color() {
    let bench = fixed();
    let commands: [(&[&str], &[&str]); 7] = [
        (&["list"], &["\x1b[31m+13.8M\x1b[0m", "\x1b[1;31mexited (3)\x1b[0m"]),
        (&["info", "-r", "1"], &["\x1b[1;31m11.0s, exited (3)", "\x1b[33m4 every 2.0s"]),
        (&["diff", "-r", "1"], &["\x1b[31m+13.8M\x1b[0m", "\x1b[36m"]),
        (&["compare", "1@end", "1@start"], &["\x1b[36m"]),
        (&["trend", "-r", "1"], &["\x1b[31m+"]),
        (&["info", "-s", "1"], &["\x1b[1;31mexited (3)\x1b[0m"]),
        (&["map", "-r", "2"], &[]),
    ];
    for (arguments, painted) in commands {
        let arguments = [arguments, &["--no-pager"]].concat();
        let colours = shown(&bench, &arguments, &[("NO_COLOR", "")]);
        for painted in painted {
            assert!(colours.contains(painted), "{arguments:?}: {colours:?}");
        }
        for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let plain = shown(&bench, &arguments, &[("NO_COLOR", ""), (name, value)]);
            assert!(!plain.contains('\x1b'), "{plain:?}");
        }
        let mut command = bench.command(&arguments);
        let piped = command.env("NO_COLOR", "").env("TERM", "xterm").output().unwrap();
        assert!(!String::from_utf8(piped.stdout).unwrap().contains('\x1b'));
        // A sign or a word says the same.
        let mut bare = colours;
        for code in ["\x1b[31m", "\x1b[36m", "\x1b[1;31m", "\x1b[33m", "\x1b[0m"] {
            bare = bare.replace(code, "");
        }
        assert_eq!(bare, shown(&bench, &arguments, &[]));
    }
}
