//! The figures of a recording so far, kept from each sample as it comes: the recording is never
//! read back for them.

#[cfg(test)]
mod tests;

use std::time::Instant;

use jiff::tz::TimeZone;
use vmrec_report::{
    Amounts, Caveat, Clock, Finding, Leader, Loading, LoadingWatch, Metric, Moments, Unit,
    WatchedSample, age_ns, begins_in_time, escape,
};
use vmrec_sampler::{Naming, ProcessInfo, RegionType, Snapshot, Timestamp};

/// The sizes of a sample that a user follows: sums over all regions.
#[derive(Clone)]
pub(super) struct FollowedSizes {
    taken: Timestamp,
    pub(super) resident: u64,
    pub(super) private: Option<u64>,
    /// The resident size of each type.
    types: Vec<(RegionType, u64)>,
}

impl FollowedSizes {
    fn of(snapshot: &Snapshot) -> Self {
        let sums = Amounts::of(snapshot);
        let mut types: Vec<(RegionType, u64)> = Vec::new();
        for region in &snapshot.regions {
            let region_type = &region.identity.label.region_type;
            let bytes = Metric::RESIDENT.of(region).unwrap_or(0);
            match types.iter_mut().find(|(known, _)| known == region_type) {
                Some((_, sum)) => *sum = sum.saturating_add(bytes),
                None => types.push((region_type.clone(), bytes)),
            }
        }
        Self {
            taken: snapshot.taken,
            // Where regions may not be read, the kernel's total is all that is known.
            resident: match sums.is_unread() {
                true => snapshot.totals.resident_bytes.unwrap_or(0),
                false => sums.get(Metric::RESIDENT).unwrap_or(0),
            },
            private: sums.get(Metric::PRIVATE),
            types,
        }
    }

    fn of_type(&self, region_type: &RegionType) -> u64 {
        self.types.iter().find(|(known, _)| known == region_type).map_or(0, |(_, bytes)| *bytes)
    }

    fn since(&self, begin: &Self) -> u64 {
        self.taken.monotonic_ns.saturating_sub(begin.taken.monotonic_ns)
    }
}

/// The ends and the highest of the samples that figures are taken from.
struct Counted {
    /// Whether they are torn ones, as no other came yet.
    torn: bool,
    first: FollowedSizes,
    last: FollowedSizes,
    /// The one with the largest resident size.
    peak: FollowedSizes,
}

impl Counted {
    fn of(sizes: &FollowedSizes, torn: bool) -> Self {
        let [first, last, peak] = [(); 3].map(|()| sizes.clone());
        Self { torn, first, last, peak }
    }

    /// Adds a sample: a torn one counts for nothing beside one that is not.
    fn add(&mut self, sizes: &FollowedSizes, torn: bool) {
        if self.torn != torn {
            if self.torn {
                *self = Self::of(sizes, torn);
            }
            return;
        }
        if sizes.resident > self.peak.resident {
            self.peak = sizes.clone();
        }
        self.last = sizes.clone();
    }
}

/// The line a user sees of a sample.
pub(crate) struct Figures {
    sizes: FollowedSizes,
    torn: bool,
    /// Whether its regions are those of an earlier sample.
    unchanged: bool,
    /// Whether only its mappings were read, and pages counted.
    cheap: bool,
    /// Whether its regions may not be read.
    unread: bool,
    kernel_peak: Option<u64>,
    pub(super) cpu_ns: u64,
}

impl Figures {
    /// Returns those of `snapshot`.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self {
            sizes: FollowedSizes::of(snapshot),
            torn: snapshot.consistency.torn().is_some(),
            unchanged: snapshot.consistency.is_unchanged(),
            cheap: snapshot.consistency.is_cheap(),
            unread: snapshot.consistency.totals_alone().is_some(),
            kernel_peak: snapshot.totals.peak_resident_bytes,
            cpu_ns: snapshot.cost.cpu_ns,
        }
    }
}

/// The figures of a recording so far.
pub(super) struct Tally {
    begun: Instant,
    process: String,
    started_utc_ns: Option<i64>,
    pub(super) first: Option<FollowedSizes>,
    pub(super) last: FollowedSizes,
    counted: Option<Counted>,
    /// Watches for the first sample at rest of a process that may still be loading.
    watch: Option<LoadingWatch>,
    /// That sample.
    rested: Option<FollowedSizes>,
    /// The largest since the process began, by the kernel's own count.
    pub(super) kernel_peak: Option<u64>,
    pub(super) kept: u64,
    torn: u64,
    unchanged: u64,
    cheap: u64,
    unread: u64,
    pub(super) missed: u64,
    pub(super) lost: u64,
    pub(super) cpu_ns: u64,
}

impl Tally {
    pub(super) fn new(process: &ProcessInfo) -> Self {
        let taken = Timestamp { utc_ns: 0, monotonic_ns: 0 };
        Self {
            begun: Instant::now(),
            process: process.name().to_owned(),
            started_utc_ns: process.started_utc_ns,
            first: None,
            last: FollowedSizes { taken, resident: 0, private: None, types: Vec::new() },
            counted: None,
            watch: None,
            rested: None,
            kernel_peak: None,
            kept: 0,
            torn: 0,
            unchanged: 0,
            cheap: 0,
            unread: 0,
            missed: 0,
            lost: 0,
            cpu_ns: 0,
        }
    }

