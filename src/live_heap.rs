//! The heap of a process that runs. On macOS a child of vmrec reads it, since malloc's own functions
//! list its blocks, and may loop or fault on structures that are damaged.

use vmrec_sampler::{HeapRequest, StoppedHeap};

use crate::failure::Failure;

/// Looks into the heap of the process `pid`, which stands still meanwhile.
#[cfg(not(target_os = "macos"))]
pub(crate) fn inspect(pid: u32, request: &HeapRequest) -> Result<StoppedHeap, Failure> {
    Ok(vmrec_sampler::inspect_heap(pid, request)?)
}

/// Looks into the heap of the process `pid`, which stands still meanwhile.
#[cfg(target_os = "macos")]
pub(crate) fn inspect(pid: u32, request: &HeapRequest) -> Result<StoppedHeap, Failure> {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::time::Duration;

    use crate::failure::Status;
    use crate::output::unwritable;

    /// The most stops, and how much longer the child may run; it ends by itself before.
    const STOPS: u32 = 5;
    const GRACE: Duration = Duration::from_secs(10);
    /// The most bytes of a heap: those of forty million blocks.
    const MAX_BYTES: u64 = 1 << 30;
    vmrec_sampler::check_stoppable(pid)?;
    let process = vmrec_sampler::process_info(pid)?;
    let program = std::env::current_exe().map_err(unwritable)?;
    let mut command = Command::new(program);
    // Its own name, not vmmap's, by which all words are those of `map`.
    command.arg0("vmrec").arg("heap-walk").args([
        pid.to_string(),
        request.max_stop.as_millis().to_string(),
        u8::from(request.leaks).to_string(),
    ]);
    command.args(request.texts.map(|texts| texts.to_string()));
    let patience = request.max_stop.saturating_mul(STOPS).saturating_add(GRACE);
    let name = process.name().to_owned();
    let failed = |why: String| {
        let why = why.strip_prefix("vmrec: ").unwrap_or(&why).to_owned();
        Failure::new(Status::Target, anyhow::anyhow!("the heap of {name} is not known: {why}"))
            .hint("heap(1) and leaks(1) of macOS may read more; `vmrec map` shows the zones")
    };
    let bytes =
        crate::bounded::printed(&mut command, "the reader of the heap", patience, MAX_BYTES)
            .map_err(&failed)?;
    vmrec_sampler::read_heap(process, &bytes)
        .ok_or_else(|| failed("what its reader sent is not whole".to_owned()))
}

/// Prints the heap of the process `pid`, as the child.
#[cfg(target_os = "macos")]
pub(crate) fn print(pid: u32, request: &HeapRequest) -> Result<std::process::ExitCode, Failure> {
    use std::io::Write;

    let bytes = vmrec_sampler::heap_bytes(pid, request)?;
    std::io::stdout().write_all(&bytes).map_err(crate::output::unwritable)?;
    Ok(std::process::ExitCode::SUCCESS)
}
