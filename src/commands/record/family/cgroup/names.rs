//! Which control groups are of a unit of systemd, or of a container: decided from paths alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The types of systemd's units that have processes.
const UNIT_TYPES: [&str; 5] = [".service", ".scope", ".slice", ".socket", ".mount"];

/// Digits of a container's id, and the fewest that name one.
const ID_DIGITS: usize = 64;
const MIN_DIGITS: usize = 4;

/// Returns the groups of the unit of that name. A name without a type is of a service.
pub(super) fn units(groups: &[PathBuf], name: &str) -> Vec<PathBuf> {
    let has_type = UNIT_TYPES.iter().any(|of| name.ends_with(of) && name.len() > of.len());
    let name = if has_type { name.to_owned() } else { format!("{name}.service") };
    let is_it = |group: &&PathBuf| {
        let last = group.file_name().and_then(|name| name.to_str());
        // systemd puts an underscore before names that the kernel might use itself.
        last.is_some_and(|last| last == name || last.strip_prefix('_') == Some(&name))
    };
    groups.iter().filter(is_it).cloned().collect()
}

/// Returns the outermost group of each container whose id begins so, by the id.
pub(super) fn containers(groups: &[PathBuf], prefix: &str) -> BTreeMap<String, PathBuf> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for group in groups {
        let last = group.file_name().and_then(|name| name.to_str());
        let Some(id) = last.and_then(container_id).filter(|id| id.starts_with(prefix)) else {
            continue;
        };
        let depth = |group: &Path| group.components().count();
        match found.get(id) {
            Some(known) if depth(known) <= depth(group) => {}
            _ => {
                found.insert(id.to_owned(), group.clone());
            }
        }
    }
    found
}

/// Returns the id of the container that a group is named for: `docker-ID.scope`, `ID`,
/// `libpod-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`, `PODS:cri-containerd:ID`.
fn container_id(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let (engine, id) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
    // The monitor of a container of podman or CRI-O is beside it, in a group of its own.
    let is_id = id.len() == ID_DIGITS && id.bytes().all(is_digit) && !engine.contains("conmon");
    is_id.then_some(id)
}

/// Returns the digits that an id begins with; engines print it as `docker://ID` too.
pub(super) fn id_prefix(id: &str) -> Option<String> {
    let digits = id.rsplit_once("://").map_or(id, |(_, digits)| digits).to_ascii_lowercase();
    let fits = (MIN_DIGITS..=ID_DIGITS).contains(&digits.len());
    (fits && digits.bytes().all(is_digit)).then_some(digits)
}

const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_other_programs_are_no_containers() {
        for name in ["docker", "nginx.service", "docker-12ab.scope", "session-2.scope"] {
            assert_eq!(container_id(name), None, "{name}");
        }
        let id = "0123456789abcdef".repeat(4);
        for name in ["ID", "docker-ID.scope", "crio-ID", "kubepods-pod1.slice:cri-containerd:ID"] {
            assert_eq!(container_id(&name.replace("ID", &id)), Some(&*id), "{name}");
        }
    }
}
