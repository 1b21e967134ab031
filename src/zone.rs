//! The time zone of shown times.

use std::{env, fs};

use jiff::tz::TimeZone;

/// Where systems keep a copy of the zone's rules, or a link to them.
const LOCAL: &str = "/etc/localtime";

/// Returns the zone of this system.
///
/// Its rules are read as they stand: to look them up by name, all names there are would be listed first.
pub(crate) fn local() -> TimeZone {
    let chosen = ["TZ", "TZDIR"].iter().any(|variable| env::var_os(variable).is_some());
    let rules = if chosen { None } else { fs::read(LOCAL).ok() };
    rules.and_then(|rules| TimeZone::tzif("local", &rules).ok()).unwrap_or_else(TimeZone::system)
}
