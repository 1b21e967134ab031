//! A trace: what /proc/PID/smaps said of one process, sample by sample, and the
//! snapshots that vmrec's own parser makes of it.
//!
//! A trace file is one zstd stream of frames `u64le unix_ms, u32le read_wall_us,
//! u32le bytes, smaps`. Decoding it can take tens of MB, and frames are wanted in
//! any order: so it is unpacked once, each frame into a small stream of its own
//! in a file without a name, and memory holds one frame's pieces at a time.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Context;
use vmrec_sampler::RegionTracker;
use vmrec_sampler::{BadSmaps, SmapsParser};
use vmrec_sampler::{
    Consistency, Cost, Host, ProcessId, ProcessInfo, ProcessTotals, Region, Snapshot, Timestamp,
};

/// How much the sampler reads at once.
const PIECE_BYTES: usize = 3000;
/// The largest window a trace may need, as a power of two.
const TRACE_WINDOW: u32 = 27;
/// The window of one frame: what its decoder needs should not count beside a recorder's memory.
const FRAME_WINDOW: u32 = 17;

/// The frames of a trace, in any order.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) frames: Vec<Frame>,
    unpacked: File,
}

/// What is known of a frame besides its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) unix_ms: u64,
    read_wall_us: u32,
    place: u64,
}

impl Trace {
    /// Reads the file at `path`, which must hold one frame or more.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let trace = Self::unpack(file)
            .with_context(|| format!("{} cannot be read as a trace", path.display()))?;
        anyhow::ensure!(!trace.frames.is_empty(), "{} holds no sample", path.display());
        Ok(trace)
    }

    fn unpack(file: File) -> io::Result<Self> {
        let mut decoder = zstd::Decoder::new(file)?;
        decoder.window_log_max(TRACE_WINDOW)?;
        let mut packed = BufReader::new(decoder);
        let mut frames = Vec::new();
        let mut unpacked = BufWriter::new(tempfile::tempfile()?);
        while let Some((unix_ms, read_wall_us, bytes)) = head(&mut packed)? {
            frames.push(Frame { unix_ms, read_wall_us, place: unpacked.stream_position()? });
            let mut encoder = zstd::Encoder::new(&mut unpacked, 1)?;
            encoder.window_log(FRAME_WINDOW)?;
            if io::copy(&mut packed.by_ref().take(bytes), &mut encoder)? < bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            encoder.finish()?;
        }
        let unpacked = unpacked.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Self { frames, unpacked })
    }

    /// Returns the smaps text of a frame.
    pub(crate) fn text(&self, frame: &Frame) -> io::Result<impl Read> {
        let mut file = &self.unpacked;
        file.seek(SeekFrom::Start(frame.place))?;
        Ok(zstd::Decoder::new(file)?.single_frame())
    }
}

/// Reads the head of the next frame: its time, what reading it took, and its bytes.
fn head(packed: &mut impl Read) -> io::Result<Option<(u64, u32, u64)>> {
    let mut first = [0];
    if packed.read(&mut first)? == 0 {
        return Ok(None);
    }
    let mut rest = [0; 15];
    packed.read_exact(&mut rest)?;
    let [a, b, c, d, e, f, g, wall @ .., w, x, y, z] = rest;
    Ok(Some((
        u64::from_le_bytes([first[0], a, b, c, d, e, f, g]),
        u32::from_le_bytes(wall),
        u64::from(u32::from_le_bytes([w, x, y, z])),
    )))
}

/// The sampler's parser, keeping the regions from sample to sample.
#[derive(Default)]
pub(crate) struct Reader {
    tracker: RegionTracker,
    parser: SmapsParser,
}

impl Reader {
    /// Returns the regions of smaps text.
    pub(crate) fn regions(&mut self, mut text: impl Read) -> anyhow::Result<Vec<Region>> {
        let Self { tracker, parser } = self;
        tracker.begin();
        parser.restart();
        let mut piece = [0; PIECE_BYTES];
        let bad = |bad: BadSmaps| anyhow::anyhow!("a sample is not smaps: {bad:?}");
        loop {
            let bytes = text.read(&mut piece)?;
            if bytes == 0 {
                break;
            }
            parser.feed(&piece[..bytes], |record| tracker.push(record)).map_err(bad)?;
        }
        parser.finish(|record| tracker.push(record)).map_err(bad)?;
        Ok(tracker.finish())
    }

    /// Returns the snapshot of a frame as if it had been taken at `taken`.
    pub(crate) fn snapshot(
        &mut self,
        trace: &Trace,
        frame: &Frame,
        taken: Timestamp,
    ) -> anyhow::Result<Snapshot> {
        Ok(Snapshot {
            taken,
            cost: Cost { cpu_ns: 0, wall_ns: u64::from(frame.read_wall_us) * 1000 },
            consistency: Consistency::Complete,
            totals: ProcessTotals::default(),
            regions: self.regions(trace.text(frame)?)?,
            images: None,
        })
    }
}

/// Returns a moment; a trace has one clock, which stands for both.
pub(crate) fn at(utc_ns: u64) -> Timestamp {
    Timestamp { utc_ns: i64::try_from(utc_ns).unwrap_or(i64::MAX), monotonic_ns: utc_ns }
}

/// Returns the process that recordings of traces name.
pub(crate) fn process() -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid: 4242, start_ticks: 1, boot_id: "trace".to_owned() },
        parent_pid: None,
        started_utc_ns: None,
        executable: None,
        executable_deleted: false,
        architecture: None,
        arguments: vec!["trace".to_owned()],
        short_name: "trace".to_owned(),
        user_id: None,
    }
}

/// Returns the machine that recordings of traces name.
pub(crate) fn host() -> Host {
    let text = |word: &str| word.to_owned();
    Host {
        name: text("here"),
        os: text("linux"),
        kernel: text("6.18"),
        architecture: text("x86_64"),
        page_size_bytes: 4096,
    }
}
