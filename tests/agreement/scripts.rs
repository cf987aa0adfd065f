//! Kind 3: scripts whose first lines are put together from pieces and then damaged.

use crate::Tally;
use crate::case::Case;
use crate::make::NAMES;
use crate::random::Random;
use crate::world::World;

pub(crate) fn run(world: &mut World, seed: u64, cases: usize) -> Tally {
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    for _ in 0..cases {
        let mut case = Case::one("s", script(&mut random));
        case.argv.truncate(random.below(3));
        case.count(world, &mut tally);
    }
    tally
}

const BEGIN: [&[u8]; 12] =
    [b"#!", b"#!", b"#!", b"#!", b"#!", b"#! ", b"#!\t \t", b"#", b" #!", b"\xef\xbb\xbf#!", b"#!\0", b"#!\n#!"];
const GAP: [&[u8]; 8] = [b" ", b"\t", b"  ", b" \t ", b"\0", b"\x0b", b"\x0c", b"\xa0"];
const ARGUMENT: [&[u8]; 8] = [b"-e", b"a b", b"a\0b", b"-x\r", b"\xff\xfe", b"\0", b"", b"a\tb "];
const END: [&[u8]; 8] = [b"\n", b"\n", b"\n", b"\r\n", b"", b"", b"\0", b" \n"];

pub(crate) fn script(random: &mut Random) -> Vec<u8> {
    let mut text = random.bytes(&BEGIN).to_vec();
    match random.below(8) {
        0 => {}
        // Long enough to come near the end of what the kernel reads.
        1 | 2 => {
            let len = [250, 251, 252, 253, 254, 255, 256, 257, 120, 126, 128][random.below(11)] - random.below(8);
            while text.len() + 2 < len {
                text.extend(b"./");
            }
            text.extend(random.bytes(&[b"e64", b"sh", b"d", b"e32", b"long"]));
        }
        3 => text.extend((0..random.below(300)).map(|_| *random.pick(b" \t\0\na/x"))),
        _ => text.extend(random.bytes(&NAMES)),
    }
    for _ in 0..random.below(3) {
        text.extend(random.bytes(&GAP));
        text.extend(random.bytes(&ARGUMENT));
        if random.one_in(8) {
            text.extend(vec![*random.pick(b" \tax"); random.below(260)]);
        }
    }
    text.extend(random.bytes(&END));
    if random.one_in(2) {
        text.extend(b"echo more\n".repeat(random.below(40)));
    }
    if random.one_in(3) {
        for _ in 0..1 + random.below(3) {
            damage(random, &mut text);
        }
    }
    text
}

fn damage(random: &mut Random, text: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    // Mostly within the first line.
    let most = if random.one_in(4) { text.len() } else { text.len().min(24) };
    let at = random.below(most);
    match random.below(5) {
        0 => text[at] = random.byte(),
        1 => text[at] = *random.pick(b" \t\n\0/#!\r."),
        2 => drop(text.remove(at)),
        3 => text.insert(at, *random.pick(b" \t\n\0/\r.")),
        _ => text.truncate(at),
    }
}
