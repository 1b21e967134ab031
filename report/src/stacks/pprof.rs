//! Stacks as a profile of pprof: profile.proto, compressed by gzip.
//!
//! The numbers of fields are those of profile.proto. A sample has three values: its change with its
//! sign, and that as growth or as shrinking, since views by area have no room for both signs.

use std::collections::HashMap;

use crate::export::protobuf::Message;
use crate::stacks::StackDiff;
use crate::stacks::choice::MetricWords;
use crate::stacks::paths::{Path, StackPaths};

/// Fields of `Profile`.
const SAMPLE_TYPE: u32 = 1;
const SAMPLE: u32 = 2;
const MAPPING: u32 = 3;
const LOCATION: u32 = 4;
const FUNCTION: u32 = 5;
const STRING_TABLE: u32 = 6;
const TIME_NANOS: u32 = 9;
const DURATION_NANOS: u32 = 10;
const PERIOD_TYPE: u32 = 11;
const PERIOD: u32 = 12;
const COMMENT: u32 = 13;
const DEFAULT_SAMPLE_TYPE: u32 = 14;
/// The value shown first.
const CHANGE: &str = "change";
/// The header of a gzip file: deflate, no name, no time, any system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const GZIP_LEVEL: u8 = 6;

/// The times and the name of a comparison.
#[derive(Clone, Debug)]
pub struct ProfileHead {
    /// The second time, in nanoseconds since 1970 (UTC).
    pub utc_ns: i64,
    /// From the first time to it.
    pub span_ns: u64,
    /// What is compared, in a line.
    pub comment: String,
}

/// Returns the file.
pub fn pprof(head: &ProfileHead, diff: &StackDiff) -> Vec<u8> {
    let all = StackPaths::new(diff);
    let mut texts = Texts::default();
    let mut profile = Message::default();
    for name in [CHANGE, "grown", "shrunk"] {
        let kind =
            Message::default().number(1, texts.number(name)).number(2, texts.number("bytes"));
        profile = profile.message(SAMPLE_TYPE, &kind);
    }
    for Path { frames, delta_bytes, .. } in all.paths.iter().filter(|path| path.delta_bytes != 0) {
        let value = i64::try_from(*delta_bytes).unwrap_or(if *delta_bytes < 0 {
            i64::MIN + 1
        } else {
            i64::MAX
        });
        // Negative numbers are in two's complement.
        let values = [value, value.max(0), (-value).max(0)].map(|value| value as u64);
        let locations: Vec<u64> = frames.iter().rev().map(|number| id(*number)).collect();
        let sample = Message::default().numbers(1, &locations).numbers(2, &values);
        profile = profile.message(SAMPLE, &sample);
    }
    let mut modules: Vec<&str> = Vec::new();
    for (number, frame) in all.frames.iter().enumerate() {
        let name = texts.number(&frame.name);
        let function = Message::default().number(1, id(number)).number(2, name).number(3, name);
        profile = profile.message(FUNCTION, &function);
        let mut location = Message::default().number(1, id(number));
        if let Some(module) = frame.module.as_deref() {
            let known = modules.iter().position(|one| *one == module);
            let at = known.unwrap_or_else(|| {
                modules.push(module);
                modules.len() - 1
            });
            location = location.number(2, id(at));
        }
        location = location.number(3, frame.offset.unwrap_or(0));
        let line = Message::default().number(1, id(number));
        profile = profile.message(LOCATION, &location.message(4, &line));
    }
    for (at, module) in modules.iter().enumerate() {
        // Functions are named already: readers need not look into the file.
        let mapping =
            Message::default().number(1, id(at)).number(5, texts.number(module)).number(7, 1);
        profile = profile.message(MAPPING, &mapping);
    }
    let estimate = MetricWords::of(diff.metric).is_estimate;
    let counts = diff.counts[1];
    let (event, unit, period) = match (estimate, counts.allocs) {
        (false, _) => ("calls", "count", 1),
        (true, Some(allocs)) => ("space", "bytes", allocs.mean_bytes),
        (true, None) => ("page faults", "count", counts.period),
    };
    let event = Message::default().number(1, texts.number(event)).number(2, texts.number(unit));
    profile = profile
        .number(TIME_NANOS, head.utc_ns as u64)
        .number(DURATION_NANOS, head.span_ns)
        .message(PERIOD_TYPE, &event)
        .number(PERIOD, period)
        .number(COMMENT, texts.number(&head.comment))
        .number(DEFAULT_SAMPLE_TYPE, texts.number(CHANGE));
    for text in &texts.all {
        profile = profile.text(STRING_TABLE, text);
    }
    gzip(&profile.into_bytes())
}

/// Returns the number of a thing in the profile: 0 is none.
const fn id(number: usize) -> u64 {
    number as u64 + 1
}

/// The texts of a profile, each once; the first is empty.
struct Texts {
    all: Vec<String>,
    numbers: HashMap<String, u64>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { all: vec![String::new()], numbers: HashMap::from([(String::new(), 0)]) }
    }
}

impl Texts {
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.all.len() as u64;
        self.all.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = GZIP.to_vec();
    file.extend(miniz_oxide::deflate::compress_to_vec(bytes, GZIP_LEVEL));
    file.extend(crc32fast::hash(bytes).to_le_bytes());
    // The length is that of the format: modulo 2^32.
    file.extend((bytes.len() as u32).to_le_bytes());
    file
}
