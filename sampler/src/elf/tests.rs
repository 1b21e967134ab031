//! Tests of the reader of ELF files.

use std::cell::Cell;
use std::io;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;

use super::*;
use crate::elf::read_at::MAX_SCANNED_BYTES;
use crate::region::Protection;

fn of_bytes(bytes: &[u8]) -> impl FnMut(u64, &mut [u8]) -> io::Result<usize> {
    move |offset, buffer| {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = buffer.len().min(bytes.len() - from);
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }
}

#[test]
fn the_tests_own_file_is_read() {
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let mut read_at = |offset, buffer: &mut [u8]| file.read_at(buffer, offset);
    // Some formats of executables are not supported.
    if cfg!(not(target_os = "linux")) {
        assert_eq!(Elf::read(&mut read_at, &[]).unwrap_err(), NotRead::NotElf);
        return;
    }
    let elf = Elf::read(&mut read_at, &["main", "no_such_name_anywhere"]).unwrap();
    assert!(elf.image.segments.iter().any(|it| it.protection.contains(Protection::EXECUTE)));
    let written = elf.image.segments.iter().find(|it| it.protection.contains(Protection::WRITE));
    assert!(written.unwrap().memory_bytes > 0);
    assert_eq!(elf.names, ["main"]);
    // The markers are in this crate's own constants.
    assert!(elf.image.markers.iter().any(|name| **name == *"str:v8"), "{:?}", elf.image.markers);
    let first = elf.image.segments[0];
    assert_eq!(offset_of(&elf.image, first.address), Some(first.offset));
    assert_eq!(offset_of(&elf.image, u64::MAX), None);
}

