//! `vmrec chart`.

use std::fs;

use insta::assert_snapshot;

use crate::fixture::fixed;
#[cfg(target_os = "linux")]
use crate::harness::skipped;
use crate::harness::{Bench, recorded};

#[test]
fn every_metric_is_drawn_by_family_and_type() {
    let bench = recorded(4);
    for metric in
        ["virtual", "resident", "private", "dirty", "swapped", "pss", "footprint", "regions"]
    {
        for options in
            [&["--by", "family"][..], &["--by", "type"], &["--growth"], &["--axis", "elapsed"]]
        {
            let mut arguments = vec!["chart", "--metric", metric];
            arguments.extend(options);
            let svg = bench.out(&arguments);
            assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{svg}");
            assert!(svg.trim_end().ends_with("</svg>"), "{metric} {options:?}");
            assert!(svg.contains("workload"), "the process is named");
            assert!(svg.len() < 200_000);
        }
    }
}

#[test]
fn a_chart_that_fails_leaves_the_last_one_whole() {
    let bench = recorded(4);
    bench.out(&["chart", "-o", "growth.svg"]);
    let before = fs::read(bench.path("growth.svg")).unwrap();
    let said = bench.run(&["chart", "-o", "growth.svg", "--from", "@nowhere"]);
    assert_eq!(said.status, Some(2));
    assert_eq!(fs::read(bench.path("growth.svg")).unwrap(), before);
    assert_snapshot!(bench.run(&["chart", "-o", "missing/growth.svg"]).failure(), @"
    vmrec: cannot write missing/growth.svg: No such file or directory (os error 2)
    hint: the folder must exist: create it, or name another file
    [exit status: Some(4)]
    ");
    assert_snapshot!(bench.run(&["chart", "--from", "end", "--to", "start"]).failure(), @"
    vmrec: `end` is later than `start`
    hint: swap them: --from start --to end
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["chart", "--metric", "beauty"]).failure(), @"
    error: invalid value 'beauty' for '--metric <METRIC>'
      [possible values: virtual, resident, private, dirty, private-dirty, swapped, pss, anonymous, referenced, reclaimable, locked, huge, footprint, private-and-swapped, regions, all]

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
}

#[test]
fn means_are_drawn_in_place_of_samples() {
    let bench = recorded(4);
    let svg = bench.out(&["chart", "--rollups"]);
    assert!(svg.contains("means of about 4 samples each, 4 every"), "{svg}");
    assert!(!svg.contains("· highest "), "{svg}");
    // Its first and last size are those of samples, not means of many.
    let exact = bench.out(&["chart"]);
    assert_eq!(ends(&svg), ends(&exact));
    for metric in ["footprint", "regions", "virtual"] {
        let exact = bench.out(&["chart", "--metric", metric, "--by", "type"]);
        let svg = bench.out(&["chart", "--rollups", "--metric", metric, "--by", "type"]);
        assert_eq!(ends(&svg), ends(&exact), "{metric}");
    }
}

/// Returns the first and the last size that a chart states, if they differ.
fn ends(svg: &str) -> Option<&str> {
    let line = svg.lines().find(|line| !line.starts_with("<desc") && line.contains(" → "))?;
    line.trim().split(" · ").next()
}

#[test]
fn a_scale_has_bounds() {
    let bench = recorded(2);
    let svg = bench.out(&["chart", "--width", "1600", "--height", "900", "--scale", "2"]);
    assert!(svg.contains("width=\"1600\" height=\"900\" style=\"max-width:100%;height:auto\""));
    assert_snapshot!(bench.run(&["chart", "--scale", "0"]).failure(), @"
    error: invalid value '0' for '--scale <FACTOR>': a factor is a number from 0.5 to 8, such as 2

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["chart", "--scale", "4"]).failure(), @"
    vmrec: a chart of 240x135 pixels cannot be drawn: it must be at least 320x260 and at most 10000x10000
    [exit status: Some(4)]
    ");
}

/// The finding is shown where the chart goes to a file, and standard output is the chart's alone.
#[test]
fn the_finding_is_said_of_a_file() {
    let bench = recorded(4);
    let said = bench.run(&["chart", "-o", "growth.svg"]);
    assert!(said.error.starts_with("growth.svg: workload "), "{}", said.error);
    assert_eq!(said.output, "");
    let svg = fs::read_to_string(bench.path("growth.svg")).unwrap();
    let finding = said.error.trim().trim_start_matches("growth.svg: ");
    assert!(svg.contains(&format!("-title\">{finding}</title>")), "{finding}");
    let said = bench.run(&["chart", "--metric", "locked", "-o", "locked.svg"]);
    assert_eq!(said.error, "locked.svg: 0 throughout: nothing was locked\n");
    assert_eq!(bench.run(&["chart"]).error, "");
}

#[test]
fn all_metrics_have_a_picture_and_lines_in_a_terminal() {
    let bench = fixed();
    let said = bench.run(&["chart", "-r", "1", "--metric", "all", "-o", "all.svg"]);
    assert!(said.error.starts_with("all.svg: server grew 15.8M in 8.0s: "), "{}", said.error);
    let svg = fs::read_to_string(bench.path("all.svg")).unwrap();
    assert!(svg.contains("width=\"960\" height=\"720\"") && svg.len() < 200_000);
    let mut command = bench.command(&["chart", "-r", "1", "--metric", "all", "--terminal"]);
    let drawn = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    assert_snapshot!("all_in_a_terminal", String::from_utf8(drawn.stdout).unwrap());
    assert_snapshot!(bench.run(&["chart", "--metric", "all", "--by", "type"]).failure(), @r"
    vmrec: all metrics are drawn by family: their panels share one legend
    hint: leave out --by, or draw one metric: --metric private --by type
    [exit status: Some(2)]
    ");
}

#[test]
fn objects_are_drawn_by_name() {
    let bench = fixed();
    let svg = bench.out(&["chart", "-r", "1", "--by", "object"]);
    for name in ["model.bin", "libc.so.6", "MALLOC (brk heap)"] {
        assert!(svg.contains(name) && svg.contains("Resident memory by object"), "{name}");
    }
    // The same figures as by type, since each region belongs to one object and to one type.
    let finding = |by: &str| bench.run(&["chart", "-r", "1", "--by", by, "-o", "x.svg"]).error;
    let head =
        |words: String| words.split_once(": ").unwrap().1.split(':').next().unwrap().to_owned();
    assert_eq!(head(finding("object")), head(finding("type")));
    let arguments = ["chart", "-r", "1", "--by", "object", "--growth", "--terminal"];
    let drawn = bench.command(&arguments).env("LC_ALL", "C.UTF-8").output().unwrap();
    assert_snapshot!("objects_in_a_terminal", String::from_utf8(drawn.stdout).unwrap());
    assert_snapshot!(bench.run(&["chart", "--rollups", "--by", "object"]).failure(), @r"
    vmrec: means are kept by type, not by object or stack
    hint: leave out --rollups, or draw the means by type: --rollups --by type
    [exit status: Some(2)]
    ");
}

/// Runs vmrec on a terminal of 80 columns and returns what that shows; `None` without script(1).
#[cfg(target_os = "linux")]
fn on_terminal(bench: &Bench, arguments: &str, environment: &[(&str, &str)]) -> Option<String> {
    let typed = format!("stty cols 80 rows 24; exec {} {arguments}", env!("CARGO_BIN_EXE_vmrec"));
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &typed, "/dev/null"]).stdin(std::process::Stdio::null());
    script.env("VMREC_DB", bench.path("test.db")).env("TZ", "UTC").env_remove("NO_COLOR");
    script.env_remove("COLORTERM").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    script.envs(environment.iter().copied());
    let output = script.current_dir(bench.path("")).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
}

/// Elsewhere script(1) takes other options.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_blocks_and_a_pipe_svg() {
    let bench = fixed();
    assert!(bench.out(&["chart", "-r", "1"]).starts_with("<svg"));
    let mut command = bench.command(&["chart", "-r", "1", "--terminal"]);
    let forced = command.env("LC_ALL", "C").output().unwrap();
    let forced = String::from_utf8(forced.stdout).unwrap();
    assert!(forced.is_ascii() && forced.contains("##"), "{forced}");
    assert_eq!(bench.run(&["chart", "--terminal", "-o", "x.svg"]).status, Some(2));
    let Some(plain) = on_terminal(&bench, "chart -r 1", &[("NO_COLOR", "1")]) else {
        return skipped("there is no script(1) to make a terminal");
    };
    assert_snapshot!("on_a_terminal", plain);
    let coloured = on_terminal(&bench, "chart -r 1", &[]).unwrap();
    assert!(coloured.contains("\x1b[38;5;"), "{coloured:?}");
    let direct = on_terminal(&bench, "chart -r 1", &[("COLORTERM", "truecolor")]).unwrap();
    assert!(direct.contains("\x1b[38;2;"), "{direct:?}");
    assert_snapshot!(on_terminal(&bench, "chart -r 1 -o -", &[("NO_COLOR", "1")]).unwrap(), @r"
    vmrec: a terminal cannot show an SVG chart
    hint: leave out -o to draw in the terminal, or name a file: -o growth.svg
    ");
}

#[test]
fn a_recording_may_end_with_its_chart() {
    let (bench, workload) = (Bench::new(), crate::harness::Workload::start());
    let pid = workload.pid_text();
    let record = |chart: &str| {
        bench.run(&["record", &pid, "--samples", "3", "--every", "50ms", "--chart", chart])
    };
    let said = record("end.svg");
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(said.error.contains("end.svg: workload "), "{}", said.error);
    assert!(fs::read_to_string(bench.path("end.svg")).unwrap().starts_with("<svg"));
    // A wrong name is found before anything is recorded.
    let wrong = record("missing/end.svg");
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.error.contains("there is no folder missing"), "{}", wrong.error);
    assert_eq!(bench.json(&["list", "--json"]).as_array().map(Vec::len), Some(1));
}

