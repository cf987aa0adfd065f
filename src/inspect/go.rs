//! What Go writes of a build into each program that it links (debug/buildinfo of its standard library, from Go 1.18 on).

use bstr::{BString, ByteSlice};

use super::{Elf, uleb};
use crate::elf::{PF_W, PT_LOAD};

/// The build, as far as it decides where the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Go {
    /// GOOS
    pub system: BString,
    /// The variable that chose the instructions and its value: ("GOARM", "7").
    pub level: Option<(&'static str, BString)>,
}

const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGN: usize = 16;
const FLAGS: usize = 15;
/// In `FLAGS`: the strings follow the header. Before Go 1.18 it had pointers to them.
const INLINE: u8 = 2;
const HEADER: usize = 32;
/// The data segments are looked at so far: Go's linker puts it first, others elsewhere.
const MOST: usize = 256 << 10;
/// One for each CPU.
const LEVELS: [&str; 8] = ["GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64"];

pub(super) fn read(elf: &Elf) -> Option<Go> {
    let data = elf.segments.iter().filter(|s| s.p_type == PT_LOAD && s.p_flags & PF_W != 0);
    data.into_iter().find_map(|s| parse(&elf.bytes(s, MOST)))
}

fn parse(bytes: &[u8]) -> Option<Go> {
    let at = (0..bytes.len()).step_by(ALIGN).find(|at| bytes[*at..].starts_with(MAGIC))?;
    let found = &bytes[at..];
    let mut rest = found.get(HEADER..).filter(|_| found[FLAGS] & INLINE != 0)?;
    let _version = string(&mut rest)?;
    let settings = string(&mut rest)?;
    let setting = |wanted: &str| {
        let of = |line: &[u8]| {
            line.strip_prefix(b"build\t")?.strip_prefix(wanted.as_bytes())?.strip_prefix(b"=").map(BString::from)
        };
        settings.lines().find_map(of)
    };
    Some(Go { system: setting("GOOS")?, level: LEVELS.iter().find_map(|name| Some((*name, setting(name)?))) })
}

fn string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(uleb(bytes)?).ok()?;
    let (string, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_as_go_writes_it() {
        let settings =
            b"0123456789abcdef\npath\tx\nbuild\tGOARCH=arm\nbuild\tGOOS=linux\nbuild\tGOARM=7\n0123456789abcdef";
        let mut bytes = [&[0; ALIGN][..], MAGIC, &[4, INLINE], &[0; 16], b"\x08go1.27.3"].concat();
        bytes.push(settings.len() as u8);
        bytes.extend(settings);
        let level = Some(("GOARM", "7".into()));
        assert_eq!(parse(&bytes), Some(Go { system: "linux".into(), level }));
        for len in 0..bytes.len() {
            assert_eq!(parse(&bytes[..len]), None);
        }
    }
}
