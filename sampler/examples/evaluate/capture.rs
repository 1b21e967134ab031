//! Reads a capture of a process, and what its memory is known to be.
//!
//! A capture is a folder of texts of /proc, of the facts that readers of a
//! live process would give and of the memory that rules peek at. Whatever is
//! missing is taken for unknown.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use vmrec_sampler::Mapping;
use vmrec_sampler::{AddressRange, Protection};
use vmrec_sampler::{Facts, GlibcStack, Image, Jvm, Segment, Thread};
use vmrec_sampler::{Field, SmapsParser};
use vmrec_sampler::{Piece, Process, classify};

const PAGE: u64 = 4096;

/// A range of known type.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// Where it lies.
    pub(crate) range: AddressRange,
    /// Its type; `None` where it is not known.
    pub(crate) region_type: Option<String>,
}

/// A captured process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capture {
    /// Its name.
    pub(crate) name: String,
    /// Its mappings.
    pub(crate) mappings: Vec<Mapping>,
    /// Of each mapping, the bytes resident.
    pub(crate) resident: Vec<u64>,
    /// Of each mapping, the bytes resident and swapped.
    pub(crate) occupied: Vec<u64>,
    /// What is known of it.
    pub(crate) facts: Facts,
    /// Its memory, by address.
    pub(crate) peeks: BTreeMap<u64, Vec<u8>>,
    /// The ranges present, by the start of their mapping.
    pub(crate) present: BTreeMap<u64, Vec<AddressRange>>,
    /// What its memory is.
    pub(crate) truth: Vec<Truth>,
}

impl Capture {
    /// Reads `captures/NAME` and `truth/NAME.json` below `folder`; `None` without smaps or truth.
    pub(crate) fn read(folder: &Path, name: &str) -> Option<Self> {
        let files = folder.join("captures").join(name);
        let text = |file: &str| std::fs::read_to_string(files.join(file)).unwrap_or_default();
        let json = |file: &str| serde_json::from_str(&text(file)).unwrap_or(Value::Null);
        let mut capture = Self { name: name.to_owned(), ..Self::default() };
        capture.read_smaps(&std::fs::read(files.join("smaps")).ok()?)?;
        let truth = std::fs::read(folder.join("truth").join(format!("{name}.json"))).ok()?;
        capture.truth = truth_of(&serde_json::from_slice(&truth).ok()?);
        let (start_stack, start_brk) = stat(&text("stat"));
        let executable = text("exe");
        let executable = executable.trim_end().trim_end_matches(" (deleted)");
        let probes = json("probes.json");
        capture.facts = Facts {
            executable: Some(executable).filter(|path| !path.is_empty()).map(Arc::from),
            start_stack,
            start_brk,
            pid: 0,
            threads: array(&json("tasks.json")).iter().filter_map(thread).collect(),
            images: images(&json("elf.json")),
            glibc_stacks: probes["glibc_threads"]
                .as_array()
                .map(|stacks| stacks.iter().filter_map(glibc_stack).collect()),
            jvm: Some(&probes["jvm"]).filter(|jvm| jvm.is_object()).map(jvm),
            memory_readable: true,
            ..Facts::default()
        };
        capture.facts.threads.sort_by_key(|thread| thread.tid);
        capture.facts.pid = capture.facts.threads.first().map_or(0, |main| main.tid);
        if let Value::Object(peeks) = json("peek.json") {
            let read = |(at, bytes): (String, Value)| Some((hex(&at)?, bytes_of(bytes.as_str()?)));
            capture.peeks = peeks.into_iter().filter_map(read).collect();
        } else {
            capture.facts.memory_readable = false;
        }
        capture.present = text("present.txt").lines().filter_map(present).collect();
        Some(capture)
    }

    /// Leaves only what may be read without attaching: smaps, ELF files and robust lists.
    pub(crate) fn forget_memory(&mut self) {
        self.facts.memory_readable = false;
        self.facts.glibc_stacks = None;
        self.facts.jvm = None;
        for thread in &mut self.facts.threads {
            thread.stack_pointer = None;
        }
        self.peeks.clear();
    }

