//! The script of the page that `vmrec report` writes, in node and in Chromium where they are
//! installed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use vmrec_report::units;

use crate::fixture::fixed;
use crate::harness::{Bench, skipped};

/// Returns the first of these programs that is installed.
fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    found.into_iter().find(|program| program.is_file())
}

fn node() -> Option<Command> {
    let node = installed(&["node"]).map(Command::new);
    if node.is_none() {
        skipped("the page's script needs node to be run without a browser");
    }
    node
}

fn test_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page").join(name)
}

/// Writes the page of a recording and returns its path.
fn page(bench: &Bench, arguments: &[&str]) -> PathBuf {
    let path = bench.path("page.html");
    bench.out(&[&["report", "-o", "page.html"], arguments].concat());
    path
}

#[test]
fn every_file_of_the_script_parses() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("report/src/page/script");
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let Some(mut node) = node() else { return };
        assert!(node.arg("--check").arg(&file).status().unwrap().success(), "{}", file.display());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.lines().count() <= 300, "{}", file.display());
        let unsafe_words =
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write", "http"];
        for word in unsafe_words {
            let allowed = word == "http"
                && text.matches("http").count()
                    == text.matches("http://www.w3.org/2000/svg").count();
            assert!(allowed || !text.contains(word), "{}: {word}", file.display());
        }
    }
}

