//! The first lines of the page: which process, when, and how much in all.

use jiff::tz::TimeZone;
use vmrec_sampler::{Host, Snapshot, types};

use crate::map_page::options::{PageOptions, PageSource};
use crate::text::remark::remark;
use crate::text::table::cut_middle;
use crate::text::{clock, escape, units};

/// Returns the lines above the lists of regions; `later` is the second snapshot of a delta.
pub(crate) fn header(
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    later: Option<&Snapshot>,
    options: &PageOptions,
    time_zone: &TimeZone,
) -> String {
    let PageSource { process, host, .. } = source;
    let name = escape::terminal(process.name());
    let unknown = || "-".to_owned();
    let mut lines = Vec::new();
    let mut line = |title: &str, value: &str| {
        lines.push(format!("{:<17}{value}", format!("{title}:")));
    };
    line("Process", &format!("{name} [{}]", process.id.pid_text()));
    let deleted = if process.executable_deleted { " (deleted)" } else { "" };
    let path = process.executable.as_deref();
    line("Path", &path.map_or_else(unknown, |path| format!("{}{deleted}", escape::terminal(path))));
    if let Some(address) = load_address(path, snapshot) {
        line("Load Address", &format!("{address:#x}"));
    }
    line("Code Type", &code_type(process.architecture.as_deref(), host));
    if let Some(parent) = process.parent_pid {
        let name = source.parent.map(|name| format!("{} ", escape::terminal(name)));
        line("Parent Process", &format!("{}[{parent}]", name.unwrap_or_default()));
    }
    if let Some(started) = process.started_utc_ns {
        line("Started", &clock::local(started, time_zone));
    }
    line("Date/Time", &clock::local_exact(snapshot.taken.utc_ns, time_zone));
    if let Some(later) = later {
        line("Second Snapshot", &clock::local_exact(later.taken.utc_ns, time_zone));
    }
    line("OS Version", &system(host));
    lines.push(String::new());
    let shown = later.unwrap_or(snapshot);
    let totals = &shown.totals;
    let derived = match &*host.os {
        "linux" => " (derived: anonymous + swapped)",
        _ => "",
    };
    let mut total = |title: &str, bytes: Option<u64>, remark: &str| {
        let Some(bytes) = bytes else { return };
        lines.push(format!("{:<28} {}{remark}", format!("{title}:"), units::size(bytes)));
    };
    total("Physical footprint", totals.footprint_bytes, derived);
    total("Resident size", totals.resident_bytes, "");
    total("Resident size (peak)", totals.peak_resident_bytes, "");
    lines.push("----".to_owned());
    lines.push(String::new());
    lines.push(format!("Virtual Memory Map of process {} ({name})", process.id.pid_text()));
    lines.extend(host.known_page_bytes().map(|bytes| format!("VM page size:  {bytes} bytes")));
    for snapshot in std::iter::once(snapshot).chain(later) {
        lines.extend(remark(&snapshot.consistency));
    }
    let width = options.width.unwrap_or(usize::MAX);
    lines.iter().fold(String::new(), |text, line| text + &cut_middle(line, width) + "\n")
}

/// Returns the system with its version, which Apple's tools name together.
pub(crate) fn system(host: &Host) -> String {
    let kernel = escape::terminal(&host.kernel);
    let named = host.os == "macos" && kernel.to_ascii_lowercase().starts_with("mac");
    let system = if named { kernel.into_owned() } else { format!("{} {kernel}", host.os) };
    system.trim_end().to_owned()
}

/// Returns the line that stands for regions that may not be read.
pub(crate) fn unread(why: &str, width: usize) -> String {
    format!("\n{}\n", cut_middle(&format!("regions: unknown: {}", escape::terminal(why)), width))
}

/// Returns the processor that the program is for: on macOS in vmmap's letters, with a note where
/// the machine's is another one.
pub(crate) fn code_type(architecture: Option<&str>, host: &Host) -> String {
    let Some(architecture) = architecture else { return "-".to_owned() };
    if host.os != "macos" {
        return escape::terminal(architecture).into_owned();
    }
    let name = escape::terminal(architecture).to_uppercase().replace('_', "-");
    let is_intel = architecture.starts_with("x86_64") || architecture == "i386";
    match is_intel && host.architecture.starts_with("arm64") {
        true => format!("{name} (translated)"),
        false => name,
    }
}

/// Returns where the executable's first mapped segment lies.
pub(crate) fn load_address(path: Option<&str>, snapshot: &Snapshot) -> Option<u64> {
    let path = path?;
    let is_executable = |identity: &vmrec_sampler::Identity| {
        identity.label.region_type.family() == types::TEXT.family()
            && identity.object.as_ref().is_some_and(|object| *object.name == *path)
    };
    let mut identities = snapshot.regions.iter().map(|region| &region.identity);
    identities.find(|identity| is_executable(identity)).map(|identity| identity.range.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::recording;

    #[test]
    fn a_translated_program_is_not_of_the_machines_processor() {
        let of = |os: &str, machine: &str, program: Option<&str>| {
            let host = Host { os: os.into(), architecture: machine.into(), ..recording(1).host };
            code_type(program, &host)
        };
        assert_eq!(of("macos", "arm64", Some("x86_64")), "X86-64 (translated)");
        assert_eq!(of("macos", "arm64", Some("arm64e")), "ARM64E");
        assert_eq!(of("macos", "x86_64", Some("x86_64h")), "X86-64H");
        assert_eq!(of("macos", "arm64", None), "-");
        assert_eq!(of("linux", "x86_64", Some("i386")), "i386");
    }
}
