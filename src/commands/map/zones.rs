//! malloc's zones of a process of macOS: a child of vmrec reads them, since the structures of a
//! process that runs may be torn, and malloc's own functions may then loop or fault.

use vmrec_sampler::MallocZone;

/// Returns the zones of the process `pid`; a note says why they are not known.
#[cfg(target_os = "macos")]
pub(crate) fn known(pid: u32) -> Option<Vec<MallocZone>> {
    read(pid)
        .inspect_err(|why| {
            crate::output::note(&format!("note: malloc's zones are not known: {why}"))
        })
        .ok()
}

/// Returns no zones: only malloc of macOS has them.
#[cfg(not(target_os = "macos"))]
pub(crate) const fn known(_: u32) -> Option<Vec<MallocZone>> {
    None
}

#[cfg(target_os = "macos")]
fn read(pid: u32) -> Result<Vec<MallocZone>, String> {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::time::Duration;

    /// How long the child may take; it ends by itself before.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// The most bytes of its lines.
    const MAX_BYTES: u64 = 8 << 20;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    // Its own name, not vmmap's, by which all words are those of `map`.
    command.arg0("vmrec").args(["map-zones", &pid.to_string()]);
    let lines = crate::bounded::printed(&mut command, "the reader of zones", PATIENCE, MAX_BYTES)?;
    vmrec_sampler::parse_zones(&lines).ok_or_else(|| "its zones were being changed".to_owned())
}

/// Prints the zones of the process `pid`, as the child.
#[cfg(target_os = "macos")]
pub(crate) fn print(pid: u32) -> Result<std::process::ExitCode, crate::failure::Failure> {
    use std::io::Write;

    let lines = vmrec_sampler::zone_lines(pid)?;
    std::io::stdout().write_all(lines.as_bytes()).map_err(crate::output::unwritable)?;
    Ok(std::process::ExitCode::SUCCESS)
}
