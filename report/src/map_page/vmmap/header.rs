//! vmmap's first lines: which process, when, and its footprint.

use jiff::tz::TimeZone;
use vmrec_sampler::Snapshot;

use crate::counting::Counting;
use crate::map_page::header::{code_type, load_address, system};
use crate::map_page::options::PageSource;
use crate::map_page::vmmap::size::size;
use crate::text::remark::remark;
use crate::text::{clock, escape};

/// The page's layout: that of vmmap's format of this number.
const FORMAT: &str = "2.4";
/// The layout of these lines: vmmap's of this number.
const REPORT_VERSION: &str = "7";

/// Returns the lines above the lists of regions; `lists` is whether such follow.
pub(crate) fn header(
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    lists: bool,
    time_zone: &TimeZone,
) -> String {
    let PageSource { process, host, .. } = source;
    let name = escape::terminal(process.name());
    let mut text = String::new();
    let mut line = |title: &str, value: &str| {
        text.push_str(&format!("{:<17}{value}\n", format!("{title}:")));
    };
    line("Process", &format!("{name} [{}]", process.id.pid_text()));
    let deleted = if process.executable_deleted { " (deleted)" } else { "" };
    let path = process.executable.as_deref();
    // vmmap's own sign of what it does not know.
    let unknown = || "???".to_owned();
    line("Path", &path.map_or_else(unknown, |path| format!("{}{deleted}", escape::terminal(path))));
    if let Some(address) = load_address(path, snapshot) {
        line("Load Address", &format!("{address:#x}"));
    }
    // Only a process of macOS that runs has these.
    let program = source.program;
    if let Some(program) = program {
        let text =
            |text: &Option<String>| text.as_deref().map(|text| escape::terminal(text).into_owned());
        line("Identifier", &text(&program.identifier).unwrap_or_else(|| name.to_string()));
        line("Version", &text(&program.version).unwrap_or_else(unknown));
        if let Some(build) = text(&program.build) {
            line("Build Info", &build);
        }
    }
    let code =
        process.architecture.as_deref().map(|_| code_type(process.architecture.as_deref(), host));
    line("Code Type", &code.unwrap_or_else(unknown));
    if let Some(platform) = program.and_then(|program| program.platform) {
        line("Platform", platform);
    }
    if let Some(parent) = process.parent_pid {
        let name = source.parent.map_or_else(unknown, |name| escape::terminal(name).into_owned());
        line("Parent Process", &format!("{name} [{parent}]"));
    }
    if program.is_some() {
        line("Target Type", "live task");
    }
    text.push('\n');
    let mut line = |title: &str, value: &str| {
        text.push_str(&format!("{:<17}{value}\n", format!("{title}:")));
    };
    line("Date/Time", &clock::vmmap(snapshot.taken.utc_ns, time_zone));
    if let Some(started) = process.started_utc_ns {
        line("Launch Time", &clock::vmmap(started, time_zone));
    }
    line("OS Version", &system(host));
    line("Report Version", REPORT_VERSION);
    line("Analysis Tool", concat!("vmrec ", env!("CARGO_PKG_VERSION")));
    text.push('\n');
    let totals = &snapshot.totals;
    let total = |text: &mut String, title: &str, bytes: Option<u64>| {
        let Some(bytes) = bytes else { return };
        text.push_str(&format!("{:<28}{}\n", format!("{title}:"), size(bytes)));
    };
    total(&mut text, "Physical footprint", totals.footprint_bytes);
    total(&mut text, "Physical footprint (peak)", totals.peak_footprint_bytes);
    if let Some(is_tracked) = program.and_then(|program| program.is_tracked) {
        let state = if is_tracked { "tracked" } else { "untracked" };
        text.push_str(&format!("{:<28}{state}\n", "Idle exit:"));
    }
    if snapshot.consistency.totals_alone().is_some() {
        total(&mut text, "Resident size", totals.resident_bytes);
    }
    text.push_str("----\n\n");
    if lists {
        let bits = if process.architecture.as_deref() == Some("i386") { 32 } else { 64 };
        text.push_str(&format!(
            "Virtual Memory Map of process {} ({name})\n",
            process.id.pid_text()
        ));
        text.push_str(&format!("Output report format:  {FORMAT}  -- {bits}-bit process\n"));
        if let Some(bytes) = host.known_page_bytes() {
            text.push_str(&format!("VM page size:  {bytes} bytes\n"));
        }
    }
    if Counting::of(snapshot) == Some(Counting::Footprint) {
        text.push_str("Collected with PhysFootprint mode enabled\n");
    }
    if let Some(remark) = remark(&snapshot.consistency) {
        text.push_str(&format!("{remark}\n"));
    }
    text
}
