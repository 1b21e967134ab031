//! Reads pasted output of pmap(1): plain, -x, -d, -X and -XX, by the words of its heading.

mod heading;

use crate::pasted::linux::{PastedMapping, snapshot};
use crate::pasted::model::{BadPaste, PasteFormat, Pasted, PastedProcess, Remark, shortened};
use crate::pasted::pmap::heading::{Column, Heading};
use crate::pasted::size;
use crate::pasted::text::{Line, is_omission};
use crate::procfs::line::hexadecimal;
use crate::procfs::sizes::Sizes;

/// The maximum number of lines that one row may be wrapped to.
const MAX_WRAPPED: usize = 8;

/// Returns whether the line begins a heading.
pub(crate) fn is_heading(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    words.next() == Some("Address") && matches!(words.next(), Some("Perm" | "Kbytes"))
}

/// Returns whether the line is a row of pmap without options: address, size, mode, name.
pub(crate) fn is_plain_row(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().take(3).collect();
    let [address, size, mode] = words[..] else { return false };
    address.len() >= 8
        && hexadecimal(address.as_bytes()).is_some()
        && size.len() > 1
        && size.ends_with('K')
        && size[..size.len() - 1].bytes().all(|byte| byte.is_ascii_digit())
        && rights(mode).is_some()
}

/// One process of the paste under construction.
#[derive(Default)]
struct Process {
    process: PastedProcess,
    heading: Option<Heading>,
    mappings: Vec<PastedMapping>,
    page_bytes: Option<u64>,
    /// The printed sums by the name of their column, with their line.
    sums: Option<(usize, Vec<(String, u64)>)>,
    remarks: Vec<Remark>,
}

/// Reads the lines.
pub(crate) fn parse(lines: &[Line]) -> Result<Vec<Pasted>, BadPaste> {
    let mut processes = vec![Process::default()];
    let mut index = 0;
    while index < lines.len() {
        let line = &lines[index];
        index += 1;
        let text = line.text.trim();
        if text.is_empty() {
            continue;
        }
        let Some(current) = processes.last_mut() else { break };
        if let Some(process) = command(text) {
            match current.mappings.is_empty() {
                true => current.process = process,
                false => processes.push(Process { process, ..Process::default() }),
            }
        } else if is_heading(text) {
            let mut whole = line.text.clone();
            while !whole.contains("Mapping") && index < lines.len() && is_words(&lines[index].text)
            {
                whole = format!("{whole} {}", lines[index].text.trim());
                index += 1;
            }
            current.heading = Some(Heading::of(&whole));
        } else if starts_row(text) {
            let heading = match &current.heading {
                Some(heading) => heading.clone(),
                None if is_plain_row(text) => Heading::plain(),
                None => {
                    let problem =
                        "its columns are not known: paste the heading `Address Perm …` too";
                    return Err(BadPaste::line(line, problem));
                }
            };
            index = current.row(&heading, lines, index - 1);
            current.heading = Some(heading);
        } else {
            current.other(line);
        }
    }
    processes.retain(|process| !process.mappings.is_empty());
    if processes.is_empty() {
        return Err(BadPaste::Missing { format: PasteFormat::Pmap, what: "row of a mapping" });
    }
    processes.into_iter().map(|process| process.finish(lines)).collect()
}

impl Process {
    /// Reads the row that begins at `first`, also where it was wrapped; returns the index after it.
    fn row(&mut self, heading: &Heading, lines: &[Line], first: usize) -> usize {
        let line = &lines[first];
        let mut text = line.text.clone();
        let mut next = first + 1;
        let count = |text: &str| text.split_ascii_whitespace().count();
        while count(&text) < heading.fixed()
            && next < lines.len().min(first + MAX_WRAPPED)
            && goes_on(&lines[next].text)
        {
            text = format!("{text} {}", lines[next].text.trim());
            next += 1;
        }
        match mapping(heading, &text, line.number) {
            Some((mapping, page_bytes)) => {
                self.mappings.push(mapping);
                if let Some(bytes) = page_bytes {
                    self.page_bytes = Some(self.page_bytes.map_or(bytes, |known| known.min(bytes)));
                }
                next
            }
            None => {
                let problem =
                    format!("the row is cut or broken, and left out: `{}`", shortened(&text));
                self.remarks.push(Remark::at(line.number, problem));
                first + 1
            }
        }
    }

