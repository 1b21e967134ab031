//! Identifies processes: a pid alone is not enough, because pids are reused.

use std::fmt;

/// One process for as long as it exists: pid, start time and boot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// The process number; 0 in a recording that lost it.
    pub pid: u32,
    /// When it started, in the platform's own ticks since boot. Linux: stat field 22; macOS: microseconds since 1970.
    pub start_ticks: u64,
    /// The boot id of the machine, so that equal ticks of two boots differ.
    pub boot_id: String,
}

/// The boot id of processes that were imported: their boot is not known, nor when they started in
/// its ticks.
pub const IMPORTED_BOOT: &str = "imported";

impl ProcessId {
    /// Returns whether what is known of the process was imported, not read from a kernel.
    pub fn is_imported(&self) -> bool {
        self.boot_id == IMPORTED_BOOT
    }

    /// Returns the process number; `None` if it is lost. No process has the number 0.
    pub fn known_pid(&self) -> Option<u32> {
        Some(self.pid).filter(|pid| *pid != 0)
    }

    /// Returns the start time in the platform's ticks; `None` if it is lost with the number, or was
    /// never known.
    pub fn known_start_ticks(&self) -> Option<u64> {
        self.known_pid().filter(|_| !self.is_imported()).map(|_| self.start_ticks)
    }

    /// Returns the process number in words, `-` if it is lost.
    pub fn pid_text(&self) -> String {
        self.known_pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string())
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid_text())
    }
}

/// The facts about a process besides its regions. Text is as the process set it: escape it before
/// display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// The process.
    pub id: ProcessId,
    /// The process that started it, unknown if it is hidden.
    pub parent_pid: Option<u32>,
    /// When it started: nanoseconds since 1970-01-01 UTC, derived from boot time.
    pub started_utc_ns: Option<i64>,
    /// The executable's path, unknown where it may not be read.
    pub executable: Option<String>,
    /// Whether the executable's file was removed or replaced since.
    pub executable_deleted: bool,
    /// The machine the executable was built for, such as `i386`; unknown where it was not read.
    pub architecture: Option<String>,
    /// The arguments; the first is the name of the command.
    pub arguments: Vec<String>,
    /// The kernel's short name (Linux: 15 bytes of comm).
    pub short_name: String,
    /// The owner's user number.
    pub user_id: Option<u32>,
}

impl ProcessInfo {
    /// Returns the name to show: the executable's file name, else that of the first argument, else the short name; `-` where all are unknown.
    pub fn name(&self) -> &str {
        self.executable
            .as_deref()
            .or(self.arguments.first().map(String::as_str))
            .and_then(|path| path.rsplit('/').next())
            .filter(|name| !name.is_empty())
            .or(Some(&*self.short_name).filter(|name| !name.is_empty()))
            .unwrap_or("-")
    }
}

/// The machine a process runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The machine's name.
    pub name: String,
    /// `linux` or `macos`.
    pub os: String,
    /// The kernel's release, such as `6.18.44`.
    pub kernel: String,
    /// The processor architecture, such as `x86_64`.
    pub architecture: String,
    /// Bytes of a page; 0 if an imported recording does not say.
    pub page_size_bytes: u64,
}

impl Host {
    /// Returns the bytes of a page, unknown if an imported recording does not say.
    pub fn known_page_bytes(&self) -> Option<u64> {
        Some(self.page_size_bytes).filter(|bytes| *bytes != 0)
    }
}
