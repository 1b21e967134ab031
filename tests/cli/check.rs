//! `vmrec check`, and `record --check`, on processes that grow.

use std::fs;
use std::process::Command;

use crate::harness::{Bench, Workload, copy_program, write_script};

/// A file whose recording 2 has 40 MiB of heap more than recording 1, of the same process.
fn grown() -> Bench {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let record = |workload: &Workload| {
        bench.out(&["record", &workload.pid_text(), "--samples", "3", "--every", "50ms"]);
    };
    record(&workload);
    workload.order("heap 41943040");
    record(&workload);
    bench
}

#[test]
fn growth_beyond_the_baseline_fails_and_names_its_type() {
    let bench = grown();
    let said = bench.run(&["check", "-r", "2", "--baseline", "#1", "--tolerance", "5%"]);
    assert_eq!(said.status, Some(1), "{said:?}");
    let failed: Vec<&str> = said.output.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert!(failed.len() == 2 && failed[0].contains("total: resident highest"), "{failed:?}");
    assert!(failed[1].contains("MALLOC"), "{failed:?}");
    bench.out(&["check", "-r", "1", "--baseline", "#2", "--tolerance", "0%"]);
    // Of several the least counts.
    bench.out(&["check", "-r", "1,2", "--baseline", "#1", "--tolerance", "5%"]);
    let copy = bench.path("base.db");
    fs::rename(bench.path("test.db"), &copy).unwrap();
    let base = format!("{}#1", copy.display());
    let args = ["check", "--db", "base.db", "--baseline", &base, "--max", "+1%"];
    assert_eq!(bench.run(&args).status, Some(1));
}

#[test]
fn the_figure_is_that_of_the_samples() {
    let bench = grown();
    let sums = "SELECT max(value) AS highest FROM \
                (SELECT number, sum(value) AS value FROM series('private', 'type', 2) GROUP BY 1)";
    let highest = bench.json(&["sql", "--json", sums])[0]["highest"].as_u64().unwrap();
    let at = |bound: u64| {
        let limit = format!("private={bound}");
        bench.run(&["check", "-r", "2", "--max", &limit, "--json"])
    };
    let (kept, exceeded) = (at(highest), at(highest - 1));
    assert_eq!((kept.status, exceeded.status), (Some(0), Some(1)));
    let document: serde_json::Value = serde_json::from_str(&exceeded.output).unwrap();
    assert_eq!(document["limits"][0]["measured"], highest);
    assert_eq!(
        (&document["passed"], &document["limits"][0]["verdict"]),
        (&false.into(), &"exceeded".into())
    );
}

#[test]
fn too_few_samples_are_a_verdict_of_their_own() {
    let bench = grown();
    let few = bench.run(&["check", "--growth", "1M/min"]);
    assert_eq!(few.status, Some(1));
    assert!(few.output.contains("too few  total: resident growth per minute"), "{}", few.output);
    bench.out(&["check", "--growth", "1M/min", "--lenient"]);
    bench.out(&["check", "--growth", "100M/min", "--min-samples", "3"]);
}

#[test]
fn a_job_gets_its_forms_and_a_name_cannot_forge_them() {
    let bench = Bench::new();
    let program = bench.path("a%0A::error::<b>|");
    copy_program("/bin/sleep".as_ref(), &program);
    let mut child = Command::new(&program).arg("60").spawn().unwrap();
    let pid = child.id().to_string();
    bench.out(&["record", &pid, "--samples", "2", "--every", "50ms"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = bench.run(&["check", "--max", "4K", "--github", "--junit", "junit.xml"]);
    let commands: Vec<&str> = said.output.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), 1, "{}", said.output);
    assert!(commands[0].starts_with("::error title=vmrec check::total: resident highest: "));
    let suite = fs::read_to_string(bench.path("junit.xml")).unwrap();
    assert!(suite.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{suite}");
    let markdown = bench.run(&["check", "--max", "4K", "--md"]).output;
    assert!(markdown.contains("&#60;b&#62;&#124;"), "{markdown}");
    assert!(markdown.lines().any(|line| line.starts_with("| FAIL | total: resident highest | ")));
}

#[test]
fn a_recording_is_checked_at_its_end() {
    let bench = Bench::new();
    let budget = |text: &str| fs::write(bench.path("budget.toml"), text).unwrap();
    let run = |script: &str| {
        let record =
            ["record", "--every", "50ms", "--check", "budget.toml", "--", "sh", "-c", script];
        bench.run(&record)
    };
    budget("[[limit]]\nmax = \"1G\"\n");
    assert_eq!(run("sleep 0.2").status, Some(0));
    budget("[[limit]]\nmax = \"4K\"\n");
    let exceeded = run("sleep 0.2");
    assert_eq!(exceeded.status, Some(1));
    assert!(exceeded.error.contains("FAIL     total: resident highest"), "{}", exceeded.error);
    assert_eq!(run("sleep 0.2; exit 7").status, Some(7), "the command's own status goes first");
    budget("[[limit]]\nmax = \"4Q\"\n");
    let wrong = run("touch ran");
    assert_eq!((wrong.status, bench.path("ran").exists()), (Some(2), false));
}

/// The value of a key in a line of YAML such as `      run: cargo install`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.trim_start_matches([' ', '-']).strip_prefix(key)?.strip_prefix(": ")
}

