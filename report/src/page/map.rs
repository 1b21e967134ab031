//! The address map of a page: its last sample, with what came and went since A.

use vmrec_sampler::Snapshot;

use crate::address_map::{AddressMapOptions, address_map};
use crate::map_page::options::PageSource;
use crate::page::input::PageInput;

/// Width in pixels: that of the page.
const WIDTH: u32 = 1124;
/// The heights tried, and the size in bytes that one of them has to keep; later rows of the map
/// are left out, which it says.
const MAX_HEIGHTS: [u32; 4] = [4000, 2000, 1000, 400];
const MAX_BYTES: usize = 100_000;

/// Returns the map as SVG; `None` if no sample has its regions listed.
pub(crate) fn map(source: &PageInput<'_>) -> Option<String> {
    let (last_number, last) = source.snapshots.last()?;
    let (from, _) = source.plan.ends;
    let is_earlier = |(number, _): &&(u64, Snapshot)| *number == from && number < last_number;
    let earlier = source.snapshots.iter().find(is_earlier).map(|(_, snapshot)| snapshot);
    let recording = &source.recording.recording;
    let of = PageSource::recorded(&recording.process, &recording.host);
    let drawn = |max_height| {
        let options = AddressMapOptions {
            theme: source.options.theme,
            zone: source.options.zone.clone(),
            naming: source.context.naming,
            width: WIDTH,
            max_height,
        };
        address_map(&of, last, earlier, &options).svg
    };
    let mut maps = MAX_HEIGHTS.into_iter().map(drawn);
    maps.find(|svg| svg.len() <= MAX_BYTES)
}
