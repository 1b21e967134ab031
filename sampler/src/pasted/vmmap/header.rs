//! The lines above the lists of vmmap, which crash reports have too.

use crate::pasted::model::PastedProcess;
use crate::pasted::{size, time};

/// The facts of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) process: PastedProcess,
    pub(crate) os_version: Option<String>,
    pub(crate) taken_utc_ns: Option<i64>,
    pub(crate) footprint_bytes: Option<u64>,
    pub(crate) peak_footprint_bytes: Option<u64>,
    pub(crate) page_size_bytes: Option<u64>,
    /// Whether columns count the pages the process is charged for, not those of the objects.
    pub(crate) footprint_mode: bool,
}

impl Header {
    /// Takes a line; returns whether it is one of the header.
    pub(crate) fn line(&mut self, text: &str) -> bool {
        let text = text.trim();
        if text.starts_with("Collected with PhysFootprint mode") {
            self.footprint_mode = true;
            return true;
        }
        if let Some(rest) = text.strip_prefix("Virtual Memory Map of process ") {
            let (pid, name) = rest.split_once(' ').unwrap_or((rest, ""));
            self.process.pid = self.process.pid.or_else(|| pid.parse().ok());
            let name = name.trim().trim_start_matches('(').trim_end_matches(')');
            if self.process.name.is_none() && !name.is_empty() {
                self.process.name = Some(name.to_owned());
            }
            return true;
        }
        let Some((key, value)) = text.split_once(':') else { return false };
        let value = value.trim();
        // vmmap writes question marks for what it does not know.
        let known = || Some(value).filter(|value| !value.is_empty() && *value != "???");
        match key.trim() {
            "Process" => {
                let (name, pid) = name_and_pid(value);
                (self.process.name, self.process.pid) = (name.or(self.process.name.take()), pid);
            }
            "Path" => self.process.executable = known().map(str::to_owned),
            "Code Type" => self.process.architecture = known().map(str::to_owned),
            "Parent Process" => self.process.parent_pid = name_and_pid(value).1,
            "Date/Time" => self.taken_utc_ns = time::utc_ns(value),
            "Launch Time" => self.process.started_utc_ns = time::utc_ns(value),
            "OS Version" => self.os_version = known().map(str::to_owned),
            "Physical footprint" => {
                self.footprint_bytes = size::size(value).map(|size| size.bytes);
            }
            "Physical footprint (peak)" => {
                self.peak_footprint_bytes = size::size(value).map(|size| size.bytes);
            }
            "VM page size" => {
                let bytes = value.trim_end_matches("bytes");
                self.page_size_bytes = size::size(bytes).map(|size| size.bytes);
            }
            "Load Address"
            | "Identifier"
            | "Version"
            | "Build Info"
            | "Platform"
            | "Target Type"
            | "Report Version"
            | "Analysis Tool"
            | "Analysis Tool Version"
            | "Idle exit"
            | "Output report format"
            | "ReadOnly portion of Libraries"
            | "Writable regions"
            | "Responsible"
            | "User ID" => {}
            _ => return false,
        }
        true
    }
}

/// Splits `Finder [640]`, where the name may be `???`.
pub(crate) fn name_and_pid(text: &str) -> (Option<String>, Option<u32>) {
    let Some((name, rest)) = text.rsplit_once('[') else {
        return (Some(text.trim().to_owned()).filter(|name| !name.is_empty()), None);
    };
    let pid = rest.split(']').next().and_then(|pid| pid.trim().parse().ok());
    let name = name.trim();
    let known = !name.is_empty() && name != "???";
    (known.then(|| name.to_owned()), pid)
}
