//! Kind 6: register strings. Accepted or not, and the entry that is read back.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bstr::ByteSlice;
use nix::errno::Errno;
use rbinfmt::binfmt::entry::{Entry, Flags};
use rbinfmt::binfmt::register::{Field, judge};

use crate::Tally;
use crate::random::Random;
use crate::world::World;

pub(crate) fn run(world: &mut World, seed: u64, cases: usize) -> Tally {
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    for _ in 0..cases {
        let string = string(&mut random);
        tally.cases += 1;
        match ask(world, &string) {
            Ok(taken) => tally.starts += usize::from(taken),
            Err(why) => tally.wrong.push(format!("// {why}\nb\"{}\"", string.escape_ascii())),
        }
        world.clear();
    }
    tally
}

/// Whether the string was taken; an error where model and kernel differ.
pub(crate) fn ask(world: &mut World, string: &[u8]) -> Result<bool, String> {
    let ours = judge(string, &world.facts.kernel);
    let kernel = world.register(string);
    match (&ours, kernel) {
        (Ok(entry), Ok(())) => {
            let path = world.table().join(entry.name.to_path_lossy());
            let text = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let read = Entry::parse(&entry.name, &text)?;
            if read == *entry { Ok(true) } else { Err(format!("we made {entry:?}, the kernel {read:?}")) }
        }
        (Ok(entry), Err(errno)) if entry.flags.has(Flags::F) && errno != Errno::EINVAL => {
            let interpreter = entry.interpreter.clone().unwrap_or_default();
            match executable(&interpreter) {
                true => Err(format!("the kernel says {errno} to an interpreter that can be opened")),
                false => Ok(false),
            }
        }
        (Err(mistake), Err(Errno::ENAMETOOLONG)) if mistake.field == Field::Name => Ok(false),
        (Err(mistake), Err(Errno::EEXIST)) if mistake.field == Field::Name => Ok(false),
        (Err(_), Err(Errno::EINVAL)) => Ok(false),
        // The interpreter of an F entry is opened before the name is looked up.
        (Err(mistake), Err(_)) if mistake.field == Field::Name => match judge(&renamed(string), &world.facts.kernel) {
            Ok(entry)
                if entry.flags.has(Flags::F) && !executable(entry.interpreter.as_deref().map_or(&b""[..], |i| i)) =>
            {
                Ok(false)
            }
            ours => Err(format!("with another name we say {ours:?}, the kernel {kernel:?}")),
        },
        (ours, kernel) => Err(format!("we say {ours:?}, the kernel {kernel:?}")),
    }
}

/// The string with a name that nobody has.
fn renamed(string: &[u8]) -> Vec<u8> {
    let rest = string[1..].iter().position(|b| *b == string[0]).map_or(&b""[..], |at| &string[1 + at..]);
    let free = if string[0] == b'0' { b"1" } else { b"0" };
    [&string[..1], free, rest].concat()
}

fn executable(path: &[u8]) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

const NAMES: [&[u8]; 9] = [b"n", b"name", b"a b", b"\xff", b".", b"..", b"status", b"register", b"a\nb"];
const OFFSETS: [&[u8]; 16] = [
    b"",
    b"",
    b"",
    b"0",
    b"1",
    b"010",
    b"+3",
    b"-0",
    b"-1",
    b"0x1",
    b"250",
    b"255",
    b"256",
    b"2147483647",
    b"2147483648",
    b"4\n",
];
const BYTES: [&[u8]; 18] = [
    b"AB",
    b"ABC",
    b"\\x41\\x42",
    b"\\x7fELF",
    b"",
    b"\\n",
    b"\\\\x41",
    b"\\x",
    b"\\xg1",
    b"\\x1",
    b"\\x4142",
    b"\\",
    b"\0",
    b"A\0B",
    b"\\x00",
    b"\\x00\\xff",
    b"\xff\xfe",
    b"\\\\",
];
const EXTENSIONS: [&[u8]; 7] = [b"x", b"tar.gz", b"a/b", b"", b"a\nb", b"\\x41", b"."];
const INTERPRETERS: [&[u8]; 9] =
    [b"/bin/true", b"e64", b"missing", b"", b"dir", b"plain", b"a b\nflags: P", b"\xff\x01", b"/x\noffset 0"];
const FLAGS: [&[u8]; 14] =
    [b"", b"", b"P", b"O", b"C", b"F", b"POCF", b"FCPO", b"PP", b"\n", b"P\n", b"X", b"P X", b"P\n\n"];

fn string(random: &mut Random) -> Vec<u8> {
    let separator = if random.one_in(4) { random.byte() } else { *random.pick(b":::,|x\\0P") };
    let kind = *random.pick(b"MMMMMMEEEEBmX");
    let extension = kind == b'E';
    let first: &[u8] = if extension { random.bytes(&EXTENSIONS) } else { random.bytes(&BYTES) };
    let second: &[u8] = match () {
        () if extension || random.one_in(2) => b"",
        () if random.one_in(2) => first,
        () => random.bytes(&BYTES),
    };
    let long = vec![b'n'; 250 + random.below(10)];
    let name: &[u8] = if random.one_in(40) { &long } else { random.bytes(&NAMES) };
    let wide = vec![b'A'; random.below(300)];
    let first = if random.one_in(20) && !extension { &wide } else { first };
    let fields: [&[u8]; 7] =
        [name, &[kind], random.bytes(&OFFSETS), first, second, random.bytes(&INTERPRETERS), random.bytes(&FLAGS)];
    let mut string: Vec<u8> = fields.iter().flat_map(|f| [&[separator], *f].concat()).collect();
    if random.one_in(50) {
        string.extend(vec![b'x'; 1900]);
    }
    if random.one_in(3) {
        damage(random, &mut string, separator);
    }
    string
}

fn damage(random: &mut Random, string: &mut Vec<u8>, separator: u8) {
    let at = random.below(string.len());
    match random.below(6) {
        0 => string[at] = random.byte(),
        1 => string[at] = separator,
        2 => drop(string.remove(at)),
        3 => string.insert(at, *random.pick(&[separator, b'\\', 0, b'\n', b'x', b'/'])),
        4 => string.truncate(at),
        _ => string[at] = *random.pick(b"\\\0\n:POCFx"),
    }
}
