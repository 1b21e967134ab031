//! A diff as JSON.

use serde::Serialize;
use vmrec_sampler::{Consistency, Naming};
use vmrec_store::RecordingId;

use crate::amounts::Change;
use crate::diff::group::{GroupChange, ObjectKey};
use crate::diff::libraries::{Libraries, Library};
use crate::diff::table::share::SharesOf;
use crate::diff::{Diff, RegionRow, Residual};
use crate::export::json::{Changes, DeltaValue, Moment, addresses, regions_delta};
use crate::text::clock;
use crate::time::spec::Resolved;

/// `diff --json`.
#[derive(Serialize)]
pub struct DiffDocument<'a> {
    recording: i64,
    sorted_by: String,
    from: End<'a>,
    to: End<'a>,
    total: Group<'a, ()>,
    process: ProcessValue,
    families: Vec<Group<'a, FamilyKey<'a>>>,
    types: Vec<Group<'a, TypeKey<'a>>>,
    objects: Vec<Group<'a, ObjectName<'a>>>,
    regions: Vec<ChangedRegion<'a>>,
    unchanged_regions: Option<u64>,
    unattributed: UnattributedValue,
    libraries: Option<LibrariesValue<'a>>,
}

/// The libraries that came and went.
#[derive(Serialize)]
struct LibrariesValue<'a> {
    known_from: &'static str,
    came: Vec<LibraryValue<'a>>,
    went: Vec<LibraryValue<'a>>,
}

#[derive(Serialize)]
struct LibraryValue<'a> {
    path: &'a str,
    uuid: Option<&'a str>,
}

impl<'a> LibrariesValue<'a> {
    fn of(libraries: &'a Libraries) -> Self {
        let values = |all: &'a [Library]| {
            let value =
                |one: &'a Library| LibraryValue { path: &one.path, uuid: one.uuid.as_deref() };
            all.iter().map(value).collect()
        };
        Self {
            known_from: libraries.source.name(),
            came: values(&libraries.came),
            went: values(&libraries.went),
        }
    }
}

/// One of the two samples compared.
#[derive(Serialize)]
pub struct End<'a> {
    sample: u64,
    #[serde(flatten)]
    taken: Moment,
    asked: String,
    off_by_ns: i64,
    unchanged: bool,
    cheap: bool,
    torn: Option<&'a str>,
    totals_alone: Option<&'a str>,
}

impl<'a> End<'a> {
    /// Creates it from the sample found, with what is wrong with its regions.
    pub fn new(resolved: &Resolved, consistency: &'a Consistency) -> Self {
        Self {
            sample: resolved.number,
            taken: Moment::of(resolved.taken.utc_ns),
            asked: clock::utc(resolved.asked_utc_ns),
            off_by_ns: resolved.off_by_ns,
            unchanged: consistency.is_unchanged(),
            cheap: consistency.is_cheap(),
            torn: consistency.torn(),
            totals_alone: consistency.totals_alone(),
        }
    }
}

impl<'a> DiffDocument<'a> {
    /// Creates the document, with every view of the diff in the diff's order.
    pub fn new(
        recording: RecordingId,
        naming: Naming,
        from: End<'a>,
        to: End<'a>,
        diff: &'a Diff,
    ) -> Self {
        fn groups<'a, K, N>(
            rows: &'a [GroupChange<K>],
            name: impl Fn(&'a K) -> N,
            diff: &Diff,
        ) -> Vec<Group<'a, N>> {
            let share = SharesOf::of(diff, rows.iter().map(|row| &row.change));
            let group = |row: &'a GroupChange<K>| {
                let share_percent = Some(share.percent(&row.change));
                Group { share_percent, ..Group::new(name(&row.key), &row.change) }
            };
            rows.iter().map(group).collect()
        }
        let unattributed = &diff.unattributed;
        Self {
            recording: recording.0,
            sorted_by: diff.sorted_by.name(),
            from,
            to,
            total: Group::new((), &diff.total),
            process: ProcessValue {
                virtual_bytes: diff.process.virtual_bytes.into(),
                resident_bytes: diff.process.resident_bytes.into(),
                swapped_bytes: diff.process.swapped_bytes.into(),
                footprint_bytes: diff.process.footprint_bytes.into(),
            },
            families: groups(
                &diff.families,
                |family| FamilyKey { family: family.name(), label: family.label(naming) },
                diff,
            ),
            types: groups(
                &diff.types,
                |key| TypeKey {
                    region_type: key.name(),
                    label: key.label(naming),
                    family: key.family().name(),
                    family_label: key.family().label(naming),
                },
                diff,
            ),
            objects: groups(&diff.objects, |key| ObjectName::of(key, naming), diff),
            regions: diff.regions.iter().map(|row| ChangedRegion::of(row, naming)).collect(),
            unchanged_regions: (!diff.is_unread()).then_some(diff.unchanged.regions),
            unattributed: UnattributedValue {
                virtual_bytes: residual(unattributed.virtual_bytes),
                resident_bytes: residual(unattributed.resident_bytes),
                swapped_bytes: residual(unattributed.swapped_bytes),
            },
            libraries: diff.libraries.as_ref().map(LibrariesValue::of),
        }
    }
}

