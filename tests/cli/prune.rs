//! `vmrec prune`, and what `record` prunes meanwhile.

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, recorded};
use crate::recorder::Recorder;

/// Returns how many samples the newest recording has, missed ones included.
fn samples(bench: &Bench) -> u64 {
    let newest = "recording = (SELECT max(id) FROM recording)";
    let count = format!(
        "SELECT (SELECT coalesce(sum(samples), 0) FROM chunk WHERE {newest}) \
         + (SELECT count(*) FROM sample WHERE {newest}) AS count"
    );
    bench.json(&["sql", "--json", &count])[0]["count"].as_u64().unwrap()
}

#[test]
fn old_samples_are_deleted_and_a_dry_run_counts_them_before() {
    let bench = recorded(4);
    let samples_before = samples(&bench);
    let all = serde_json::json!([samples_before, 1]);
    let dry = bench.json(&["prune", "--older-than", "1ms", "--dry-run", "--json"]);
    assert_eq!(serde_json::json!([dry["samples"], dry["recordings"]]), all, "{dry}");
    assert_eq!(samples(&bench), samples_before, "a dry run writes nothing");
    let said = bench.out(&["prune", "--older-than", "1ms", "--dry-run"]);
    let expected = format!("{samples_before} samples and 1 whole recording would go of ");
    assert!(said.starts_with(&expected), "{said}");

    assert_eq!(bench.json(&["prune", "--older-than", "1d", "--json"])["samples"], 0);
    let done = bench.json(&["prune", "--older-than", "1ms", "--json"]);
    assert_eq!(serde_json::json!([done["samples"], done["recordings"]]), all, "{done}");
    assert!(done["bytes_after"].as_u64() <= done["bytes_before"].as_u64(), "{done}");
    assert_eq!(bench.json(&["list", "--json"]), serde_json::json!([]));
}

#[test]
fn marks_keep_the_samples_near_them() {
    let bench = recorded(3);
    let samples_before = samples(&bench);
    bench.run(&["mark", "here", "--at", "#2"]);
    let done = bench.json(&["prune", "--older-than", "1ms", "--keep-marks", "--json"]);
    assert_eq!(done["samples"], 0, "{done}");
    let said = bench.out(&["prune"]);
    assert!(said.starts_with("tidied up: "), "{said}");
    assert_eq!(samples(&bench), samples_before);
}

#[test]
fn options_that_delete_nothing_are_refused() {
    let bench = recorded(1);
    assert_snapshot!(bench.run(&["prune", "--keep-marks"]).failure(), @"
    vmrec: --keep-marks has no effect without --thin-after, --max-size or an age
    hint: add one, such as --thin-after 1d
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["prune", "--dry-run"]).failure(), @"
    vmrec: nothing is said to go
    hint: say what, such as --older-than 30d, --thin-after 1d or --max-size 200M
    [exit status: Some(2)]
    ");
    assert_eq!(bench.run(&["prune", "--max-size", "much"]).status, Some(2));
    assert_eq!(bench.run(&["prune", "--db", "other.db", "--older-than", "1d"]).status, Some(4));
    assert!(!bench.path("other.db").exists());
}

