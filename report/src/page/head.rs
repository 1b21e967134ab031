//! The metadata that every page has.

use maud::{Markup, html};

/// Returns the metadata of a page's head: its policy of contents, the version of vmrec, its title.
pub(crate) fn metadata(policy: &str, version: &str, title: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta http-equiv="Content-Security-Policy" content=(policy);
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        meta name="referrer" content="no-referrer";
        meta name="generator" content={ "vmrec " (version) };
        link rel="icon" href="data:,";
        title { (title) }
    }
}
