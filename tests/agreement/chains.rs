//! Kind 5: chains of scripts, entries and ELF files, with random rules and flags.

use bstr::BString;

use crate::Tally;
use crate::case::{Case, Item};
use crate::make::{Elf, NAMES};
use crate::random::Random;
use crate::world::World;

const OWN: [&str; 10] = ["a", "b", "c", "d", "a.x", "b.y", "c.x.y", "d.x", "./a.x", "dir/../b"];

pub(crate) fn run(world: &mut World, seed: u64, cases: usize) -> Tally {
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    let mut done = 0;
    while done < cases {
        let set = case(&mut random);
        // The same files and entries serve several calls.
        for _ in 0..4.min(cases - done) {
            let path = name(&mut random);
            let argv = [&b"zero"[..], b"", b"two"][..random.below(4)].iter().map(|a| BString::from(*a)).collect();
            Case { path: path.into(), argv, ..set.clone() }.count(world, &mut tally);
            done += 1;
        }
    }
    tally
}

fn name(random: &mut Random) -> Vec<u8> {
    if random.one_in(5) { random.bytes(&NAMES).to_vec() } else { random.pick(&OWN).as_bytes().to_vec() }
}

fn case(random: &mut Random) -> Case {
    let mut files: Vec<(BString, Item)> = Vec::new();
    for own in &OWN[..8] {
        if !random.one_in(6) {
            files.push(((*own).into(), Item::File(content(random))));
        }
    }
    let entries = (0..random.below(6)).map(|i| entry(random, i)).collect();
    Case { files, entries, ..Case::default() }
}

fn content(random: &mut Random) -> Vec<u8> {
    let wide = random.one_in(2);
    match random.below(8) {
        0 => Elf::new(wide, 3).bytes(),
        1 => Elf { machine: 183, ..Elf::new(wide, 2) }.bytes(),
        2 | 3 => [b"AB", &[random.byte() & 3][..], b"\n"].concat(),
        4 => vec![0; random.below(4)],
        _ => {
            let argument: &[u8] = random.bytes(&[b"", b" -e", b" a b "]);
            [b"#!", name(random).as_slice(), argument, b"\n"].concat()
        }
    }
}

fn entry(random: &mut Random, number: usize) -> Vec<u8> {
    let flags: String = "POCF".chars().filter(|_| random.one_in(4)).collect();
    let interpreter = name(random);
    let rule: &[u8] = match random.below(11) {
        0 => b"E::x::",
        1 => b"E::y::",
        2 => b"M::AB::",
        3 => b"M::AB\\x01:\\xff\\xff\\x01:",
        4 => b"M:2:\\x00:\\x02:",
        5 => b"M::#!::",
        6 => b"M::#!a::",
        7 => b"M::\\x7fELF::",
        8 => b"M:18:\\xb7\\x00::",
        9 => b"M::\\x00\\x00:\\xff\\x00:",
        _ => b"M:255:\\x00::",
    };
    [format!(":n{number}:").as_bytes(), rule, &interpreter, format!(":{flags}").as_bytes()].concat()
}
