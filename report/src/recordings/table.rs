//! Lists of recordings and the overview of one, as text for a terminal.

use jiff::tz::TimeZone;
use vmrec_sampler::{Host, ProcessInfo, ProcessTotals};
use vmrec_store::{Recording, Sample};

use crate::limits::RecordedLimit;
use crate::recordings::{Listed, Overview, Summary, typed};
use crate::text::table::{Align, Cell, Column, Table, Tone, cut_end, cut_middle};
use crate::text::{clock, escape, units};

/// Returns one row a recording.
///
/// With `color` growth and states are coloured.
pub fn list_table(rows: &[Listed<'_>], time_zone: &TimeZone, width: usize, color: bool) -> String {
    let columns = vec![
        Column::new("NO", Align::Right),
        Column::new("NAME", Align::Left),
        Column::new("STARTED", Align::Left),
        Column::new("LENGTH", Align::Right),
        Column::new("PEAK", Align::Right),
        Column::new("GROWTH", Align::Right),
        Column::new("PID", Align::Right).droppable(1),
        Column::new("SAMPLES", Align::Right).droppable(2),
        Column::new("EVERY", Align::Right).droppable(3),
        Column::new("STATE", Align::Left),
    ];
    let mut table = Table::new(columns, 1, 14);
    for row in rows {
        let recording = row.recording;
        // Seconds and the offset would leave no room for names.
        let started = clock::local_short(recording.begun.utc_ns, time_zone);
        let state = escape::terminal(&row.state()).into_owned();
        table.row(vec![
            Cell::new(&typed(row.file, recording.id.0)),
            Cell::new(recording.name.as_deref().unwrap_or(recording.process.name())),
            Cell::new(&started),
            Cell::new(&units::duration(row.length_ns())),
            Cell::size(row.resident.peak_bytes),
            Cell::size_change(row.resident.growth_bytes().map(i128::from)),
            Cell::new(&recording.process.id.pid_text()),
            Cell::new(&row.samples.to_string()),
            Cell::new(&every(recording)),
            Cell::new(&cut_middle(&state, 18)).toned(row.tone()),
        ]);
    }
    table.render(width, color)
}

/// Returns all that is known of one recording, a fact a line.
pub fn info_text(
    overview: &Overview<'_>,
    time_zone: &TimeZone,
    width: usize,
    color: bool,
) -> String {
    let recording = overview.recording;
    let (process, host) = (&recording.process, &recording.host);
    let (listed, summary) = (overview.listed(), overview.summary());
    let local = |utc_ns| clock::local(utc_ns, time_zone);
    let mut facts: Vec<(&str, String)> = vec![("recording", recording.id.0.to_string())];
    facts.extend(recording.name.clone().map(|name| ("name", name)));
    facts.push(("process", format!("{} ({})", process.name(), process.id)));
    facts.push(("executable", executable(process)));
    facts.push(("arguments", command_line(&process.arguments)));
    let started = process.started_utc_ns.map_or_else(unknown, local);
    facts.push(("process started", started));
    facts.push(("host", machine(host)));
    facts.push(("page size", host.known_page_bytes().map_or_else(unknown, units::size)));
    facts.extend(recording.imported_from.clone().map(|from| ("imported from", from)));
    facts.push(("recorded from", local(recording.begun.utc_ns)));
    facts.extend(recording.ended.or(listed.last).map(|end| ("recorded to", local(end.utc_ns))));
    let state = format!("{}, {}", units::duration(listed.length_ns()), listed.state());
    facts.push(("length", state));
    let every = every(recording);
    let (taken, torn) = (summary.taken(), summary.torn);
    let alone = units::carried(summary.unchanged, summary.cheap)
        + &units::totals_alone(summary.totals_alone);
    let missed = summary.missed_ticks;
    let taken = match summary.deleted {
        0 => taken.to_string(),
        deleted => format!("{taken} left of {}, taken", taken.saturating_add(deleted)),
    };
    let taken = match recording.imported_from {
        Some(_) => format!("{taken}, {torn} torn{alone}"),
        None => format!("{taken} every {every}, {torn} torn{alone}, {missed} missed"),
    };
    facts.push(("samples", taken));
    let states = [
        (summary.unchanged, "unchanged: it had not run"),
        (summary.cheap, "cheap: pages were counted, not all sizes read"),
    ];
    let states = states.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words);
    let states: Vec<&str> = states.collect();
    if !states.is_empty() {
        facts.push(("", states.join("; ")));
    }
    if torn > 0 || missed > 0 {
        facts.push(("", "torn: it moved while it was read; missed: not taken in time".to_owned()));
    }
    if recording.imported_from.is_none() {
        facts.extend(cost(&summary));
    }
    let [private_first, private_last] = overview.private_at_ends;
    for (title, sample, private) in [
        ("first", summary.first, private_first),
        ("last", summary.last, private_last),
        ("peak", summary.peak, None),
    ] {
        facts.extend(sample.map(|sample| (title, sizes(sample, private, time_zone))));
    }
    facts.extend(summary.last.and_then(footprint_parts).map(|parts| ("its footprint", parts)));
    facts.extend(summary.peak_resident.map(|sample| {
        (
            "peak resident",
            units::size(sample.totals.resident_bytes.unwrap_or(0)) + &at(sample, time_zone),
        )
    }));
    facts.extend(summary.kernel_peak_bytes.map(|bytes| {
        ("kernel's peak", format!("{} resident, since the process began", units::size(bytes)))
    }));
    facts.extend(
        summary
            .last
            .and_then(|sample| control_group(&sample.totals))
            .map(|group| ("control group", group)),
    );
    facts.extend(limits(&summary).map(|limits| ("limits", limits)));
    for mark in overview.marks {
        facts.push(("mark", format!("{} {}", local(mark.utc_ns), mark.text)));
    }
    let tone = |title: &str| match title {
        _ if !color => Tone::Plain,
        "length" => listed.tone(),
        "samples" if torn > 0 || missed > 0 => Tone::Warning,
        _ => Tone::Plain,
    };
    facts.into_iter().fold(String::new(), |text, (title, fact)| {
        let line = format!("{title:<16}{}", escape::terminal(&fact));
        let line = match title {
            // The time and the beginning of the text say which mark it is.
            "mark" => cut_end(line.trim_end(), width),
            _ => cut_middle(line.trim_end(), width),
        };
        let (title_shown, fact_shown) = line.split_at_checked(16).unwrap_or((&line, ""));
        text + title_shown + &tone(title).paint(fact_shown) + "\n"
    })
}

