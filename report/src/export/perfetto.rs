//! Recordings as a trace of Perfetto, each a process of its own: a counter track for each type and metric, marks as instants.
//!
//! The numbers of fields are those of perfetto_trace.proto. Times are of the monotonic clock, and a
//! snapshot of both clocks lets Perfetto show the wall clock. An unknown value has no event: a
//! counter keeps its last value, since the format knows no gap.

use std::io;

use vmrec_sampler::{Naming, ProcessInfo};
use vmrec_store::{Mark, Recording};

use crate::export::protobuf::Message;
use crate::metric::{Metric, Unit};
use crate::series::Series;

/// Fields of `Trace` and `TracePacket`.
const PACKET: u32 = 1;
const CLOCK_SNAPSHOT: u32 = 6;
const TIMESTAMP: u32 = 8;
const SEQUENCE: u32 = 10;
const TRACK_EVENT: u32 = 11;
const SEQUENCE_FLAGS: u32 = 13;
const TRACK_DESCRIPTOR: u32 = 60;
/// `BUILTIN_CLOCK_REALTIME`, `BUILTIN_CLOCK_BOOTTIME`.
const REALTIME: u64 = 1;
const BOOTTIME: u64 = 6;
/// `TYPE_INSTANT`, `TYPE_COUNTER`.
const INSTANT: u64 = 3;
const COUNTER: u64 = 4;
/// `SEQ_INCREMENTAL_STATE_CLEARED`.
const STATE_CLEARED: u64 = 1;
/// The numbers of tracks, of the first process; those of the next are larger by [`TRACKS`] each.
const PROCESS_TRACK: u64 = 1;
const MARK_TRACK: u64 = 2;
const FIRST_COUNTER: u64 = 16;
const TRACKS: u64 = 1 << 24;

/// A trace being written.
#[derive(Debug)]
pub struct PerfettoTrace<W> {
    out: W,
    /// Whether no packet was written yet.
    first: bool,
    /// How many recordings it has.
    recordings: u64,
}

impl<W: io::Write> PerfettoTrace<W> {
    /// Begins a trace.
    pub const fn new(out: W) -> Self {
        Self { out, first: true, recordings: 0 }
    }

    /// Writes the series of a recording, one for each metric, and its marks. All recordings are of
    /// one machine.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written to.
    pub fn recording(
        &mut self,
        recording: &Recording,
        series: &[Series],
        marks: &[Mark],
        naming: Naming,
    ) -> io::Result<()> {
        let base = self.recordings * TRACKS;
        if self.recordings == 0 {
            self.clocks(recording)?;
        }
        self.recordings += 1;
        let track = process_track(base + PROCESS_TRACK, &recording.process);
        self.packet(Message::default().message(TRACK_DESCRIPTOR, &track))?;
        self.counters(base, series, naming)?;
        self.marks(base, recording, marks)
    }

    /// Writes a group of counters for each metric.
    fn counters(&mut self, base: u64, series: &[Series], naming: Naming) -> io::Result<()> {
        let trace = self;
        let mut next = base + FIRST_COUNTER;
        for one in series {
            let group = next;
            next += 1;
            let descriptor = Message::default()
                .number(1, group)
                .text(2, &format!("{} by {}", one.metric.words(), one.by.name()))
                .number(5, base + PROCESS_TRACK);
            trace.packet(Message::default().message(TRACK_DESCRIPTOR, &descriptor))?;
            for key in &one.keys {
                let track = next;
                next += 1;
                let label = key.key.label(one.by, naming);
                trace.packet(Message::default().message(
                    TRACK_DESCRIPTOR,
                    &counter_track(
                        track,
                        group,
                        &format!("{label} ({})", one.metric.words()),
                        one.metric,
                    ),
                ))?;
                let values = (0..one.ticks.len()).map(|at| key.values.get(at));
                trace.counter(track, one, values)?;
            }
            let track = next;
            next += 1;
            trace.packet(Message::default().message(
                TRACK_DESCRIPTOR,
                &counter_track(track, group, &format!("all ({})", one.metric.words()), one.metric),
            ))?;
            let totals = (0..one.ticks.len()).map(|at| one.totals.get(at));
            trace.counter(track, one, totals)?;
        }
        Ok(())
    }

