//! The keys that a diff adds regions up by.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use vmrec_sampler::{Identity, Label, Naming, Object, Region, RegionType, sort_by};
use vmrec_store::KindKey;

use crate::amounts::Change;
use crate::metric::Metric;

/// The kind of a diff's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// One row a family.
    Family,
    /// One row a type.
    Type,
    /// One row a library, file or thread; else a type.
    Object,
    /// One row a region.
    Region,
}

impl View {
    /// Every view, the coarsest first.
    pub const ALL: [Self; 4] = [Self::Family, Self::Type, Self::Object, Self::Region];

    /// Returns the word for it on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::Type => "type",
            Self::Object => "object",
            Self::Region => "region",
        }
    }
}

/// The change of all regions with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange<K> {
    /// Which kind.
    pub key: K,
    /// Its sums at both times.
    pub change: Change,
}

/// The owner of a region, as a user would name it. Text is as the process set it: escape it where it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// A mapped file, or what the kernel shows as one, by its path.
    File(Arc<str>),
    /// A thread, or what an allocator named.
    Detail(RegionType, Arc<str>),
    /// Nothing distinguishes it from others of its type.
    Type(RegionType),
}

impl ObjectKey {
    /// Returns what `region` belongs to.
    pub fn of(region: &Region) -> Self {
        let Identity { object, label, .. } = &*region.identity;
        Self::behind(object.as_deref(), label)
    }

    /// Returns what regions of a kind belong to.
    pub(crate) fn of_kind(kind: &KindKey) -> Self {
        Self::behind(kind.object.as_deref(), &kind.label)
    }

    fn behind(object: Option<&Object>, label: &Label) -> Self {
        match (object, &label.detail) {
            (Some(object), _) if object.name.starts_with('/') => Self::File(object.name.clone()),
            // Zero-filled data of an image has no object of its own; its detail names the file.
            (_, Some(detail))
                if label.region_type.family() == vmrec_sampler::Family::Image
                    && detail.starts_with('/') =>
            {
                Self::File(detail.clone().into())
            }
            (_, Some(detail)) => Self::Detail(label.region_type.clone(), detail.clone().into()),
            _ => Self::Type(label.region_type.clone()),
        }
    }

    /// Returns the name to show: a file's base name, a type with its detail, or a type.
    pub fn name(&self, naming: Naming) -> String {
        match self {
            Self::File(path) => match path.rsplit('/').next() {
                Some(base) if !base.is_empty() => base.to_owned(),
                _ => path.to_string(),
            },
            Self::Detail(region_type, detail) => {
                format!("{}: {detail}", region_type.label(naming))
            }
            Self::Type(region_type) => region_type.label(naming).to_owned(),
        }
    }

    /// Returns the names of different objects; files of one name are distinguished by their paths.
    pub(crate) fn names<'a>(
        keys: impl Iterator<Item = &'a Self> + Clone,
        naming: Naming,
    ) -> Vec<String> {
        let names: Vec<String> = keys.clone().map(|key| key.name(naming)).collect();
        let mut times_used: HashMap<&str, u64> = HashMap::new();
        names.iter().for_each(|name| *times_used.entry(name).or_default() += 1);
        let name = |(name, key): (&String, &Self)| match (times_used.get(&**name), key.path()) {
            (Some(2..), Some(path)) => path.to_owned(),
            _ => name.clone(),
        };
        names.iter().zip(keys).map(name).collect()
    }

    /// Returns the path of a file.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(path) => Some(path),
            Self::Detail(..) | Self::Type(_) => None,
        }
    }
}

/// Adds up entries by a key.
pub(crate) struct Grouping<K>(HashMap<K, Change>);

impl<K: Eq + Hash + Ord> Grouping<K> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    pub(crate) fn of(&mut self, key: K) -> &mut Change {
        self.0.entry(key).or_default()
    }

    pub(crate) fn into_rows(self) -> Vec<GroupChange<K>> {
        self.0.into_iter().map(|(key, change)| GroupChange { key, change }).collect()
    }
}

pub(crate) fn sort_rows<K: Ord>(rows: &mut [GroupChange<K>], metric: Metric) {
    sort_by(rows, |a, b| a.change.largest_first(&b.change, metric).then_with(|| a.key.cmp(&b.key)));
}