/// Returns the machine's name, system and processor; what is not known is left out.
pub(crate) fn machine(host: &Host) -> String {
    let name = Some(&*host.name).filter(|name| !name.is_empty()).unwrap_or("-");
    // Apple's tools name the system with its version.
    let is_named = host.os == "macos" && host.kernel.to_ascii_lowercase().starts_with("mac");
    let os = if is_named { "" } else { &*host.os };
    let known = [os, &*host.kernel, &*host.architecture];
    let known: Vec<&str> = known.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{name}, {}", known.join(" "))
}

/// Returns the planned time between samples in words; imported ones have none.
pub(crate) fn every(recording: &Recording) -> String {
    match recording.imported_from {
        Some(_) => unknown(),
        None => units::duration(recording.interval_ns),
    }
}

/// Returns the facts about the cost of samples.
fn cost(summary: &Summary<'_>) -> [(&'static str, String); 2] {
    let overhead = summary.overhead();
    [
        (
            "cost a sample",
            format!(
                "{} CPU (max {}), {} in all (max {})",
                summary.mean_cpu_ns().map_or_else(unknown, units::duration),
                units::duration(summary.max_cpu_ns),
                summary.mean_wall_ns().map_or_else(unknown, units::duration),
                units::duration(summary.max_wall_ns),
            ),
        ),
        (
            "overhead",
            overhead.map_or_else(unknown, |part| format!("{:.2}% of one CPU", part * 100.0)),
        ),
    ]
}

pub(crate) fn executable(process: &ProcessInfo) -> String {
    let gone = if process.executable_deleted { " (deleted)" } else { "" };
    process.executable.as_ref().map_or_else(unknown, |path| format!("{path}{gone}"))
}

