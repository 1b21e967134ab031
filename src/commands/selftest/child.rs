//! The process that a self-test measures: vmrec itself, holding some memory of
//! each kind and doing nothing while it is looked at.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::{io, process, thread};

use crate::failure::{Failure, Status};

/// A child that waits on its standard input, so that it also ends when vmrec is killed.
pub(crate) struct Child {
    child: process::Child,
    /// Closed to end it.
    stdin: Option<ChildStdin>,
}

impl Child {
    /// Starts it and waits until it holds its memory.
    pub(crate) fn start() -> Result<Self, Failure> {
        let own = Path::new("vmrec's own executable");
        let program = std::env::current_exe().map_err(|e| Failure::io("find", own, e))?;
        let mut child = Command::new(&program)
            .arg("selftest-workload")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::io("start", &program, source))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let started = Self { child, stdin };
        let mut line = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|source| Failure::io("read from", &program, source))?;
        }
        if line.trim_end() == "ready" {
            return Ok(started);
        }
        Err(Failure::new(
            Status::Target,
            anyhow::anyhow!("the process that was to be measured ended too soon"),
        )
        .hint("run `vmrec selftest-workload` to see why; it should print `ready` and wait"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stdin = None;
        // It ends by itself; a wait that fails has nothing left to wait for.
        let _ = self.child.wait();
    }
}

/// Holds small and large blocks, one of them half used, and a thread's stack, until standard input ends.
pub(crate) fn workload() -> Result<ExitCode, Failure> {
    const SMALL_BYTES: usize = 4 << 10;
    const LARGE_BYTES: usize = 16 << 20;
    let failed = |error: io::Error| Failure::new(Status::Target, error);
    let small: Vec<Vec<u8>> = (0..1024).map(|_| vec![1; SMALL_BYTES]).collect();
    let mut large = vec![0_u8; LARGE_BYTES];
    large[..LARGE_BYTES / 2].fill(1);
    thread::Builder::new().stack_size(1 << 20).spawn(thread::park).map_err(failed)?;
    let mut out = io::stdout().lock();
    out.write_all(b"ready\n").and_then(|()| out.flush()).map_err(failed)?;
    io::stdin().lock().read_to_end(&mut Vec::new()).map_err(failed)?;
    black_box((small, large));
    Ok(ExitCode::SUCCESS)
}
