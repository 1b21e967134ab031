//! Regions for tests.

use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Confidence, Identity, Label, Object, Protection, Provenance, Quantities, Region,
    Rule, types,
};

/// A writable region that nothing explains, with that object if it is not empty.
pub(crate) fn region(start: u64, end: u64, object: &str) -> Region {
    let object = (!object.is_empty()).then(|| {
        Arc::new(Object { name: object.into(), device: (0, 0), inode: 0, deleted: false })
    });
    let label = Label {
        region_type: types::VM_ALLOCATE,
        detail: None,
        confidence: Confidence::Unknown,
        rule: Rule::R20,
    };
    Region {
        identity: Arc::new(Identity {
            range: AddressRange::new(start, end),
            protection: Protection::READ.union(Protection::WRITE),
            max_protection: None,
            object,
            offset: 0,
            flags: "p rd wr".into(),
            label,
        }),
        share_mode: None,
        provenance: Provenance::Measured,
        quantities: Quantities::default(),
    }
}