/// Returns the arguments so that their bounds show: those with spaces in quotes.
pub(crate) fn command_line(arguments: &[String]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = !argument.is_empty() && !argument.contains([' ', '"', '\'', '\\']);
        if plain { argument.clone() } else { format!("'{}'", argument.replace('\'', r"'\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Returns the figures of the control group at the last sample, if there are any.
fn control_group(totals: &ProcessTotals) -> Option<String> {
    let charged = totals.cgroup_bytes?;
    let of = match totals.cgroup_max_bytes {
        Some(max) => format!("{} of at most {}", units::size(charged), units::size(max)),
        None => format!("{}, no limit seen", units::size(charged)),
    };
    let parts = [
        ("anonymous", totals.cgroup_anonymous_bytes),
        ("files", totals.cgroup_file_bytes),
        ("kernel", totals.cgroup_kernel_bytes),
    ];
    let parts = parts.into_iter().filter_map(|(name, bytes)| Some((name, bytes?)));
    let parts: String =
        parts.map(|(name, bytes)| format!(", {name} {}", units::size(bytes))).collect();
    let kills = totals.cgroup_oom_kills.filter(|kills| *kills > 0);
    let kills = kills.map(|kills| format!(", {kills} killed for want of memory"));
    Some(format!("{of}{parts}{}", kills.unwrap_or_default()))
}

/// Returns the limits of the process at the last sample, if there are any.
fn limits(summary: &Summary<'_>) -> Option<String> {
    let last = &summary.last?.totals;
    let first = summary.first.map_or(last, |first| &first.totals);
    let limits: Vec<String> =
        RecordedLimit::all(first, last).iter().map(RecordedLimit::words).collect();
    (!limits.is_empty()).then(|| limits.join(", "))
}

fn sizes(sample: &Sample, private: Option<u64>, time_zone: &TimeZone) -> String {
    let shown = |bytes: Option<u64>| bytes.map_or_else(unknown, units::size);
    let resident = shown(sample.totals.resident_bytes);
    let footprint = sample.totals.footprint_bytes;
    let charged = match private.filter(|_| footprint.is_none()) {
        Some(bytes) => format!("{} private", units::size(bytes)),
        None => format!("{} footprint", shown(footprint)),
    };
    format!("{resident} resident, {charged}{}", at(sample, time_zone))
}

/// Returns the parts of a footprint that the kernel keeps ledgers of, and the rest, so that they add
/// up; `None` where it keeps none.
fn footprint_parts(sample: &Sample) -> Option<String> {
    let totals = &sample.totals;
    let whole = totals.footprint_bytes?;
    let parts = [
        ("graphics", totals.graphics_footprint_bytes?),
        ("media", totals.media_footprint_bytes?),
        ("network", totals.network_footprint_bytes?),
        ("neural", totals.neural_footprint_bytes?),
    ];
    let sum = parts.iter().fold(0_i128, |sum, (_, bytes)| sum + i128::from(*bytes));
    let shown = parts.iter().map(|(name, bytes)| format!("{} {name}", units::size(*bytes)));
    let rest = i128::from(whole) - sum;
    let rest = match u64::try_from(rest) {
        Ok(rest) => units::size(rest),
        // The ledgers are read one after the other.
        Err(_) => units::signed_size(rest),
    };
    let shown: Vec<String> = shown.chain([format!("{rest} other")]).collect();
    Some(shown.join(", "))
}

fn at(sample: &Sample, time_zone: &TimeZone) -> String {
    format!(", #{} at {}", sample.number, clock::local_seconds(sample.taken.utc_ns, time_zone))
}

fn unknown() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;
    use vmrec_store::{Mark, RecordingId, ResidentSizes, WhyEnded};

    use super::*;
    use crate::fixture::{recording, samples};

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    #[test]
    fn the_parts_of_a_footprint_add_up() {
        let mut sample = samples().remove(0);
        assert_eq!(footprint_parts(&sample), None);
        let totals = &mut sample.totals;
        totals.footprint_bytes = Some(9 << 20);
        totals.graphics_footprint_bytes = Some(5 << 20);
        totals.media_footprint_bytes = Some(1 << 20);
        (totals.network_footprint_bytes, totals.neural_footprint_bytes) = (Some(0), Some(0));
        let parts = footprint_parts(&sample).unwrap();
        assert_eq!(parts, "5120K graphics, 1024K media, 0K network, 0K neural, 3072K other");
        sample.totals.footprint_bytes = Some(5 << 20);
        assert!(footprint_parts(&sample).unwrap().ends_with(", -1024K other"));
        sample.totals.media_footprint_bytes = None;
        assert_eq!(footprint_parts(&sample), None, "a part that is unknown is no 0");
    }

    #[test]
    fn a_list_of_recordings() {
        let first = recording(1);
        let mut second = recording(2);
        second.name = Some("night\x1b[2J run with quite a long name".into());
        second.why_ended = Some(WhyEnded::Failed("disk full at the worst time".into()));
        let mut third = recording(12);
        (third.ended, third.why_ended) = (None, None);
        let samples = samples();
        let last = samples.last().map(|sample| sample.taken);
        let rows =
            [(&first, false), (&second, false), (&third, true)].map(|(recording, running)| {
                let resident = ResidentSizes::of(&samples);
                Listed { recording, samples: 302_400, last, resident, running, file: None }
            });
        let text = list_table(&rows, &paris(), 80, false);
        insta::assert_snapshot!(text, @r"
    NO  NAME             STARTED           LENGTH   PEAK  GROWTH  STATE
    ==  ===============  ================  ======  =====  ======  ==================
     1  server           2026-03-01 14:00    5.0s  64.0M  +44.0M  exited (1)
     2  night\x…ng name  2026-03-01 14:00    5.0s  64.0M  +44.0M  failed: …orst time
    12  server           2026-03-01 14:00    4.0s  64.0M  +44.0M  recording
    ");
        assert!(text.lines().all(|line| line.width() <= 80));
    }

    #[test]
    fn an_overview_of_one() {
        let recording = recording(1);
        let marks = [Mark {
            recording: RecordingId(1),
            utc_ns: recording.begun.utc_ns,
            text: "a\nb".into(),
        }];
        let samples = samples();
        let overview = Overview {
            recording: &recording,
            samples: &samples,
            marks: &marks,
            running: false,
            private_at_ends: [None; 2],
        };
        insta::assert_snapshot!(info_text(&overview, &paris(), 80, false), @r"
        recording       1
        process         server (pid 4242)
        executable      /opt/app/bin/server
        arguments       server --port '80 80'
        process started 2026-03-01 13:43:20 +01:00
        host            box, linux 6.18.44 x86_64
        page size       4K
        recorded from   2026-03-01 14:00:00 +01:00
        recorded to     2026-03-01 14:00:05 +01:00
        length          5.0s, exited (1)
        samples         2 every 2.0s, 0 torn, 1 missed
                        torn: it moved while it was read; missed: not taken in time
        cost a sample   600us CPU (max 900us), 800us in all (max 1.2ms)
        overhead        0.03% of one CPU
        first           20.0M resident, 10.0M footprint, #1 at 2026-03-01 14:00:00
        last            64.0M resident, 32.0M footprint, #3 at 2026-03-01 14:00:04
        peak            64.0M resident, 32.0M footprint, #3 at 2026-03-01 14:00:04
        peak resident   64.0M, #3 at 2026-03-01 14:00:04
        kernel's peak   70.0M resident, since the process began
        mark            2026-03-01 14:00:00 +01:00 a\nb
        ");
        let thinned = [samples[0].clone(), Sample { number: 61, ..samples[2].clone() }];
        let thinned = Overview { samples: &thinned, ..overview };
        let text = info_text(&thinned, &paris(), 80, false);
        assert!(text.contains("2 left of 61, taken every 2.0s, 0 torn, 0 missed"), "{text}");
        let empty = Overview { samples: &[], ..overview };
        assert!(info_text(&empty, &paris(), 80, false).contains("overhead        -\n"));
    }
}