    /// Reads a line that is no row: sums, rulers, what else stands around.
    fn other(&mut self, line: &Line) {
        let text = line.text.trim();
        if text.bytes().all(|byte| matches!(byte, b'=' | b'-' | b' ' | b'\t')) {
            return;
        }
        if is_omission(text) {
            self.remarks.push(Remark::at(line.number, "the paste leaves something out here"));
            return;
        }
        let Some(heading) = &self.heading else { return };
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let columns: Vec<&String> = heading
            .columns
            .iter()
            .filter(|(_, column)| column.is_number())
            .map(|(name, _)| name)
            .collect();
        let numbers: &[&str] = match words[..] {
            ["total", "kB", ref rest @ ..] | ["total", ref rest @ ..] => rest,
            [ref rest @ .., "KB" | "kB"] => rest,
            _ => return,
        };
        let values: Option<Vec<u64>> =
            numbers.iter().map(|word| size::kilobytes(word).map(|size| size.bytes)).collect();
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            let sums = columns.into_iter().cloned().zip(values).collect();
            self.sums = Some((line.number, sums));
        }
    }

    fn finish(mut self, lines: &[Line]) -> Result<Pasted, BadPaste> {
        self.remarks.extend(self.differing_sums());
        let snapshot = snapshot(&self.mappings, lines, None)?;
        Ok(Pasted {
            format: PasteFormat::Pmap,
            process: self.process,
            os: "linux",
            os_version: None,
            page_size_bytes: self.page_bytes,
            snapshots: vec![snapshot],
            remarks: self.remarks,
        })
    }

    /// Compares the printed sums with those of the rows.
    fn differing_sums(&self) -> Option<Remark> {
        let (line, printed) = self.sums.as_ref()?;
        let differing: Vec<String> = printed
            .iter()
            .filter_map(|(name, whole)| {
                let column = Column::of(name);
                let mut values = self.mappings.iter().map(|mapping| match column {
                    Column::Size => Some(mapping.end - mapping.start),
                    Column::Dirty => mapping.dirty_bytes,
                    Column::Field(field) => mapping.sizes.get(field),
                    _ => None,
                });
                let sum = values.try_fold(0_u64, |sum, bytes| Some(sum.saturating_add(bytes?)))?;
                (sum != *whole).then(|| {
                    format!("{name}: {} KB printed, {} KB summed", whole / 1024, sum / 1024)
                })
            })
            .collect();
        (!differing.is_empty())
            .then(|| Remark::at(*line, format!("the sums differ: {}", differing.join("; "))))
    }
}

/// Returns the process of a line such as `28722:   ./memory-user.out 10`.
fn command(text: &str) -> Option<PastedProcess> {
    let (pid, command) = text.split_once(':')?;
    let pid: u32 = pid.parse().ok()?;
    if !command.starts_with([' ', '\t']) {
        return None;
    }
    let arguments: Vec<String> = command.split_ascii_whitespace().map(str::to_owned).collect();
    let first = arguments.first()?;
    // Kernel's own threads and hidden programs stand in brackets.
    let name = first.rsplit('/').next().map(str::to_owned).filter(|name| !name.is_empty());
    Some(PastedProcess { pid: Some(pid), name, arguments, ..PastedProcess::default() })
}

/// Returns whether the line begins a row: with an address, and rights behind it or behind sizes.
fn starts_row(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    let address = words.next().unwrap_or_default();
    address.len() >= 4
        && hexadecimal(address.as_bytes()).is_some()
        && words
            .take(8)
            .find(|word| size::kilobytes(word).is_none())
            .is_some_and(|word| rights(word).is_some())
}

/// Returns whether the line may be the rest of a wrapped row.
fn goes_on(text: &str) -> bool {
    let text = text.trim();
    !(text.is_empty() || starts_row(text) || text.starts_with('=') || text.starts_with('-'))
}