#[test]
fn a_file_of_several_recordings_is_pruned_by_name_or_as_a_whole() {
    let bench = recorded(3);
    let workload = Workload::start();
    assert_eq!(bench.run(&["record", &workload.pid_text(), "--samples", "3"]).status, Some(0));
    let said = bench.run(&["prune", "--older-than", "1ms"]).failure();
    assert_snapshot!(said, @"
    vmrec: DIR/test.db holds 2 recordings
    hint: name those to prune with -r N, or prune all of them with --all
    [exit status: Some(2)]
    ");
    assert_eq!(bench.run(&["prune", "--older-than", "1ms", "--dry-run"]).failure(), said);
    assert_snapshot!(bench.run(&["prune", "--older-than", "1ms", "-r", "7"]).failure(), @"
    vmrec: no recording 7 in DIR/test.db
    hint: `vmrec list` shows the recordings of a file
    [exit status: Some(4)]
    ");
    assert_snapshot!(bench.run(&["prune", "-r", "2"]).failure(), @"
    vmrec: --recording has no effect without an age or a size
    hint: add one, such as --older-than 30d, --thin-after 1d or --max-size 200M
    [exit status: Some(2)]
    ");
    assert_eq!(bench.run(&["prune", "--older-than", "1ms", "-r", "1", "--all"]).status, Some(2));
    let numbers = || -> Vec<i64> {
        let listed = bench.json(&["list", "--json"]);
        listed.as_array().unwrap().iter().map(|r| r["recording"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers().len(), 2);
    let dry = bench.json(&["prune", "--older-than", "1ms", "-r", "2", "--dry-run", "--json"]);
    let done = bench.json(&["prune", "--older-than", "1ms", "-r", "2", "--json"]);
    for (name, value) in dry.as_object().unwrap() {
        assert!(name == "dry_run" || done[name] == *value, "{name}: {dry} {done}");
    }
    assert_eq!(numbers(), [1]);
    bench.out(&["prune", "--older-than", "1ms", "--all"]);
    assert!(numbers().is_empty());
}

#[test]
fn a_size_that_cannot_be_met_is_refused_and_nothing_goes() {
    let bench = recorded(3);
    let before = samples(&bench);
    for command in [
        &["prune", "--max-size", "10K"][..],
        &["prune", "--max-size", "10K", "--dry-run"],
        &["record", "1", "--max-size", "10K"],
        &["record", "--max-size", "10K", "--db", "new.db", "--", "touch", "started"],
    ] {
        let said = bench.run(command);
        assert_eq!(said.status, Some(4), "{}", said.error);
        assert!(said.error.contains(" cannot be kept to 10240 bytes: "), "{}", said.error);
        assert!(said.error.contains("\nhint: give --max-size "), "{}", said.error);
    }
    assert!(!bench.path("new.db").exists() && !bench.path("started").exists());
    assert_eq!(samples(&bench), before);
    let said = bench.run(&["prune", "--max-size", "10K"]).failure();
    let bytes: u64 =
        said.split_once("bytes: ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    bench.out(&["prune", "--max-size", &bytes.to_string()]);
    assert_eq!(samples(&bench), before, "it is what the file takes already");
}

#[test]
fn a_file_that_is_recorded_to_is_left_to_its_recorder() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    let said = bench.run(&["prune", "--older-than", "1ms"]);
    assert_snapshot!(said.failure().replace(&recorder.pid().to_string(), "PID"), @"
    vmrec: DIR/test.db is being recorded to by another vmrec (pid PID)
    hint: end that recorder first, or let it prune while it records: `vmrec record --keep 7d …`
    [exit status: Some(4)]
    ");
    recorder.wait_for_samples(1);
    recorder.interrupt();
}

#[test]
fn a_recorder_prunes_earlier_recordings() {
    let bench = recorded(5);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let workload = Workload::start();
    let pid = workload.pid_text();
    let arguments = ["record", &pid, "--samples", "12", "--every", "100ms", "--keep", "100ms"];
    let said = bench.run(&arguments);
    assert_eq!(said.status, Some(0), "{}", said.error);
    let listed = bench.json(&["list", "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed[0]["recording"], &listed[0]["samples"]), (&2.into(), &12.into()));
}

#[test]
fn a_recorder_holds_the_size_of_its_file_while_the_target_maps_other_files_each_tick() {
    const LIMIT: u64 = 1 << 20;
    let bench = Bench::new();
    let folder = bench.path("files");
    std::fs::create_dir(&folder).unwrap();
    let mut workload = Workload::start();
    workload.order(&format!("churn {}", folder.display()));
    let pid = workload.pid_text();
    let arguments = ["record", &pid, "--every", "50ms", "--samples", "120", "--max-size", "1M"];
    let mut recorder = bench.command(&arguments).arg("-q").spawn().unwrap();
    let bytes = |name| std::fs::metadata(bench.path(name)).map_or(0, |file| file.len());
    let mut largest = 0;
    let status = loop {
        largest = largest.max(bytes("test.db") + bytes("test.db-wal"));
        if let Some(status) = recorder.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    assert!(status.success(), "{status}");
    // There is room for the next sample, of some 50 KB, before it is stored.
    assert!(largest <= LIMIT + LIMIT / 8, "{largest}");
    let left = samples(&bench);
    assert!(left < 120, "{left} samples of 50 KB each fit into {LIMIT} bytes");
    assert!(bytes("test.db") > LIMIT / 2 && left > 5, "{left} in {}", bytes("test.db"));
    assert!(bench.out(&["info", "--verify"]).starts_with("no problem found"));
}
