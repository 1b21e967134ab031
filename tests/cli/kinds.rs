//! Conditions of real processes under which a figure or a name would be of something else.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Bench, Workload, copy_program, signal, skipped};

/// Returns the regions of a process as `map --json` prints them.
fn regions(bench: &Bench, pid: &str) -> Vec<serde_json::Value> {
    bench.json(&["map", "--json", pid])["regions"].as_array().unwrap().clone()
}

/// Returns whether the tests run as root.
fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t0\t")
}

#[test]
fn the_footprint_of_a_reader_leaves_out_pages_that_wait_to_be_written() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let file = bench.path("data.bin");
    fs::write(&file, vec![7; 16 << 20]).unwrap();
    workload.order(&format!("map {}", file.display()));
    let page = bench.json(&["map", "--json", &workload.pid_text()]);
    let footprint = page["total"]["footprint_bytes"].as_u64().unwrap();
    assert!(footprint < 8 << 20, "{footprint}");
    assert!(workload.smaps_sum("Rss") > 16 << 20);
}

#[test]
fn a_threads_number_names_its_process() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("threads 2");
    let pid = workload.pid_text();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let tasks = tasks.map(|task| task.unwrap().file_name().into_string().unwrap());
    let tid = tasks.filter(|tid| *tid != pid).last().unwrap();
    let shown = bench.out(&["map", "--summary", &tid]);
    assert!(shown.contains(&format!("[{pid}]")), "{shown}");
    bench.out(&["record", &tid, "--samples", "1", "-q"]);
    assert_eq!(bench.json(&["info", "--json"])["process"]["pid"].to_string(), pid);
}

#[test]
fn a_file_really_named_deleted_exists_until_it_goes() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let file = bench.path("data (deleted)");
    fs::write(&file, vec![7; 8192]).unwrap();
    workload.order(&format!("map {}", file.display()));
    let objects = || {
        let all = regions(&bench, &workload.pid_text());
        let of_file = all.into_iter().filter(|it| it["object"].to_string().contains("/data"));
        let object = |it: serde_json::Value| {
            (it["object"].as_str().unwrap().to_owned(), it["object_deleted"].as_bool().unwrap())
        };
        of_file.map(object).collect::<Vec<_>>()
    };
    let name = "DIR/data (deleted)".to_owned();
    assert_eq!(objects(), [(name.clone(), false)]);
    fs::remove_file(&file).unwrap();
    assert_eq!(objects(), [(name, true)]);
}

#[test]
fn rings_of_the_kernel_are_no_files() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("aio");
    let all = regions(&bench, &workload.pid_text());
    let ring = all.iter().find(|it| it["object"] == "/[aio]").unwrap();
    assert_eq!(ring["type"], "kernel ring", "{ring}");
    let said = bench.run(&["map", "--summary", &workload.pid_text()]);
    assert!(!said.error.contains("not readable"), "{}", said.error);
}

