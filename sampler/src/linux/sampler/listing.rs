//! Reads the mappings of a process: with their sizes from smaps, or without from maps.

use crate::error::Error;
use crate::linux::files::Refusal;
use crate::linux::sampler::Sampler;
use crate::linux::sampler::maps::{PIECE_BYTES, each_line};
use crate::procfs::smaps::BadSmaps;

impl Sampler {
    /// Reads smaps once; `false` if it is empty.
    pub(crate) fn read_smaps(&mut self) -> Result<bool, Refusal> {
        self.tracker.begin();
        self.parser.restart();
        let tracker = &mut self.tracker;
        let path = self.files.smaps.path();
        let bad = |BadSmaps { line, text }| {
            Refusal::Other(Error::BadLine { path: path.to_owned(), line, text })
        };
        let mut piece = [0; PIECE_BYTES];
        let mut offset = 0;
        loop {
            let count = self.files.smaps.read_at(&mut piece, offset)?;
            if count == 0 {
                break;
            }
            offset += count as u64;
            self.parser.feed(&piece[..count], |record| tracker.push(record)).map_err(bad)?;
        }
        if offset == 0 {
            return Ok(false);
        }
        self.parser.finish(|record| tracker.push(record)).map_err(bad)?;
        Ok(true)
    }

    /// Reads maps once; `false` if it is empty.
    pub(crate) fn read_maps(&mut self) -> Result<bool, Refusal> {
        let maps = self.files.maps()?;
        self.tracker.begin();
        let tracker = &mut self.tracker;
        each_line(&maps, |header| tracker.push_header(header))
    }
}
