//! The list of sessions, as text.

use jiff::tz::TimeZone;
use vmrec_store::Session;

use crate::recordings::typed;
use crate::text::table::{Align, Cell, Column, Table};
use crate::text::{clock, units};

/// A session as a list shows it.
#[derive(Clone, Copy, Debug)]
pub struct ListedSession<'a> {
    /// The session.
    pub session: &'a Session,
    /// How many processes have a recording in it.
    pub processes: u64,
    /// How many recordings it has: more, if processes became other programs.
    pub recordings: u64,
    /// How long it took so far, from its begin to its last sample.
    pub length_ns: u64,
    /// Whether it is still being recorded.
    pub running: bool,
    /// The number of its file among those that belong together, unless it is in the first.
    pub file: Option<u32>,
}

/// Returns one row a session.
pub fn session_list_table(
    rows: &[ListedSession<'_>],
    time_zone: &TimeZone,
    width: usize,
    color: bool,
) -> String {
    let columns = vec![
        Column::new("NO", Align::Right),
        Column::new("TARGETS", Align::Left),
        Column::new("STARTED", Align::Left),
        Column::new("LENGTH", Align::Right),
        Column::new("PROCESSES", Align::Right),
        Column::new("RECORDINGS", Align::Right).droppable(2),
        Column::new("EVERY", Align::Right).droppable(1),
        Column::new("STATE", Align::Left).droppable(3),
    ];
    let mut table = Table::new(columns, 1, 14);
    for row in rows {
        table.row(vec![
            Cell::new(&typed(row.file, row.session.id.0)),
            Cell::new(&row.session.targets),
            Cell::new(&clock::local_short(row.session.begun.utc_ns, time_zone)),
            Cell::new(&units::duration(row.length_ns)),
            Cell::new(&row.processes.to_string()),
            Cell::new(&row.recordings.to_string()),
            Cell::new(&units::duration(row.session.interval_ns)),
            Cell::new(if row.running { "recording" } else { "ended" }),
        ]);
    }
    table.render(width, color)
}