#[test]
fn a_process_without_its_first_thread_is_read_by_another() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let types = |workload: &Workload| {
        let all = regions(&bench, &workload.pid_text());
        all.iter().map(|it| it["type"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert!(types(&workload).contains("__BSS"));
    workload.order("end-leader");
    let status = format!("/proc/{}/status", workload.pid());
    while !fs::read_to_string(&status).unwrap().contains("Z (zombie)") {
        std::thread::yield_now();
    }
    assert!(types(&workload).contains("__BSS"));
    let said = bench.run(&["map", "--summary", &workload.pid_text()]);
    assert!(!said.error.contains("not readable"), "{}", said.error);
    assert!(said.output.contains("examples/workload"), "{}", said.output);
}

#[test]
fn threads_of_an_inner_namespace_have_the_numbers_of_ours() {
    if !is_root() {
        return skipped("a namespace of pids needs root");
    }
    let bench = Bench::new();
    let mut unshare = Command::new("unshare")
        .args(["-pmf", "--kill-child", "--mount-proc"])
        .arg(Workload::program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(unshare.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "pid 1");
    let mut orders = unshare.stdin.take().unwrap();
    writeln!(orders, "threads 3").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "ok");
    let children = format!("/proc/{0}/task/{0}/children", unshare.id());
    let pid = fs::read_to_string(children).unwrap().trim().to_owned();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut tids: BTreeSet<_> =
        tasks.map(|task| task.unwrap().file_name().into_string().unwrap()).collect();
    tids.remove(&pid);
    let all = regions(&bench, &pid);
    let stacks: Vec<_> = all.iter().filter(|it| it["type"] == "Stack (thread)").collect();
    let shown: BTreeSet<_> = stacks
        .iter()
        .filter_map(|it| it["detail"].as_str()?.split(' ').next().map(str::to_owned))
        .collect();
    drop(orders);
    unshare.wait().unwrap();
    assert_eq!(shown, tids);
    assert!(stacks.iter().all(|it| it["confidence"] == "sure"), "{stacks:?}");
    assert!(stacks.iter().all(|it| it["detail"].to_string().contains("workload")), "{stacks:?}");
}

/// Writes a sparse ELF file that claims `megabytes` of names of dynamic symbols, all of them empty.
fn sparse_elf(path: &std::path::Path, megabytes: u64) {
    let file = fs::File::create(path).unwrap();
    let mut header = [0_u8; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (header[16], header[18], header[20], header[52]) = (3, 62, 1, 64);
    let sections = 1_u64 << 20;
    header[40..48].copy_from_slice(&sections.to_le_bytes());
    (header[54], header[58], header[60], header[62]) = (56, 64, 3, 1);
    file.write_at(&header, 0).unwrap();
    let names = 512_u64 << 10;
    file.write_at(b"\0.shstrtab\0.dynstr\0", names).unwrap();
    for (index, name, offset, bytes) in [(1, 1_u8, names, 64), (2, 11, 4096, megabytes << 20)] {
        let mut section = [0_u8; 64];
        (section[0], section[4]) = (name, 3);
        section[24..32].copy_from_slice(&offset.to_le_bytes());
        section[32..40].copy_from_slice(&bytes.to_le_bytes());
        file.write_at(&section, sections + 64 * index).unwrap();
    }
    file.set_len((megabytes + 2) << 20).unwrap();
}

/// Starts a workload that maps `files` ELF files, each of which takes long to read.
fn mapping_sparse_elfs(files: u32) -> (Bench, Workload) {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    for number in 0..files {
        let path = bench.path(&format!("f{number}.so"));
        sparse_elf(&path, 64);
        workload.order(&format!("map-only {}", path.display()));
    }
    (bench, workload)
}

#[test]
fn an_interrupt_is_heeded_whatever_files_the_process_maps() {
    let (bench, workload) = mapping_sparse_elfs(40);
    let mut recorder = bench
        .command(&["record", &workload.pid_text(), "--every", "50ms", "-q"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    signal(recorder.id(), libc::SIGINT);
    let asked = Instant::now();
    let ended = recorder.wait().unwrap();
    // A tenth of a second, but tests may run beside many others.
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(ended.success(), "{ended}");
}

#[test]
fn many_files_are_read_over_several_samples() {
    let (bench, workload) = mapping_sparse_elfs(4);
    let said = bench.run(&["record", &workload.pid_text(), "--samples", "1"]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(said.error.contains("the rest of them is read at the next samples"), "{}", said.error);
}

/// Runs a script as root with a copy of vmrec in `$0`, in a namespace of mounts of its own.
fn among_other_mounts(script: &str) -> String {
    let bench = Bench::new();
    let vmrec = bench.path("vmrec");
    copy_program(env!("CARGO_BIN_EXE_vmrec").as_ref(), &vmrec);
    let folder = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(vmrec.parent().unwrap(), folder).unwrap();
    let output = Command::new("unshare")
        .args(["-m", "--propagation", "private", "sh", "-c", script])
        .arg(&vmrec)
        .current_dir(vmrec.parent().unwrap())
        .env("VMREC_DB", bench.path("a.db"))
        .output()
        .unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
}

#[test]
fn a_missing_proc_is_no_missing_process() {
    if !is_root() {
        return skipped("mounting needs root");
    }
    for command in ["map 1", "record sleep", "record -- sleep 1", "record 1"] {
        let script = format!("mount -t tmpfs none /proc; $0 {command}; echo status $?");
        let said = among_other_mounts(&script);
        assert!(said.contains("/proc is not mounted"), "{command}: {said}");
        assert!(said.contains("mount -t proc proc /proc"), "{command}: {said}");
        assert!(said.contains("status 3"), "{command}: {said}");
        assert!(!said.contains("ended") && !said.contains("no process"), "{command}: {said}");
    }
}

#[test]
fn a_hidden_process_is_no_missing_one() {
    if !is_root() {
        return skipped("mounting needs root");
    }
    let user = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    for command in ["map 1", "record 1", "record no-such-name"] {
        let script =
            format!("mount -t proc -o hidepid=2 proc /proc; {user} $0 {command}; echo status $?");
        let said = among_other_mounts(&script);
        assert!(said.contains("hide") && said.contains("hidepid=0"), "{command}: {said}");
        assert!(said.contains("status 3"), "{command}: {said}");
        assert!(!said.contains("no process with"), "{command}: {said}");
    }
}

#[test]
fn a_proc_of_another_namespace_is_refused() {
    if !is_root() {
        return skipped("a namespace of pids needs root");
    }
    let said = among_other_mounts("unshare -pf $0 record -- sleep 1; echo status $?");
    assert!(said.contains("/proc is of another namespace of pids"), "{said}");
    assert!(said.contains("status 3"), "{said}");
}
