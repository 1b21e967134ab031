//! Reads pasted smaps, and maps, which is smaps without sizes; several snapshots one after the
//! other where times stand between them.

use crate::pasted::linux::{PastedMapping, snapshot};
use crate::pasted::model::{BadPaste, PasteFormat, Pasted, PastedProcess, PastedSnapshot, Remark};
use crate::pasted::text::{Line, is_omission};
use crate::pasted::{size, time};
use crate::procfs::header::{Header, parse_header};
use crate::procfs::sizes::{Field, Sizes};

/// The header of a sum over all mappings, as smaps_rollup has it.
const ROLLUP: &[u8] = b"[rollup]";

/// Returns whether the line is the header of a mapping.
pub(crate) fn is_header(text: &str) -> bool {
    let words = spaced(text);
    header(&words).is_some()
}

/// The line with single spaces before the name, as the parser of the kernel's own lines takes it.
fn spaced(text: &str) -> String {
    let mut rest = text.trim_start();
    let mut line = String::with_capacity(text.len());
    for _ in 0..5 {
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        line.push_str(&rest[..end]);
        line.push(' ');
        rest = rest[end..].trim_start();
    }
    line.push_str(rest);
    line
}

fn header(line: &str) -> Option<Header<'_>> {
    parse_header(line.as_bytes())
}

/// A block of mappings in ascending order: one snapshot.
#[derive(Default)]
struct Block {
    taken: Option<i64>,
    mappings: Vec<PastedMapping>,
    /// The sums that the kernel printed, with their line.
    rollup: Option<(usize, Sizes)>,
}

/// Reads the lines.
pub(crate) fn parse(lines: &[Line]) -> Result<Vec<Pasted>, BadPaste> {
    let mut reader = Reader::default();
    for line in lines {
        reader.line(line);
    }
    reader.finish(lines)
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    /// The time that stands before the next block.
    time: Option<i64>,
    zone_assumed: bool,
    pid: Option<u32>,
    page_bytes: Option<u64>,
    remarks: Vec<Remark>,
    unread: Vec<usize>,
    /// Whether the last header's name may go on in the next line.
    name_open: bool,
    in_rollup: bool,
}

impl Reader {
    fn line(&mut self, line: &Line) {
        let text = line.text.trim();
        if text.is_empty() {
            return;
        }
        let whole = spaced(text);
        if let Some(header) = header(&whole) {
            self.header(line, &header);
            return;
        }
        let open = std::mem::take(&mut self.name_open);
        if self.sizes(line.number, text) {
            return;
        }
        if let Some(at) = time::utc_ns(text) {
            self.time = Some(at);
        } else if time::lacks_zone(text) {
            self.time = time::utc_ns(&format!("{text} +0000"));
            self.zone_assumed = true;
        } else if is_omission(text) {
            self.remarks.push(Remark::at(line.number, "the paste leaves something out here"));
        } else if let Some(pid) = pid_of_command(text) {
            self.pid = self.pid.or(Some(pid));
        } else if let (true, Some(last)) = (open && text.starts_with(['/', '[']), self.last()) {
            last.name = text.to_owned();
        } else {
            self.unread.push(line.number);
        }
    }

    fn last(&mut self) -> Option<&mut PastedMapping> {
        self.blocks.last_mut()?.mappings.last_mut()
    }

    fn header(&mut self, line: &Line, header: &Header<'_>) {
        let name = String::from_utf8_lossy(header.name).into_owned();
        // A paste with the lines run together has the sizes behind the name.
        let (name, sizes) =
            match name.find(" Size:").or_else(|| name.find("Size:").filter(|at| *at == 0)) {
                Some(at) => (name[..at].trim_end().to_owned(), Some(name[at..].to_owned())),
                None => (name, None),
            };
        self.in_rollup = name.as_bytes() == ROLLUP;
        if self.in_rollup {
            if let Some(block) = self.blocks.last_mut() {
                block.rollup = Some((line.number, Sizes::default()));
            }
            return;
        }
        let goes_back = |block: &Block| {
            block.mappings.last().is_some_and(|last| header.range.start < last.start)
        };
        if self.time.is_some() || self.blocks.last().is_none_or(goes_back) {
            self.blocks.push(Block { taken: self.time.take(), ..Block::default() });
        }
        self.name_open = name.is_empty() && header.inode != 0;
        if let Some(block) = self.blocks.last_mut() {
            block.mappings.push(PastedMapping {
                line: line.number,
                start: header.range.start,
                end: header.range.end,
                rights: format!("{}{}", header.protection, if header.shared { 's' } else { 'p' }),
                offset: header.offset,
                device: Some(header.device),
                inode: header.inode,
                name,
                flags: None,
                sizes: Sizes::default(),
                dirty_bytes: None,
            });
        }
        if let Some(sizes) = sizes {
            self.sizes(line.number, &sizes);
        }
    }