#[derive(Serialize)]
struct Group<'a, N> {
    #[serde(flatten)]
    name: N,
    regions: DeltaValue<u64>,
    #[serde(flatten)]
    changes: Changes<'a>,
    /// Of the rows that are parts of the whole; within it null where it has no meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_percent: Option<Option<u8>>,
}

impl<'a, N> Group<'a, N> {
    fn new(name: N, change: &'a Change) -> Self {
        Self { name, regions: regions_delta(change), changes: Changes(change), share_percent: None }
    }
}

#[derive(Serialize)]
struct FamilyKey<'a> {
    family: &'a str,
    label: &'a str,
}

#[derive(Serialize)]
struct TypeKey<'a> {
    #[serde(rename = "type")]
    region_type: &'a str,
    label: &'a str,
    family: &'a str,
    family_label: &'a str,
}

#[derive(Serialize)]
struct ObjectName<'a> {
    object: String,
    label: String,
    path: Option<&'a str>,
}

impl<'a> ObjectName<'a> {
    fn of(key: &'a ObjectKey, naming: Naming) -> Self {
        Self { object: key.name(Naming::Apple), label: key.name(naming), path: key.path() }
    }
}

#[derive(Serialize)]
struct ChangedRegion<'a> {
    change: &'static str,
    #[serde(rename = "type")]
    region_type: &'a str,
    label: &'a str,
    family: &'static str,
    family_label: &'static str,
    object: Option<&'a str>,
    detail: Option<&'a str>,
    start: Option<String>,
    end: Option<String>,
    from_protection: Option<String>,
    to_protection: Option<String>,
    #[serde(flatten)]
    sizes: Group<'a, ()>,
}

impl<'a> ChangedRegion<'a> {
    fn of(row: &'a RegionRow, naming: Naming) -> Self {
        let (start, end) = addresses(row.range());
        Self {
            change: row.kind.name(),
            region_type: row.region_type.name(),
            label: row.region_type.label(naming),
            family: row.region_type.family().name(),
            family_label: row.region_type.family().label(naming),
            object: row.object_name(),
            detail: row.detail.as_deref(),
            start,
            end,
            from_protection: row.from_state.map(|state| state.protection.to_string()),
            to_protection: row.to_state.map(|state| state.protection.to_string()),
            sizes: Group::new((), &row.change),
        }
    }
}

#[derive(Serialize)]
struct ProcessValue {
    virtual_bytes: DeltaValue<u64>,
    resident_bytes: DeltaValue<u64>,
    swapped_bytes: DeltaValue<u64>,
    footprint_bytes: DeltaValue<u64>,
}

#[derive(Serialize)]
struct UnattributedValue {
    virtual_bytes: DeltaValue<i128>,
    resident_bytes: DeltaValue<i128>,
    swapped_bytes: DeltaValue<i128>,
}