/// Builds a file of one segment and the sections `parts` (name, kind, bytes).
fn file(parts: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut file = vec![0; 64 + 56];
    let mut names = vec![0];
    let mut headers = vec![[0; 64]];
    let owned: Vec<(String, u32, Vec<u8>)> =
        parts.iter().map(|(name, kind, bytes)| ((*name).into(), *kind, bytes.to_vec())).collect();
    for (name, kind, bytes) in owned.iter().chain([&(".shstrtab".into(), 3, vec![])]) {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&(names.len() as u32).to_le_bytes());
        header[4..8].copy_from_slice(&kind.to_le_bytes());
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        let bytes = if name == ".shstrtab" { &names } else { bytes };
        header[24..32].copy_from_slice(&(file.len() as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        header[40..44].copy_from_slice(&1_u32.to_le_bytes());
        file.extend_from_slice(bytes);
        headers.push(header);
    }
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[16] = 2;
    file[32] = 64;
    let offset = file.len() as u64;
    file[40..48].copy_from_slice(&offset.to_le_bytes());
    (file[54], file[56], file[58]) = (56, 1, 64);
    (file[60], file[62]) = (headers.len() as u8, headers.len() as u8 - 1);
    file[64] = 1;
    file[68] = 5;
    file[80..88].copy_from_slice(&0x40_0000_u64.to_le_bytes());
    file[96..104].copy_from_slice(&100_u64.to_le_bytes());
    file.extend(headers.concat());
    file
}

#[test]
fn markers_count_where_they_belong() {
    let bytes = file(&[
        (".dynstr", 3, b"\0xtc_malloc\0_ZN15MallocExtension8instanceEv\0mi_malloc\0rb_gc_startx\0"),
        (".rodata", 1, b"..tcmalloc: out of"),
        (".go.buildinfo", 1, b"x"),
        (".comment", 1, b"<jemalloc>: "),
    ]);
    let elf = Elf::read(&mut of_bytes(&bytes), &["rb_gc_startx"]).unwrap();
    let names: Vec<&str> = elf.image.markers.iter().map(|name| &**name).collect();
    assert_eq!(names, ["MallocExtension", "str:tcmalloc", "mi_malloc", "section:.go.buildinfo"]);
    assert_eq!(elf.names, ["rb_gc_startx"]);
    assert!(elf.image.fixed && !elf.image.has_interpreter);
    assert_eq!(offset_of(&elf.image, 0x40_0010), Some(0x10));
}

#[test]
fn a_name_that_the_file_only_refers_to_is_no_marker() {
    let symbol = |name: u8, section: u8| {
        let mut symbol = [0; 24];
        (symbol[0], symbol[6]) = (name, section);
        symbol
    };
    let names = b"\0mi_malloc\0tc_malloc\0_ZN15MallocExtension1aEv\0";
    // The second is a weak reference, which an executable may leave unresolved.
    let symbols = [symbol(0, 0), symbol(1, 5), symbol(11, 0), symbol(21, 0)].concat();
    let bytes = file(&[(".dynstr", 3, names), (".dynsym", 11, &symbols)]);
    let elf = Elf::read(&mut of_bytes(&bytes), &["tc_malloc"]).unwrap();
    assert_eq!(elf.image.markers.iter().map(|it| &**it).collect::<Vec<_>>(), ["mi_malloc"]);
    assert_eq!(elf.names, ["tc_malloc"]);
}

#[test]
fn markers_on_a_seam_are_found() {
    for shift in 0..40 {
        let mut text = vec![b'x'; 256 * 1024 - shift];
        text.extend_from_slice(b"disabled-by-default-v8");
        text.extend_from_slice(&[b'y'; 100]);
        let mut names = vec![b'x'; 256 * 1024 - shift];
        names.extend_from_slice(b"\0PyObject_Malloc\0");
        let bytes = file(&[(".strtab", 3, &names), (".rodata", 1, &text)]);
        let elf = Elf::read(&mut of_bytes(&bytes), &[]).unwrap();
        assert_eq!(elf.image.markers.len(), 2, "{shift}");
    }
}

#[test]
fn symbols_have_addresses() {
    let mut symbols = vec![0; 24];
    symbols.extend_from_slice(&[1, 0, 0, 0, 0, 0, 5, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0]);
    symbols.extend_from_slice(&[0; 8]);
    // Not defined here.
    symbols.extend_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0]);
    symbols.extend_from_slice(&[0; 8]);
    let bytes = file(&[(".dynstr", 3, b"\0abc\0"), (".dynsym", 11, &symbols)]);
    let mut read_at = of_bytes(&bytes);
    let elf = Elf::read(&mut read_at, &[]).unwrap();
    let found = elf.symbols(&mut read_at, &["abc", "c", "ab"]);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("abc", 0x1234)]);
}

#[test]
fn a_file_for_32_bits_has_its_segments_and_markers() {
    let mut file = vec![0; 52 + 32];
    file[..6].copy_from_slice(b"\x7fELF\x01\x01");
    (file[16], file[18], file[28], file[42], file[44]) = (2, 3, 52, 32, 1);
    let put = |file: &mut Vec<u8>, at: usize, value: u32| {
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    };
    let segment = [1, 0x1000, 0x0804_9000, 0, 0x234, 0x5678, 6, 0x1000];
    segment.iter().enumerate().for_each(|(at, value)| put(&mut file, 52 + at * 4, *value));
    let names = file.len() as u32;
    file.extend_from_slice(b"\0.shstrtab\0.dynstr\0");
    let strings = file.len() as u32;
    file.extend_from_slice(b"\0mi_malloc\0abc\0");
    let sections = file.len();
    put(&mut file, 32, sections as u32);
    (file[46], file[48], file[50]) = (40, 3, 1);
    file.resize(sections + 3 * 40, 0);
    for (index, name, offset, bytes) in [(1, 1, names, 19), (2, 11, strings, 15)] {
        let at = sections + index * 40;
        for (field, value) in [(0, name), (4, 3), (16, offset), (20, bytes)] {
            put(&mut file, at + field, value);
        }
    }
    let elf = Elf::read(&mut of_bytes(&file), &["abc"]).unwrap();
    let [segment] = elf.image.segments[..] else { panic!("{:?}", elf.image) };
    assert!(elf.image.fixed && segment.protection == Protection::from_bits(3));
    assert_eq!((segment.offset, segment.address), (0x1000, 0x0804_9000));
    assert_eq!((segment.file_bytes, segment.memory_bytes), (0x234, 0x5678));
    assert_eq!(elf.image.markers.iter().map(|it| &**it).collect::<Vec<_>>(), ["mi_malloc"]);
    assert_eq!(elf.names, [""; 0]);
}