/// Returns whether the line has only words, as the rest of a wrapped heading.
fn is_words(text: &str) -> bool {
    !text.is_empty()
        && text
            .split_ascii_whitespace()
            .all(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Returns the rights of a mode such as `rw-s` or `r-x--` as the kernel writes them.
fn rights(mode: &str) -> Option<String> {
    let bytes = mode.as_bytes();
    let (3..=5, [read @ (b'r' | b'-'), write @ (b'w' | b'-'), execute @ (b'x' | b'-'), rest @ ..]) =
        (bytes.len(), bytes)
    else {
        return None;
    };
    let shared = match rest {
        [] | [b'p' | b'-'] | [b'-', b'-' | b'R'] => 'p',
        [b's'] | [b's', b'-' | b'R'] => 's',
        _ => return None,
    };
    Some([*read as char, *write as char, *execute as char, shared].iter().collect())
}

/// Returns the mapping of a row, and the bytes of its pages.
fn mapping(heading: &Heading, text: &str, line: usize) -> Option<(PastedMapping, Option<u64>)> {
    let mut mapping = PastedMapping {
        line,
        start: 0,
        end: 0,
        rights: String::new(),
        offset: 0,
        device: None,
        inode: 0,
        name: String::new(),
        flags: None,
        sizes: Sizes::default(),
        dirty_bytes: None,
    };
    let (mut bytes, mut page_bytes, mut has_inode) = (None, None, false);
    let mut rest = text;
    for (_, column) in &heading.columns {
        rest = rest.trim_start();
        if *column == Column::Mapping {
            mapping.name = rest.trim_end().to_owned();
            break;
        }
        if *column == Column::Flags {
            let (flags, after) = flags(text, rest, heading.flags_end);
            mapping.flags = Some(flags);
            rest = after;
            continue;
        }
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let hex = || hexadecimal(word.as_bytes());
        match column {
            Column::Address => mapping.start = hex()?,
            Column::Rights => mapping.rights = rights(word)?,
            Column::Offset => mapping.offset = hex()?,
            Column::Device => {
                let (major, minor) = word.split_once(':')?;
                let number = |text: &str| hexadecimal(text.as_bytes())?.try_into().ok();
                mapping.device = Some((number(major)?, number(minor)?));
            }
            Column::Inode => {
                has_inode = true;
                mapping.inode = word.parse().ok()?;
            }
            Column::Size => bytes = Some(size::kilobytes(word)?.bytes),
            // pmap prints a dash for what a kernel does not say.
            _ if word == "-" => {}
            Column::Dirty => mapping.dirty_bytes = Some(size::kilobytes(word)?.bytes),
            Column::PageSize => page_bytes = Some(size::kilobytes(word)?.bytes),
            Column::Field(field) => mapping.sizes.set(*field, size::kilobytes(word)?.bytes),
            Column::Other => {
                size::kilobytes(word)?;
            }
            Column::Flags | Column::Mapping => {}
        }
    }
    mapping.end = mapping.start.checked_add(bytes?)?;
    if !has_inode {
        mapping.device = None;
    }
    mapping.name = match mapping.name.as_str() {
        "[ anon ]" | "[anon]" => String::new(),
        "[ stack ]" => "[stack]".to_owned(),
        "[ shmid=" => "/SYSV".to_owned(),
        other => other.to_owned(),
    };
    Some((mapping, page_bytes))
}

/// Splits the flags of a row from the name behind them.
///
/// Flags have two letters, as names may have: a word that begins at the heading's right edge or
/// behind it is a name.
fn flags<'a>(row: &str, rest: &'a str, end: Option<usize>) -> (String, &'a str) {
    let mut flags = Vec::new();
    let mut rest = rest;
    loop {
        let word = rest.split([' ', '\t']).next().unwrap_or_default();
        let column = row.len() - rest.len();
        let is_flag = word.len() == 2
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && end.is_none_or(|end| column < end);
        if !is_flag {
            return (flags.join(" "), rest);
        }
        flags.push(word);
        rest = rest[word.len()..].trim_start();
    }
}