/// Runs the steps of action.yml as a job does, with these inputs, and returns the status of the first
/// that fails and all that was said. A faked cargo installs the program of this test.
fn job(bench: &Bench, inputs: &[(&str, &str)]) -> (Option<i32>, String) {
    let root = env!("CARGO_MANIFEST_DIR");
    let action = fs::read_to_string(format!("{root}/action.yml")).unwrap();
    let folder = |name: &str| {
        let path = bench.path(name);
        fs::create_dir_all(&path).unwrap();
        path.display().to_string()
    };
    let (temp, bin) = (folder("temp"), folder("fake-bin"));
    let fake = format!(
        "#!/bin/sh\n[ \"$1 $2 $3\" = 'install --locked --path' ] && [ -e \"$4/Cargo.toml\" ] || exit 9\n\
         [ \"$5\" = --root ] && mkdir -p \"$6/bin\" && ln -sf {} \"$6/bin/vmrec\"\n",
        env!("CARGO_BIN_EXE_vmrec")
    );
    write_script(&bench.path("fake-bin/cargo"), &fake);
    // What a job puts in place of expressions; a default is the line after its input.
    let mut filled = action.replace("${{ runner.temp }}", &temp);
    let (declared, steps) = filled.split_once("\nruns:\n").unwrap();
    let mut steps = steps.to_owned();
    let mut name = "";
    for line in declared.lines() {
        if let Some(input) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) {
            name = input.trim_end_matches(':');
        } else if let Some(default) = value(line, "default") {
            let given = inputs.iter().find(|(input, _)| *input == name);
            let text = given.map_or(default, |(_, text)| text);
            steps = steps.replace(&format!("${{{{ inputs.{name} }}}}"), text);
        }
    }
    for (input, text) in inputs {
        steps = steps.replace(&format!("${{{{ inputs.{input} }}}}"), text);
    }
    filled = steps;
    assert!(!filled.contains("${{"), "an expression that no job fills in: {filled}");
    let mut said = String::new();
    for step in filled.split("\n    - ").skip(1) {
        let run = step.lines().find_map(|line| value(line, "run")).unwrap();
        let shell = step.lines().find_map(|line| value(line, "shell")).unwrap();
        let variables = step.split_once("env:\n").map_or("", |(_, after)| after);
        let variables = variables.lines().filter_map(|line| line.trim().split_once(": "));
        let mut command = Command::new(shell);
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", run]);
        command.envs(variables.filter(|(key, _)| key.chars().all(|c| c.is_ascii_uppercase())));
        let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
        command.env("PATH", path).env("RUNNER_TEMP", &temp).env("GITHUB_ACTION_PATH", root);
        command.env("GITHUB_STEP_SUMMARY", bench.path("summary.md"));
        command.env("GITHUB_OUTPUT", bench.path("outputs")).current_dir(bench.path(""));
        let output = command.output().unwrap();
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return (output.status.code(), said);
        }
    }
    (Some(0), said)
}

