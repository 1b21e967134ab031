//! Advice that would make the types of a process surer.

use std::path::Path;

use vmrec_sampler::{Confidence, Family, Host, Identity, Quantity, Region, Snapshot, types};

use crate::failure::hints::DECORATE_MAPS;

/// The part of resident memory that guesses may be of before it is worth a hint: one in this many bytes.
const TOLERATED: u64 = 10;

/// Returns advice for a process with many guessed types.
pub(crate) fn hint(host: &Host, snapshot: &Snapshot) -> Option<&'static str> {
    let kernel_names = host.os == "linux" && can_name(&host.kernel);
    (kernel_names && guessed(&snapshot.regions)).then_some(DECORATE_MAPS)
}

/// Returns whether a process of glibc has much memory that only names could explain, and none has a name.
fn guessed(regions: &[Region]) -> bool {
    let named = |identity: &Identity| {
        identity.object.as_ref().is_some_and(|object| object.name.starts_with("anon:"))
    };
    if regions.iter().any(|region| named(&region.identity)) {
        return false;
    }
    if !regions.iter().any(|region| is_glibc(&region.identity)) {
        return false;
    }
    let resident = |regions: &mut dyn Iterator<Item = &Region>| {
        regions
            .filter_map(|region| region.quantities.get(Quantity::Resident))
            .fold(0_u64, u64::saturating_add)
    };
    let all = resident(&mut regions.iter());
    let guesses = resident(&mut regions.iter().filter(|region| is_guess(&region.identity)));
    guesses > all / TOLERATED
}

fn is_guess(identity: &Identity) -> bool {
    let label = &identity.label;
    let of_malloc =
        label.region_type == types::VM_ALLOCATE || label.region_type.family() == Family::Malloc;
    of_malloc && identity.object.is_none() && label.confidence <= Confidence::Guess
}

fn is_glibc(identity: &Identity) -> bool {
    let Some(object) = &identity.object else { return false };
    let file = object.name.rsplit('/').next().unwrap_or_default();
    file == "libc.so.6" || (file.starts_with("libc-2.") && file.ends_with(".so"))
}

/// Returns whether a kernel of that release could let memory be named, as far as its configuration is known.
fn can_name(release: &str) -> bool {
    let plain = release.chars().all(|c| c.is_ascii_alphanumeric() || "._-+~".contains(c));
    let config = plain
        .then(|| std::fs::read_to_string(Path::new("/boot").join(format!("config-{release}"))).ok())
        .flatten();
    config.is_none_or(|config| config.lines().any(|line| line == "CONFIG_ANON_VMA_NAME=y"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vmrec_sampler::{
        AddressRange, Label, Object, Protection, Provenance, Quantities, RegionType, Rule,
    };

    use super::*;

    fn region(
        region_type: RegionType,
        confidence: Confidence,
        object: Option<&str>,
        resident: u64,
    ) -> Region {
        let object = object.map(|name| {
            Arc::new(Object { name: name.into(), device: (0, 0), inode: 0, deleted: false })
        });
        Region {
            identity: Arc::new(Identity {
                range: AddressRange::new(0x1000, 0x9000),
                protection: Protection::READ,
                max_protection: None,
                object,
                offset: 0,
                flags: "p".into(),
                label: Label { region_type, detail: None, confidence, rule: Rule::R20 },
            }),
            share_mode: None,
            provenance: Provenance::Measured,
            quantities: Quantities::UNKNOWN.with(Quantity::Resident, resident),
        }
    }

    #[test]
    fn much_guessed_memory_of_glibc_is_worth_a_hint() {
        let libc = || region(types::TEXT, Confidence::Sure, Some("/usr/lib/libc.so.6"), 900);
        let mine = |bytes| region(types::VM_ALLOCATE, Confidence::Unknown, None, bytes);
        assert!(guessed(&[libc(), mine(101)]));
        assert!(!guessed(&[libc(), mine(90)]), "no more than a tenth");
        assert!(!guessed(&[mine(101)]), "no glibc");
        let sure = region(types::MALLOC_BRK, Confidence::Sure, None, 900);
        assert!(!guessed(&[libc(), sure]));
        let named = region(types::VM_ALLOCATE, Confidence::Likely, Some("anon:x"), 1);
        assert!(!guessed(&[libc(), mine(900), named]), "its allocator names its memory");
    }
}