    fn packet(&mut self, packet: Message) -> io::Result<()> {
        let mut packet = packet.number(SEQUENCE, 1);
        if std::mem::take(&mut self.first) {
            packet = packet.number(SEQUENCE_FLAGS, STATE_CLEARED);
        }
        self.out.write_all(&Message::default().message(PACKET, &packet).into_bytes())
    }

    /// Writes both clocks at the beginning, which relates them.
    fn clocks(&mut self, recording: &Recording) -> io::Result<()> {
        let begun = recording.begun;
        let clock = |id, ns| Message::default().number(1, id).number(2, ns);
        let snapshot = Message::default()
            .message(1, &clock(BOOTTIME, begun.monotonic_ns))
            .message(1, &clock(REALTIME, u64::try_from(begun.utc_ns).unwrap_or(0)))
            .number(2, BOOTTIME);
        self.packet(
            Message::default()
                .number(TIMESTAMP, begun.monotonic_ns)
                .message(CLOCK_SNAPSHOT, &snapshot),
        )
    }

    /// Writes a value at each tick where it differs from the one before, and at the last one.
    fn counter(
        &mut self,
        track: u64,
        series: &Series,
        values: impl Iterator<Item = Option<u64>>,
    ) -> io::Result<()> {
        let mut before = None;
        let last = series.ticks.len().saturating_sub(1);
        for (index, (tick, value)) in series.ticks.iter().zip(values).enumerate() {
            let Some(value) = value else { continue };
            if before == Some(value) && index != last {
                continue;
            }
            before = Some(value);
            let event = Message::default()
                .number(9, COUNTER)
                .number(11, track)
                .number(30, value.min(i64::MAX as u64));
            self.packet(
                Message::default()
                    .number(TIMESTAMP, tick.taken.monotonic_ns)
                    .message(TRACK_EVENT, &event),
            )?;
        }
        Ok(())
    }

    fn marks(&mut self, base: u64, recording: &Recording, marks: &[Mark]) -> io::Result<()> {
        if marks.is_empty() {
            return Ok(());
        }
        let descriptor = Message::default()
            .number(1, base + MARK_TRACK)
            .text(2, "marks")
            .number(5, base + PROCESS_TRACK);
        self.packet(Message::default().message(TRACK_DESCRIPTOR, &descriptor))?;
        for mark in marks {
            let event = Message::default()
                .number(9, INSTANT)
                .number(11, base + MARK_TRACK)
                .text(23, &mark.text);
            // A mark has the wall clock alone; the beginning relates it to the other.
            let since = mark.utc_ns.saturating_sub(recording.begun.utc_ns);
            let at = recording.begun.monotonic_ns.saturating_add_signed(since);
            let packet = Message::default().number(TIMESTAMP, at).message(TRACK_EVENT, &event);
            self.packet(packet)?;
        }
        Ok(())
    }
}

fn process_track(track: u64, process: &ProcessInfo) -> Message {
    let mut of = Message::default();
    if let Some(pid) = process.id.known_pid() {
        of = of.number(1, u64::from(pid));
    }
    for argument in &process.arguments {
        of = of.text(2, argument);
    }
    let of = of.text(6, process.name());
    Message::default().number(1, track).text(2, process.name()).message(3, &of)
}

fn counter_track(track: u64, parent: u64, name: &str, metric: Metric) -> Message {
    /// `UNIT_COUNT`, `UNIT_SIZE_BYTES`.
    const UNITS: [u64; 2] = [2, 3];
    let unit = UNITS[usize::from(metric.unit() == Unit::Bytes)];
    Message::default()
        .number(1, track)
        .text(2, name)
        .number(5, parent)
        .message(8, &Message::default().number(3, unit))
}
