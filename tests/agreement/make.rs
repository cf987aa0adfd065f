//! Files for cases: ELF files by hand, and the small set that every case finds in its directory.

use crate::case::Item;

#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) vaddr: u64,
    pub(crate) filesz: u64,
    pub(crate) memsz: u64,
    pub(crate) align: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Elf {
    pub(crate) wide: bool,
    pub(crate) kind: u16,
    pub(crate) machine: u16,
    pub(crate) entry: u64,
    pub(crate) segments: Vec<Segment>,
    /// What follows the program headers.
    pub(crate) tail: Vec<u8>,
}

pub(crate) const LOAD: u32 = 1;
pub(crate) const INTERP: u32 = 3;

impl Elf {
    /// A program of one segment that holds the whole file.
    pub(crate) fn new(wide: bool, kind: u16) -> Elf {
        let vaddr = if kind == 2 { if wide { 0x40_0000 } else { 0x804_8000 } } else { 0 };
        let load = Segment { kind: LOAD, flags: 5, offset: 0, vaddr, filesz: 0x200, memsz: 0x200, align: 0x1000 };
        let machine = if wide { 62 } else { 3 };
        Elf { wide, kind, machine, entry: vaddr + 0x180, segments: vec![load], tail: Vec::new() }
    }

    /// Where the tail begins.
    pub(crate) fn tail_at(&self, segments: usize) -> u64 {
        let (header, segment) = if self.wide { (64, 56) } else { (52, 32) };
        header + segment * segments as u64
    }

    /// With this PT_INTERP.
    pub(crate) fn interpreted(mut self, name: &[u8]) -> Elf {
        let at = self.tail_at(self.segments.len() + 1) + self.tail.len() as u64;
        let len = name.len() as u64 + 1;
        let interp = Segment { kind: INTERP, flags: 4, offset: at, vaddr: at, filesz: len, memsz: len, align: 1 };
        self.segments.insert(0, interp);
        self.tail.extend_from_slice(name);
        self.tail.push(0);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut b = Vec::new();
        b.extend([0x7f, b'E', b'L', b'F', if self.wide { 2 } else { 1 }, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        b.extend(self.kind.to_le_bytes());
        b.extend(self.machine.to_le_bytes());
        b.extend(1u32.to_le_bytes());
        let (header, segment): (u16, u16) = if self.wide { (64, 56) } else { (52, 32) };
        let word = |b: &mut Vec<u8>, n: u64| match self.wide {
            true => b.extend(n.to_le_bytes()),
            false => b.extend((n as u32).to_le_bytes()),
        };
        word(&mut b, self.entry);
        word(&mut b, header.into());
        word(&mut b, 0);
        b.extend(0u32.to_le_bytes());
        for half in [header, segment, self.segments.len() as u16, 0, 0, 0] {
            b.extend(half.to_le_bytes());
        }
        for s in &self.segments {
            b.extend(s.kind.to_le_bytes());
            if self.wide {
                b.extend(s.flags.to_le_bytes());
            }
            for n in [s.offset, s.vaddr, s.vaddr, s.filesz, s.memsz] {
                word(&mut b, n);
            }
            if !self.wide {
                b.extend(s.flags.to_le_bytes());
            }
            word(&mut b, s.align);
        }
        b.extend_from_slice(&self.tail);
        b
    }
}

/// The files that every case finds beside its own.
pub(crate) fn base() -> Vec<(&'static str, Item)> {
    let file = |elf: Elf| {
        let mut bytes = elf.bytes();
        bytes.resize(0x400, 0x90);
        Item::File(bytes)
    };
    vec![
        ("e64", file(Elf::new(true, 2))),
        ("e32", file(Elf::new(false, 2))),
        ("d64", file(Elf::new(true, 3))),
        ("d32", file(Elf::new(false, 3))),
        ("i64", file(Elf::new(true, 3).interpreted(b"d64"))),
        ("i32", file(Elf::new(false, 3).interpreted(b"d32"))),
        ("arm", file(Elf { machine: 183, ..Elf::new(true, 2) })),
        ("short", Item::File(b"\x7fELF".to_vec())),
        ("empty", Item::File(Vec::new())),
        ("text", Item::File(b"echo text\n".to_vec())),
        ("sh", Item::File(b"#!e64 arg\n".to_vec())),
        ("sh2", Item::File(b"#!sh\n".to_vec())),
        ("loop", Item::File(b"#!loop\n".to_vec())),
        ("plain", Item::Mode(b"#!e64\n".to_vec(), 0o644)),
        ("dir", Item::Directory(0o755)),
    ]
}

pub(crate) const NAMES: [&[u8]; 19] = [
    b"e64",
    b"e32",
    b"d64",
    b"d32",
    b"i64",
    b"i32",
    b"arm",
    b"short",
    b"empty",
    b"text",
    b"sh",
    b"sh2",
    b"loop",
    b"plain",
    b"dir",
    b"missing",
    b"e64/",
    b"./e64",
    b"/tmp/w/e64",
];
