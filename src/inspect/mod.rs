//! What an ELF file asks of the world after execve(2): libraries, a kernel, a CPU. Read as its own loader reads it, by
//! EI_CLASS and EI_DATA, within fixed bounds whatever the file's size.

mod arm;
mod dynamic;
mod notes;
mod versions;

use bstr::BString;
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::ProgramHeader;
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE};
use nix::errno::Errno;

pub use arm::Arm;
pub use dynamic::{Dynamic, Library, libraries};
pub use notes::Notes;
pub use versions::glibc;

use crate::elf::Target;
use crate::exec::root::{Content, Root};
use crate::signature::{Class, Data};

/// PT_GNU_PROPERTY
const PT_GNU_PROPERTY: u32 = 0x6474_e553;

/// More program headers than this are not looked at.
const MOST_SEGMENTS: usize = 1 << 11;

/// What an ELF file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// 32 or 64.
    pub bits: u8,
    /// Little-endian.
    pub little: bool,
    /// e_type
    pub kind: u16,
    /// e_machine
    pub machine: u16,
    /// e_flags
    pub flags: u32,
    /// EI_OSABI, for the eye: no kernel looks at it.
    pub osabi: u8,
    /// Its PT_INTERP, where it has one.
    pub loader: Option<BString>,
    /// e_entry
    pub entry: u64,
    /// The lowest address of its segments.
    pub lowest: Option<u64>,
    /// Bytes of the file.
    pub size: u64,
    /// Where its last segment ends in the file.
    pub end: u64,
    /// Whether it runs with its owner's rights.
    pub setuid: bool,
    /// Whether it is an AppImage of type 2.
    pub appimage: bool,
    /// What the notes ask for.
    pub notes: Notes,
    /// Libraries it needs.
    pub dynamic: Dynamic,
    /// ARM's build attributes.
    pub arm: Option<Arm>,
}

impl Inspection {
    /// Which loader it is for.
    pub fn target(&self) -> Target {
        Target {
            class: if self.bits == 64 { Class::Bits64 } else { Class::Bits32 },
            data: if self.little { Data::Little } else { Data::Big },
            machine: self.machine,
        }
    }
}

/// An ELF file as its own loader reads it.
struct Elf<'a> {
    file: &'a Content,
    ctx: Ctx,
    segments: Vec<ProgramHeader>,
}

/// Looks into a file of `root`; `None` for one that is not ELF.
pub fn inspect(root: &Root, path: &[u8]) -> Result<Option<Inspection>, Errno> {
    let file = root.open(path)?;
    let mut head = [0; 64];
    let len = file.read(&mut head, 0).map_err(|_| Errno::EIO)?;
    Ok(read(&file, &head[..len]))
}

fn read(file: &Content, head: &[u8]) -> Option<Inspection> {
    let wide = match head.get(..5)? {
        b"\x7fELF\x01" => false,
        b"\x7fELF\x02" => true,
        _ => return None,
    };
    let little = *head.get(5)? != 2;
    let number = |at: usize, len: usize| number(head, at, len, little);
    let half = if wide { 48 } else { 36 };
    let address = if wide { 8 } else { 4 };
    let count = number(half + 8, 2)? as usize;
    let size = if wide { 56 } else { 32 };
    let container = if wide { Container::Big } else { Container::Little };
    let ctx = Ctx::new(container, if little { Endian::Little } else { Endian::Big });
    let table = || {
        let bytes = file.exactly(size * count.min(MOST_SEGMENTS), number(24 + address, address)?).ok()?;
        ProgramHeader::parse(&bytes, 0, bytes.len() / size, ctx).ok()
    };
    let elf = Elf { file, ctx, segments: table().unwrap_or_default() };
    let machine = number(18, 2)? as u16;
    Some(Inspection {
        bits: if wide { 64 } else { 32 },
        little,
        kind: number(16, 2)? as u16,
        machine,
        flags: number(half, 4)? as u32,
        osabi: *head.get(7)?,
        loader: elf.first(PT_INTERP).map(|s| elf.loader(s)),
        entry: number(24, address)?,
        lowest: elf.loads().map(|s| s.p_vaddr).min(),
        size: file.size(),
        end: elf.end(),
        setuid: file.is_setuid(),
        appimage: head.get(8..11) == Some(b"AI\x02"),
        notes: elf.notes(),
        dynamic: elf.first(PT_DYNAMIC).and_then(|s| dynamic::read(&elf, s)).unwrap_or_default(),
        arm: if machine == 40 { arm::read(file, head, wide, little) } else { None },
    })
}

/// An unsigned number of `len` bytes.
fn number(bytes: &[u8], at: usize, len: usize, little: bool) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    let add = |n, b: &u8| n << 8 | u64::from(*b);
    Some(if little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
}

impl Elf<'_> {
    fn first(&self, kind: u32) -> Option<&ProgramHeader> {
        self.segments.iter().find(|s| s.p_type == kind)
    }

    /// The bytes of a segment in the file, `most` of them.
    fn bytes(&self, s: &ProgramHeader, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(s.p_filesz).unwrap_or(most).min(most)];
        let len = self.file.read(&mut bytes, s.p_offset).unwrap_or(0);
        bytes.truncate(len);
        bytes
    }

    fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.segments.iter().filter(|s| s.p_type == PT_LOAD && s.p_filesz > 0)
    }

    fn end(&self) -> u64 {
        self.loads().map(|s| s.p_offset.saturating_add(s.p_filesz)).max().unwrap_or(0)
    }

    fn loader(&self, segment: &ProgramHeader) -> BString {
        const LONGEST: usize = 4096;
        let mut name = self.bytes(segment, LONGEST);
        name.truncate(name.iter().position(|&b| b == 0).unwrap_or(name.len()));
        name.into()
    }

    fn notes(&self) -> Notes {
        const MOST: usize = 1 << 16;
        const MOST_NOTES: usize = 16;
        let holds = |s: &&ProgramHeader| s.p_type == PT_NOTE || s.p_type == PT_GNU_PROPERTY;
        self.segments.iter().filter(holds).take(MOST_NOTES).fold(Notes::default(), |notes, s| {
            notes.and(&self.bytes(s, MOST), s.p_align, self.ctx.container.is_big(), self.ctx.le.is_little())
        })
    }
}
