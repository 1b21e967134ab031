//! Made-up snapshots of the target, and strategies for whatever a sampler could hand over.

use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use vmrec_sampler::{
    AddressRange, Confidence, Consistency, Cost, Family, Identity, Label, Object, ProcessTotals,
    Protection, Provenance, Quantities, Quantity, Region, RegionType, Rule, ShareMode, Snapshot,
    Timestamp, types,
};
use vmrec_store::{RecordingId, Writer};

use crate::target::{begin_session, process};

pub(crate) fn at(seconds: u64) -> Timestamp {
    let ns = seconds * 1_000_000_000;
    Timestamp { utc_ns: 1_700_000_000_000_000_000 + ns as i64, monotonic_ns: ns }
}

pub(crate) fn begin(writer: &mut Writer) -> RecordingId {
    begin_at(writer, 0)
}

pub(crate) fn begin_at(writer: &mut Writer, second: u64) -> RecordingId {
    let session = begin_session(writer, at(second)).unwrap();
    writer.begin(session, &process(), Some("a name"), at(second)).unwrap()
}

pub(crate) fn begun(path: &Path) -> (Writer, RecordingId) {
    let mut writer = Writer::open(path).unwrap();
    let id = begin(&mut writer);
    (writer, id)
}

pub(crate) fn identity(start: u64, bytes: u64) -> Identity {
    Identity {
        range: AddressRange::new(start, start.saturating_add(bytes)),
        protection: Protection::READ,
        max_protection: None,
        object: None,
        offset: 0,
        flags: "p rd mr mw me sd".into(),
        label: Label {
            region_type: types::VM_ALLOCATE,
            detail: None,
            confidence: Confidence::Guess,
            rule: Rule::R9,
        },
    }
}

/// A process of `count` regions of which the `second`-th sample sees some grow.
pub(crate) fn snapshot(count: u64, second: u64) -> Snapshot {
    let regions = (0..count)
        .map(|place| {
            let grown = if (place + second).is_multiple_of(7) { second << 12 } else { 0 };
            let mut quantities = Quantities::UNKNOWN;
            for quantity in Quantity::ALL {
                quantities.set(quantity, (place << 12) + grown);
            }
            Region {
                identity: Arc::new(identity(place << 24, 1 << 20)),
                share_mode: Some(ShareMode::Private),
                provenance: Provenance::Measured,
                quantities,
            }
        })
        .collect();
    Snapshot {
        taken: at(second),
        cost: Cost { cpu_ns: 10, wall_ns: 20 },
        consistency: Consistency::Complete,
        totals: ProcessTotals { resident_bytes: Some(second), ..ProcessTotals::default() },
        regions,
        images: None,
    }
}

/// Sequences of snapshots that share most regions, with whatever a sampler could hand over.
pub(crate) fn sequences() -> impl Strategy<Value = Vec<Snapshot>> {
    (vec(identities(), 1..24), vec((steps(), heads()), 1..12)).prop_map(|(pool, samples)| {
        let pool: Vec<_> = pool.into_iter().map(Arc::new).collect();
        let mut regions: Vec<Region> = Vec::new();
        samples
            .into_iter()
            .map(|(steps, head)| {
                for (step, place, reading) in steps {
                    let place = place.index(regions.len() + 1);
                    change(&mut regions, step, place, &pool, reading);
                }
                match head.consistency {
                    Consistency::TotalsAlone(_) => head,
                    _ => Snapshot { regions: regions.clone(), ..head },
                }
            })
            .collect()
    })
}

type Reading = (Option<ShareMode>, Provenance, Quantities);
type Step = (u8, prop::sample::Index, (prop::sample::Index, Reading));

fn change(
    regions: &mut Vec<Region>,
    step: u8,
    place: usize,
    pool: &[Arc<Identity>],
    (identity, reading): (prop::sample::Index, Reading),
) {
    let picked = identity.get(pool);
    let (share_mode, provenance, quantities) = reading;
    let region = |identity| Region { identity, share_mode, provenance, quantities };
    let there = regions.get(place).map(|region| Arc::clone(&region.identity));
    match (step, there) {
        (0, Some(_)) => drop(regions.remove(place)),
        (1, Some(there)) => regions[place] = region(there),
        // the same identity, made anew, as after the sampler forgot it
        (2, Some(there)) => regions[place].identity = Arc::new(Identity::clone(&there)),
        (3, Some(_)) => regions[place].identity = Arc::clone(picked),
        // any order: torn tables may show a region twice, or overlapping ones
        (4, _) => regions.push(region(Arc::clone(picked))),
        (5, _) => {
            regions.push(region(Arc::clone(picked)));
            regions.sort_by_key(|region| region.identity.range.start);
        }
        _ => regions.insert(place, region(Arc::clone(picked))),
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0_u8..8, any::<prop::sample::Index>(), (any::<prop::sample::Index>(), readings())), 0..6)
}

