//! The names of objects that two processes share: files by name, threads without their numbers.

use std::sync::Arc;

use vmrec_sampler::{Family, Label, Naming, Region};
use vmrec_store::KindKey;

use crate::diff::group::ObjectKey;
use crate::series::tick::SeriesKey;

/// The name of the file that a process runs, which may differ between two builds.
const PROGRAM: &str = "(program)";
/// Stands for the process's own number in the name of a file.
const OWN_PID: &str = "PID";

/// The process that objects are of.
#[derive(Clone, Debug, Default)]
pub struct ObjectOwner {
    /// The path of its program, if that is known.
    pub executable: Option<String>,
    /// Its number.
    pub pid: Option<u32>,
    /// Whose words types are named in.
    pub naming: Naming,
}

impl ObjectOwner {
    /// Returns the name of the object that a region belongs to, the same in each run of a program.
    pub(crate) fn key(&self, region: &Region) -> SeriesKey {
        self.named(&ObjectKey::of(region), &region.identity.label)
    }

    /// Returns the name of the object that regions of a kind belong to.
    pub(crate) fn key_of(&self, kind: &KindKey) -> SeriesKey {
        self.named(&ObjectKey::of_kind(kind), &kind.label)
    }

    fn named(&self, key: &ObjectKey, label: &Label) -> SeriesKey {
        let family = label.region_type.family();
        let name: Arc<str> = match key {
            ObjectKey::File(path) if Some(&**path) == self.executable.as_deref() => PROGRAM.into(),
            ObjectKey::File(_) => self.without_pid(&key.name(self.naming)).into(),
            ObjectKey::Detail(of, detail) if of.family() == Family::Stack => {
                let thread = detail.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
                match thread {
                    "" => of.label(self.naming).into(),
                    thread => format!("{}: {thread}", of.label(self.naming)).into(),
                }
            }
            ObjectKey::Detail(..) => self.without_pid(&key.name(self.naming)).into(),
            ObjectKey::Type(of) => of.label(self.naming).into(),
        };
        // A file has regions of several families: text, and anonymous memory that follows it.
        let family = if matches!(key, ObjectKey::File(_)) { Family::Image } else { family };
        SeriesKey { family, name }
    }

    /// Replaces the process's own number where it is a number by itself.
    fn without_pid(&self, name: &str) -> String {
        let Some(pid) = self.pid.map(|pid| pid.to_string()) else { return name.to_owned() };
        let mut shared = String::with_capacity(name.len());
        let mut rest = name;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(at);
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            let (number, after) = number.split_at(end);
            shared.push_str(before);
            shared.push_str(if number == pid { OWN_PID } else { number });
            rest = after;
        }
        shared.push_str(rest);
        shared
    }
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::{Detail, types};

    use super::*;
    use crate::fixture;

    fn key(of: vmrec_sampler::RegionType, object: Option<&str>, detail: Option<&str>) -> String {
        let owner = ObjectOwner {
            executable: Some("/opt/1.4.2/server".to_owned()),
            pid: Some(412),
            naming: Naming::Linux,
        };
        let mut region = fixture::region(0..0x1000, of, object, &[]);
        let mut identity = (*region.identity).clone();
        identity.label.detail = detail.map(Detail::from);
        region.identity = Arc::new(identity);
        owner.key(&region).name.to_string()
    }

    #[test]
    fn what_differs_in_each_run_is_no_part_of_a_name() {
        assert_eq!(key(types::TEXT, Some("/opt/1.4.2/server"), None), "(program)");
        assert_eq!(key(types::TEXT, Some("/usr/lib/libc.so.6"), None), "libc.so.6");
        assert_eq!(key(types::MAPPED_FILE, Some("/tmp/hsperf/412"), None), "PID");
        assert_eq!(key(types::MAPPED_FILE, Some("/tmp/perf-412.4120"), None), "perf-PID.4120");
        assert_eq!(key(types::STACK, None, Some("413 worker 2")), "Stack: worker 2");
        assert_eq!(key(types::STACK, None, Some("413")), "Stack");
        assert_eq!(key(types::MALLOC_LARGE, None, None), "MALLOC (large)");
    }
}
