//! What a shell offers while a command is typed: recordings, times, marks.
//!
//! The file is the one that VMREC_DB names, or the usual one: shells do not say
//! what `--db` was typed. Whatever cannot be read offers nothing.

use std::ffi::OsStr;

use clap::Command;
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use vmrec_store::Store;

use crate::args::FileArgs;
use crate::file;

/// The maximum number of recordings offered.
const MAX_OFFERED: usize = 50;
/// The words that are times.
const TIMES: [(&str, &str); 5] = [
    ("start", "the first sample"),
    ("end", "the last sample"),
    ("now", "the newest sample"),
    ("peak", "the sample with the largest footprint"),
    ("-10m", "before the end, or before now while recording"),
];

/// Makes the arguments of all commands that are recordings or times offer what there is.
pub(crate) fn offer(command: Command) -> Command {
    command.mut_subcommands(|command| {
        command.mut_args(|argument| match argument.get_id().as_str() {
            "recording" => argument.add(ArgValueCompleter::new(recordings)),
            "from" | "to" | "at" | "after" | "until" => argument.add(ArgValueCompleter::new(times)),
            _ => argument,
        })
    })
}

/// Offers the newest recordings by their numbers.
fn recordings(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(store) = store() else { return Vec::new() };
    let all = store.recordings().unwrap_or_default();
    let newest = all.iter().rev().take(MAX_OFFERED).map(|summary| {
        let recording = &summary.recording;
        let name = recording.name.as_deref().unwrap_or_else(|| recording.process.name());
        offered(&recording.id.0.to_string(), name)
    });
    fitting(newest, typed)
}

/// Offers words that are times, and the marks of the newest recording.
fn times(typed: &OsStr) -> Vec<CompletionCandidate> {
    let marks = store().and_then(|store| store.marks(store.newest().ok()??).ok());
    let marks = marks.unwrap_or_default();
    let marks = marks.iter().map(|mark| offered(&format!("@{}", mark.text), "a mark"));
    let words = TIMES.iter().map(|(word, meaning)| offered(word, meaning));
    fitting(words.chain(marks), typed)
}

fn store() -> Option<Store> {
    let db = std::env::var_os("VMREC_DB").map(Into::into);
    Store::open(&file::path(&FileArgs { db }).ok()?).ok()
}

/// Makes a candidate of untrusted text.
fn offered(value: &str, meaning: &str) -> CompletionCandidate {
    let escaped = vmrec_report::escape::terminal;
    CompletionCandidate::new(escaped(value).into_owned())
        .help(Some(escaped(meaning).into_owned().into()))
}

fn fitting(
    candidates: impl Iterator<Item = CompletionCandidate>,
    typed: &OsStr,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let fits = |candidate: &CompletionCandidate| {
        candidate.get_value().to_string_lossy().starts_with(&*typed)
    };
    candidates.filter(fits).collect()
}
