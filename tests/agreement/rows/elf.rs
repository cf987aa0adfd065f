//! execve.md, section 4.

use nix::errno::Errno::*;

use super::{Row, Says, Says::*, file};
use crate::case::{Case, Item};
use crate::make::{Elf, INTERP, LOAD, Segment};

fn padded(elf: &Elf) -> Vec<u8> {
    let mut bytes = elf.bytes();
    bytes.resize(0x400.max(bytes.len()), 0x90);
    bytes
}

fn elf(wide: bool, change: impl Fn(&mut Elf)) -> Case {
    let mut elf = Elf::new(wide, 2);
    change(&mut elf);
    file(padded(&elf))
}

/// A program with these bytes of the file changed.
fn patched(wide: bool, at: usize, bytes: &[u8]) -> Case {
    let mut file_bytes = padded(&Elf::new(wide, 2));
    file_bytes[at..at + bytes.len()].copy_from_slice(bytes);
    file(file_bytes)
}

/// A program whose first PT_INTERP names "ld", and that file.
fn interpreted(wide: bool, ld: Vec<u8>) -> Case {
    file(padded(&Elf::new(wide, 3).interpreted(b"ld"))).with("ld", Item::File(ld))
}

fn interp(change: impl Fn(&mut Segment)) -> Case {
    let mut elf = Elf::new(true, 3).interpreted(b"d64");
    change(&mut elf.segments[0]);
    file(padded(&elf))
}

fn segment(kind: u16, change: impl Fn(&mut Segment)) -> Case {
    let mut elf = Elf::new(true, kind);
    change(&mut elf.segments[0]);
    file(padded(&elf))
}

fn second(kind: u16, s: Segment) -> Case {
    let mut elf = Elf::new(true, kind);
    elf.segments.push(s);
    file(padded(&elf))
}

fn ran() -> Says {
    Runs(vec!["zero", "one"])
}

pub(crate) fn rows() -> Vec<Row> {
    [headers(), interpreters(), segments()].concat()
}

fn headers() -> Vec<Row> {
    let headers = |count: usize| {
        let mut elf = Elf::new(true, 2);
        elf.segments.resize(count, Segment { kind: 0, ..elf.segments[0].clone() });
        file(padded(&elf))
    };
    vec![
        ("64-bit", elf(true, |_| {}), ran()),
        ("32-bit", elf(false, |_| {}), ran()),
        ("EI_CLASS is ignored", patched(true, 4, &[1]), ran()),
        ("EI_CLASS 0 is ignored", patched(false, 4, &[0]), ran()),
        ("EI_DATA is ignored", patched(true, 5, &[2]), ran()),
        ("EI_VERSION is ignored", patched(true, 6, &[0]), ran()),
        ("OSABI, ABI version and padding are ignored", patched(true, 7, &[255; 9]), ran()),
        ("e_version is ignored", patched(true, 20, &[9; 4]), ran()),
        ("e_flags and e_ehsize are ignored", patched(true, 48, &[9; 6]), ran()),
        ("section headers are ignored", patched(true, 58, &[255; 6]), ran()),
        ("EM_486", elf(false, |e| e.machine = 6), ran()),
        ("foreign machine", elf(true, |e| e.machine = 183), Fails(ENOEXEC)),
        ("64-bit machine in 32-bit layout", elf(false, |e| e.machine = 62), Fails(ENOEXEC)),
        ("ET_REL", elf(true, |e| e.kind = 1), Fails(ENOEXEC)),
        ("ET_CORE", elf(true, |e| e.kind = 4), Fails(ENOEXEC)),
        ("bad magic", patched(true, 3, b"G"), Fails(ENOEXEC)),
        ("e_phentsize", patched(true, 54, &[57, 0]), Fails(ENOEXEC)),
        ("e_phnum 0", patched(true, 56, &[0, 0]), Fails(ENOEXEC)),
        ("program headers past the end", patched(true, 32, &[0xf0, 3]), Fails(ENOEXEC)),
        ("e_phoff negative", patched(true, 39, &[0x80]), Fails(ENOEXEC)),
        (
            "e_phoff unaligned",
            file(
                [
                    &padded(&Elf::new(true, 2))[..32],
                    &[0x41],
                    &padded(&Elf::new(true, 2))[33..64],
                    &[0],
                    &padded(&Elf::new(true, 2))[64..],
                ]
                .concat(),
            ),
            Same,
        ),
        ("1170 headers", headers(1170), ran()),
        ("1171 headers", headers(1171), Fails(ENOEXEC)),
        ("header cut off", file(padded(&Elf::new(true, 2))[..63].to_vec()), Fails(ENOEXEC)),
    ]
}