    /// Reads `Key: value` once or more; returns whether the line is of that form.
    fn sizes(&mut self, number: usize, text: &str) -> bool {
        let mut words = text.split_ascii_whitespace().peekable();
        let is_key = |word: &str| {
            word.len() > 1
                && word.ends_with(':')
                && word.starts_with(|first: char| first.is_ascii_uppercase())
                && word[..word.len() - 1]
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if !words.peek().is_some_and(|word| is_key(word)) {
            return false;
        }
        while let Some(word) = words.next() {
            if !is_key(word) {
                continue;
            }
            let key = &word[..word.len() - 1];
            let mut values: Vec<&str> = Vec::new();
            while let Some(value) = words.next_if(|next| !is_key(next)) {
                values.push(value);
            }
            self.value(number, key, &values);
        }
        true
    }

    fn value(&mut self, number: usize, key: &str, values: &[&str]) {
        let in_rollup = self.in_rollup;
        let Some(block) = self.blocks.last_mut() else { return };
        if key == "VmFlags" {
            if let Some(last) = block.mappings.last_mut() {
                last.flags = Some(values.join(" "));
            }
            return;
        }
        let bytes = size::size(&values.join(" ")).map(|size| size.bytes);
        let Some(bytes) = bytes.filter(|_| values.len() > 1 || values[..].concat().ends_with('B'))
        else {
            return;
        };
        let field = Field::from_key(key.as_bytes());
        match (in_rollup, field, block.mappings.last_mut()) {
            (true, Some(field), _) => {
                if let Some((_, sums)) = &mut block.rollup {
                    sums.set(field, bytes);
                }
            }
            (false, Some(field), Some(last)) => last.sizes.set(field, bytes),
            (false, None, Some(last)) if key == "Size" && bytes != last.end - last.start => {
                let text =
                    format!("Size is {bytes} bytes, the addresses say {}", last.end - last.start);
                self.remarks.push(Remark::at(number, text));
            }
            (false, None, Some(_)) if key == "MMUPageSize" => {
                self.page_bytes = Some(self.page_bytes.map_or(bytes, |known| known.min(bytes)));
            }
            _ => {}
        }
    }

    fn finish(mut self, lines: &[Line]) -> Result<Vec<Pasted>, BadPaste> {
        let mut blocks = std::mem::take(&mut self.blocks);
        if blocks.iter().all(|block| block.mappings.is_empty()) {
            return Err(BadPaste::Missing { format: PasteFormat::Smaps, what: "mapping" });
        }
        // Times that stand behind their blocks.
        if let (Some(last), Some(first)) = (self.time, blocks.first())
            && first.taken.is_none()
            && blocks.iter().skip(1).all(|block| block.taken.is_some())
        {
            let after: Vec<Option<i64>> =
                blocks.iter().skip(1).map(|block| block.taken).chain([Some(last)]).collect();
            blocks.iter_mut().zip(after).for_each(|(block, taken)| block.taken = taken);
        }
        if blocks.len() > 1 && blocks.iter().any(|block| block.taken.is_none()) {
            self.remarks.push(Remark::of_all(format!(
                "{} snapshots follow each other without a time before each: only the last is read",
                blocks.len()
            )));
            blocks.drain(..blocks.len() - 1);
        }
        for block in &blocks {
            self.remarks.extend(rollup_remark(block));
        }
        if self.zone_assumed {
            self.remarks.push(Remark::of_all("the times name no zone: they are taken as UTC"));
        }
        if let Some(first) = self.unread.first() {
            let text =
                format!("{} lines say nothing of memory and were left out", self.unread.len());
            self.remarks.push(Remark::at(*first, text));
        }
        let snapshots = blocks
            .iter()
            .map(|block| snapshot(&block.mappings, lines, block.taken))
            .collect::<Result<Vec<PastedSnapshot>, _>>()?;
        Ok(vec![Pasted {
            format: PasteFormat::Smaps,
            process: PastedProcess { pid: self.pid, ..PastedProcess::default() },
            os: "linux",
            os_version: None,
            page_size_bytes: self.page_bytes,
            snapshots,
            remarks: self.remarks,
        }])
    }
}

/// Returns the pid in a shell's command, such as `$ cat /proc/12/smaps`.
fn pid_of_command(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("/proc/")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[digits..].starts_with('/').then(|| rest[..digits].parse().ok()).flatten()
}

/// Compares the kernel's own sums, if the paste has them, with those of the mappings.
fn rollup_remark(block: &Block) -> Option<Remark> {
    let (line, printed) = block.rollup.as_ref()?;
    let differing: Vec<String> = Field::ALL
        .iter()
        .filter_map(|field| {
            let whole = printed.get(*field)?;
            let sum: u64 =
                block.mappings.iter().filter_map(|mapping| mapping.sizes.get(*field)).sum();
            // Each mapping's share is rounded down to whole kB.
            let slack = if *field == Field::Pss { block.mappings.len() as u64 * 1024 } else { 0 };
            (sum > whole || whole - sum > slack).then(|| {
                format!("{field:?}: {} kB printed, {} kB summed", whole / 1024, sum / 1024)
            })
        })
        .collect();
    (!differing.is_empty())
        .then(|| Remark::at(*line, format!("the sums differ: {}", differing.join("; "))))
}