fn readings() -> impl Strategy<Value = Reading> {
    let share_mode = prop::option::of(prop::sample::select(&ShareMode::ALL[..]));
    let provenance = prop::sample::select(&Provenance::ALL[..]);
    (share_mode, provenance, vec(prop::option::weighted(0.8, bytes()), Quantity::COUNT)).prop_map(
        |(share_mode, provenance, bytes)| {
            let mut quantities = Quantities::UNKNOWN;
            for (quantity, bytes) in Quantity::ALL.into_iter().zip(bytes) {
                if let Some(bytes) = bytes {
                    quantities.set(quantity, bytes);
                }
            }
            (share_mode, provenance, quantities)
        },
    )
}

fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![(0_u64..64).prop_map(|pages| pages << 12), any::<u64>(), Just(u64::MAX), Just(0)]
}

fn addresses() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0_u64..32).prop_map(|place| place << 14),
        1 => any::<u64>(),
        1 => Just(0xffff_ffff_ff60_0000),
        1 => Just(u64::MAX),
    ]
}

fn identities() -> impl Strategy<Value = Identity> {
    let object = prop::option::of((
        "[a-z/é\\[\\] ]{0,12}",
        any::<(u32, u32)>(),
        any::<u64>(),
        any::<bool>(),
    ));
    let label = (
        prop_oneof![
            prop::sample::select(types::ALL),
            Just(RegionType::named("of a newer version", Family::Jit))
        ],
        prop::option::of("[a-z]{0,6}"),
        prop::sample::select(&Confidence::ALL[..]),
        "R[0-9]{1,2}",
    );
    let rights = (0_u8..8, prop::option::of(0_u8..8));
    (addresses(), 0_u64..1 << 20, rights, object, any::<u64>(), "[a-z ]{0,9}", label).prop_map(
        |(start, bytes, (protection, most), object, offset, flags, label)| {
            let (region_type, detail, confidence, rule) = label;
            Identity {
                range: AddressRange::new(start, start.saturating_add(bytes)),
                protection: Protection::from_bits(protection),
                max_protection: most.map(Protection::from_bits),
                object: object.map(|(name, device, inode, deleted)| {
                    Arc::new(Object { name: name.into(), device, inode, deleted })
                }),
                offset,
                flags: flags.into(),
                label: Label {
                    region_type,
                    detail: detail.map(Into::into),
                    confidence,
                    rule: Rule::named(&rule),
                },
            }
        },
    )
}

/// Snapshots without regions.
fn heads() -> impl Strategy<Value = Snapshot> {
    let consistency = prop_oneof![
        6 => Just(Consistency::Complete),
        3 => ".{0,8}".prop_map(Consistency::Torn),
        1 => ".{0,8}".prop_map(Consistency::TotalsAlone),
    ];
    let totals = vec(prop::option::of(any::<u64>()), 33).prop_map(|bytes| ProcessTotals {
        virtual_bytes: bytes[0],
        resident_bytes: bytes[1],
        peak_resident_bytes: bytes[2],
        anonymous_resident_bytes: bytes[3],
        file_resident_bytes: bytes[4],
        shmem_resident_bytes: bytes[5],
        swapped_bytes: bytes[6],
        page_table_bytes: bytes[7],
        footprint_bytes: bytes[8],
        threads: bytes[9],
        minor_faults: bytes[10],
        major_faults: bytes[11],
        cpu_ns: bytes[12],
        peak_footprint_bytes: bytes[13],
        purgeable_footprint_bytes: bytes[14],
        network_footprint_bytes: bytes[15],
        media_footprint_bytes: bytes[16],
        graphics_footprint_bytes: bytes[17],
        neural_footprint_bytes: bytes[18],
        max_mappings: bytes[19],
        address_space_limit_bytes: bytes[20],
        data_limit_bytes: bytes[21],
        cgroup_bytes: bytes[22],
        cgroup_peak_bytes: bytes[23],
        cgroup_max_bytes: bytes[24],
        cgroup_anonymous_bytes: bytes[25],
        cgroup_file_bytes: bytes[26],
        cgroup_kernel_bytes: bytes[27],
        cgroup_slab_bytes: bytes[28],
        cgroup_socket_bytes: bytes[29],
        cgroup_oom_kills: bytes[30],
        cgroup_some_stalled_ns: bytes[31],
        cgroup_all_stalled_ns: bytes[32],
    });
    (any::<(i64, u64, u64, u64)>(), consistency, totals).prop_map(
        |(numbers, consistency, totals)| {
            let (utc_ns, monotonic_ns, cpu_ns, wall_ns) = numbers;
            Snapshot {
                taken: Timestamp { utc_ns, monotonic_ns },
                cost: Cost { cpu_ns, wall_ns },
                consistency,
                totals,
                regions: Vec::new(),
                images: None,
            }
        },
    )
}
