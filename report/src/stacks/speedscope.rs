//! Stacks in speedscope's file format: a profile of those that grew and one of those that shrank.

use serde::Serialize;

use crate::stacks::StackDiff;
use crate::stacks::paths::{Path, StackPaths};

/// A file for speedscope.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Speedscope {
    #[serde(rename = "$schema")]
    schema: &'static str,
    name: String,
    exporter: &'static str,
    active_profile_index: usize,
    shared: Shared,
    profiles: [Profile; 2],
}

#[derive(Debug, Serialize)]
struct Shared {
    frames: Vec<Frame>,
}

#[derive(Debug, Serialize)]
struct Frame {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    unit: &'static str,
    start_value: u64,
    end_value: u64,
    /// Numbers of frames, outermost first.
    samples: Vec<Vec<usize>>,
    /// In bytes.
    weights: Vec<u64>,
}

impl Speedscope {
    /// Creates the file of a comparison called `name`.
    pub fn new(name: String, diff: &StackDiff) -> Self {
        let all = StackPaths::new(diff);
        let frames =
            all.frames.into_iter().map(|it| Frame { name: it.name, file: it.module }).collect();
        let profiles = [("grown", 1), ("shrunk", -1)].map(|(name, sign)| {
            let of_sign = |path: &&Path| path.delta_bytes.signum() == sign;
            let paths: Vec<&Path> = all.paths.iter().filter(of_sign).collect();
            let weights: Vec<u64> = paths.iter().map(|path| path.magnitude_bytes()).collect();
            Profile {
                kind: "sampled",
                name,
                unit: "bytes",
                start_value: 0,
                end_value: weights.iter().fold(0, |sum, weight| sum.saturating_add(*weight)),
                samples: paths.iter().map(|path| path.frames.clone()).collect(),
                weights,
            }
        });
        Self {
            schema: "https://www.speedscope.app/file-format-schema.json",
            name,
            exporter: concat!("vmrec ", env!("CARGO_PKG_VERSION")),
            // The first one that has something to show.
            active_profile_index: usize::from(profiles[0].weights.is_empty()),
            shared: Shared { frames },
            profiles,
        }
    }
}
