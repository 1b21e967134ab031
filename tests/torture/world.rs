//! A made-up process whose every sample follows from a seed and its number, so
//! that a reader of the recording knows what it must hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Confidence, Consistency, Cost, Identity, Label, Object, ProcessTotals,
    Protection, Provenance, Quantities, Quantity, Region, Rule, ShareMode, Snapshot, Timestamp,
    types,
};
use vmrec_sampler::{Evidence, Facts, Image};
use vmrec_store::{Error, RecordingId, SampleState, Writer};

use crate::random::mix;
use crate::target::{INTERVAL_NS, PAGE_BYTES, begin_session, process};

/// A process with room for `slots` regions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) slots: u64,
    /// How many samples a region lives at least.
    pub(crate) life: u64,
    /// How many times that it lives at most.
    pub(crate) lives: u64,
}

/// What is stored under one number.
#[allow(clippy::large_enum_variant, reason = "nearly all are the large one")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    Taken(Snapshot),
    Missed { due: Timestamp, ticks: u64, reason: &'static str },
}

impl World {
    /// The process of a recording in a file made from `seed`: about 200 regions.
    pub(crate) const fn of(seed: u64, id: RecordingId) -> Self {
        Self { seed: mix(seed, id.0 as u64), slots: 224, life: 24, lives: 8 }
    }

    /// Returns sample `number`.
    pub(crate) fn sample(&self, number: u64) -> Made {
        if number.is_multiple_of(97) {
            return Made::Missed { due: at(number), ticks: 1 + number % 5, reason: "made up" };
        }
        Made::Taken(self.snapshot(number))
    }

    /// Returns sample `number` as if none was ever missed.
    pub(crate) fn snapshot(&self, number: u64) -> Snapshot {
        let regions: Vec<_> =
            (0..self.slots).filter_map(|slot| self.region(slot, number)).collect();
        let resident = regions.iter().filter_map(|r| r.quantities.get(Quantity::Resident)).sum();
        Snapshot {
            taken: at(number),
            cost: Cost { cpu_ns: mix(self.seed, number) % 1_000_000, wall_ns: number * 3 },
            consistency: match number % 53 {
                0 => Consistency::Torn(format!("made up at {number}")),
                1 => Consistency::Unchanged,
                2 => Consistency::Cheap,
                _ => Consistency::Complete,
            },
            totals: ProcessTotals {
                virtual_bytes: Some(number << 20),
                resident_bytes: Some(resident),
                threads: (!number.is_multiple_of(3)).then_some(number % 7),
                cpu_ns: Some(number * 1_000_003),
                ..ProcessTotals::default()
            },
            regions,
            images: None,
        }
    }

    fn region(&self, slot: u64, number: u64) -> Option<Region> {
        let own = mix(self.seed, slot);
        let life = self.life * (1 + (own >> 20) % self.lives);
        let age = number + own % life;
        let one = mix(own, age / life);
        if one.is_multiple_of(9) {
            return None; // nothing is there for this life
        }
        let steps = number / (1 + (own >> 3) % 40);
        let resident = (one % 500 + steps) * PAGE_BYTES;
        let mut quantities = Quantities::UNKNOWN;
        for (place, quantity) in Quantity::ALL.into_iter().enumerate() {
            if !(slot + place as u64).is_multiple_of(13) {
                quantities.set(quantity, (resident >> place) / PAGE_BYTES * PAGE_BYTES);
            }
        }
        // Some grow at their end, which makes another region of each.
        let grown = if slot % 32 == 5 { age % life / 6 } else { 0 };
        Some(Region {
            identity: Arc::new(identity(slot, one, grown)),
            share_mode: (!slot.is_multiple_of(11)).then_some(ShareMode::ALL[(own % 5) as usize]),
            provenance: Provenance::ALL[(slot % 4) as usize],
            quantities,
        })
    }
}

