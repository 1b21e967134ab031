//! `vmrec heap` of Python: objects by type, beside the counts of Python itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Bench, skipped};
use crate::heap::{Program, runs_on};

/// Bytes of the objects that the program makes between its own count and the stop.
const MEANWHILE: u64 = 8192;

/// Returns the interpreters of this machine: that of the path, and one of each version of pyenv.
fn interpreters() -> Vec<PathBuf> {
    let mut all = vec![PathBuf::from("/usr/bin/python3")];
    let home = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".pyenv")));
    let versions = home.and_then(|home| home.join("versions").read_dir().ok());
    for version in versions.into_iter().flatten().flatten() {
        let name = version.file_name().to_string_lossy().into_owned();
        let minor = name.strip_prefix("3.").and_then(|rest| rest.split('.').next()?.parse().ok());
        if minor.is_some_and(|minor: u32| (8..=13).contains(&minor)) && !name.ends_with('t') {
            all.push(version.path().join("bin/python3"));
        }
    }
    all.retain(|path| path.is_file());
    all
}

#[test]
fn objects_of_python_are_counted_by_type_as_python_counts_them() {
    let interpreters = interpreters();
    if interpreters.is_empty() {
        return skipped("no python3");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/heap/objects.py");
    for interpreter in interpreters {
        let bench = Bench::new();
        let mut command = Command::new(&interpreter);
        command.arg(&script).env_remove("PYTHONMALLOC");
        let program = Program::run(&mut command);
        let own: Vec<i64> =
            program.line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [planted, slotted, wide, child, allocated] = own[..] else {
            panic!("{}: {}", interpreter.display(), program.line);
        };
        let document = bench.json(&["heap", "--json", &program.pid_text()]);
        runs_on(program.pid());
        let at = interpreter.display();
        assert_eq!(document["problems"], serde_json::json!([]), "{at}");
        let classes = document["classes"].as_array().unwrap();
        let blocks = |class: &str| {
            let class = format!("{class} (Python)");
            let found = classes.iter().find(|row| row["class"] == class.as_str());
            found.map_or(0, |row| row["blocks"].as_i64().unwrap())
        };
        for (class, number) in
            [("Planted", planted), ("Slotted", slotted), ("Wide", wide), ("Child", child)]
        {
            assert_eq!(blocks(class), number, "{at}: {class}");
        }
        assert!((7890..9000).contains(&blocks("float")), "{at}: {} floats", blocks("float"));
        assert!(blocks("bytes") >= 678, "{at}: {} bytes objects", blocks("bytes"));
        let pools = &document["python"];
        let used = pools["used"]["bytes"].as_u64().unwrap();
        let rest = pools["free_bytes"].as_u64().unwrap() + 48 * pools["pools"].as_u64().unwrap();
        assert_eq!(used + rest, pools["bytes"].as_u64().unwrap(), "{at}: {pools}");
        assert!(allocated > 0, "{at}: its allocator has no statistics");
        let apart = used.abs_diff(allocated.cast_unsigned());
        assert!(apart <= MEANWHILE, "{at}: {used} of {allocated} bytes");
        for groups in ["classes", "sizes"] {
            let rows = document[groups].as_array().unwrap().iter();
            let bytes: u64 = rows.map(|row| row["bytes"].as_u64().unwrap()).sum();
            assert_eq!(bytes, document["in_use"]["bytes"].as_u64().unwrap(), "{at}: {groups}");
        }
        let page = bench.out(&["heap", &program.pid_text()]);
        assert!(page.contains("\nPlanted (Python) "), "{at}: {page}");
        assert!(page.contains("\nin use, in Python's pools "), "{at}: {page}");
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{at}: {page}");
    }
}