    /// Hides which program it is: names and markers of all images but the C library's, and what
    /// its runtime says of itself. The rules then do as on a program that they never met.
    pub(crate) fn forget_kind(&mut self) {
        let known = |name: &str| {
            let last = name.rsplit('/').next().unwrap_or(name);
            ["libc.", "libc-2", "ld-", "libpthread"].iter().any(|begin| last.starts_with(begin))
        };
        let mut names = BTreeMap::new();
        for (index, (name, image)) in std::mem::take(&mut self.facts.images).into_iter().enumerate()
        {
            let hidden: Arc<str> =
                if known(&name) { name.clone() } else { format!("/lib/{index}.so").into() };
            let markers = image.markers.iter().filter(|marker| ***marker == *"str:glibc-malloc");
            let markers = markers.cloned().collect();
            let image = Image { markers, ..(*image).clone() };
            self.facts.images.insert(hidden.clone(), Arc::new(image));
            names.insert(name, hidden);
        }
        for mapping in &mut self.mappings {
            if let Some(object) = &mapping.object
                && let Some(hidden) = names.get(&*object.name)
            {
                let object = vmrec_sampler::Object { name: hidden.clone(), ..(**object).clone() };
                mapping.object = Some(Arc::new(object));
            }
        }
        let executable = self.facts.executable.take();
        self.facts.executable = executable.and_then(|it| names.get(&it).cloned());
        self.facts.jvm = None;
    }

    /// Classifies its memory.
    pub(crate) fn classify(&self) -> Vec<Piece> {
        let process = Process {
            mappings: &self.mappings,
            occupied: &self.occupied,
            facts: &self.facts,
            kept: &[],
            user_rules: &[],
        };
        classify(&process, &mut |at, into| {
            // One that was recorded from a lower address on may hold it too.
            let Some((start, bytes)) = self.peeks.range(..=at).next_back() else { return 0 };
            let bytes = usize::try_from(at - start).ok().and_then(|skip| bytes.get(skip..));
            let Some(bytes) = bytes else { return 0 };
            let length = bytes.len().min(into.len());
            into[..length].copy_from_slice(&bytes[..length]);
            length
        })
    }

    fn read_smaps(&mut self, text: &[u8]) -> Option<()> {
        let mut parser = SmapsParser::new();
        let mut each = |record: &vmrec_sampler::Record<'_>| {
            let Some(mapping) = Mapping::read(record, self.mappings.last()) else { return false };
            let resident = record.sizes.get(Field::Rss).unwrap_or(0);
            self.resident.push(resident);
            self.occupied.push(resident + record.sizes.get(Field::Swap).unwrap_or(0));
            self.mappings.push(mapping);
            true
        };
        for piece in text.chunks(16 << 10) {
            parser.feed(piece, &mut each).ok()?;
        }
        parser.finish(each).ok()
    }

    /// Returns the resident bytes of `range` in the mapping at `place`, by the pages present.
    pub(crate) fn resident_in(&self, place: usize, range: AddressRange) -> f64 {
        let (mapping, resident) = (&self.mappings[place], self.resident[place]);
        let bytes = |range: AddressRange| range.virtual_bytes() as f64;
        let Some(present) = self.present.get(&mapping.range.start) else {
            return resident as f64 * bytes(range) / bytes(mapping.range).max(1.0);
        };
        let common = |run: &AddressRange| {
            bytes(AddressRange::new(run.start.max(range.start), run.end.min(range.end)))
        };
        let all: f64 = present.iter().map(|run| bytes(*run)).sum();
        let inside: f64 = present.iter().map(common).sum();
        if all > 0.0 { resident as f64 * inside / all } else { 0.0 }
    }
}

/// Names of the captures below `folder`, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("captures")).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

