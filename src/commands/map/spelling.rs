//! vmmap's spelling of options: words after one dash, and vmmap's own name.
//!
//! clap knows `--resident` and would take `-resident` for `-r esident`, so what
//! was typed is rewritten before clap sees it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The name vmmap's command line is understood under.
const VMMAP: &str = "vmmap";
/// The command that prints vmmap's page.
const MAP: &str = "map";
/// vmmap's options that are words, each with the option of `vmrec map`.
const WORDS: [(&str, &str); 16] = [
    ("wide", "--wide"),
    ("resident", "--resident"),
    ("dirty", "--dirty"),
    ("purge", "--purge"),
    ("pages", "--pages"),
    ("interleaved", "--interleaved"),
    ("submap", "--submap"),
    ("allSplitLibs", "--all-split-libs"),
    ("all-split-libs", "--all-split-libs"),
    ("noCoalesce", "--no-coalesce"),
    ("no-coalesce", "--no-coalesce"),
    ("summary", "--summary"),
    ("sortBySize", "--sort=virtual"),
    ("sort-by-size", "--sort=virtual"),
    ("stacks", "--stacks"),
    ("verbose", "--verbose"),
];

/// Returns the arguments that clap is to see for those typed, program name first.
///
/// Called as `vmmap`, all of them are those of `vmrec map`; otherwise only what
/// follows that command is rewritten, and nothing after `--`.
pub(crate) fn arguments(typed: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut typed = typed.into_iter();
    let program = typed.next().unwrap_or_else(|| "vmrec".into());
    let rest: Vec<OsString> = typed.collect();
    let is_vmmap = is_vmmap(&program);
    let of_map = match rest.first() {
        _ if is_vmmap => &rest[..],
        Some(command) if command == MAP => &rest[1..],
        _ => return std::iter::once(program).chain(rest).collect(),
    };
    let options = of_map.iter().position(|word| word == "--").unwrap_or(of_map.len());
    let (options, operands) = of_map.split_at(options);
    [program, MAP.into()]
        .into_iter()
        .chain(options.iter().map(respelled))
        .chain(operands.iter().cloned())
        .collect()
}

/// Returns whether `program` is called by vmmap's name.
pub(crate) fn is_vmmap(program: &OsStr) -> bool {
    Path::new(program).file_name() == Some(OsStr::new(VMMAP))
}

/// Returns an option of vmmap's in the spelling of clap, and anything else as it is.
fn respelled(word: &OsString) -> OsString {
    let name =
        word.to_str().and_then(|word| word.strip_prefix("--").or_else(|| word.strip_prefix('-')));
    let known = WORDS.iter().find(|(vmmap, _)| Some(*vmmap) == name);
    known.map_or_else(|| word.clone(), |(_, option)| (*option).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewritten(words: &[&str]) -> Vec<String> {
        let words = words.iter().map(OsString::from);
        arguments(words).into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn one_dash_or_two_in_either_spelling() {
        assert_eq!(
            rewritten(&["vmrec", "map", "-resident", "--noCoalesce", "-d", "2", "-w", "bash"]),
            ["vmrec", "map", "--resident", "--no-coalesce", "-d", "2", "-w", "bash"]
        );
        assert_eq!(
            rewritten(&["vmrec", "map", "--", "-resident"]),
            ["vmrec", "map", "--", "-resident"]
        );
    }

    #[test]
    fn called_as_vmmap_all_is_for_map() {
        for program in ["vmmap", "/usr/local/bin/vmmap"] {
            assert_eq!(
                rewritten(&[program, "-allSplitLibs", "42"]),
                [program, "map", "--all-split-libs", "42"]
            );
            assert_eq!(rewritten(&[program]), [program, "map"]);
            assert_eq!(rewritten(&[program, "map"]), [program, "map", "map"], "a process's name");
        }
        assert_eq!(rewritten(&["vmmap2", "-wide"]), ["vmmap2", "-wide"]);
    }

    fn word() -> impl Strategy<Value = String> {
        let known = prop::sample::select(WORDS.to_vec()).prop_flat_map(|(word, _)| {
            prop::sample::select(vec![format!("-{word}"), format!("--{word}"), word.to_owned()])
        });
        prop_oneof![known, "-{0,3}[a-zA-Z]{0,8}", Just("map".to_owned()), Just("--".to_owned())]
    }

    proptest! {
        #[test]
        fn nothing_else_is_touched(
            program in prop::sample::select(vec!["vmrec", "vmmap", "/x/vmmap"]),
            words in prop::collection::vec(word(), 0..6),
        ) {
            let typed: Vec<&str> =
                std::iter::once(program).chain(words.iter().map(String::as_str)).collect();
            let once = rewritten(&typed);
            let is_vmmap = program != "vmrec";
            if !is_vmmap && words.first().is_none_or(|word| word != "map") {
                prop_assert_eq!(&once, &typed);
                return Ok(());
            }
            prop_assert_eq!(once.len(), typed.len() + usize::from(is_vmmap));
            let mut options = true;
            let words = if is_vmmap { &words[..] } else { &words[1..] };
            for (before, after) in words.iter().zip(&once[2..]) {
                options &= before != "--";
                let name = before.trim_start_matches('-');
                let dashes = before.len() - name.len();
                let known = WORDS.iter().find(|(word, _)| *word == name);
                match known {
                    Some((_, option)) if options && (1..=2).contains(&dashes) => {
                        prop_assert_eq!(after, option);
                    }
                    _ => prop_assert_eq!(after, before),
                }
            }
            // Rewriting what was rewritten changes nothing more.
            let mut again: Vec<&str> = once.iter().map(String::as_str).collect();
            again[0] = "vmrec";
            prop_assert_eq!(&rewritten(&again)[1..], &once[1..]);
        }
    }
}
