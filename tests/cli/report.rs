//! `vmrec report`.

use std::fs;

use insta::assert_snapshot;

use crate::fixture::fixed;
use crate::harness::{Bench, recorded};

#[test]
fn a_page_states_the_finding_the_change_and_its_origin() {
    let bench = fixed();
    let said = bench.run(&["report", "-r", "1", "-o", "page.html"]);
    assert_eq!((said.status, &*said.output), (Some(0), ""));
    let page = fs::read_to_string(bench.path("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{page}");
    assert!(page.trim_end().ends_with("</html>"));
    let finding = said.error.trim_end().split_once("): ").unwrap().1.to_owned();
    assert!(page.contains(&format!("<h1>{finding}</h1>")), "{finding}");
    for words in ["load test", "MALLOC (brk heap)", "cache warm", "testhost", "1 of test.db"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org/").count()
    );
}

#[test]
fn the_page_of_a_process_that_gives_itself_a_name_of_markup_is_plain() {
    let bench = recorded(3);
    bench.out(&["rename", "1", "</title><script>alert(1)</script><b a=\"'>"]);
    bench.out(&["mark", "--at", "peak", "<img src=x onerror=alert(2)>\u{202e}"]);
    let page = bench.out(&["report", "-o", "-"]);
    assert!(page.contains("&lt;/title&gt;&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    assert!(!page.contains('\u{202e}'));
}

#[test]
fn a_page_that_fails_leaves_the_last_one_whole() {
    let bench = recorded(3);
    bench.out(&["report", "-o", "page.html"]);
    let before = fs::read(bench.path("page.html")).unwrap();
    let said = bench.run(&["report", "-o", "page.html", "--from", "@nowhere"]);
    assert_eq!(said.status, Some(2));
    assert_eq!(fs::read(bench.path("page.html")).unwrap(), before);
    assert_snapshot!(bench.run(&["report", "-o", "missing/page.html"]).failure(), @"
    vmrec: cannot write missing/page.html: No such file or directory (os error 2)
    hint: the folder must exist: create it, or name another file
    [exit status: Some(4)]
    ");
    assert_snapshot!(bench.run(&["report", "-o", "-", "--open"]).failure(), @"
    vmrec: --open needs a file, and -o - names none
    hint: name one, such as -o page.html
    [exit status: Some(2)]
    ");
}

#[test]
fn a_recording_ends_with_its_page() {
    let bench = Bench::new();
    let record = ["record", "--every", "50ms", "--report", "page.html", "--"];
    let said = bench.run(&[&record[..], &["sh", "-c", "sleep 1; exit 3"]].concat());
    assert_eq!(said.status, Some(3), "{}", said.error);
    assert!(said.error.contains("page.html ("), "{}", said.error);
    let page = fs::read_to_string(bench.path("page.html")).unwrap();
    assert!(page.contains("<h1>") && page.contains("sleep 1"));
    assert_snapshot!(bench.run(&["record", "--report", "missing/page.html", "--", "true"]).failure(), @"
    vmrec: cannot write missing/page.html: No such file or directory (os error 2)
    hint: the folder must exist: create it, or name another file
    [exit status: Some(4)]
    ");
}
