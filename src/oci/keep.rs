//! What is kept of a file that passes by once: enough to judge it. An ELF file's header and the stretches that it
//! points to, of a program also the names of its libraries, and whole files that tell of users and of loaders.

use std::io::{self, BufRead};
use std::ops::Range;

use super::budget::Budget;
use crate::archive::tar::{Member, Tar};
use crate::elf::{PT_DYNAMIC, PT_GNU_PROPERTY, PT_INTERP, PT_NOTE, ProgramHeader};
use crate::exec::tree::{Bytes, Header, Stored};

/// What is read of every file: enough for a kind to be told.
pub(super) const FIRST: usize = 64;
/// What a kernel reads of a program or a script, and some lines more while there is space for that.
const HEAD: u64 = 4 << 10;
/// What a kernel reads of a script; and of an ELF file a header with a table of usual length.
const LEAST: u64 = 1 << 10;
/// As far as the names of libraries are in most programs.
const PROGRAM: u64 = 128 << 10;
/// No stretch of an ELF file that is looked at is longer.
const STRETCH: u64 = 64 << 10;
/// No file that is kept whole is longer.
const WHOLE: u64 = 1 << 20;

/// Reads the body of the current member.
pub(super) fn stored<R: BufRead>(tar: &mut Tar<R>, member: &Member, budget: &mut Budget) -> io::Result<Stored> {
    let mut first = vec![0; FIRST];
    let len = tar.read(&mut first)?;
    first.truncate(len);
    let elf = header(&first);
    let head = match () {
        () if is_kept_whole(&member.path) => WHOLE,
        () if elf.is_some() || member.owner.0 & 0o111 != 0 => {
            if member.size > LEAST && budget.generous(HEAD) {
                HEAD
            } else {
                LEAST
            }
        }
        () => FIRST as u64,
    };
    extend(tar, &mut first, head)?;
    let mut stretches = stretches(&first).unwrap_or_default();
    if stretches.program && budget.generous(PROGRAM) {
        extend(tar, &mut first, PROGRAM)?;
    }
    let mut at = first.len() as u64;
    let mut kept = vec![(0, first.into_boxed_slice())];
    stretches.ranges.sort_by_key(|range| range.start);
    for range in stretches.ranges {
        let (start, end) = (range.start.max(at), range.end.min(member.size));
        if start < end {
            tar.pass(start - at)?;
            let mut bytes = vec![0; (end - start).min(STRETCH) as usize];
            let len = tar.read(&mut bytes)?;
            at = start + len as u64;
            kept.push((start, bytes.into_boxed_slice()));
        }
    }
    budget.take(kept.iter().map(|(_, bytes)| bytes.len() as u64 + 48).sum())?;
    Ok(Stored { len: member.size, bytes: Bytes::Kept(kept), elf, capability: member.capability.clone() })
}

fn extend<R: BufRead>(tar: &mut Tar<R>, bytes: &mut Vec<u8>, len: u64) -> io::Result<()> {
    let known = bytes.len();
    if len as usize <= known {
        return Ok(());
    }
    // Zeroes from the allocator. `resize` writes them one by one where it is built for size.
    let mut longer = vec![0; len as usize];
    longer[..known].copy_from_slice(bytes);
    let read = tar.read(&mut longer[known..])?;
    longer.truncate(known + read);
    *bytes = longer;
    Ok(())
}

/// Files that tell of users, of the distribution and of where loaders look.
fn is_kept_whole(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"./").or(path.strip_prefix(b"/")).unwrap_or(path);
    let names: [&[u8]; 5] = [b"etc/passwd", b"etc/group", b"etc/os-release", b"usr/lib/os-release", b"etc/ld.so.cache"];
    names.contains(&path) || path.starts_with(b"etc/ld-musl-")
}

/// What the first bytes of an ELF file say; `None` for any other file.
pub(super) fn header(first: &[u8]) -> Option<Header> {
    let header = crate::elf::Header::of(first)?;
    Some(Header { target: header.target(), kind: header.kind })
}

/// Where to look in an ELF file.
#[derive(Default)]
struct Stretches {
    ranges: Vec<Range<u64>>,
    /// It is a program with a loader, which has libraries.
    program: bool,
}

fn stretches(head: &[u8]) -> Option<Stretches> {
    let header = crate::elf::Header::of(head)?;
    let table = header.segment_table()?;
    let (start, end) = (usize::try_from(table.start).ok()?, usize::try_from(table.end).ok()?);
    let Some(bytes) = head.get(start..end) else {
        return Some(Stretches { ranges: vec![table], program: false });
    };
    let segments = header.layout.segments(bytes);
    let wanted = |s: &&ProgramHeader| matches!(s.p_type, PT_INTERP | PT_NOTE | PT_DYNAMIC | PT_GNU_PROPERTY);
    let range = |s: &ProgramHeader| s.p_offset..s.p_offset.saturating_add(s.p_filesz.min(STRETCH));
    Some(Stretches {
        ranges: segments.iter().filter(wanted).map(range).collect(),
        program: segments.iter().any(|s| s.p_type == PT_INTERP),
    })
}