fn identity(slot: u64, one: u64, grown: u64) -> Identity {
    let start = (slot << 28) + (one >> 40) % 1024 * PAGE_BYTES;
    let pages = 1 + (one >> 10) % 2000 + grown;
    Identity {
        range: AddressRange::new(start, start + pages * PAGE_BYTES),
        protection: Protection::from_bits((one % 8) as u8),
        max_protection: slot.is_multiple_of(3).then_some(Protection::from_bits(7)),
        object: one.is_multiple_of(4).then(|| {
            Arc::new(Object {
                name: format!("/made/up/lib{}.so", one % 200).into(),
                device: (8, 1),
                inode: one % 200,
                deleted: one.is_multiple_of(50),
            })
        }),
        offset: if one.is_multiple_of(4) { (one >> 8) % 64 * PAGE_BYTES } else { 0 },
        flags: if slot.is_multiple_of(2) { "p rd wr mr mw me ac" } else { "p rd mr mw me sd" }
            .into(),
        label: Label {
            region_type: types::ALL[(one >> 30) as usize % types::ALL.len()].clone(),
            detail: slot.is_multiple_of(7).then(|| format!("thread {}", one % 90).into()),
            confidence: Confidence::ALL[(one % 4) as usize],
            rule: Rule::R9,
        },
    }
}

impl Made {
    /// Stores it as the next sample of a recording.
    pub(crate) fn store(&self, writer: &mut Writer, id: RecordingId) -> Result<u64, Error> {
        match self {
            Self::Taken(snapshot) => writer.append(id, snapshot.clone()),
            Self::Missed { due, ticks, reason } => writer.missed(id, *due, *ticks, reason),
        }
    }

    pub(crate) const fn taken(&self) -> Timestamp {
        match self {
            Self::Taken(snapshot) => snapshot.taken,
            Self::Missed { due, .. } => *due,
        }
    }

    pub(crate) fn state(&self) -> SampleState {
        match self {
            Self::Taken(snapshot) => match &snapshot.consistency {
                Consistency::Complete => SampleState::Complete,
                Consistency::Cheap => SampleState::Cheap,
                Consistency::Unchanged => SampleState::Unchanged,
                Consistency::Torn(reason) => SampleState::Torn(reason.clone()),
                Consistency::TotalsAlone(reason) => SampleState::TotalsAlone(reason.clone()),
            },
            Self::Missed { ticks, reason, .. } => {
                SampleState::Missed { ticks: *ticks, reason: (*reason).to_owned() }
            }
        }
    }

    pub(crate) const fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Taken(snapshot) => Some(snapshot),
            Self::Missed { .. } => None,
        }
    }
}

/// Returns whether evidence is stored after sample `number`.
pub(crate) const fn has_evidence(number: u64) -> bool {
    number % 40 == 1
}

/// Returns whether a mark is set after sample `number`.
pub(crate) const fn has_mark(number: u64) -> bool {
    number % 60 == 30
}

/// Returns the evidence stored after sample `number`.
pub(crate) fn evidence(number: u64) -> Evidence {
    let image = Image { markers: vec!["mallctl".into()], ..Image::default() };
    // Now and then another set of images: only then are they stored again.
    let images = (0..4 + number / 200)
        .map(|place| (format!("/bin/made-up-{place}").into(), Arc::new(image.clone())))
        .collect();
    let facts = Facts {
        pid: number as u32,
        executable: Some("/bin/made-up-0".into()),
        images,
        ..Facts::default()
    };
    let bytes = (0..64).map(|place| mix(number, place) as u8).collect();
    Evidence { facts, peeks: BTreeMap::from([(0x7000 + number, bytes)]) }
}

pub(crate) fn mark_text(number: u64) -> String {
    format!("mark {number}")
}

pub(crate) fn at(number: u64) -> Timestamp {
    let ns = number * INTERVAL_NS;
    Timestamp { utc_ns: 1_700_000_000_000_000_000 + ns as i64, monotonic_ns: 5_000_000 + ns }
}

pub(crate) fn begin(writer: &mut Writer) -> Result<RecordingId, Error> {
    let session = begin_session(writer, at(0))?;
    writer.begin(session, &process(), Some("made up"), at(0))
}