fn bytes_of(text: &str) -> Vec<u8> {
    let digit = |at: usize| text.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    (0..text.len()).step_by(2).map_while(digit).collect()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Start of the stack and of the brk heap.
fn stat(text: &str) -> (Option<u64>, Option<u64>) {
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let field = |number: usize| fields.split_whitespace().nth(number - 3)?.parse().ok();
    (field(28), field(47))
}

fn thread(task: &Value) -> Option<Thread> {
    let syscall: Vec<_> = task["syscall"].as_str().unwrap_or("").split_whitespace().collect();
    let blocked = syscall.len() >= 3 && syscall[0] != "running";
    let pointer = if blocked { hex(syscall[syscall.len() - 2]) } else { None };
    Some(Thread {
        tid: task["tid"].as_u64()?.try_into().ok()?,
        name: Arc::from(task["comm"].as_str().unwrap_or("")),
        robust_list: task["robust"].as_u64().filter(|robust| *robust != 0),
        stack_pointer: pointer.filter(|pointer| *pointer != 0),
    })
}

fn images(elf: &Value) -> BTreeMap<Arc<str>, Arc<Image>> {
    let files = elf.as_object().into_iter().flatten();
    let files = files.filter(|(_, file)| file.is_object());
    files.map(|(name, file)| (Arc::from(name.as_str()), Arc::new(image(file)))).collect()
}

fn image(file: &Value) -> Image {
    let headers = array(&file["ph"]);
    let of_type = |wanted| headers.iter().filter(move |header| header["t"] == wanted);
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let segment = |header: &Value| {
        let rights = header["f"].as_str().unwrap_or("");
        let bit = |letter, bit| if rights.contains(letter) { bit } else { 0 };
        Segment {
            protection: Protection::from_bits(bit('r', 1) | bit('w', 2) | bit('x', 4)),
            offset: number(&header["off"]),
            address: number(&header["va"]),
            file_bytes: number(&header["fs"]),
            memory_bytes: number(&header["ms"]),
        }
    };
    let relro = |header: &Value| {
        let start = number(&header["va"]);
        AddressRange::new(start, start.saturating_add(number(&header["ms"])))
    };
    let markers = array(&file["marks"]).iter().filter_map(Value::as_str);
    Image {
        fixed: file["type"] == 2,
        has_interpreter: of_type("INTERP").next().is_some(),
        segments: of_type("LOAD").map(segment).collect(),
        relro: of_type("RELRO").map(relro).collect(),
        markers: markers.map(Arc::from).collect(),
    }
}

fn glibc_stack(stack: &Value) -> Option<GlibcStack> {
    let start = stack["stackblock"].as_u64().filter(|start| *start != 0)?;
    let tid = stack["tid"].as_u64().and_then(|tid| u32::try_from(tid).ok());
    Some(GlibcStack {
        tid: tid.filter(|_| stack["kind"] != "cache"),
        range: AddressRange::new(start, start.saturating_add(stack["size"].as_u64()?)),
        guard_bytes: stack["guard"].as_u64().unwrap_or(0),
    })
}

fn jvm(jvm: &Value) -> Jvm {
    let of_kind = |wanted: &[&str]| {
        let regions = array(&jvm["regions"]).iter();
        let regions =
            regions.filter(|region| region[0].as_str().is_some_and(|kind| wanted.contains(&kind)));
        regions
            .filter_map(|region| Some(AddressRange::new(region[1].as_u64()?, region[2].as_u64()?)))
            .collect()
    };
    Jvm {
        heap: of_kind(&["heap"]),
        code: of_kind(&["code", "codeseg"]),
        narrow_klass_base: jvm["narrow_klass_base"].as_u64().filter(|base| *base != 0),
    }
}

/// Reads `START-END PAGE+COUNT …`; `?` stands for unknown.
fn present(line: &str) -> Option<(u64, Vec<AddressRange>)> {
    let mut words = line.split_whitespace();
    let start = hex(words.next()?.split('-').next()?)?;
    let runs = words.map(|word| {
        let (first, count) = word.split_once('+')?;
        let first = hex(first)?.checked_mul(PAGE)?.checked_add(start)?;
        Some(AddressRange::new(first, first.checked_add(hex(count)?.checked_mul(PAGE)?)?))
    });
    Some((start, runs.collect::<Option<_>>()?))
}

fn truth_of(ranges: &Value) -> Vec<Truth> {
    let truth = |range: &Value| {
        let region_type = range["type"].as_str()?;
        let untraced = range["why"].as_str().is_some_and(|why| why.starts_with("untraced"));
        // What is the same to a user.
        let canonical = match region_type {
            "VM_ALLOCATE (hugetlb)" | "?" => "VM_ALLOCATE",
            "Stack (growsdown)" => "Stack",
            "Stack (user)" => "Stack (thread)",
            "V8 array buffers" => "V8 heap",
            "?none" => "reserved",
            "vvar_vclock" => "vvar",
            // WebKit's collector and its malloc share pages, whichever malloc that is.
            "JSC heap/mimalloc" => "JSC heap/bmalloc",
            other => other,
        };
        let known = !(region_type.starts_with('?') && untraced);
        Some(Truth {
            range: AddressRange::new(hex(range["start"].as_str()?)?, hex(range["end"].as_str()?)?),
            region_type: known.then(|| canonical.to_owned()),
        })
    };
    let mut truth: Vec<_> = array(ranges).iter().filter_map(truth).collect();
    truth.sort_by_key(|truth| truth.range.start);
    truth
}
