//! Kind 4: ELF files, sound ones first, with fields set to numbers that loaders have stumbled over.

use crate::Tally;
use crate::case::{Case, Item};
use crate::make::{Elf, LOAD, Segment};
use crate::random::Random;
use crate::world::World;

pub(crate) fn run(world: &mut World, seed: u64, cases: usize) -> Tally {
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    for _ in 0..cases {
        case(&mut random).count(world, &mut tally);
    }
    tally
}

const INTERPRETERS: [&[u8]; 12] =
    [b"d64", b"d32", b"e64", b"e32", b"i64", b"arm", b"short", b"text", b"missing", b"dir", b"plain", b""];

fn case(random: &mut Random) -> Case {
    let wide = !random.one_in(3);
    let mut elf = program(random, wide);
    let mut files = Vec::new();
    if random.one_in(2) {
        let name: &[u8] = match random.below(4) {
            0 => random.bytes(&INTERPRETERS),
            1 => {
                let mut other = program(random, wide);
                mutate(random, &mut other);
                files.push(("ld".into(), Item::File(finish(random, &other))));
                b"ld"
            }
            _ if wide => b"d64",
            _ => b"d32",
        };
        elf = elf.interpreted(name);
    }
    if !random.one_in(6) {
        for _ in 0..1 + random.below(2) {
            mutate(random, &mut elf);
        }
    }
    files.push(("x".into(), Item::File(finish(random, &elf))));
    Case { files, path: "x".into(), argv: vec!["x".into()], ..Case::default() }
}

/// A sound program: code, and perhaps data and more.
fn program(random: &mut Random, wide: bool) -> Elf {
    let mut elf = Elf::new(wide, if random.one_in(2) { 2 } else { 3 });
    let base = elf.segments[0].vaddr;
    if random.one_in(2) {
        let (vaddr, offset) = (base + 0x2200, 0x200);
        let memsz = *random.pick(&[0x100, 0x101, 0xe00, 0xe01, 0x5000, 0x10_0000]);
        elf.segments.push(Segment { kind: LOAD, flags: 6, offset, vaddr, filesz: 0x100, memsz, align: 0x1000 });
    }
    if random.one_in(4) {
        let vaddr = base + 0x20_0000;
        elf.segments.push(Segment { kind: LOAD, flags: 6, offset: 0, vaddr, filesz: 0, memsz: 0x3000, align: 0x1000 });
    }
    if random.one_in(4) {
        let kind = *random.pick(&[0x6474_e551, 0x6474_e553, 4, 6, 7, 0x7000_0000, 2]);
        elf.segments.push(Segment { kind, flags: 4, offset: 0, vaddr: 0, filesz: 0, memsz: 0, align: 8 });
    }
    elf
}

/// Numbers that loaders have stumbled over.
fn number(random: &mut Random) -> u64 {
    const EDGES: [u64; 22] = [
        0,
        1,
        2,
        0xff,
        0xfff,
        0x1000,
        0x1001,
        0x10000,
        0x40_0000,
        0x5655_5000,
        0x7fff_f000,
        0x8000_0000,
        0xffff_e000,
        0xffff_f000,
        0xffff_ffff,
        1 << 32,
        0x5555_5555_4000,
        0x7fff_ffff_f000,
        1 << 47,
        1 << 62,
        1 << 63,
        u64::MAX,
    ];
    match random.below(6) {
        0 => random.next(),
        1 => random.next() >> random.below(64),
        2 => (random.next() >> random.below(64)) & !0xfff,
        3 => random.next() & 0x7fff,
        _ => random.pick(&EDGES).wrapping_add([0, 0, 0, 1, u64::MAX, 0x1000][random.below(6)]),
    }
}

fn mutate(random: &mut Random, elf: &mut Elf) {
    let n = elf.segments.len();
    match random.below(12) {
        0 => elf.entry = number(random),
        1 => elf.kind = *random.pick(&[0, 1, 2, 3, 4, 0xfe00]),
        2 => elf.machine = *random.pick(&[3, 6, 62, 183, 40, 0]),
        3 if n > 0 => drop(elf.segments.remove(random.below(n))),
        4 if n > 1 => elf.segments.swap(random.below(n), n - 1),
        5 if n > 0 => elf.segments.push(elf.segments[random.below(n)].clone()),
        6 if n > 0 => {
            // A sound segment elsewhere.
            let at = number(random) & !0xfff;
            let s = &mut elf.segments[random.below(n)];
            s.vaddr = at | s.offset & 0xfff;
        }
        _ if n > 0 => {
            let (number, small) = (number(random), random.below(8) as u32);
            let align = 1u64 << random.below(64);
            let field = random.below(8);
            let s = &mut elf.segments[random.below(n)];
            match field {
                0 => s.kind = [0, 1, 2, 3, 4, 6, 0x6474_e551, 0x7000_0000][small as usize],
                1 => s.flags = small,
                2 => s.offset = number,
                3 => s.vaddr = number,
                4 => s.filesz = number,
                5 => s.memsz = number,
                6 => s.align = align,
                _ => (s.filesz, s.memsz) = (s.filesz.min(number), number),
            }
        }
        _ => {}
    }
}

fn finish(random: &mut Random, elf: &Elf) -> Vec<u8> {
    let mut bytes = elf.bytes();
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len() + 1)),
        1 => bytes.resize(bytes.len() + random.below(0x3000), 0x90),
        _ => bytes.resize(0x400.max(bytes.len()), 0x90),
    }
    if random.one_in(6) && !bytes.is_empty() {
        let at = random.below(bytes.len().min(120));
        bytes[at] = random.byte();
    }
    bytes
}
