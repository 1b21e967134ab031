//! The whole output of each command that reads a recording: standard output,
//! standard error and exit status, on a file whose figures are known.
//!
//! Only the path of the test's folder is replaced, so a wrong number fails.
//! After a wanted change, `INSTA_UPDATE=always cargo test --test cli outputs`
//! writes the snapshots anew: read the diff.

use insta::assert_snapshot;

use crate::fixture::fixed;

#[test]
fn list() {
    assert_snapshot!(fixed().session(&[&["list"], &["list", "--csv"], &["list", "--json"]]));
}

#[test]
fn info() {
    assert_snapshot!(fixed().session(&[
        &["info"],
        &["info", "--recording", "1"],
        &["info", "--recording", "1", "--json"],
        &["info", "--verify"],
        &["info", "--recording", "3"],
    ]));
}

#[test]
fn diff() {
    let between = |by| ["diff", "--recording", "1", "start", "#5", "--by", by];
    assert_snapshot!(fixed().session(&[
        &between("family"),
        &between("type"),
        &between("object"),
        &between("region"),
        &["diff", "--recording", "1", "@cache", "@model", "--csv", "--by", "type"],
        &["diff", "--recording", "1", "--md", "--metric", "private"],
        &["diff", "--recording", "1", "#2", "+3s"],
        &["diff", "--recording", "1", "end", "start"],
        &["diff", "--recording", "1", "#3", "end"],
        &["diff", "--recording", "1", "@nowhere", "end"],
    ]));
}

#[test]
fn map() {
    assert_snapshot!(fixed().session(&[
        &["map", "--recording", "1", "--at", "peak"],
        &["map", "--recording", "1", "--at", "#1", "--rules", "-resident", "-dirty"],
        &["map", "--recording", "1", "--at", "@cache", "--summary"],
    ]));
}

#[test]
fn export() {
    assert_snapshot!(fixed().session(&[
        &["export", "--recording", "1", "--csv", "--at", "#2"],
        &["export", "--recording", "2", "--json"],
        &["export", "--recording", "1", "--csv", "--series", "family"],
        &["export", "--recording", "1", "--csv", "--series", "colour"],
    ]));
}

#[test]
fn sql() {
    assert_snapshot!(fixed().session(&[
        &["sql", "--tables"],
        &["sql", "SELECT type, sum(private_bytes) FROM region_at('peak', 1) GROUP BY 1"],
        &["sql", "SELECT * FROM samples(1)"],
        &["sql", "--csv", "SELECT * FROM series('resident', 'family', 1)"],
        &["sql", "-x", "SELECT number, resident_bytes, state FROM samples(1) WHERE number > 3"],
        &["sql", "SELECT type FROM nowhere"],
    ]));
}

#[test]
fn check() {
    let limits = [
        "--max",
        "9M",
        "--max",
        "private:Python heap=1M",
        "--max",
        "anonymous=64M",
        "--growth",
        "swapped=0",
        "--growth",
        "1M/h",
    ];
    let all = |more: &[&'static str]| [&["check", "--recording", "1"], more, &limits].concat();
    assert_snapshot!(fixed().session(&[
        &all(&[]),
        &all(&["--min-samples", "3", "--json"]),
        &all(&["--md"]),
        &all(&["--github"]),
        &["check", "--recording", "1", "--baseline", "#2", "--tolerance", "10%"],
        &["check", "--recording", "1", "--max", "+5%"],
        &["check", "--recording", "1", "--max", "nothing=1M"],
        &["check", "--recording", "1", "--max", "resident=1X"],
        &["check", "--recording", "1", "--after", "@nowhere", "--max", "1M"],
        &["check", "--budget", "missing.toml"],
        &["check"],
    ]));
}

/// The words of a chart, one line for each; lines and areas have tests in `report`.
#[test]
fn chart() {
    let bench = fixed();
    let chart = |more: &[&str]| {
        let svg = bench.out(&[&["chart", "--recording", "1"], more].concat());
        let texts = svg.split("<text").skip(1).filter_map(|text| {
            let (_, text) = text.split_once('>')?;
            let words = text.split_once("</text>")?.0;
            let tags = words.split('<').map(|part| part.rsplit('>').next().unwrap_or_default());
            Some(tags.collect::<String>().trim().to_owned() + "\n")
        });
        format!("$ vmrec chart {}\n{}\n", more.join(" "), texts.collect::<String>())
    };
    let charts = [
        chart(&[]),
        chart(&["--metric", "private", "--by", "type", "--growth"]),
        chart(&["--metric", "footprint", "--axis", "elapsed"]),
        chart(&["--rollups"]),
    ];
    let errors = bench.session(&[
        &["chart", "--recording", "1", "-o", "growth.svg"],
        &["chart", "--recording", "1", "--from", "end", "--to", "start"],
    ]);
    assert_snapshot!(charts.concat() + &errors);
}

#[test]
fn prune() {
    assert_snapshot!(fixed().session(&[
        &["prune", "--older-than", "1d", "--dry-run"],
        &["prune", "--older-than", "1d", "--all", "--dry-run"],
        &["prune", "--all", "--older-than", "1d", "--keep-marks", "--dry-run", "--json"],
        &["prune", "-r", "1", "--thin-after", "1d", "--dry-run"],
        &["prune", "--all", "--older-than", "1d", "--keep-marks"],
        &["list"],
        &["info", "--verify"],
    ]));
}

#[test]
fn mark() {
    assert_snapshot!(fixed().session(&[
        &["mark", "too late"],
        &["mark", "half way", "--recording", "1", "--at", "+4s"],
        &["mark", "outside", "--recording", "1", "--at", "+1h"],
        &["sql", "SELECT * FROM mark"],
    ]));
}

#[test]
fn backup() {
    assert_snapshot!(fixed().session(&[
        &["backup", "copy.db"],
        &["backup", "copy.db"],
        &["backup", "copy.db", "--force", "--json"],
        &["list", "--db", "copy.db"],
        &["backup", "missing/copy.db"],
    ]));
}

#[test]
fn repair() {
    let bench = fixed();
    let whole = bench.session(&[
        &["repair", "test.db", "-o", "new.db"],
        &["repair", "test.db", "-o", "new.db"],
        &["repair", "nowhere.db", "-o", "other.db"],
    ]);
    let mut bytes = std::fs::read(bench.path("test.db")).unwrap();
    let name = bytes.windows(9).position(|window| window == b"load test").unwrap();
    bytes[name] ^= 1;
    std::fs::write(bench.path("bad.db"), bytes).unwrap();
    let damaged = bench.session(&[
        &["info", "--verify", "--db", "bad.db"],
        &["repair", "bad.db", "-o", "saved.db"],
        &["list", "--db", "saved.db"],
    ]);
    assert_snapshot!(whole + &damaged);
}

#[test]
fn reclassify() {
    assert_snapshot!(fixed().session(&[
        &["reclassify", "--dry-run", "--recording", "1"],
        &["reclassify", "--recording", "1"],
    ]));
}