#[test]
fn sizes_in_the_page_are_written_as_everywhere() {
    let bench = fixed();
    let path = page(&bench, &["-r", "1"]);
    let Some(mut node) = node() else { return };
    let mut sizes: Vec<u64> = (0..53).flat_map(|bits| [1 << bits, (1 << bits) * 3 / 2]).collect();
    // Halves of a tenth, which are rounded to the even one.
    sizes.extend((40..400).map(|quarters| quarters * (1 << 18)));
    sizes.extend((40..90).map(|quarters| quarters * (1 << 28)));
    sizes.extend([0, 1, 512, 9 * 1024 + 1, 10 * 1024 + 1, (10 << 20) - 1, 1_073_689_395, 345_680]);
    let mut vectors: Vec<Value> =
        sizes.iter().map(|bytes| json!(["size", bytes, units::size(*bytes)])).collect();
    for ms in [0, 9, 10, 850, 999, 1000, 12_550, 59_999, 60_000, 200_000, 7_500_000, 273_600_000] {
        // Below 10 ms vmrec writes a tenth, which no time of a page has.
        if ms >= 10 {
            vectors.push(json!(["duration", ms, units::duration(ms * 1_000_000)]));
        }
    }
    let mut child =
        node.arg(test_file("format.mjs")).arg(&path).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!(vectors).to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn neighbours_in_the_chart_differ_in_lightness() {
    let bench = fixed();
    let path = page(&bench, &["-r", "1"]);
    let Some(mut node) = node() else { return };
    assert!(node.arg(test_file("paint.mjs")).arg(&path).status().unwrap().success());
}

#[test]
fn the_search_fades_functions_without_its_words() {
    let bench = fixed();
    let path = page(&bench, &["-r", "1"]);
    let Some(mut node) = node() else { return };
    assert!(node.arg(test_file("fade.mjs")).arg(&path).status().unwrap().success());
}

#[test]
fn the_change_between_the_cursors_is_that_of_diff() {
    let bench = fixed();
    let path = page(&bench, &["-r", "1"]);
    for (from, to) in [(1, 5), (1, 2), (2, 4), (5, 1)] {
        let ends = [format!("#{}", from.min(to)), format!("#{}", from.max(to))];
        let diff = bench.json(&["diff", "-r", "1", "--json", &ends[0], &ends[1]]);
        for metric in ["resident", "private", "dirty", "swapped", "virtual", "regions"] {
            let Some(mut node) = node() else { return };
            let numbers = [from.to_string(), to.to_string()];
            let said = node
                .arg(test_file("page.mjs"))
                .arg(&path)
                .args(&numbers)
                .arg(metric)
                .output()
                .unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            let change: Value = serde_json::from_slice(&said.stdout).unwrap();
            same_sums(&change, &diff, metric, from < to);
        }
    }
}

/// Compares what the page's script found with what `diff` wrote.
fn same_sums(change: &Value, diff: &Value, metric: &str, forward: bool) {
    let (earlier, later) = if forward { ("from", "to") } else { ("to", "from") };
    let column = if metric == "regions" { "regions".to_owned() } else { format!("{metric}_bytes") };
    let total = &diff["total"][&column];
    assert_eq!(
        (&change["total"][earlier], &change["total"][later]),
        (&total["from"], &total["to"]),
        "{metric}"
    );
    let expected = diff["types"].as_array().unwrap();
    let rows = change["types"].as_array().unwrap();
    for row in rows {
        let of = expected.iter().find(|of| of["label"] == row["label"]).unwrap();
        let values = &of[&column];
        assert_eq!(
            (&row[earlier], &row[later]),
            (&values["from"], &values["to"]),
            "{metric} {row}"
        );
        let sum = |of: &Value, key: &str| -> i64 {
            of.as_array().unwrap().iter().map(|row| row[key].as_i64().unwrap()).sum()
        };
        for key in ["from", "to", "change", "regions"] {
            assert_eq!(Some(sum(&row["objects"], key)), row[key].as_i64(), "{metric} {key} {row}");
            for object in row["objects"].as_array().unwrap() {
                assert_eq!(
                    Some(sum(&object["all"], key)),
                    object[key].as_i64(),
                    "{metric} {key} {object}"
                );
            }
        }
    }
    let shown: i64 = rows.iter().map(|row| row["change"].as_i64().unwrap()).sum();
    assert_eq!(Some(shown), change["total"]["change"].as_i64());
}

/// Runs Chromium on a page; `None` where it is not installed.
fn chromium(bench: &Bench, path: &Path, arguments: &[&str]) -> Option<(String, String)> {
    let Some(program) = installed(&["chromium", "chromium-browser", "google-chrome", "chrome"])
    else {
        skipped("the page is not opened: there is no chromium");
        return None;
    };
    let said = Command::new(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", bench.path("profile").display()))
        .arg("--virtual-time-budget=8000")
        .args(arguments)
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((text(&said.stdout), text(&said.stderr)))
}

/// Returns the page with the test's driver, which the policy of the page would not run.
fn driven(bench: &Bench, path: &Path) -> PathBuf {
    let page = fs::read_to_string(path).unwrap();
    let driver = fs::read_to_string(test_file("driver.js")).unwrap();
    let page = page.replace("Content-Security-Policy", "x-none");
    let page = page.replace("</body>", &format!("<script>{driver}</script></body>"));
    let path = bench.path("driven.html");
    fs::write(&path, page).unwrap();
    path
}

#[test]
fn the_page_is_used_with_a_keyboard() {
    let bench = fixed();
    bench.out(&["mark", "-r", "1", "--delete", "cache warm"]);
    bench.out(&["mark", "-r", "1", "--at", "#1", "--begin", "load"]);
    bench.out(&["mark", "-r", "1", "--at", "#4", "--end", "load"]);
    let path = driven(&bench, &page(&bench, &["-r", "1"]));
    let Some((dom, _)) = chromium(&bench, &path, &["--dump-dom", "--window-size=1280,1400"]) else {
        return;
    };
    let said = dom.split_once("<pre id=\"said\">").unwrap().1.split_once("</pre>").unwrap().0;
    let said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let seen: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&seen["failed"], &seen["errors"]), (&Value::Null, &json!([])), "{seen:#}");
    // B begins on the last sample that figures are taken from; its key End moves it to #5, which is torn.
    let diff = bench.json(&["diff", "-r", "1", "start", "#4", "--json"]);
    assert_eq!(seen["first"]["rows"][0][0], diff["types"][0]["label"]);
    let large = |seen: &Value| seen["rows"][2].clone();
    assert_eq!(large(&seen["first"]), json!(["MALLOC (large)", "2048K", "2048K", "0K", "0"]));
    assert_eq!(large(&seen["end"]), json!(["MALLOC (large)", "2048K", "0K", "-2048K", "-1"]));
    assert_eq!(seen["home"], json!({"total": "0K", "now": "0", "focused": true}));
    assert_eq!((&seen["right"], &seen["opened"]["expanded"]), (&json!("1"), &json!("true")));
    assert!(seen["opened"]["more"].as_i64() > Some(0));
    assert_eq!(seen["found"], json!(["Stack"]));
    assert_eq!(seen["families"]["total"], seen["families"]["tile"]);
    assert_eq!(
        seen["span"],
        json!({
            "drawn": 1,
            "words": "14:00:00 to 14:00:08 load A B",
            "labels": ["Cursor A to the begin of span 1", "Cursor B to the end of span 1"],
            "from": "0",
            "to": "2",
        })
    );
    assert!(seen["map"].as_u64() > Some(5), "{seen:#}");
    files_are_saved(&bench, &seen["saved"]);
    let order: Vec<&str> =
        seen["order"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let place = |name: &str| order.iter().position(|one| *one == name).unwrap();
    let expected = ["resident", "regions", "by-type", "a", "b", "search", "open", "save-change"];
    assert!(expected.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{order:?}");
    assert_eq!(seen["unnamed"], 0);
    let sliders = seen["sliders"].as_array().unwrap();
    assert_eq!((&sliders[0][0], &sliders[1][0]), (&json!("Cursor A"), &json!("Cursor B")));
    assert!(sliders[1][1].as_str().unwrap().contains("sample 4, "), "{sliders:?}");
}

/// Compares the files that the page saves with what vmrec writes itself.
fn files_are_saved(bench: &Bench, saved: &Value) {
    let rows = |text: &str| -> Vec<Vec<String>> {
        let cells = |line: &str| line.split(',').map(str::to_owned).collect();
        text.lines().skip(1).map(cells).collect()
    };
    let text = |index: usize| saved[index]["text"].as_str().unwrap();
    assert_eq!(saved[0]["name"], "server-1-change.csv");
    assert_eq!(saved[1]["name"], "server-1-series.csv");
    let diff = bench.json(&["diff", "-r", "1", "start", "end", "--json"]);
    assert!(text(0).starts_with("type,regions_at_a,regions_at_b,change,regions_change\n"));
    for row in rows(text(0)) {
        let types = diff["types"].as_array().unwrap();
        let of = types.iter().find(|of| of["label"] == row[0].as_str()).unwrap();
        let change = &of["regions"];
        assert_eq!(row[1..3], [change["from"].to_string(), change["to"].to_string()], "{row:?}");
    }
    // Each sample, time and type with its values: resident is the first quantity.
    let mut resident = BTreeMap::new();
    for row in rows(text(1)) {
        *resident.entry(row[1].clone()).or_insert(0) += row[3].parse::<u64>().unwrap();
    }
    let expected = bench.json(&["export", "-r", "1", "--json", "--series", "family"]);
    let mut sums = BTreeMap::new();
    for row in expected.as_array().unwrap() {
        if let ("resident_bytes", Some(bytes)) =
            (row["quantity"].as_str().unwrap(), row["value"].as_u64())
        {
            *sums.entry(row["utc_ns"].as_i64().unwrap()).or_insert(0) += bytes;
        }
    }
    assert!(resident.values().eq(sums.values()), "{resident:?} {sums:?}");
}

#[test]
fn the_page_opens_without_an_error_and_hostile_names_are_text() {
    let bench = fixed();
    bench.out(&[
        "rename",
        "1",
        "</script><script>document.title='hit'</script><img src=x onerror=alert(1)>",
    ]);
    bench.out(&[
        "mark",
        "-r",
        "1",
        "--at",
        "#2",
        "</noscript><svg onload=alert(2)>\u{202e}\u{1b}[2J",
    ]);
    let path = page(&bench, &["-r", "1"]);
    let Some((dom, log)) = chromium(&bench, &path, &["--dump-dom"]) else { return };
    assert!(dom.contains("data-ready"), "the script ran: {dom}");
    assert!(!dom.contains("<title>hit") && !dom.contains("<img"), "{dom}");
    let console: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{console:#?}");
    assert!(!dom.contains("<svg onload"), "{dom}");
}

#[test]
fn the_page_prints_on_two_sheets() {
    let bench = fixed();
    for number in 1..20 {
        bench.out(&["mark", "-r", "1", "--at", "#2", &format!("request {number} was served")]);
    }
    let path = page(&bench, &["-r", "1"]);
    let print = format!("--print-to-pdf={}", bench.path("page.pdf").display());
    if chromium(&bench, &path, &[&print, "--no-pdf-header-footer"]).is_none() {
        return;
    }
    let pdf = String::from_utf8_lossy(&fs::read(bench.path("page.pdf")).unwrap()).into_owned();
    let sheets = pdf.matches("/Type /Page").count() - pdf.matches("/Type /Pages").count();
    assert_eq!(sheets, 2);
}
