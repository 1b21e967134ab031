//! The tables of docs/types.md are those of the code.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use vmrec_sampler::{Family, Naming, Rule, types};

/// Set to write the tables instead of comparing them.
const UPDATE: &str = "VMREC_UPDATE_DOCS";

/// Returns the label where it is not the key.
fn other(key: &str, label: &str) -> String {
    if key == label { String::new() } else { format!("`{label}`") }
}

fn families_table() -> String {
    let mut table = String::from("| key | on Linux | memory |\n|---|---|---|\n");
    for family in Family::ALL {
        let (key, label) = (family.name(), family.label(Naming::Linux));
        writeln!(table, "| `{key}` | {} | {} |", other(key, label), family.meaning()).unwrap();
    }
    table
}

fn types_table() -> String {
    let mut table = String::from("| key | on Linux | family | memory |\n|---|---|---|---|\n");
    for known in types::ALL {
        let meaning = known.meaning().unwrap().replace('|', "\\|");
        let (key, label) = (known.name(), known.label(Naming::Linux));
        let family = known.family();
        writeln!(table, "| `{key}` | {} | `{family}` | {meaning} |", other(key, label)).unwrap();
    }
    table
}

fn rules_table() -> String {
    let mut table = String::from("| rule | meaning | kept |\n|---|---|---|\n");
    for rule in Rule::ALL {
        let kept = if rule.is_kept_by_evidence() { "yes" } else { "" };
        writeln!(table, "| `{rule}` | {} | {kept} |", rule.meaning().unwrap()).unwrap();
    }
    table
}

/// Returns `text` with what stands between the markers of `name` replaced by `table`.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let (begin, end) =
        (format!("<!-- {name}: made by the code -->"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}\n\n{table}\n{end}{after}")
}

#[test]
fn the_tables_of_types_families_and_rules_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/types.md");
    let written = fs::read_to_string(&path).unwrap();
    let made = with_table(&written, "types", &types_table());
    let made = with_table(&made, "families", &families_table());
    let made = with_table(&made, "rules", &rules_table());
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, &made).unwrap();
    } else {
        assert_eq!(made, written, "run this test with {UPDATE}=1");
    }
}