#[test]
fn each_step_of_the_action_runs_and_passes_on_the_verdict() {
    let bench = Bench::new();
    let run = |limit: &str, command: &str| {
        fs::write(bench.path("vmrec.toml"), format!("[[limit]]\nmax = \"{limit}\"\n")).unwrap();
        let _ = fs::remove_file(bench.path("summary.md"));
        let (status, log) = job(&bench, &[("run", command), ("every", "50ms"), ("output", "out")]);
        (status, log, fs::read_to_string(bench.path("summary.md")).unwrap_or_default())
    };
    let (status, log, summary) = run("1G", "sleep 0.3");
    assert_eq!(status, Some(0), "{log}");
    assert!(summary.contains("### vmrec check: 1 limit kept"), "{summary}");
    // The chart is there as a file, and in the summary in characters.
    assert!(fs::read_to_string(bench.path("out/growth.svg")).unwrap().starts_with("<svg"));
    assert!(summary.contains('└') && summary.contains("TOTAL"), "{summary}");
    let (status, log, summary) = run("4K", "sleep 0.3");
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("::error title=vmrec check::total: resident highest"), "{log}");
    assert!(summary.contains("### vmrec check: 1 of 1 limit exceeded"), "{summary}");
    let (status, log, _) = run("1G", "sleep 0.2; exit 3");
    assert_eq!(status, Some(3), "{log}");
    assert!(log.contains("::error title=vmrec::the command ended with status 3"), "{log}");
    // The limits of the workflow that runs the action are of this kind.
    for (budget, expected) in [("kept", 0), ("exceeded", 1)] {
        let budget = format!("{}/tests/action/{budget}.toml", env!("CARGO_MANIFEST_DIR"));
        let inputs = [("run", "sleep 0.3"), ("budget", &*budget), ("every", "50ms")];
        let (status, log) = job(&bench, &inputs);
        assert_eq!(status, Some(expected), "{log}");
        assert!(bench.path("vmrec-output/growth.svg").exists(), "the default folder");
    }
    // Recordings of earlier runs are not taken for that of one which cannot be recorded.
    let (status, log, summary) = run("1G", "exit 7");
    assert_eq!(status, Some(7), "{log}");
    assert!(!summary.contains("limit kept") || summary.contains("TOTAL"), "{summary}");
    assert_eq!(run("4Q", "sleep 0.2").0, Some(2), "a wrong limit");
    let outputs = fs::read_to_string(bench.path("outputs")).unwrap();
    assert!(outputs.contains("chart=out/growth.svg") && outputs.contains("recording=out/vmrec.db"));
}

#[test]
fn an_object_has_limits_wherever_it_is_mapped() {
    let bench = Bench::new();
    let mut workload = Workload::start();
    let record = |workload: &Workload| {
        bench.out(&["record", &workload.pid_text(), "--samples", "3", "--every", "50ms"]);
    };
    let file = |folder: &str, megabytes: usize| {
        fs::create_dir(bench.path(folder)).unwrap();
        let path = bench.path(&format!("{folder}/index.bin"));
        fs::write(&path, vec![7; megabytes << 20]).unwrap();
        format!("map {}", path.display())
    };
    workload.order(&file("old", 2));
    record(&workload);
    workload.order(&file("new", 3));
    record(&workload);
    let check = |arguments: &[&str]| bench.run(&[&["check", "-r", "2"], arguments].concat());
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&check(&[arguments, &["--json"]].concat()).output).unwrap()
    };
    // Both files are one object: neither folder nor address has a part in its name.
    let bytes = 5_u64 << 20;
    let at = |bound: u64| check(&["--max", &format!("object:index.bin={bound}")]);
    assert_eq!((at(bytes).status, at(bytes - 1).status), (Some(0), Some(1)));
    let limit = &json(&["--max", "object:ind*.bin=1M"])["limits"][0];
    assert_eq!((&limit["of"], &limit["measured"]), (&"object".into(), &bytes.into()));
    assert_eq!((&limit["name"], &limit["verdict"]), (&"ind*.bin".into(), &"exceeded".into()));
    assert_eq!(check(&["--growth", "object:index.bin=0"]).status, Some(0));
    let relative = |bound: &str| {
        check(&["--baseline", "#1", "--max", &format!("regions:object:index.bin={bound}")]).status
    };
    assert_eq!(relative("+5%"), Some(0), "one region more is noise");
    let relative = check(&["--baseline", "#1", "--max", "object:index.bin=+100%"]);
    assert_eq!(relative.status, Some(1), "{relative:?}");
    assert!(relative.output.contains("index.bin: resident highest"), "{}", relative.output);
    // The same from a file, in every form.
    let budget = "[[limit]]\nobject = \"index.bin\"\nmax = \"4M\"\n";
    fs::write(bench.path("limits.toml"), budget).unwrap();
    let junit = bench.path("junit.xml").display().to_string();
    let budget = ["--budget", "limits.toml", "--github", "--junit", &junit];
    let said = check(&budget);
    assert_eq!(said.status, Some(1));
    assert!(said.output.contains("::error title=vmrec check::index.bin: "), "{}", said.output);
    assert!(fs::read_to_string(&junit).unwrap().contains("name=\"index.bin: resident highest\""));
    let markdown = check(&["--budget", "limits.toml", "--md"]).output;
    assert!(markdown.contains("| FAIL | index.bin: resident highest |"), "{markdown}");
    // A misspelt name is no limit that passes.
    let none = check(&["--max", "object:indx.bin=1M"]);
    assert_eq!(none.status, Some(2));
    assert!(
        none.error.contains("there is no object `indx.bin`\nhint: objects here are "),
        "{none:?}"
    );
}