/// A PNG is one, or is refused before anything is read.
#[test]
fn the_name_of_the_file_decides_the_format() {
    let bench = fixed();
    let said = bench.run(&["chart", "-r", "1", "-o", "growth.PNG"]);
    match fs::read(bench.path("growth.PNG")) {
        Ok(bytes) => assert!(said.status == Some(0) && bytes.starts_with(b"\x89PNG")),
        Err(_) => {
            assert_eq!(said.status, Some(2));
            assert!(said.error.contains("built without PNG"), "{}", said.error);
        }
    }
}

#[test]
fn a_draft_is_refused() {
    let bench = Bench::new();
    let draft = rusqlite::Connection::open(bench.path("test.db")).unwrap();
    draft
        .execute_batch(
            "CREATE TABLE recording (id); \
             PRAGMA application_id = 0x766d7265; PRAGMA user_version = 4",
        )
        .unwrap();
    drop(draft);
    assert_snapshot!(bench.run(&["chart", "-o", "c.svg"]).failure(), @"
    vmrec: DIR/test.db was written by a vmrec before release 0.1.0, in a format that is no longer read
    hint: record anew, into another file with --db FILE or with this one moved away
    [exit status: Some(4)]
    ");
}

#[test]
fn some_types_are_drawn_and_the_others_summed_up() {
    let bench = fixed();
    let finding = |arguments: &[&str]| {
        bench.run(&[&["chart", "-r", "1", "-o", "x.svg"], arguments].concat()).error
    };
    let by_label = finding(&["--type", "MALLOC (brk heap)", "--type", "mapped file"]);
    assert!(
        by_label.starts_with("x.svg: MALLOC (brk heap) + mapped file of server "),
        "{by_label}"
    );
    let svg = fs::read_to_string(bench.path("x.svg")).unwrap();
    assert!(svg.contains("without other types: ") && svg.contains("Resident memory by type"));
    // Shown and left out are the whole.
    let ends = |svg: &str, from: &str| -> [f64; 2] {
        let (_, rest) = svg.split_once(from).unwrap();
        let (ends, _) = rest.split_once(" (").unwrap();
        let (first, last) = ends.rsplit_once(" → ").unwrap();
        [first.rsplit(['>', '\n', ' ']).next().unwrap(), last].map(bytes)
    };
    let whole = bench.out(&["chart", "-r", "1", "-o", "-"]);
    let [shown, rest] = [ends(&svg, "</title>"), ends(&svg, "without other types: ")];
    let all = ends(&whole, "</title>");
    for at in 0..2 {
        assert!((shown[at] + rest[at] - all[at]).abs() < 2e5, "{shown:?} {rest:?} {all:?}");
    }
    assert_eq!(finding(&["--type", "malloc"]).split(" of ").next(), Some("x.svg: malloc"));
    for arguments in [
        &["--type", "mapped file", "--by", "object"][..],
        &["--type", "MALLOC (brk heap)", "--growth", "--rollups"],
        &["--type", "malloc", "--metric", "all"],
        &["--type", "malloc", "--by", "family", "--metric", "virtual"],
    ] {
        let said = finding(arguments);
        assert!(said.starts_with("x.svg: ") && said.contains(" of server "), "{said}");
    }
    assert_snapshot!(bench.run(&["chart", "-r", "1", "--type", "maloc"]).failure(), @r"
    vmrec: there is no type or family `maloc`
    hint: did you mean MALLOC (brk heap), MALLOC (large), MALLOC (arena), MALLOC (jemalloc)?
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["chart", "-r", "1", "--type", "xyzzy"]).failure(), @r"
    vmrec: there is no type or family `xyzzy`
    hint: the types here are .text, MALLOC (brk heap), MALLOC (large), Stack, mapped file, shared memory, vdso
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["chart", "-r", "1", "--type", "Go heap"]).failure(), @r"
    vmrec: there is no region of `Go heap` in that time
    hint: the types here are .text, MALLOC (brk heap), MALLOC (large), Stack, mapped file, shared memory, vdso
    [exit status: Some(4)]
    ");
}

/// Returns the bytes of a size in words.
fn bytes(size: &str) -> f64 {
    let (number, unit) = size.split_at(size.len() - 1);
    let scale = match unit {
        "K" => 1024.0,
        "M" => 1024.0 * 1024.0,
        _ => 1.0,
    };
    number.parse::<f64>().unwrap() * scale
}