#[test]
fn other_files_are_refused() {
    let refusal = |bytes: &[u8]| Elf::read(&mut of_bytes(bytes), &[]).unwrap_err();
    assert_eq!(refusal(b""), NotRead::NotElf);
    assert_eq!(refusal(b"#!/bin/sh"), NotRead::NotElf);
    assert_eq!(refusal(b"\x7fELF\x01\x01 32 bits"), NotRead::Damaged);
    assert_eq!(refusal(b"\x7fELF\x01\x02 big-endian"), NotRead::Foreign);
    assert_eq!(refusal(b"\x7fELF\x02\x02 big-endian"), NotRead::Foreign);
    assert_eq!(refusal(b"\x7fELF\x02\x01"), NotRead::Damaged);
}

#[test]
fn an_endless_file_is_read_up_to_the_limit() {
    let mut bytes = file(&[(".dynstr", 3, b""), (".rodata", 1, b""), (".dynsym", 11, b"")]);
    let headers = bytes.len() - 5 * 64;
    for section in 1..4 {
        bytes[headers + section * 64 + 32..][..8].copy_from_slice(&[0xff; 8]);
    }
    let read = Cell::new(0_u64);
    let mut of_file = of_bytes(&bytes);
    let mut read_at = |offset, buffer: &mut [u8]| {
        let count = of_file(offset, buffer)?;
        buffer[count..].fill(7);
        read.set(read.get() + buffer.len() as u64);
        Ok(buffer.len())
    };
    let elf = Elf::read(&mut read_at, &["abc"]).unwrap();
    assert_eq!(elf.symbols(&mut read_at, &["abc"]).len(), 0);
    assert!(read.get() < MAX_SCANNED_BYTES + (20 << 20), "{}", read.get());
}

proptest! {
    #[test]
    fn any_change_is_read_or_refused(
        changes in prop::collection::vec((0_usize..900, any::<u8>()), 0..40),
        wide in prop::collection::vec((0_usize..100, any::<u64>()), 0..4),
        end in 0_usize..2000,
    ) {
        let symbols = [1; 24 * 4];
        let mut bytes = file(&[
            (".dynstr", 3, b"\0abc\0mi_malloc\0"),
            (".dynsym", 11, &symbols),
            (".rodata", 1, b"tcmalloc: "),
        ]);
        for (offset, byte) in changes {
            if let Some(old) = bytes.get_mut(offset) {
                *old = byte;
            }
        }
        for (index, number) in wide {
            if let Some(old) = bytes.get_mut(index * 8..index * 8 + 8) {
                old.copy_from_slice(&number.to_le_bytes());
            }
        }
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes.truncate(end.max(6));
        let calls = Cell::new(0);
        let mut of_file = of_bytes(&bytes);
        let mut read_at = |offset, buffer: &mut [u8]| {
            calls.set(calls.get() + 1);
            of_file(offset, buffer)
        };
        if let Ok(elf) = Elf::read(&mut read_at, &["abc"]) {
            for (name, address) in elf.symbols(&mut read_at, &["abc"]) {
                prop_assert_eq!(name, "abc");
                let is_written = bytes.windows(8).any(|eight| eight == address.to_le_bytes());
                prop_assert!(is_written, "{:x} is not in the file", address);
            }
            if let Some(offset) = offset_of(&elf.image, 0x40_0000) {
                let is_there = elf.image.segments.iter().any(|segment| {
                    let into = offset.wrapping_sub(segment.offset);
                    into < segment.file_bytes && segment.address + into == 0x40_0000
                });
                prop_assert!(is_there, "{:?}", elf.image.segments);
            }
        }
        prop_assert!(calls.get() < 10_000, "{}", calls.get());
    }
}