fn interpreters() -> Vec<Row> {
    let loader = |change: &dyn Fn(&mut Elf)| {
        let mut elf = Elf::new(true, 3);
        change(&mut elf);
        padded(&elf)
    };
    vec![
        ("interpreter", interpreted(true, loader(&|_| {})), ran()),
        ("32-bit interpreter", interpreted(false, padded(&Elf::new(false, 3))), ran()),
        ("static interpreter", interpreted(true, loader(&|e| *e = Elf::new(true, 2))), ran()),
        ("missing interpreter", file(padded(&Elf::new(true, 3).interpreted(b"missing"))), Fails(ENOENT)),
        ("interpreter is a directory", file(padded(&Elf::new(true, 3).interpreted(b"dir"))), Fails(EACCES)),
        ("empty name", interp(|s| (s.filesz, s.offset) = (2, 0x300)).with("none", Item::Fifo), Same),
        ("foreign interpreter", interpreted(true, loader(&|e| e.machine = 183)), Fails(ELIBBAD)),
        ("32-bit interpreter of a 64-bit program", interpreted(true, padded(&Elf::new(false, 3))), Fails(ELIBBAD)),
        ("64-bit interpreter of a 32-bit program", interpreted(false, padded(&Elf::new(true, 3))), Fails(ELIBBAD)),
        ("interpreter is a script", interpreted(true, vec![b'#'; 100]), Fails(ELIBBAD)),
        ("interpreter of 63 bytes", interpreted(true, loader(&|_| {})[..63].to_vec()), Fails(EIO)),
        ("32-bit interpreter of 51 bytes", interpreted(false, padded(&Elf::new(false, 3))[..51].to_vec()), Fails(EIO)),
        ("interpreter's headers past its end", interpreted(true, loader(&|_| {})[..64].to_vec()), Fails(ELIBBAD)),
        ("interpreter is ET_REL", interpreted(true, loader(&|e| e.kind = 1)), Killed),
        ("interpreter without segments", interpreted(true, loader(&|e| e.segments[0].kind = 4)), Killed),
        (
            "interpreter's own interpreter is ignored",
            interpreted(true, padded(&Elf::new(true, 3).interpreted(b"missing"))),
            ran(),
        ),
        ("name of 1 byte", interp(|s| s.filesz = 1), Fails(ENOEXEC)),
        ("name of 4097 bytes", interp(|s| s.filesz = 4097), Fails(ENOEXEC)),
        ("name without NUL", interp(|s| s.filesz = 3), Fails(ENOEXEC)),
        ("name past the end", interp(|s| s.offset = 0x3ff), Fails(EIO)),
        ("name far past the end", interp(|s| s.offset = 1 << 62), Fails(EIO)),
        ("negative offset", interp(|s| s.offset = 1 << 63), Fails(EINVAL)),
        ("offset and length overflow", interp(|s| s.offset = i64::MAX as u64), Fails(EINVAL)),
        (
            "only the first counts",
            second(3, Segment { kind: INTERP, flags: 4, offset: 1 << 63, vaddr: 0, filesz: 9, memsz: 9, align: 1 }),
            Fails(EINVAL),
        ),
    ]
}

fn segments() -> Vec<Row> {
    let load =
        |vaddr, filesz, memsz, flags| Segment { kind: LOAD, flags, offset: 0, vaddr, filesz, memsz, align: 0x1000 };
    vec![
        ("position-independent", file(padded(&Elf::new(true, 3))), ran()),
        ("no segment to load", segment(2, |s| s.kind = 4), ran()),
        ("position-independent without segments", segment(3, |s| s.kind = 4), ran()),
        ("offset and address differ", segment(2, |s| s.offset = 1), Killed),
        ("filesz over memsz", segment(2, |s| s.memsz = 0x1ff), Killed),
        ("address past the end of the space", segment(2, |s| s.vaddr = 0x7fff_ffff_f000), Killed),
        ("memsz over the space", segment(2, |s| s.memsz = 1 << 48), Killed),
        ("below mmap_min_addr", segment(2, |s| s.vaddr = 0), Killed),
        ("empty span", segment(3, |s| (s.filesz, s.memsz) = (0, 0)), Killed),
        ("more memory than there is", second(2, load(0x10_0000_0000, 0, 1 << 46, 6)), Killed),
        ("rest of a page past the end, read-only", segment(2, |s| (s.filesz, s.memsz) = (0x1100, 0x1200)), ran()),
        (
            "rest of a page past the end, writable",
            segment(2, |s| (s.filesz, s.memsz, s.flags) = (0x1100, 0x1200, 6)),
            Killed,
        ),
        ("entry point nowhere", elf(true, |e| e.entry = 0x10), ran()),
        ("entry point past the end of the space", elf(true, |e| e.entry = 1 << 47), Killed),
        ("second segment over the first", second(2, load(0x40_0000, 0x100, 0x100, 6)), ran()),
        ("second segment at 0", second(2, load(0, 0x100, 0x100, 6)), Killed),
        ("huge alignment", segment(3, |s| s.align = 1 << 62), Killed),
        ("alignment of 2 MB", segment(3, |s| s.align = 1 << 21), ran()),
    ]
}