fn residual(residual: Residual) -> DeltaValue<i128> {
    DeltaValue { from: residual.from, to: residual.to, delta: residual.delta() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::before_and_after;

    #[test]
    fn a_diff_has_the_keys_promised() {
        let (from, to) = before_and_after();
        let mut diff = crate::diff::diff(&from, &to);
        diff.regions.truncate(1);
        diff.families.truncate(1);
        diff.types.truncate(1);
        diff.objects.truncate(1);
        let end = |number, taken: vmrec_sampler::Timestamp, off_by_ns: i64| {
            let asked_utc_ns = taken.utc_ns - off_by_ns;
            End::new(&Resolved { number, taken, asked_utc_ns, off_by_ns }, &Consistency::Complete)
        };
        let (first, second) = (end(1, from.taken, 0), end(301, to.taken, -1_200_000_000));
        let document = DiffDocument::new(RecordingId(3), Naming::Linux, first, second, &diff);
        // One line a value, as indented JSON of this size is long.
        let value = serde_json::to_value(&document).unwrap();
        let fields =
            value.as_object().unwrap().iter().map(|(key, value)| format!("{key}: {value}"));
        insta::assert_snapshot!(fields.collect::<Vec<_>>().join("\n"), @r#"
        families: [{"anonymous_bytes":{"delta":null,"from":null,"to":null},"dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"family":"malloc","huge_bytes":{"delta":null,"from":null,"to":null},"label":"malloc","locked_bytes":{"delta":null,"from":null,"to":null},"private_bytes":{"delta":11534336,"from":3145728,"to":14680064},"private_dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"pss_bytes":{"delta":null,"from":null,"to":null},"reclaimable_bytes":{"delta":null,"from":null,"to":null},"referenced_bytes":{"delta":null,"from":null,"to":null},"regions":{"delta":0,"from":1,"to":1},"resident_bytes":{"delta":11534336,"from":3145728,"to":14680064},"share_percent":100,"swapped_bytes":{"delta":0,"from":0,"to":0},"virtual_bytes":{"delta":12582912,"from":4194304,"to":16777216}}]
        from: {"asked":"2026-03-01T13:00:00.000Z","cheap":false,"off_by_ns":0,"sample":1,"time":"2026-03-01T13:00:00.000Z","torn":null,"totals_alone":null,"unchanged":false,"utc_ns":1772370000000000000}
        libraries: {"came":[{"path":"/opt/app/lib/libz.so.1","uuid":null}],"known_from":"regions","went":[]}
        objects: [{"anonymous_bytes":{"delta":null,"from":null,"to":null},"dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"huge_bytes":{"delta":null,"from":null,"to":null},"label":"MALLOC (brk heap)","locked_bytes":{"delta":null,"from":null,"to":null},"object":"MALLOC (brk heap)","path":null,"private_bytes":{"delta":11534336,"from":3145728,"to":14680064},"private_dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"pss_bytes":{"delta":null,"from":null,"to":null},"reclaimable_bytes":{"delta":null,"from":null,"to":null},"referenced_bytes":{"delta":null,"from":null,"to":null},"regions":{"delta":0,"from":1,"to":1},"resident_bytes":{"delta":11534336,"from":3145728,"to":14680064},"share_percent":100,"swapped_bytes":{"delta":0,"from":0,"to":0},"virtual_bytes":{"delta":12582912,"from":4194304,"to":16777216}}]
        process: {"footprint_bytes":{"delta":null,"from":null,"to":null},"resident_bytes":{"delta":11255808,"from":5529600,"to":16785408},"swapped_bytes":{"delta":0,"from":0,"to":0},"virtual_bytes":{"delta":8388608,"from":33554432,"to":41943040}}
        recording: 3
        regions: [{"anonymous_bytes":{"delta":null,"from":null,"to":null},"change":"grown","detail":null,"dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"end":"0x555501000000","family":"malloc","family_label":"malloc","from_protection":"rw-","huge_bytes":{"delta":null,"from":null,"to":null},"label":"MALLOC (brk heap)","locked_bytes":{"delta":null,"from":null,"to":null},"object":"[heap]","private_bytes":{"delta":11534336,"from":3145728,"to":14680064},"private_dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"pss_bytes":{"delta":null,"from":null,"to":null},"reclaimable_bytes":{"delta":null,"from":null,"to":null},"referenced_bytes":{"delta":null,"from":null,"to":null},"regions":{"delta":0,"from":1,"to":1},"resident_bytes":{"delta":11534336,"from":3145728,"to":14680064},"start":"0x555500000000","swapped_bytes":{"delta":0,"from":0,"to":0},"to_protection":"rw-","type":"MALLOC (brk heap)","virtual_bytes":{"delta":12582912,"from":4194304,"to":16777216}}]
        sorted_by: "resident"
        to: {"asked":"2026-03-01T13:10:01.200Z","cheap":false,"off_by_ns":-1200000000,"sample":301,"time":"2026-03-01T13:10:00.000Z","torn":null,"totals_alone":null,"unchanged":false,"utc_ns":1772370600000000000}
        total: {"anonymous_bytes":{"delta":null,"from":null,"to":null},"dirty_bytes":{"delta":11509760,"from":3264512,"to":14774272},"huge_bytes":{"delta":null,"from":null,"to":null},"locked_bytes":{"delta":null,"from":null,"to":null},"private_bytes":{"delta":11509760,"from":3264512,"to":14774272},"private_dirty_bytes":{"delta":11509760,"from":3264512,"to":14774272},"pss_bytes":{"delta":null,"from":null,"to":null},"reclaimable_bytes":{"delta":null,"from":null,"to":null},"referenced_bytes":{"delta":null,"from":null,"to":null},"regions":{"delta":0,"from":7,"to":7},"resident_bytes":{"delta":11595776,"from":4513792,"to":16109568},"swapped_bytes":{"delta":0,"from":0,"to":0},"virtual_bytes":{"delta":4296704,"from":22773760,"to":27070464}}
        types: [{"anonymous_bytes":{"delta":null,"from":null,"to":null},"dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"family":"malloc","family_label":"malloc","huge_bytes":{"delta":null,"from":null,"to":null},"label":"MALLOC (brk heap)","locked_bytes":{"delta":null,"from":null,"to":null},"private_bytes":{"delta":11534336,"from":3145728,"to":14680064},"private_dirty_bytes":{"delta":11534336,"from":3145728,"to":14680064},"pss_bytes":{"delta":null,"from":null,"to":null},"reclaimable_bytes":{"delta":null,"from":null,"to":null},"referenced_bytes":{"delta":null,"from":null,"to":null},"regions":{"delta":0,"from":1,"to":1},"resident_bytes":{"delta":11534336,"from":3145728,"to":14680064},"share_percent":100,"swapped_bytes":{"delta":0,"from":0,"to":0},"type":"MALLOC (brk heap)","virtual_bytes":{"delta":12582912,"from":4194304,"to":16777216}}]
        unattributed: {"resident_bytes":{"delta":-339968,"from":1015808,"to":675840},"swapped_bytes":{"delta":0,"from":0,"to":0},"virtual_bytes":{"delta":4091904,"from":10784768,"to":14876672}}
        unchanged_regions: 4
        "#);
    }
}
