//! The check itself, on made-up crates.

use crate::floors::House;
use crate::tree::Tree;

const HOUSE: House<'_> = House {
    folder: "made_up",
    root: "lib.rs",
    floors: &[&["ground"], &["first", "beside"], &["lib"]],
    exceptions: &[],
};

const LIB: (&str, &str) = ("lib.rs", "mod beside;\nmod first;\nmod ground;\n");
const GROUND: (&str, &str) = ("ground.rs", "pub struct Earth;\n");
const FIRST: (&str, &str) = ("first/mod.rs", "mod room;\nfn f(_: crate::ground::Earth) {}\n");
const ROOM: (&str, &str) = ("first/room.rs", "use crate::ground::Earth;\n");
const BESIDE: (&str, &str) = ("beside.rs", "use crate::first::room::Bed;\n");

/// A sound crate in which `changed` takes the place of files of the same name.
fn problems_with(house: House<'_>, changed: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = changed.iter().chain(&[LIB, GROUND, FIRST, ROOM, BESIDE]).collect();
    let read = |name: &str| files.iter().find(|file| file.0 == name).map(|f| f.1.to_owned());
    house.problems(&Tree::of(house.root, &read))
}

fn problems(changed: &[(&str, &str)]) -> Vec<String> {
    problems_with(HOUSE, changed)
}

#[test]
fn a_sound_crate_has_no_problem() {
    assert_eq!(problems(&[]), [""; 0]);
}

#[test]
fn an_arrow_that_runs_up_is_found_however_it_is_written() {
    let ways = [
        "use crate::first::room::Bed;",
        "use crate::{first::{self, room::{Bed as B}}};",
        "fn f() { crate::first::room::sleep(); }",
        "fn f() -> Option<crate::first::room::Bed> { None }",
        "use super::first::room::*;",
        "mod inline { use super::super::first::room::Bed; }",
        "#[cfg(target_os = \"macos\")] use crate::first::room::Bed;",
        "const QUOTE: char = '\"'; use crate::first::room::Bed; // \"",
        "fn f<'a>(_: &'a str) { crate::first::room::sleep() } const C: &str = \"'\";",
        "const C: &str = r#\"\"a\"#; use crate::first::room::Bed;",
        "#[cfg(test)] use std::{fs, io}; use crate::first::room::Bed;",
        "#[cfg(test)] mod tests { fn f() {} } use crate::first::room::Bed;",
    ];
    for way in ways {
        let found = problems(&[("ground.rs", &format!("\n{way}\n"))]);
        let up = found.iter().find(|problem| problem.ends_with("runs up"));
        let up = up.unwrap_or_else(|| panic!("{way}: {found:?}"));
        assert!(up.starts_with("made_up/ground.rs:2: the import from first/"), "{way}: {up}");
    }
}

#[test]
fn comments_strings_tests_and_visibilities_are_no_imports() {
    let ways = [
        "// use crate::first::room::Bed;",
        "/* /* */ use crate::first::room::Bed; */",
        "/// See [`crate::first::room`].",
        "const C: &str = \"use crate::first::room::Bed;\\\" crate::first::room::Bed\";",
        "const C: &[u8] = br##\"\"# crate::first::room::Bed\"##;",
        "#[cfg(test)] use crate::first::room::Bed;",
        "#[cfg(test)] use crate::{first::room::Bed, first::room::Bed as Other};",
        "#[cfg(test)] mod tests { fn f() { crate::first::room::sleep(); } }",
        "#[cfg(test)] #[allow(dead_code)] fn f() { crate::first::room::sleep(); }",
        "#[cfg(test)] mod tests;",
        "pub(in crate::first) struct Bed;",
        "use std::first::room::Bed;",
    ];
    for way in ways {
        assert_eq!(problems(&[("ground.rs", way)]), [""; 0], "{way}");
    }
}

#[test]
fn a_circle_of_files_is_found_with_its_arrows() {
    let found = problems(&[("first/room.rs", "\nuse crate::beside::Chair;\n")]);
    let files = |file: &str, line, to| {
        format!("made_up/{file}:{line}: the import from {to} is part of a circle of files")
    };
    assert!(found.contains(&files("first/room.rs", 2, "beside.rs")), "{found:?}");
    assert!(found.contains(&files("beside.rs", 1, "first/room.rs")), "{found:?}");
}

#[test]
fn a_circle_of_three_is_found() {
    let found = problems(&[
        ("first/mod.rs", "mod room;\nuse crate::beside::Chair;\n"),
        ("first/room.rs", "use super::Door;\n"),
    ]);
    let circle = found.iter().filter(|problem| problem.ends_with("circle of files"));
    assert_eq!(circle.count(), 3, "{found:?}");
}

#[test]
fn a_parent_and_a_child_that_use_each_other_are_a_circle() {
    let parent = ("first/mod.rs", "mod room;\nstruct Door;\nfn f() { room::sleep(); }\n");
    let found = problems(&[parent, ("first/room.rs", "use super::Door;\n")]);
    assert_eq!(
        found,
        [
            "made_up/first/mod.rs:3: the import from first/room.rs is part of a circle of files",
            "made_up/first/room.rs:1: the import from first/mod.rs is part of a circle of files",
        ]
    );
}

#[test]
fn declaring_a_child_is_no_arrow() {
    let parent = ("first/mod.rs", "mod room;\nstruct Door;\n");
    assert_eq!(problems(&[parent, ("first/room.rs", "use super::Door;\n")]), [""; 0]);
}

#[test]
fn a_name_passed_on_by_a_module_counts_for_the_file_that_defines_it() {
    let parent = ("first/mod.rs", "mod room;\nmod wall;\npub use self::wall::Paint as Colour;\n");
    let wall = ("first/wall.rs", "pub struct Paint;\n");
    let room = "use super::Colour;\n";
    assert_eq!(problems(&[parent, wall, ("first/room.rs", room)]), [""; 0]);

    let wall = ("first/wall.rs", "use super::room::Bed;\n");
    let found = problems(&[parent, wall, ("first/room.rs", room)]);
    assert!(found.iter().any(|problem| problem.contains("room.rs:1: the import from first/wall")));
}

#[test]
fn rooms_of_one_floor_that_import_from_each_other_are_a_circle() {
    // no circle of files: beside.rs -> first/room.rs, first/mod.rs -> beside.rs
    let found = problems(&[("first/mod.rs", "mod room;\nuse crate::beside::Chair;\n")]);
    let is_room = |problem: &String| problem.ends_with("circle of rooms");
    assert!(found.len() == 2 && found.iter().all(is_room), "{found:?}");
}

#[test]
fn an_exception_allows_its_arrow_and_must_be_needed() {
    let house =
        House { exceptions: &[("ground.rs", "first/room.rs", "the earth is soft here")], ..HOUSE };
    let up = ("ground.rs", "fn f() { crate::first::room::sleep(); }");
    assert_eq!(problems_with(house, &[up]), [""; 0]);
    assert_eq!(
        problems_with(house, &[]),
        ["made_up/ground.rs: no longer imports from first/room.rs"]
    );
}

#[test]
fn every_file_is_on_a_floor_and_every_entry_has_a_file() {
    let house = House { floors: &[&["ground", "cellar"], &["first"], &["lib"]], ..HOUSE };
    assert_eq!(
        problems_with(house, &[]),
        ["made_up/beside.rs: is on no floor", "made_up: has no file of the floor's cellar",]
    );
}