    pub(super) fn add(&mut self, figures: &Figures) {
        let now = figures.sizes.clone();
        if self.first.is_none() {
            let age = age_ns(self.started_utc_ns, now.taken.utc_ns);
            self.watch = LoadingWatch::new(age, Unit::Bytes);
        }
        let first = self.first.get_or_insert_with(|| now.clone());
        if let Some(watch) = &mut self.watch {
            let sample = WatchedSample {
                elapsed_ns: now.since(first),
                value: now.resident,
                complete: !figures.torn && !figures.unread,
            };
            match watch.add(sample) {
                Loading::Going => {}
                Loading::Over => self.watch = None,
                Loading::Rested => {
                    self.rested = Some(self.last.clone());
                    self.watch = None;
                }
            }
        }
        match &mut self.counted {
            Some(counted) => counted.add(&now, figures.torn),
            None => self.counted = Some(Counted::of(&now, figures.torn)),
        }
        self.last = now;
        self.kept += 1;
        self.torn += u64::from(figures.torn);
        self.unchanged += u64::from(figures.unchanged);
        self.cheap += u64::from(figures.cheap);
        self.unread += u64::from(figures.unread);
        self.kernel_peak = figures.kernel_peak;
        self.cpu_ns += figures.cpu_ns;
    }

    /// Returns the first and the last sample that count, and the one of the largest resident size.
    pub(super) fn ends(&self) -> Option<[&FollowedSizes; 3]> {
        self.counted.as_ref().map(|Counted { first, last, peak, .. }| [first, last, peak])
    }

    pub(super) fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    pub(super) fn blemishes(&self) -> String {
        let counts = [
            (self.torn, "torn"),
            (self.unchanged, "unchanged"),
            (self.cheap, "cheap"),
            (self.unread, "of totals alone"),
            (self.missed, "missed"),
            (self.lost, "lost: disk full"),
        ];
        let shown = counts.into_iter().filter(|(count, _)| *count > 0);
        shown.map(|(count, what)| format!(", {count} {what}")).collect()
    }

    /// Returns the finding of the resident size, and what to know about it, a line each.
    pub(super) fn finding(&self, zone: TimeZone) -> Vec<String> {
        let Some([first, last, peak]) = self.ends() else { return Vec::new() };
        if last.since(first) == 0 {
            return Vec::new();
        }
        let in_time =
            |rested: &&FollowedSizes| begins_in_time(rested.since(first), last.since(first));
        let begin = self.rested.as_ref().filter(in_time).unwrap_or(first);
        let clock = Clock::Wall { begin_utc_ns: begin.taken.utc_ns, zone };
        let naming = Naming::of(&vmrec_sampler::host());
        let label = |of: &RegionType| of.label(naming).to_owned();
        let rise = |(of, bytes): &(RegionType, u64)| {
            Some((bytes.checked_sub(begin.of_type(of))?, label(of), *bytes))
        };
        let leader = peak.types.iter().filter_map(rise).max_by_key(|(rise, ..)| *rise);
        let moments = Moments {
            first: begin.resident,
            last: last.resident,
            highest: Some((peak.resident, peak.since(begin))),
            leader: leader.map(|(_, label, value)| Leader { label, value }),
            elapsed_ns: last.since(begin),
        };
        let stays = |of: &RegionType| last.types.iter().any(|(known, _)| known == of);
        let gone = begin.types.iter().map(|(of, _)| of).filter(|of| !stays(of));
        let types = last.types.iter().map(|(of, _)| of).chain(gone);
        let mut parts: Vec<(String, i128)> = Vec::new();
        for of in types {
            let change = i128::from(last.of_type(of)) - i128::from(begin.of_type(of));
            parts.push((label(of), change));
        }
        let mut caveats = self.caveats(first, begin);
        if self.counted.as_ref().is_some_and(|counted| counted.torn) {
            caveats.push(Caveat::Torn { samples: self.torn, left_out: false });
        }
        let finding = Finding::of_moments(Metric::RESIDENT, moments, parts, caveats);
        let moment = |elapsed_ns| clock.moment(elapsed_ns);
        let caveats = finding.caveats.iter().map(|caveat| caveat.words(&moment));
        std::iter::once(finding.headline(&self.process, &clock))
            .chain(caveats)
            .map(|line| escape::terminal(&line).into_owned())
            .collect()
    }

    /// Returns what to know of a process that was still loading at the first sample.
    fn caveats(&self, first: &FollowedSizes, begin: &FollowedSizes) -> Vec<Caveat> {
        if begin.since(first) > 0 {
            let (unit, mark) = (Unit::Bytes, None);
            return vec![Caveat::Loaded { first: first.resident, unit, elapsed_ns: 0, mark }];
        }
        let age_ns = age_ns(self.started_utc_ns, first.taken.utc_ns);
        let young = LoadingWatch::new(age_ns, Unit::Bytes).is_some();
        let rested = self.rested.as_ref().is_some_and(|rested| rested.since(first) == 0);
        let age_ns = age_ns.filter(|_| young && !rested);
        age_ns.map(|age_ns| Caveat::Loading { age_ns }).into_iter().collect()
    }
}
