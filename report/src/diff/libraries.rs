//! The libraries that came and went between two samples.

use std::collections::BTreeSet;

use vmrec_sampler::{Family, LoadedImage, LoadedImages, Object, Snapshot};

/// The programs and libraries that only one of two samples has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libraries {
    /// Those of the second sample alone, by their paths.
    pub came: Vec<Library>,
    /// Those of the first sample alone.
    pub went: Vec<Library>,
    /// How they are known.
    pub source: LibrarySource,
}

/// A file with code that a process runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Library {
    /// Its path. Not escaped.
    pub path: String,
    /// The number of its build, where the dynamic linker's list has it.
    pub uuid: Option<String>,
    /// Device and inode, of those known from regions: another file may get the same path.
    file: Option<((u32, u32), u64)>,
}

/// How the libraries of a sample are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LibrarySource {
    /// From the list of the dynamic linker, which was recorded with both samples.
    List,
    /// From the files behind regions of the family of images.
    Regions,
}

impl LibrarySource {
    /// Returns its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Regions => "regions",
        }
    }
}

impl Libraries {
    /// Compares the files of regions of two snapshots; `None` if the regions of either are unknown.
    pub(crate) fn of_regions(from: &Snapshot, to: &Snapshot) -> Option<Self> {
        let known = [from, to].iter().all(|it| it.consistency.totals_alone().is_none());
        known.then(|| Self::between([files(from), files(to)], LibrarySource::Regions))
    }

    /// Compares the lists of two samples.
    pub fn of_lists(from: &LoadedImages, to: &LoadedImages) -> Self {
        let all = |list: &LoadedImages| {
            let library = |image: &LoadedImage| Library {
                path: image.path.to_string(),
                uuid: image.uuid.map(|uuid| format!("{:032X}", u128::from_be_bytes(uuid))),
                file: None,
            };
            list.iter().map(|image| library(image)).collect()
        };
        Self::between([all(from), all(to)], LibrarySource::List)
    }

    fn between([from, to]: [BTreeSet<Library>; 2], source: LibrarySource) -> Self {
        let only = |one: &BTreeSet<Library>, other| one.difference(other).cloned().collect();
        Self { came: only(&to, &from), went: only(&from, &to), source }
    }
}

/// Returns the files behind the images of a snapshot.
fn files(snapshot: &Snapshot) -> BTreeSet<Library> {
    let images = snapshot.regions.iter().filter_map(|region| {
        let identity = &region.identity;
        let is_image = identity.label.region_type.family() == Family::Image;
        identity.object.as_deref().filter(|object| is_image && object.name.starts_with('/'))
    });
    let library = |object: &Object| Library {
        path: object.name.to_string(),
        uuid: None,
        file: Some((object.device, object.inode)),
    };
    images.map(library).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixture::{K, memory, region, snapshot};
    use vmrec_sampler::{Consistency, ProcessTotals, Region, types};

    fn image(start: u64, path: &str, inode: u64) -> Region {
        let mut region = region(start..start + K, types::TEXT, Some(path), &memory(K, K, 0));
        let mut identity = (*region.identity).clone();
        identity.object =
            Some(Arc::new(Object { name: path.into(), device: (8, 1), inode, deleted: false }));
        region.identity = Arc::new(identity);
        region
    }

    fn paths(libraries: &[Library]) -> Vec<&str> {
        libraries.iter().map(|library| &*library.path).collect()
    }

    #[test]
    fn files_of_images_come_and_go_wherever_they_lie() {
        let at = |regions| snapshot(0, ProcessTotals::default(), regions);
        let data = region(0x9000..0xa000, types::MAPPED_FILE, Some("/data"), &memory(K, K, 0));
        let from = at(vec![
            image(0x1000, "/lib/a", 1),
            image(0x2000, "/lib/b", 2),
            image(0x3000, "[vdso]", 0),
        ]);
        let to = at(vec![
            image(0x4000, "/lib/a", 1),
            image(0x5000, "/lib/b", 9),
            image(0x7000, "/lib/c", 3),
            data,
        ]);
        let found = Libraries::of_regions(&from, &to).unwrap();
        // Another file of the same path is another library.
        assert_eq!(paths(&found.came), ["/lib/b", "/lib/c"]);
        assert_eq!(paths(&found.went), ["/lib/b"]);
        let mut unread = from.clone();
        unread.consistency = Consistency::TotalsAlone("refused".to_owned());
        assert_eq!(Libraries::of_regions(&unread, &to), None);
    }

    #[test]
    fn lists_are_compared_by_path_and_build() {
        let listed = |path: &str, uuid, address| {
            let (path, uuid) = (path.into(), Some([uuid; 16]));
            Arc::new(LoadedImage { path, uuid, address, segments: Vec::new() })
        };
        let from = [listed("/a", 7, 1), listed("/b", 8, 2)].into();
        let to = [listed("/a", 7, 9), listed("/b", 9, 2)].into();
        let found = Libraries::of_lists(&from, &to);
        assert_eq!((paths(&found.came), paths(&found.went)), (vec!["/b"], vec!["/b"]));
        assert_eq!(found.came[0].uuid.as_deref(), Some(&*"09".repeat(16)));
    }
}
