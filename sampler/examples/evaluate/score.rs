//! Compares what the rules say of a capture with what is true.

use std::collections::BTreeMap;

use vmrec_sampler::{AddressRange, Confidence, Piece};

use crate::capture::Capture;

/// Type in truth, type found, rule.
pub(crate) type Case = (String, String, String);

/// Bytes of a capture, right and wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// All bytes.
    pub(crate) all: Bytes,
    /// Those of the right type.
    pub(crate) right: Bytes,
    /// Those nothing explains, though there is an explanation.
    pub(crate) unknown: Bytes,
    /// Every kind of answer.
    pub(crate) cases: BTreeMap<Case, Bytes>,
    /// How often each confidence is right.
    pub(crate) calibration: Calibration,
}

/// Resident bytes by the confidence of their label: of all memory, and of the anonymous memory
/// that the kernel does not name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calibration {
    all: BTreeMap<Confidence, Trust>,
    nameless: BTreeMap<Confidence, Trust>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Trust {
    said: f64,
    right: f64,
}

impl Calibration {
    /// Adds that of another process.
    pub(crate) fn add(&mut self, other: &Self) {
        for (into, from) in [(&mut self.all, &other.all), (&mut self.nameless, &other.nameless)] {
            for (confidence, trust) in from {
                let sum = into.entry(*confidence).or_default();
                sum.said += trust.said;
                sum.right += trust.right;
            }
        }
    }

    fn count(&mut self, confidence: Confidence, bytes: f64, is_right: bool, is_nameless: bool) {
        let tables = [Some(&mut self.all), is_nameless.then_some(&mut self.nameless)];
        for table in tables.into_iter().flatten() {
            let trust = table.entry(confidence).or_default();
            trust.said += bytes;
            trust.right += if is_right { bytes } else { 0.0 };
        }
    }

    /// Returns one line for each confidence: the least part that it promises to be right, the part
    /// that is, and the bytes that have it.
    pub(crate) fn lines(&self) -> Vec<String> {
        let promises = [
            (Confidence::Sure, 99.5),
            (Confidence::Likely, 95.0),
            (Confidence::Guess, 75.0),
            (Confidence::Unknown, 0.0),
        ];
        let line = |(confidence, promised): (Confidence, f64)| {
            let of = |table: &BTreeMap<_, Trust>| {
                let trust = table.get(&confidence).copied().unwrap_or_default();
                format!("{:7.2}% of {:8.1} MB", percent(trust.right, trust.said), trust.said / 1e6)
            };
            let (all, nameless) = (of(&self.all), of(&self.nameless));
            format!("{:8} >= {promised:4.1}%: {all}; nameless memory {nameless}", confidence.name())
        };
        promises.into_iter().map(line).collect()
    }
}

/// Resident and virtual bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bytes {
    /// In memory.
    pub(crate) resident: f64,
    /// In the address space.
    pub(crate) virtual_: f64,
}

impl Bytes {
    fn add(&mut self, other: Self) {
        self.resident += other.resident;
        self.virtual_ += other.virtual_;
    }
}

/// What the capture's memory is where nothing says so.
const UNEXPLAINED: &str = "VM_ALLOCATE";

impl Score {
    /// Compares `pieces` with the truth of `capture`.
    pub(crate) fn of(capture: &Capture, pieces: &[Piece]) -> Self {
        let mut score = Self::default();
        let mut cuts: Vec<u64> = capture
            .truth
            .iter()
            .map(|truth| truth.range)
            .chain(pieces.iter().map(|piece| piece.range))
            .chain(capture.mappings.iter().map(|mapping| mapping.range))
            .flat_map(|range| [range.start, range.end])
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        for cut in cuts.windows(2) {
            let range = AddressRange::new(cut[0], cut[1]);
            score.count(capture, pieces, range);
        }
        score
    }

    fn count(&mut self, capture: &Capture, pieces: &[Piece], range: AddressRange) {
        let place = capture.mappings.partition_point(|it| it.range.end <= range.start);
        let mapping = capture.mappings.get(place).filter(|it| it.range.overlaps(range));
        let Some(mapping) = mapping else { return };
        let truth = capture.truth.partition_point(|it| it.range.end <= range.start);
        let truth = capture.truth.get(truth).filter(|it| it.range.overlaps(range));
        let truth = match truth.map(|truth| truth.region_type.as_deref()) {
            Some(None) => return,
            Some(Some(known)) => known,
            None => UNEXPLAINED,
        };
        if mapping.is_vsyscall() {
            return;
        }
        let piece = pieces.partition_point(|it| it.range.end <= range.start);
        let label = pieces.get(piece).filter(|it| it.range.overlaps(range)).map(|it| &it.label);
        let found = label.map_or("", |label| label.region_type.name());
        let rule = label.map_or("", |label| label.rule.name());
        let bytes = Bytes {
            resident: capture.resident_in(place, range),
            virtual_: range.virtual_bytes() as f64,
        };
        self.all.add(bytes);
        let nameless = mapping.object.is_none();
        if let Some(label) = label {
            let right = found == truth;
            self.calibration.count(label.confidence, bytes.resident, right, nameless);
        }
        if found == truth {
            self.right.add(bytes);
        } else if found == UNEXPLAINED {
            self.unknown.add(bytes);
        }
        let case = (truth.to_owned(), found.to_owned(), rule.to_owned());
        self.cases.entry(case).or_default().add(bytes);
    }

    /// Resident bytes of the right type that `rule` found.
    pub(crate) fn found_by(&self, rule: &str) -> f64 {
        let right =
            self.cases.iter().filter(|((truth, found, by), _)| truth == found && by == rule);
        right.map(|(_, bytes)| bytes.resident).sum()
    }
}

/// The share of `part` in `whole`, in percent.
pub(crate) fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole * 100.0 } else { 100.0 }
}
